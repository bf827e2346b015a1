r"""Attention: every query looks at every key and takes a weighted mean of the values.

Vaswani et al. 2017, arXiv:1706.03762. Left out on purpose: dropout, key-value caches, and torch's
fused kernel, which hides the weights and whose backward pass in bfloat16 is slower on processors.
"""

from typing import NamedTuple

from einops import einsum, rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Attended(NamedTuple):
    """What was found, and where it was looked for."""

    values: Float[Tensor, "b *heads n d"]
    weights: Float[Tensor, "b heads n m"]  # each row sums to one over m


def attention(
    q: Float[Tensor, "b heads n d"],
    k: Float[Tensor, "b heads m d"],
    v: Float[Tensor, "b heads m e"],
    mask: Bool[Tensor, "b m"] | None = None,
    bias: Float[Tensor, "heads n m"] | None = None,
) -> Attended:
    r"""$\mathrm{softmax}(q k^\top / \sqrt{d} + B)\, v$, and the weights (equation 1 of the paper).

    `mask` is True where a position may be looked at; the bias $B$, by default 0, is each head's
    taste for some pairs of positions.
    """
    scores = einsum(q, k, "b h n d, b h m d -> b h n m") / q.shape[-1] ** 0.5
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
    weights = scores.softmax(dim=-1)
    return Attended(einsum(weights, v, "b h n m, b h m e -> b h n e"), weights)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own projection (Section 3.2.2).

    With `context_width`, queries come from `x` and keys and values from a context: cross-attention.
    """

    def __init__(self, width: int, *, heads: int, context_width: int | None = None) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(
                f"width {width} cannot be split over {heads} heads; expected a multiple"
            )
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context_width or width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        context: Float[Tensor, "b m c"] | None = None,
        mask: Bool[Tensor, "b m"] | None = None,
        bias: Float[Tensor, "heads n m"] | None = None,
    ) -> Attended:
        """Let every position of `x` look at every position of `context`, or of `x` itself."""
        context = x if context is None else context
        q = rearrange(self.query(x), "b n (h d) -> b h n d", h=self.heads)
        k, v = rearrange(
            self.key_value(context), "b m (two h d) -> two b h m d", two=2, h=self.heads
        )
        values, weights = attention(q, k, v, mask, bias)
        return Attended(self.output(rearrange(values, "b h n d -> b n (h d)")), weights)
