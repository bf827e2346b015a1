"""The article's flow chart as code: describe, draw, look, compare, adjust, and draw again.

Each box is a function, and any of them can be exchanged for a better one or a stub; `FlowChart`
only joins them. Two boxes are not the article's: it compares text and picture once, after
drawing, and its adjustment leads to the output. Here what was missed leads back to another try, and
the better picture is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.captions import read, write
from ..data.world import Scene, Thing, relation_of
from ..training.repro import make_rng

Describe = Callable[[list[str]], list[str]]
"""Prompts to captions that say more, or the same."""
Draw = Callable[[list[str], list[str] | None], Tensor]
"""Captions, and from the second try on what each leads away from, to pictures in [-1, 1]."""
Look = Callable[[Tensor], list[Scene]]
"""Pictures to what they show."""
Compare = Callable[[Scene, Scene], float]
"""What was said and what is seen, to how well they agree, 0 to 1."""
Adjust = Callable[[Scene, Scene], str]
"""What was said and what was seen, to the caption that the next try leads away from."""


def share_shown(said: Scene, seen: Scene) -> float:
    """The share of what was said that is seen, things paired as well as they can be.

    0 where the number of things is wrong: then nothing can be paired.
    """
    if len(said.things) != len(seen.things):
        return 0.0
    names = sum(len(thing.named()) for thing in said.things) + (said.relation is not None)
    return 1 - len(seen.misses(said)) / names


def lead_away_from_what_was_seen(said: Scene, seen: Scene) -> str:
    """The caption's sentence about the picture that came out instead; "" where none can be made.

    What was seen is said in the caption's own terms: "a red seven and a blue one", where the
    caption wants a three and not a one. The difference of the two is what was missed, alone.
    """
    if len(said.things) != len(seen.things):
        return ""
    order = seen.paired_with(replace(said, relation=None))
    things = tuple(_in_terms_of(one, shown) for one, shown in zip(said.things, order, strict=True))
    try:
        relation = relation_of(*order) if said.relation else None
        return write(Scene(things, relation), rng=make_rng(0))
    except ValueError:  # what was seen cannot be said, as two things at one place
        return ""


def _in_terms_of(said: Thing, seen: Thing) -> Thing:
    """What was seen of the attributes that are said; what could not be told counts as said."""
    shown = {name: getattr(seen, name) for name in said.named()}
    return Thing(**said.named() | {k: value for k, value in shown.items() if value is not None})


class Attempt(NamedTuple):
    """One round: the pictures that were drawn in it, and what was found in them."""

    rows: Int[Tensor, " k"]  # whose caption each was drawn for
    pictures: Float[Tensor, "k 3 h w"]
    seen: list[Scene]
    agreement: Float[Tensor, " k"]  # 0..1


class Result(NamedTuple):
    """What became of each prompt, and how."""

    captions: list[str]  # what was drawn: the prompts, or what was written from them
    pictures: Float[Tensor, "b 3 h w"]  # the best of all tries
    agreement: Float[Tensor, " b"]  # of the picture that was kept, as far as `look` can tell
    attempts: list[Attempt]  # one entry a round, the first with all captions


@dataclass(frozen=True)
class FlowChart:
    """Prompts to pictures, box by box; `rounds=1` draws once and looks at nothing it would change.

    Without `describe`, prompts are drawn as they are: the other branch of the article's chart.
    Without `adjust`, the next try differs by its noise alone. Raises ValueError for fewer rounds
    than one.
    """

    draw: Draw
    look: Look
    describe: Describe | None = None
    compare: Compare = share_shown
    adjust: Adjust | None = None
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; expected at least 1")

    def __call__(self, prompts: list[str]) -> Result:
        captions = self.describe(prompts) if self.describe else list(prompts)
        said = [read(caption).scene for caption in captions]
        attempts = [self._try(torch.arange(len(captions)), captions, said, None)]
        pictures, agreement = attempts[0].pictures.clone(), attempts[0].agreement.clone()
        seen = list(attempts[0].seen)
        while len(attempts) < self.rounds and (agreement < 1).any():
            rows = torch.where(agreement < 1)[0]
            avoid = [self.adjust(said[k], seen[k]) for k in rows.tolist()] if self.adjust else None
            again = self._try(rows, captions, said, avoid)
            attempts.append(again)
            for k, row in enumerate(rows.tolist()):
                if again.agreement[k] > agreement[row]:
                    pictures[row], agreement[row] = again.pictures[k], again.agreement[k]
                    seen[row] = again.seen[k]
        return Result(captions, pictures, agreement, attempts)

    def _try(
        self, rows: Tensor, captions: list[str], said: list[Scene], avoid: list[str] | None
    ) -> Attempt:
        pictures = self.draw([captions[row] for row in rows.tolist()], avoid)
        seen = self.look(pictures)
        agreement = [
            self.compare(said[row], found) for row, found in zip(rows.tolist(), seen, strict=True)
        ]
        return Attempt(rows, pictures, seen, torch.tensor(agreement))
