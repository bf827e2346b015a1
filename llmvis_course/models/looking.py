r"""Eyes: a picture to a vector for each of its cells, and how they learn to look.

Convolutions with normalisation (Wu and He 2018, arXiv:1803.08494), then one block of a Transformer
over the cells. What a network learns from naming, cell by cell, serves whoever looks through it
later, as with networks that were trained on labels first (Sharif Razavian et al. 2014,
arXiv:1403.6382). Left out on purpose: boxes around things, and pictures of other sizes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..layers.transformer import Block

GROUPS = 8  # of channels that are normalised together


def convolutions(c_in: int, c_out: int, depth: int = 1) -> list[nn.Module]:
    """`depth` times a 3 x 3 convolution, a normalisation and a smooth threshold."""
    layers = []
    for c in [c_in] + [c_out] * (depth - 1):
        layers += [nn.Conv2d(c, c_out, 3, padding=1), nn.GroupNorm(GROUPS, c_out), nn.SiLU()]
    return layers


class Seen(NamedTuple):
    """What an encoder makes of a picture: a vector for each cell, row by row."""

    shapes: Float[Tensor, "b m d"]  # strokes alone, whatever their colour
    features: Float[Tensor, "b m d"]  # all of it


class PictureEncoder(nn.Module):
    """A picture to a vector for each cell of 4 x 4 pixels.

    Convolutions see strokes, in the light alone; then each cell is told its colour and its place,
    and looks at all others, since most digits are larger than a cell. Convolutions that saw colours
    too would learn that there are no yellow threes, where training has none.
    """

    def __init__(self, width: int = 128, *, image_size: int = 32, heads: int = 4) -> None:
        super().__init__()
        half = width // 2
        self.strokes = nn.Sequential(
            nn.PixelUnshuffle(2),
            *convolutions(4, half),
            *convolutions(half, half),
            nn.MaxPool2d(2),
            *convolutions(half, width),
            *convolutions(width, width),
        )
        self.colour = nn.Conv2d(3, width, 4, stride=4)
        self.place = nn.Parameter(0.5 * torch.randn((image_size // 4) ** 2, width))
        self.gather = Block(width, heads=heads)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def see(self, pictures: Float[Tensor, "b 3 h w"]) -> Seen:
        light = 1 + pictures.amax(dim=1, keepdim=True)  # black paper is 0, as beyond the border
        strokes = self.strokes(light)
        shapes = self.norm_1(rearrange(strokes, "b d h w -> b (h w) d"))
        colour = rearrange(self.colour(pictures), "b d h w -> b (h w) d")
        return Seen(shapes, shapes + self.norm_2(self.gather(shapes + colour + self.place)))

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b m d"]:
        return self.see(pictures).features


class CellNamer(nn.Module):
    """Teaches an encoder to look: for every cell, what is the thing like that lies there?

    `choices` is the number of answers to each question. The first, which digit, is answered from
    the shapes alone.
    """

    def __init__(self, encoder: PictureEncoder, choices: Sequence[int]) -> None:
        super().__init__()
        width = encoder.place.shape[1]
        self.encoder, self.choices = encoder, tuple(choices)
        self.digit = nn.Linear(width, choices[0])
        self.others = nn.Linear(width, sum(choices[1:]))

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b m _"]]:
        """A score for every answer, one tensor a question."""
        shapes, features = self.encoder.see(pictures)
        return [self.digit(shapes), *self.others(features).split(self.choices[1:], dim=-1)]

    def loss(
        self, pictures: Float[Tensor, "b 3 h w"], answers: Int[Tensor, "b questions m"]
    ) -> Float[Tensor, ""]:
        """The cross-entropy of all questions together, in nats a cell; -1 is not asked."""
        asked = zip(self(pictures), answers.unbind(dim=1), strict=True)
        return sum(
            F.cross_entropy(scores.flatten(0, 1), right.flatten(), ignore_index=-1)
            for scores, right in asked
        )
