r"""How attention, to which order means nothing, is told where each token stands.

Each class has two verbs: `add` changes the tokens' vectors before the first block, `turn` changes
queries and keys inside every block. Vaswani et al. 2017, arXiv:1706.03762, Section 3.5 (waves);
Radford et al. 2019 (learned); Su et al. 2021, arXiv:2104.09864 (rotary).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class NoPositions(nn.Module):
    """Says nothing: a sentence becomes a bag of words, but for what a causal mask gives away."""

    def add(self, x: Float[Tensor, "b n d"], start: int = 0) -> Float[Tensor, "b n d"]:
        """The vectors of tokens that stand at `start`, `start + 1`, ..."""
        return x

    def turn(self, x: Float[Tensor, "b heads n d"], start: int = 0) -> Float[Tensor, "b heads n d"]:
        """The queries or keys of tokens that stand at `start`, `start + 1`, ..."""
        return x


class LearnedPositions(NoPositions):
    """One trained vector a place, as in GPT-2. Raises ValueError past the last place."""

    def __init__(self, longest: int, width: int, *, std: float = 0.02) -> None:
        super().__init__()
        self.weight = nn.Parameter(std * torch.randn(longest, width))

    def add(self, x: Float[Tensor, "b n d"], start: int = 0) -> Float[Tensor, "b n d"]:
        end, longest = start + x.shape[1], len(self.weight)
        if end > longest:
            raise ValueError(f"found {end} positions; expected at most {longest}")
        return x + self.weight[start:end]


def waves(n: int, d: int, *, start: int = 0) -> Float[Tensor, "n d"]:
    r"""$\sin(i\,\omega_k)$ in column $2k$ and $\cos(i\,\omega_k)$ in $2k+1$, $\omega_k = 10000^{-2k/d}$."""  # noqa: E501
    angle = torch.outer(torch.arange(start, start + n).float(), _frequencies(d))
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def _frequencies(d: int) -> Float[Tensor, " half"]:
    if d % 2:
        raise ValueError(f"found width {d}; expected an even number, for pairs of sine and cosine")
    return 10000.0 ** (-torch.arange(0, d, 2) / d)


class WavePositions(NoPositions):
    """Fixed sines and cosines, from fast to slow: nothing to learn, and no last place."""

    def add(self, x: Float[Tensor, "b n d"], start: int = 0) -> Float[Tensor, "b n d"]:
        return x + waves(x.shape[1], x.shape[2], start=start).to(x)


class RotaryPositions(NoPositions):
    r"""Turn each pair $(x_{2k}, x_{2k+1})$ of a query or key at place $i$ by $i\,\omega_k$.

    A product of a turned query and a turned key depends on their distance alone.
    """

    def turn(self, x: Float[Tensor, "b heads n d"], start: int = 0) -> Float[Tensor, "b heads n d"]:
        n, d = x.shape[2:]
        angle = torch.outer(torch.arange(start, start + n).float(), _frequencies(d)).to(x)
        sin, cos = angle.sin(), angle.cos()
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
