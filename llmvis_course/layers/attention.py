r"""Attention: every query looks at every key and takes a weighted mean of the values.

Vaswani et al. 2017, arXiv:1706.03762. Left out on purpose: dropout, and torch's fused kernel, which
hides the weights and whose backward pass in bfloat16 is slower on processors.
"""

from typing import NamedTuple

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .positions import NoPositions


class Attended(NamedTuple):
    """What was found, and where it was looked for."""

    values: Float[Tensor, "b *heads n d"]
    weights: Float[Tensor, "b heads n m"]  # each row sums to one over m


class Past(NamedTuple):
    """Keys and values to look at: computed once, however often they are looked at."""

    k: Float[Tensor, "b heads m d"]
    v: Float[Tensor, "b heads m d"]


def causal_mask(n: int, m: int | None = None) -> Bool[Tensor, "1 1 n m"]:
    """Which of `m` positions each of the last `n` may look at: itself and all before it."""
    m = n if m is None else m
    return torch.ones(n, m, dtype=torch.bool).tril(m - n)[None, None]


def padding_mask(real: Bool[Tensor, "b m"]) -> Bool[Tensor, "b 1 1 m"]:
    """Let every query look at what is real, and at no padding."""
    return real[:, None, None, :]


def attention(
    q: Float[Tensor, "b heads n d"],
    k: Float[Tensor, "b heads m d"],
    v: Float[Tensor, "b heads m e"],
    mask: Bool[Tensor, "#b #heads #n m"] | None = None,
    bias: Float[Tensor, "heads n m"] | None = None,
) -> Attended:
    r"""$\mathrm{softmax}(q k^\top / \sqrt{d} + B)\, v$, and the weights (equation 1 of the paper).

    `mask` is True where a query may look; the bias $B$, by default 0, is each head's taste for some
    pairs of positions. A query that may look nowhere has no answer: its values are NaN.
    """
    scores = einsum(q, k, "b h n d, b h m d -> b h n m") / q.shape[-1] ** 0.5
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
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
        mask: Bool[Tensor, "#b #heads #n m"] | None = None,
        bias: Float[Tensor, "heads n m"] | None = None,
    ) -> Attended:
        """Let every position of `x` look at every position of `context`, or of `x` itself."""
        return self.look(x, self.remember(x if context is None else context), mask, bias)

    def remember(self, context: Float[Tensor, "b m c"]) -> Past:
        """The keys and values of a context, for `look`."""
        k, v = rearrange(
            self.key_value(context), "b m (two h d) -> two b h m d", two=2, h=self.heads
        )
        return Past(k, v)

    def look(
        self,
        x: Float[Tensor, "b n d"],
        past: Past,
        mask: Bool[Tensor, "#b #heads #n m"] | None = None,
        bias: Float[Tensor, "heads n m"] | None = None,
    ) -> Attended:
        """Let every position of `x` look at what was remembered."""
        return self._join(attention(self._queries(x), past.k, past.v, mask, bias))

    def extend(
        self, x: Float[Tensor, "b n d"], past: Past | None, positions: NoPositions
    ) -> tuple[Attended, Past]:
        """Let the tokens `x` look back: at all of `past`, and at those of `x` before them.

        Returns what they found, and the longer past: the key-value cache of a language model.
        """
        q, (k, v) = self._queries(x), self.remember(x)
        start = 0 if past is None else past.k.shape[2]
        q, k = positions.turn(q, start), positions.turn(k, start)
        if past is not None:
            k, v = torch.cat([past.k, k], dim=2), torch.cat([past.v, v], dim=2)
        mask = causal_mask(q.shape[2], k.shape[2]).to(q.device)
        return self._join(attention(q, k, v, mask)), Past(k, v)

    def _queries(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b heads n e"]:
        return rearrange(self.query(x), "b n (h e) -> b h n e", h=self.heads)

    def _join(self, found: Attended) -> Attended:
        """What the heads found, joined into one vector a position."""
        joined = rearrange(found.values, "b h n d -> b n (h d)")
        return Attended(self.output(joined), found.weights)
