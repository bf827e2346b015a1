"""Train the content reader that is shipped: which things a picture shows, and where.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs, vary
from ..data.labels import CONTENT_CHOICES, ContentLabels, content_labels
from ..data.scenes import SceneMaker
from ..data.splits import mixture
from ..models.content import ContentReader, content_loss
from ..training.fit import Progress
from ..training.muon import muon_and_adamw
from ..training.repro import AveragedModel, make_rng
from ..training.resume import fit_and_keep, show

STEPS, BATCH, DECAY = 600, 64, 0.99
RATES = {"muon": 8e-3, "adamw": 4e-3}
SHARES = {"two": 0.2, "crowd": 0.7}  # what a batch shows beside single things
COPIES = 5  # of each character, bent as another hand would write it


class Looked(NamedTuple):
    """Pictures, and what every cell should say of them."""

    pictures: Float[Tensor, "b 3 32 32"]
    labels: ContentLabels


def content_batches(maker: SceneMaker, size: int, *, rng: torch.Generator) -> Iterator[Looked]:
    """Endless batches of fresh scenes, none of them held out."""
    while True:
        layout = mixture(maker, size, SHARES, rng=rng)
        pictures = maker.render(layout).to(memory_format=torch.channels_last)
        yield Looked(pictures, content_labels(layout))


def train_content(
    path: Path,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    copies: int = COPIES,
    seed: int = 0,
    **options,
) -> Iterator[Progress]:
    """Train for `steps`, yielding after each; `options` are those of `fit_and_keep`."""
    torch.manual_seed(seed)  # the starting weights
    model = ContentReader(CONTENT_CHOICES).to(memory_format=torch.channels_last)
    glyphs = vary(make_glyphs(load_handwriting()), copies=copies, rng=make_rng(seed + 1))
    rng = make_rng(seed)
    return fit_and_keep(
        lambda looked: content_loss(model(looked.pictures), *looked.labels),
        content_batches(SceneMaker(glyphs), batch, rng=rng),
        muon_and_adamw(model, besides=[model.colour], **RATES),
        model=model,
        average=AveragedModel(model, decay=DECAY),
        rng=rng,
        settings={"steps": steps, "batch": batch, "copies": copies, "rates": RATES, "seed": seed},
        path=path,
        **options,
    )


def make_content(path: Path, *, steps: int = STEPS, **options) -> None:
    """Train, showing the time that is left."""
    show(train_content(path, steps=steps, **options), steps, path.stem)
