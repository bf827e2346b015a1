"""Train the two towers that are shipped: one for pictures, one for captions.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import write
from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs, vary
from ..data.scenes import Allow, Layout, SceneMaker, to_scenes
from ..data.splits import in_training, mixture, say_all
from ..data.tokens import encode
from ..data.world import COLOURS, LEANS
from ..evaluate.retrieval import load_eyes
from ..models.clip import TwoTowers
from ..training.fit import Progress
from ..training.muon import muon_and_adamw
from ..training.repro import AveragedModel, make_rng
from ..training.resume import fit_and_keep, show
from . import FOLDER

STEPS, BATCH, DECAY = 600, 96, 0.98
RATES = {"muon": 1e-2, "adamw": 4e-3}
TWO = 0.4  # the part of a batch that shows two things
COPIES = 5  # of each character, bent as another hand would write it


class Pairs(NamedTuple):
    """Pictures, and a caption for each that says all that can be said."""

    pictures: Float[Tensor, "b 3 32 32"]
    captions: list[str]


def near_misses(rng: torch.Generator) -> Allow:
    """For every other batch scenes that differ little, in two colours and one lean; else any.

    In a batch of any scenes, colour and place alone tell nearly all pairs apart, and little is
    gained by telling a three from a five. In a batch of near misses, little by telling colours.
    """
    colours = torch.randperm(len(COLOURS), generator=rng)[:2]
    lean = int(torch.randint(len(LEANS), (), generator=rng))
    if torch.rand((), generator=rng) < 0.5:
        return in_training

    def allow(layout: Layout) -> Bool[Tensor, " b"]:
        used = torch.isin(layout.colour, colours) | ~layout.present
        leans = (layout.lean[:, 0] == lean) | layout.present[:, 1]
        return used.all(dim=1) & leans & in_training(layout)

    return allow


def pair_batches(
    maker: SceneMaker, size: int, *, rng: torch.Generator, two: float = TWO
) -> Iterator[Pairs]:
    """Endless batches of fresh scenes, near misses of each other, none of them held out.

    A caption that left things out would fit its neighbours' pictures too, and be called wrong.
    """
    while True:
        layout = mixture(maker, size, {"two": two}, rng=rng, allow=near_misses(rng))
        captions = [write(say_all(scene), rng=rng) for scene in to_scenes(layout)]
        yield Pairs(maker.render(layout), captions)


def train_clip(
    path: Path,
    tokenizer: Tokenizer,
    *,
    eyes: Path = FOLDER,
    steps: int = STEPS,
    batch: int = BATCH,
    copies: int = COPIES,
    seed: int = 0,
    **options,
) -> Iterator[Progress]:
    """Train for `steps`, yielding after each; `options` are those of `fit_and_keep`.

    `eyes` is the folder of the content reader that the picture tower sees with.
    """
    torch.manual_seed(seed)  # the starting weights
    model = TwoTowers(tokenizer.get_vocab_size(), eyes=load_eyes(eyes))
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
