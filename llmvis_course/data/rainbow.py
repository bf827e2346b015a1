"""9,216 coloured shapes and a caption for each: a world small enough to know all of it.

Every combination of 4 scales, 2 fills, 3 textures, 12 colours, 8 shapes and 4 turns, on black paper
of 32 x 32. A task of these counts, at 30 % of the captions for training, is in the examples of
lucidrains' DALLE-pytorch (2021); the drawings here are our own, by Pillow, and no shape looks the
same when it is turned.
"""

from itertools import product
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image, ImageDraw
from torch import Tensor

SIDE, FINE = 32, 8  # pixels a side, and how many times finer shapes are drawn
SCALES = {"tiny": 0.45, "small": 0.62, "big": 0.8, "huge": 0.98}
FILLS = ("filled", "hollow")
TEXTURES = ("plain", "striped", "dotted")
COLOURS = {  # red, green, blue in 0..1
    "red": (1.0, 0.1, 0.1),
    "orange": (1.0, 0.5, 0.0),
    "yellow": (1.0, 0.9, 0.1),
    "lime": (0.6, 1.0, 0.1),
    "green": (0.1, 1.0, 0.2),
    "mint": (0.3, 1.0, 0.7),
    "cyan": (0.1, 1.0, 1.0),
    "azure": (0.2, 0.6, 1.0),
    "blue": (0.2, 0.2, 1.0),
    "violet": (0.6, 0.2, 1.0),
    "magenta": (1.0, 0.2, 1.0),
    "pink": (1.0, 0.6, 0.8),
}
_ARC = [(cos(a * pi / 24), sin(a * pi / 24)) for a in range(25)]  # half a circle, from the right
SHAPES = {  # corners, -1 to 1, right and down
    "triangle": [(0, -1), (0.7, 0.9), (-0.7, 0.9)],
    "arrow": [(0, -1), (0.8, -0.1), (0.3, -0.1), (0.3, 1), (-0.3, 1), (-0.3, -0.1), (-0.8, -0.1)],
    "house": [(0, -1), (0.9, -0.1), (0.9, 0.9), (-0.9, 0.9), (-0.9, -0.1)],
    "flag": [(-0.7, -1), (0.9, -0.5), (-0.3, 0), (-0.3, 1), (-0.7, 1)],
    "boot": [(-0.6, -1), (0.1, -1), (0.1, 0.2), (0.9, 0.4), (0.9, 1), (-0.6, 1)],
    "heart": [(0, 1), *((-0.5 - 0.45 * x, -0.35 - 0.6 * y) for x, y in _ARC),
              *((0.5 - 0.45 * x, -0.35 - 0.6 * y) for x, y in _ARC)],
    "drop": [(0, -1), *((0.65 * x, 0.3 + 0.65 * y) for x, y in _ARC)],
    "moon": [(x, -y) for x, y in _ARC] + [(x, -0.35 * y) for x, y in _ARC[::-1]],
}  # fmt: skip
TURNS = ("upright", "turned left", "turned over", "turned right")
ATTRIBUTES = {
    "scale": tuple(SCALES),
    "fill": FILLS,
    "texture": TEXTURES,
    "colour": tuple(COLOURS),
    "shape": tuple(SHAPES),
    "turn": TURNS,
}
"""What a caption says, in the order in which it says it."""


class Rainbow(NamedTuple):
    """All of the world."""

    pictures: Float[Tensor, "b 3 32 32"]  # in [-1, 1]
    captions: list[str]
    attributes: Int[Tensor, "b 6"]  # the number of each of `ATTRIBUTES`


def rainbow() -> Rainbow:
    """Draw every shape. Nothing here is left to chance."""
    rows = list(product(*(range(len(values)) for values in ATTRIBUTES.values())))
    attributes = torch.tensor(rows)
    scale, fill, texture, colour, shape, turn = attributes.T
    ink = torch.stack([
        torch.stack([_ink(name, size, hollow) for hollow in (False, True)])
        for name, size in product(SHAPES, SCALES.values())
    ]).view(len(SHAPES), len(SCALES), 2, SIDE, SIDE)  # fmt: skip
    turned = torch.stack([ink.rot90(k, dims=(3, 4)) for k in range(4)])
    ink = turned[turn, shape, scale, fill] * _patterns()[texture]
    pictures = torch.tensor(list(COLOURS.values()))[colour][..., None, None] * ink[:, None]
    captions = [caption_of(row) for row in rows]
    return Rainbow(2 * pictures - 1, captions, attributes)


def caption_of(attributes: tuple[int, ...]) -> str:
    """The one caption of a picture: "a tiny hollow striped cyan arrow turned left"."""
    if len(attributes) != len(ATTRIBUTES):
        raise ValueError(f"found {len(attributes)} attributes; expected {len(ATTRIBUTES)}")
    words = [values[k] for values, k in zip(ATTRIBUTES.values(), attributes, strict=True)]
    return "a " + " ".join(words)


def _ink(name: str, size: float, hollow: bool) -> Float[Tensor, "32 32"]:
    """One shape in white, with soft edges."""
    side = SIDE * FINE
    paper = Image.new("L", (side, side))
    corners = [(side / 2 * (1 + 0.95 * size * x), side / 2 * (1 + 0.95 * size * y))
               for x, y in SHAPES[name]]  # fmt: skip
    draw = ImageDraw.Draw(paper)
    if hollow:
        draw.line([*corners, *corners[:2]], fill=255, width=2 * FINE, joint="curve")
    else:
        draw.polygon(corners, fill=255)
    small = paper.resize((SIDE, SIDE), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small)).float() / 255


def _patterns() -> Float[Tensor, "3 32 32"]:
    """All light, every second pair of rows dim, and every fourth pixel dim."""
    row, column = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None]
    striped = (row % 4 < 2).expand(SIDE, SIDE)
    dotted = ~((row % 2 == 0) & (column % 2 == 0))
    return torch.stack([torch.ones(SIDE, SIDE), 0.2 + 0.8 * striped, 0.1 + 0.9 * dotted])
