r"""Codebooks: vectors become numbers of codes, and gradients pass by as if they had not.

van den Oord et al. 2017, arXiv:1711.00937, for the straight-through gradient, the two losses
(equation 3) and the moving averages (Appendix A.1). Codes start at the k-means of the first vectors
and dead ones come back where the error is, after Zeghidour et al. 2021, arXiv:2107.03312. Left out
on purpose: Gumbel-softmax, and codes that are not stored (finite scalar quantisation).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn


class Quantized(NamedTuple):
    """What is left of an encoder's vectors."""

    z_q: Float[Tensor, "b d h w"]  # the codes nearest to z_e; backwards, z_e itself
    tokens: Int[Tensor, "b h w"]  # their numbers
    loss: Float[Tensor, ""]  # brings z_e and codes together


def straight_through(
    z_e: Float[Tensor, "*b d"], z_q: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b d"]:
    r"""$z_e + \mathrm{sg}[z_q - z_e]$: forwards $z_q$, backwards the identity."""
    return z_e + (z_q - z_e).detach()


def nearest(z: Float[Tensor, "n d"], codes: Float[Tensor, "v d"]) -> Int[Tensor, " n"]:
    r"""$\arg\min_k \lVert z - e_k \rVert^2 = \arg\min_k \lVert e_k \rVert^2 - 2\,z \cdot e_k$."""
    return (codes.square().sum(dim=1) - 2 * z @ codes.T).argmin(dim=1)


class Codebook(nn.Module):
    r"""`size` codes of `width` numbers, moved by a loss.

    $\lVert \mathrm{sg}[z_e] - e \rVert^2 + \beta \lVert z_e - \mathrm{sg}[e] \rVert^2$, in the mean
    over numbers: the first term moves codes to the vectors, the second ($\beta$ is `commitment`)
    vectors to their codes. In training, `forward` needs `rng`: the first call starts the codes from
    its data, and a code that is used for fewer than `alive` vectors a batch, in a moving average,
    is put in the place of a vector that is far from its code. `alive=0` lets codes die.
    """

    def __init__(
        self, size: int, width: int, *, commitment: float = 0.25, alive: float = 0.5
    ) -> None:
        super().__init__()
        if size < 2 or width < 1:
            raise ValueError(
                f"found {size} codes of {width} numbers; expected at least 2 codes of 1"
            )
        self.commitment, self.alive = commitment, alive
        self._hold(torch.randn(size, width))
        self.register_buffer("used", torch.ones(size))  # vectors a batch, averaged
        self.register_buffer("started", torch.tensor(False))

    def _hold(self, codes: Float[Tensor, "v d"]) -> None:
        self.codes = nn.Parameter(codes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes there are, in each part of a token."""
        return (len(self.codes),)

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.codes.shape[1]

    def forward(
        self, z_e: Float[Tensor, "b d h w"], *, rng: torch.Generator | None = None
    ) -> Quantized:
        """Replace each vector by its nearest code; in training, learn."""
        b, d, h, _ = z_e.shape
        if d != self.width:
            raise ValueError(f"found vectors of {d} numbers; expected {self.width}, like the codes")
        if self.training and rng is None:
            raise ValueError("a codebook in training needs rng, for codes to start from the data")
        z = rearrange(z_e, "b d h w -> (b h w) d")
        seen = z.detach().float()
        if self.training and not self.started:
            self.start(seen, rng=rng)
        tokens = nearest(seen, self.codes.detach())
        chosen = self.codes[tokens]
        loss = self.commitment * F.mse_loss(z, chosen.detach())
        if self.training:
            loss = loss + self.learn(seen, tokens, rng=rng)
        z_q = rearrange(straight_through(z, chosen), "(b h w) d -> b d h w", b=b, h=h)
        return Quantized(z_q, tokens.view(b, h, -1), loss)

    def look_up(self, tokens: Int[Tensor, "b h w"]) -> Float[Tensor, "b d h w"]:
        """The codes of tokens. Raises ValueError for a number that no code has."""
        check_tokens(tokens, len(self.codes))
        return rearrange(self.codes[tokens], "b h w d -> b d h w")

    @torch.no_grad()
    def start(self, z: Float[Tensor, "n d"], *, rng: torch.Generator) -> None:
        """Put the codes where k-means finds the centres of vectors (Lloyd 1982; k-means++)."""
        from sklearn.cluster import KMeans  # importing it uses up chance

        if len(z) < len(self.codes):
            raise ValueError(f"found {len(z)} vectors to start {len(self.codes)} codes from")
        seed = int(torch.randint(2**31 - 1, (), generator=rng))
        some = z[torch.randperm(len(z), generator=rng)[: 64 * len(self.codes)]]
        found = KMeans(len(self.codes), n_init=3, max_iter=20, random_state=seed).fit(some.cpu())
        self.codes.copy_(torch.as_tensor(found.cluster_centers_))
        self.used.fill_(len(z) / len(self.codes))
        self.started.fill_(True)

    def learn(
        self, z: Float[Tensor, "n d"], tokens: Int[Tensor, " n"], *, rng: torch.Generator
    ) -> Float[Tensor, ""]:
        """Count, revive, and return the loss that moves the codes."""
        self.count(tokens)
        self.revive(z, tokens, rng=rng)
        return F.mse_loss(self.codes[tokens], z)

    @torch.no_grad()
    def count(self, tokens: Int[Tensor, " n"], *, decay: float = 0.99) -> None:
        """Take one step of the average of how often each code is used."""
        now = torch.bincount(tokens, minlength=len(self.codes)).to(self.used)
        self.used.lerp_(now, 1 - decay)

    @torch.no_grad()
    def revive(
        self, z: Float[Tensor, "n d"], tokens: Int[Tensor, " n"], *, rng: torch.Generator
    ) -> Int[Tensor, " dead"]:
        """Give every dead code a vector of the batch, likelier the farther it is from its code."""
        dead = torch.where(self.used < self.alive)[0]
        far = (z - self.codes[tokens]).square().sum(dim=1) + 1e-8
        if len(dead := dead[: len(z)]):
            self._place(dead, z[torch.multinomial(far, len(dead), generator=rng)])
        return dead

    def _place(self, which: Int[Tensor, " k"], where: Float[Tensor, "k d"]) -> None:
        self.codes[which] = where
        self.used[which] = 2 * self.alive + 1  # some batches to prove itself


class AveragedCodebook(Codebook):
    r"""Codes that are moving averages of the vectors they stand for; no loss moves them.

    $N_k \leftarrow \gamma N_k + (1 - \gamma) n_k$, $m_k \leftarrow \gamma m_k + (1 - \gamma)
    \sum_{i \in k} z_i$, $e_k = m_k / N_k$: k-means, a batch at a time (Appendix A.1).
    """

    def __init__(self, size: int, width: int, *, decay: float = 0.98, **options: float) -> None:
        super().__init__(size, width, **options)
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected 0 <= decay < 1")
        self.decay = decay
        self.register_buffer("sums", self.codes.clone())

    def _hold(self, codes: Float[Tensor, "v d"]) -> None:
        self.register_buffer("codes", codes)

    def start(self, z: Float[Tensor, "n d"], *, rng: torch.Generator) -> None:
        super().start(z, rng=rng)
        self.sums.copy_(self.codes * self.used[:, None])

    @torch.no_grad()
    def learn(
        self, z: Float[Tensor, "n d"], tokens: Int[Tensor, " n"], *, rng: torch.Generator
    ) -> Float[Tensor, ""]:
        """Move the averages, then revive; there is no loss."""
        self.count(tokens, decay=self.decay)
        now = torch.zeros_like(self.sums).index_add_(0, tokens, z)
        self.sums.lerp_(now, 1 - self.decay)
        self.codes.copy_(self.sums / self.used[:, None].clamp_min(1e-5))
        self.revive(z, tokens, rng=rng)
        return z.new_zeros(())

    def _place(self, which: Int[Tensor, " k"], where: Float[Tensor, "k d"]) -> None:
        super()._place(which, where)
        self.sums[which] = where * self.used[which, None]


class ProductCodebook(nn.Module):
    """Codebooks side by side: each takes its share of a vector, and a token names a code of each.

    Few codes say much: 192 shapes and 9 colours are 1,728 tokens (Jegou et al. 2011, "Product
    quantization for nearest neighbor search").
    """

    def __init__(self, parts: Sequence[Codebook]) -> None:
        super().__init__()
        if not parts:
            raise ValueError("found no codebook; expected at least one")
        self.parts = nn.ModuleList(parts)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(size for part in self.parts for size in part.sizes)

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    def forward(
        self, z_e: Float[Tensor, "b d h w"], *, rng: torch.Generator | None = None
    ) -> Quantized:
        """Each codebook on its share of the numbers; losses add up."""
        if z_e.shape[1] != self.width:
            raise ValueError(f"found vectors of {z_e.shape[1]} numbers; expected {self.width}")
        shares = z_e.split([part.width for part in self.parts], dim=1)
        found = [part(share, rng=rng) for part, share in zip(self.parts, shares, strict=True)]
        z_q = torch.cat([one.z_q for one in found], dim=1)
        loss = torch.stack([one.loss for one in found]).sum()
        return Quantized(z_q, join([one.tokens for one in found], self.sizes), loss)

    def look_up(self, tokens: Int[Tensor, "b h w"]) -> Float[Tensor, "b d h w"]:
        """The codes of tokens, side by side."""
        each = zip(self.parts, split(tokens, self.sizes), strict=True)
        return torch.cat([part.look_up(own) for part, own in each], dim=1)


def join(parts: Sequence[Int[Tensor, "*b"]], sizes: Sequence[int]) -> Int[Tensor, "*b"]:
    r"""One number for several: $(s \cdot K_2 + k)$ for parts $s < K_1$ and $k < K_2$, and so on."""
    joined = parts[0]
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        joined = joined * size + part
    return joined


def split(tokens: Int[Tensor, "*b"], sizes: Sequence[int]) -> list[Int[Tensor, "*b"]]:
    """Undo `join`. Raises ValueError for numbers that it never makes."""
    check_tokens(tokens, int(torch.tensor(sizes).prod()))
    parts = []
    for size in reversed(sizes):
        parts.append(tokens % size)
        tokens = tokens // size
    return parts[::-1]


def check_tokens(tokens: Int[Tensor, "*b"], size: int) -> None:
    """Raise ValueError unless all tokens are numbers from 0 to `size - 1`."""
    if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < size:
        raise ValueError(
            f"found tokens from {int(tokens.min())} to {int(tokens.max())}; "
            f"expected 0 to {size - 1}"
        )


def perplexity(tokens: Int[Tensor, "*b"], size: int) -> float:
    r"""$\exp(-\sum_k p_k \log p_k)$: how many codes, equally used, would say as much."""
    p = torch.bincount(tokens.flatten(), minlength=size).double() / tokens.numel()
    return float(torch.special.entr(p).sum().exp())
