r"""A network that looks as the judge does, picture in and scene out, and how often it is right.

The judge measures pixels by rules that were written for this world; the extractor learned from
pictures alone (models/content.py). A thing counts as right when all that is asked of it is.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.labels import CONTENT_CHOICES, content_told
from ..data.scenes import Allow, SceneMaker, to_scenes
from ..data.world import Scene, Thing, place_of
from ..models.content import ContentReader, find_things
from ..training.checkpoint import load_weights
from ..weights import FOLDER
from .judge import check_pictures, distance, left_to_right

ASKED = ("digit", "colour", "size", "place")
NEAR = 2.0  # pixels that a centre may be off
_AT_ONCE = 250  # pictures


class ContentExtractor:
    """Reads off a picture what it shows, by a trained network. Answers as `Judge.look` does."""

    def __init__(self, reader: ContentReader, record: dict | None = None) -> None:
        self.reader = reader.eval()
        self.record = record or {}

    @classmethod
    def pretrained(cls, folder: str | Path = FOLDER) -> "ContentExtractor":
        """Load the shipped one."""
        reader = ContentReader(CONTENT_CHOICES)
        return cls(reader, load_weights(reader, Path(folder) / "content.safetensors"))

    @torch.no_grad()
    def look(self, pictures: Float[Tensor, "b c h w"], *, sure: float = 0.5) -> list[Scene]:
        """What each picture shows, things from left to right; an empty scene where it shows none.

        Raises ValueError for another shape, or values that are not numbers in [-1, 1].
        """
        check_pictures(pictures)
        things: list[list[Thing]] = [[] for _ in pictures]
        for start in range(0, len(pictures), _AT_ONCE):
            found = find_things(self.reader(pictures[start : start + _AT_ONCE]), sure=sure)
            for row, x, y, _, choices in zip(*(f.tolist() for f in found), strict=True):
                told = Thing(**content_told(choices), place=place_of(x, y), x=x, y=y)
                things[start + row].append(told)
        return [left_to_right(one) for one in things]


class ContentScore(NamedTuple):
    """How many things of real pictures were read rightly."""

    right: int
    things: int  # that there are
    extra: int  # that were seen and are not there
    wrong: dict[str, int]  # how often each attribute was wrong; "found" where none was near

    @property
    def share(self) -> float:
        """Right, of all that are there or were invented."""
        return self.right / (self.things + self.extra)


def score_content(
    look: Callable[[Tensor], list[Scene]],
    kind: str,
    *,
    maker: SceneMaker,
    n: int,
    rng: torch.Generator,
    allow: Allow | None = None,
    asked: tuple[str, ...] = ASKED,
) -> ContentScore:
    """Show `n` real scenes of one kind, and count the things with everything in `asked` right.

    A seen thing answers for the real one whose centre lies within `NEAR` pixels. That is the
    question of place for several things; of a single one, as captions do, its name is asked too.
    """
    layout = maker.sample(n, kind, rng=rng, allow=allow)
    asked = tuple(name for name in asked if name != "place" or kind == "one")
    wrong: Counter[str] = Counter()
    right = things = extra = 0
    for seen, real in zip(look(maker.render(layout)), to_scenes(layout), strict=True):
        extra += max(0, len(seen.things) - len(real.things))
        for one in real.things:
            misses = _misses(one, seen, asked)
            wrong.update(misses)
            things, right = things + 1, right + (not misses)
    return ContentScore(right, things, extra, dict(wrong))


def _misses(real: Thing, seen: Scene, asked: tuple[str, ...]) -> list[str]:
    """What of a real thing was not read off the picture."""
    nearest = min(seen.things, key=lambda thing: distance(thing, real), default=None)
    if nearest is None or distance(nearest, real) > NEAR:
        return ["found"]
    return [name for name in nearest.misses(real) if name in asked]
