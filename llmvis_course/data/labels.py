"""What captions and pictures say, as numbers for a classifier to learn."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .scenes import Layout, SceneMaker, spread, to_scenes
from .world import (
    COLOURS,
    IMAGE_SIZE,
    LEANS,
    MAX_THINGS,
    NAMED,
    PLACES,
    RELATIONS,
    REVERSED,
    SIZES,
    Scene,
)

_VALUES: dict[str, tuple] = {
    "digit": tuple(range(10)),
    "colour": tuple(COLOURS),
    "size": tuple(SIZES),
    "place": PLACES,
    "lean": tuple(LEANS),
    "relation": tuple(RELATIONS),
}


class Question(NamedTuple):
    """Something to be known about one thing of a scene."""

    name: str
    choices: int  # the last one stands for "not said", or "no such thing"


QUESTIONS = tuple(Question(name, len(values) + 1) for name, values in _VALUES.items())
NAMED_CHOICES = tuple(question.choices for question in QUESTIONS if question.name in NAMED)
"""Of the questions about what a thing itself is like, in the order of `NAMED`."""


def said_labels(scenes: Sequence[Scene]) -> Int[Tensor, "b 4 6"]:
    """For each of four things, the number of the answer to each of `QUESTIONS`.

    A relation is told from the thing's own side: in "a three left of a five", the three is left of
    the other and the five is right of it.
    """
    nothing = [question.choices - 1 for question in QUESTIONS]
    rows = [
        [_answers(scene, k) if k < len(scene.things) else nothing for k in range(MAX_THINGS)]
        for scene in scenes
    ]
    return torch.tensor(rows)


def _answers(scene: Scene, k: int) -> list[int]:
    said = {name: getattr(scene.things[k], name) for name in NAMED}
    said["relation"] = scene.relation if k == 0 else REVERSED.get(scene.relation)
    return [
        len(values) if said[name] is None else values.index(said[name])
        for name, values in _VALUES.items()
    ]


def cell_labels(maker: SceneMaker, layout: Layout, *, cell: int = 4) -> Int[Tensor, "b 6 cells"]:
    """For each cell of `cell` pixels, row by row, the answers to `QUESTIONS` about what lies there.

    Where nearly nothing lies, -1.
    """
    whose, labels = maker.thing_map(layout, cell=cell), said_labels(to_scenes(layout))
    found = [spread(labels[..., k], whose).flatten(1) for k in range(len(QUESTIONS))]
    return torch.stack(found, dim=1)


CONTENT = ("digit", "colour", "size", "lean")
"""What is asked about each thing where its content is extracted; place follows from its centre."""
CONTENT_CHOICES = tuple(len(_VALUES[name]) for name in CONTENT)


class ContentLabels(NamedTuple):
    """What every cell should say of the thing whose centre is near, if there is one."""

    near: Float[Tensor, "b h w"]  # 1 or 0
    offset: Float[Tensor, "b 2 h w"]  # from the cell's centre to the thing's: right, down; in cells
    choices: Int[Tensor, "b 4 h w"]  # answers to `CONTENT`, -1 where nothing is near


def content_labels(layout: Layout, *, cell: int = 4, radius: float = 4.0) -> ContentLabels:
    """For each cell of `cell` pixels: the thing whose centre lies within `radius` pixels."""
    middle = cell * (torch.arange(IMAGE_SIZE // cell) + 0.5)
    dx = layout.x[..., None, None] - middle
    dy = layout.y[..., None, None] - middle[:, None]
    far = torch.where(layout.present[..., None, None], dx.hypot(dy), torch.inf)
    distance, whose = far.min(dim=1)
    whose = torch.where(distance <= radius, whose, -1)
    nearest = whose.clamp_min(0)[:, None]
    offset = torch.cat([axis.gather(1, nearest) for axis in torch.broadcast_tensors(dx, dy)], dim=1)
    answers = [spread(getattr(layout, name), whose) for name in CONTENT]
    return ContentLabels((whose >= 0).float(), offset / cell, torch.stack(answers, dim=1))


def content_told(choices: Sequence[int]) -> dict[str, int | str]:
    """Numbers of answers to `CONTENT`, back in words: the attributes of a `Thing`."""
    return {name: _VALUES[name][k] for name, k in zip(CONTENT, choices, strict=True)}
