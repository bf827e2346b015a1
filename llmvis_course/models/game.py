r"""The game of two networks: what each player loses, and what is known about it in closed form.

Goodfellow et al. 2014, arXiv:1406.2661: a discriminator $D$ tells real pictures from drawn ones, a
generator $G$ draws, and
$\min_G \max_D \mathbb E_{x \sim p}[\log D(x)] + \mathbb E_z[\log(1 - D(G(z)))]$.
Here the discriminator says a logit $s$, with $D = \sigma(s)$: $-\log D = \mathrm{softplus}(-s)$ and
$-\log(1 - D) = \mathrm{softplus}(s)$ are exact however sure it is. Left out on purpose: distances
other than the one of this game (Wasserstein, least squares).
"""

from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Game(Protocol):
    """What each player loses, from the discriminator's logits for real and for drawn pictures."""

    compares: bool  # whether the generator's loss looks at the real pictures' logits too

    def discriminator(
        self, real: Float[Tensor, " b"], drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        """What the discriminator descends on."""

    def generator(
        self, real: Float[Tensor, " b"] | None, drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        """What the generator descends on."""


class Minimax:
    r"""The game as it stands in the paper: what one player wins, the other loses.

    $L_D = -\mathbb E[\log D(x)] - \mathbb E[\log(1 - D(G(z)))]$ and
    $L_G = \mathbb E[\log(1 - D(G(z)))]$. (The part of the value with $x$ does not depend on $G$.)
    While the drawings are poor, $D$ is near 0 there and $L_G$ is flat: it *saturates*.
    """

    compares: ClassVar[bool] = False

    def discriminator(
        self, real: Float[Tensor, " b"], drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return F.softplus(-real).mean() + F.softplus(drawn).mean()

    def generator(
        self, real: Float[Tensor, " b"] | None, drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return -F.softplus(drawn).mean()


class NonSaturating(Minimax):
    r"""The same discriminator; the generator descends on $L_G = -\mathbb E[\log D(G(z))]$.

    It pulls the same way, and hardest where the drawings are poorest. Goodfellow et al. 2014,
    section 3.
    """

    def generator(
        self, real: Float[Tensor, " b"] | None, drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return F.softplus(-drawn).mean()


class Hinge:
    r"""$L_D = \mathbb E[\max(0, 1 - s(x))] + \mathbb E[\max(0, 1 + s(G(z)))]$, $L_G = -E[s(G(z))]$.

    A picture that is told apart by more than 1 counts no longer. Lim and Ye 2017, arXiv:1705.02894.
    """

    compares: ClassVar[bool] = False

    def discriminator(
        self, real: Float[Tensor, " b"], drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return F.relu(1 - real).mean() + F.relu(1 + drawn).mean()

    def generator(
        self, real: Float[Tensor, " b"] | None, drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return -drawn.mean()


class Relativistic:
    r"""$L_D = -\mathbb E[\log\sigma(s(x) - s(G(z)))]$, and for the generator the reverse.

    Not "is it real?" but "which of these two is more real?". The drawings are judged against real
    pictures one by one, so that leaving some kinds out costs something. Jolicoeur-Martineau 2018,
    arXiv:1807.00734, the paired form.
    """

    compares: ClassVar[bool] = True

    def discriminator(
        self, real: Float[Tensor, " b"], drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        return F.softplus(drawn - real).mean()

    def generator(
        self, real: Float[Tensor, " b"] | None, drawn: Float[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        if real is None:
            raise ValueError("found no logits of real pictures; this game compares with them")
        return F.softplus(real - drawn).mean()


def r1(
    score: Callable[[Float[Tensor, " b *x"]], Float[Tensor, " b"]], x: Float[Tensor, " b *x"]
) -> Float[Tensor, ""]:
    r"""$\tfrac12\,\mathbb E_{x \sim p}\,\lVert\nabla_x s(x)\rVert^2$, to be added with a weight.

    It asks the discriminator to be flat around real pictures, which is where the game should come
    to rest. Mescheder et al. 2018, arXiv:1801.04406. Each score must depend on its own picture
    alone.
    """
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(dim=1).mean()


def optimal_discriminator(p: Float[Tensor, " n"], q: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    r"""$D^*(x) = p(x) / (p(x) + q(x))$ for densities of real and of drawn data on a grid.

    Goodfellow et al. 2014, proposition 1. Where neither puts anything, any answer is as good: 1/2.
    """
    _expect_densities(p, q)
    both = p + q
    return torch.where(both > 0, p / both.clamp_min(torch.finfo(p.dtype).tiny), 0.5)


def game_value(
    d: Float[Tensor, " n"], p: Float[Tensor, " n"], q: Float[Tensor, " n"], *, cell: float
) -> Float[Tensor, ""]:
    r"""$V = \int p \log D + q \log(1 - D)$ on a grid whose points are `cell` apart, in nats.

    A $D$ that was rounded to 0 or 1 counts as the nearest number that is neither.
    """
    _expect_densities(p, q)
    d = d.clamp(torch.finfo(d.dtype).tiny, 1 - torch.finfo(d.dtype).eps)
    return (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum() * cell


def jensen_shannon(
    p: Float[Tensor, " n"], q: Float[Tensor, " n"], *, cell: float
) -> Float[Tensor, ""]:
    r"""$\mathrm{JSD}(p, q) = \tfrac12\mathrm{KL}(p\,\|\,m) + \tfrac12\mathrm{KL}(q\,\|\,m)$.

    In nats, with $m = (p + q)/2$: 0 when the two are equal, $\log 2$ when they nowhere overlap. The
    value of the game under the optimal discriminator is $2\,\mathrm{JSD} - \log 4$ (theorem 1).
    """
    _expect_densities(p, q)
    middle = (p + q) / 2
    parts = [torch.xlogy(f, f) - torch.xlogy(f, middle) for f in (p, q)]
    return 0.5 * cell * sum(part.sum() for part in parts)


def _expect_densities(p: Tensor, q: Tensor) -> None:
    if min(p.min(), q.min()) < 0:
        raise ValueError(f"found a density of {min(p.min(), q.min()):.3g}; expected at least 0")
