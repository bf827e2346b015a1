"""Train the two towers that are shipped: one for pictures, one for captions.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import write
from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs, vary
from ..data.scenes import SceneMaker, to_scenes
from ..data.splits import mixture, say_all
from ..data.tokens import encode
from ..models.clip import TwoTowers
from ..training.fit import Progress
from ..training.muon import muon_and_adamw
from ..training.repro import AveragedModel, make_rng
from ..training.resume import fit_and_keep, show

STEPS, BATCH, DECAY = 600, 128, 0.99
RATES = {"muon": 1e-2, "adamw": 4e-3}
SHARES = {"two": 0.4}  # what a batch shows beside single things
COPIES = 5  # of each character, bent as another hand would write it


class Pairs(NamedTuple):
    """Pictures, and a caption for each that says all that can be said."""

    pictures: Float[Tensor, "b 3 32 32"]
    captions: list[str]


def pair_batches(maker: SceneMaker, size: int, *, rng: torch.Generator) -> Iterator[Pairs]:
    """Endless batches of fresh scenes, none of them held out.

    A caption that left things out would fit its neighbours' pictures too, and be called wrong.
    """
    while True:
        layout = mixture(maker, size, SHARES, rng=rng)
        captions = [write(say_all(scene), rng=rng) for scene in to_scenes(layout)]
        yield Pairs(maker.render(layout), captions)


def train_clip(
    path: Path,
    tokenizer: Tokenizer,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    copies: int = COPIES,
    seed: int = 0,
    **options,
) -> Iterator[Progress]:
    """Train for `steps`, yielding after each; `options` are those of `fit_and_keep`."""
    torch.manual_seed(seed)  # the starting weights
    model = TwoTowers(tokenizer.get_vocab_size())
    glyphs = vary(make_glyphs(load_handwriting()), copies=copies, rng=make_rng(seed + 1))
    rng = make_rng(seed)
    return fit_and_keep(
        lambda pairs: model.loss(pairs.pictures, *encode(tokenizer, pairs.captions)),
        pair_batches(SceneMaker(glyphs), batch, rng=rng),
        muon_and_adamw(model, besides=[model.pictures.patch], **RATES),
        model=model,
        average=AveragedModel(model, decay=DECAY),
        rng=rng,
        settings={"steps": steps, "batch": batch, "copies": copies, "rates": RATES, "seed": seed},
        path=path,
        **options,
    )


def make_clip(path: Path, tokenizer: Tokenizer, *, steps: int = STEPS, **options) -> None:
    """Train, showing the time that is left."""
    show(train_clip(path, tokenizer, steps=steps, **options), steps, path.stem)
