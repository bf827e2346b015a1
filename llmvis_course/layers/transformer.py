r"""A Transformer encoder that reads a caption in both directions.

Vaswani et al. 2017, arXiv:1706.03762, with the normalisation before each part, as in GPT-2
(Radford et al. 2019), and with a learned bias for the distance between two words, as in T5 (Raffel
et al. 2020, arXiv:1910.10683). The same block, reading from left to right, is a language model's:
see models/gpt.py. Left out on purpose: dropout, since every caption is seen once.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .attention import MultiHeadAttention, Past, padding_mask
from .positions import NoPositions


class DistanceBias(nn.Module):
    r"""A number for each head and each distance between two positions, added to the scores.

    It starts as $-2^{-k}\,|i - j|$ for head $k$, and 0 for the last, like the fixed slopes of Press
    et al. 2022, arXiv:2108.12409: a fresh encoder looks at neighbours first, so that a colour and
    the digit it stands before belong together from the start.
    """

    def __init__(self, heads: int, *, longest: int) -> None:
        super().__init__()
        self.longest = longest
        slope = 0.5 ** torch.arange(heads)
        slope[-1] = 0
        distance = (torch.arange(2 * longest - 1) - (longest - 1)).abs()
        self.table = nn.Parameter(-slope[:, None] * distance)

    def forward(self, n: int) -> Float[Tensor, "heads n n"]:
        """The bias between `n` positions, at most `longest`."""
        i = torch.arange(n, device=self.table.device)
        return self.table[:, i[None, :] - i[:, None] + self.longest - 1]


def two_layers(width: int, activation: nn.Module | None = None) -> nn.Sequential:
    """The network that thinks: to four times the width and back, by default with a GELU between."""
    return nn.Sequential(
        nn.Linear(width, 4 * width), activation or nn.GELU(), nn.Linear(4 * width, width)
    )


class Block(nn.Module):
    """Look around, then think: attention and a two-layer network, each added to its input.

    What is added is computed from a normalised copy (pre-norm), so that a straight path leads from
    the last block to the first.
    """

    def __init__(self, width: int, *, heads: int, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads=heads)
        self.norm_2 = nn.LayerNorm(width)
        self.mlp = two_layers(width, activation)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        mask: Bool[Tensor, "#b #heads #n n"] | None = None,
        bias: Float[Tensor, "heads n n"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """Every position looks at all others, or at those that `mask` allows."""
        x = x + self.attention(self.norm_1(x), mask=mask, bias=bias).values
        return x + self.mlp(self.norm_2(x))

    def extend(
        self, x: Float[Tensor, "b n d"], past: Past | None, positions: NoPositions
    ) -> tuple[Float[Tensor, "b n d"], Past, Float[Tensor, "b heads n m"]]:
        """Read on from `past`: the new vectors, the longer past, and who looked where."""
        found, past = self.attention.extend(self.norm_1(x), past, positions)
        x = x + found.values
        return x + self.mlp(self.norm_2(x)), past, found.weights


class TextEncoder(nn.Module):
    """Token ids to one vector a token, each knowing the whole caption."""

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
        longest: int = 32,
    ) -> None:
        super().__init__()
        self.longest = longest
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(longest, width)
        nn.init.normal_(self.position.weight, std=0.3)
        self.distances = nn.ModuleList(DistanceBias(heads, longest=longest) for _ in range(depth))
        self.blocks = nn.ModuleList(Block(width, heads=heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        x = self.token(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        for block, distance in zip(self.blocks, self.distances, strict=True):
            x = block(x, padding_mask(mask), distance(ids.shape[1]))
        return self.norm(x)
