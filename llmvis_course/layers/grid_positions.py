r"""Where tokens stand when a sentence has a picture in it: words in a row, cells in a grid.

Rotary positions (Su et al. 2021, arXiv:2104.09864) for two axes, as vision transformers use them
(Heo et al. 2024, arXiv:2403.13298): what a cell makes of its neighbour above is learned once, not
64 times. Only half of each query and key turns; the other half finds words wherever they stand.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .positions import NoPositions


class GridPositions(NoPositions):
    r"""`before` words, `side` x `side` cells row by row, then up to `after` words.

    To a cell's vector is added one learned for its row and one for its column; a word has one for
    its place. A quarter of each query and key turns by the row times $\omega_k = 2^{-k}\pi/2$, and
    a quarter by the column; words do not turn. Raises ValueError past the last place.
    """

    def __init__(
        self, before: int, side: int, after: int, width: int, *, heads: int, std: float = 0.02
    ) -> None:
        super().__init__()
        pairs = width // heads // 8
        if min(before, side) < 1 or after < 0 or pairs < 1:
            raise ValueError(
                f"found {before} words, {side} cells a side, {after} words, and {width} numbers "
                f"for {heads} heads; expected at least 1, 1, 0, and 8 numbers a head"
            )
        self.before = before
        self.words = nn.Parameter(std * torch.randn(before + after, width))
        self.rows = nn.Parameter(std * torch.randn(side, width))
        self.columns = nn.Parameter(std * torch.randn(side, width))
        frequency = 0.5 * math.pi * 0.5 ** torch.arange(pairs)
        turns = torch.outer(torch.arange(1, side + 1).float(), frequency)
        cells = torch.cat(
            [turns.repeat_interleave(side, dim=0), turns.repeat(side, 1)], dim=1
        )  # row by row: a row's turns, then a column's
        still = torch.zeros(before + after, 2 * pairs)
        angle = torch.cat([still[:before], cells, still[before:]])
        self.register_buffer("angle", angle, persistent=False)

    def add(self, x: Float[Tensor, "b n d"], start: int = 0) -> Float[Tensor, "b n d"]:
        end, longest = start + x.shape[1], len(self.angle)
        if end > longest:
            raise ValueError(f"found {end} positions; expected at most {longest}")
        cells = (self.rows[:, None] + self.columns).flatten(0, 1)
        where = torch.cat([self.words[: self.before], cells, self.words[self.before :]])
        return x + where[start:end]

    def turn(self, x: Float[Tensor, "b heads n d"], start: int = 0) -> Float[Tensor, "b heads n d"]:
        angle = self.angle[start : start + x.shape[2]].to(x)
        sin, cos = angle.sin(), angle.cos()
        turned, rest = x.split([2 * angle.shape[1], x.shape[3] - 2 * angle.shape[1]], dim=3)
        even, odd = turned.chunk(2, dim=3)
        return torch.cat([even * cos - odd * sin, even * sin + odd * cos, rest], dim=3)
