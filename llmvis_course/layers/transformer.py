r"""A Transformer encoder that reads a caption in both directions.

Vaswani et al. 2017, arXiv:1706.03762, with the normalisation before each part, as in GPT-2
(Radford et al. 2019). Left out on purpose: dropout, since every caption is seen once.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .attention import MultiHeadAttention


class Block(nn.Module):
    """Look around, then think: attention and a two-layer network, each added to its input."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads=heads)
        self.norm_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        for last in (self.attention.output, self.mlp[2]):
            nn.init.zeros_(last.weight)  # starts as the identity: what is said is not drowned out
            nn.init.zeros_(last.bias)

    def forward(
        self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n d"]:
        x = x + self.attention(self.norm_1(x), mask=mask).values
        return x + self.mlp(self.norm_2(x))


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
        self.blocks = nn.ModuleList(Block(width, heads=heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        x = self.token(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
