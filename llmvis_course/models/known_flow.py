r"""Mixtures of Gaussians: data so simple that the velocity of flow matching is known exactly.

The velocity that Lipman et al. 2023, arXiv:2210.02747, call marginal: a mean over all pairs of
data and noise whose paths meet in a point. Time 0 is data, time 1 is noise, as in models/flow.py.
Left out on purpose: estimating a mixture from data.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Mixture(NamedTuple):
    r"""$p(x_0) = \sum_k w_k\,\mathcal N(x_0;\,\mu_k, \Sigma_k)$.

    One Gaussian is a mixture of one part.
    """

    weight: Float[Tensor, " k"]  # shares, which sum to one
    mean: Float[Tensor, "k d"]
    covariance: Float[Tensor, "k d d"]

    def check(self) -> None:
        """Raise ValueError unless the shares are positive and sum to one, and the shapes fit."""
        k, d = self.mean.shape
        if self.weight.shape != (k,) or self.covariance.shape != (k, d, d):
            raise ValueError(
                f"found {tuple(self.weight.shape)} shares, means {(k, d)} and covariances "
                f"{tuple(self.covariance.shape)}; expected (k), (k, d) and (k, d, d)"
            )
        if (self.weight <= 0).any() or abs(float(self.weight.sum()) - 1) > 1e-5:
            raise ValueError(f"found shares {self.weight.tolist()}; expected a sum of one")

    def sample(self, n: int, *, rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw `n` points of data."""
        self.check()
        which = torch.multinomial(self.weight, n, replacement=True, generator=rng)
        noise = torch.randn(n, self.mean.shape[1], generator=rng, dtype=self.mean.dtype)
        factor = torch.linalg.cholesky(self.covariance)[which]
        return self.mean[which] + (factor @ noise[..., None])[..., 0]

    def velocity(self, x: Float[Tensor, "b d"], t: Float[Tensor, " b"]) -> Float[Tensor, "b d"]:
        r"""$v(x, t) = \mathbb E[\epsilon - x_0 \mid x_t = x] = \sum_k r_k(x, t)\,v_k(x, t)$.

        Given the part $k$, $x_t$ is Gaussian with mean $m_k = (1 - t)\mu_k$ and covariance
        $C_k = (1 - t)^2\Sigma_k + t^2 I$. There the mean of $\epsilon - x_0$ is linear in $x$,
        $v_k = (tI - (1 - t)\Sigma_k)\,C_k^{-1}(x - m_k) - \mu_k$, and
        $r_k \propto w_k\,\mathcal N(x;\,m_k, C_k)$ is the chance that $x$ came from part $k$.
        """
        t = t[:, None, None, None]
        identity = torch.eye(x.shape[1]).to(x)
        spread = (1 - t) ** 2 * self.covariance + t**2 * identity  # (b, k, d, d)
        away = x[:, None] - (1 - t[..., 0]) * self.mean  # (b, k, d)
        pulled = torch.linalg.solve(spread, away[..., None])
        part = ((t * identity - (1 - t) * self.covariance) @ pulled)[..., 0] - self.mean
        fit = -0.5 * (away * pulled[..., 0]).sum(dim=-1) - 0.5 * torch.logdet(spread)
        share = (fit + self.weight.log()).softmax(dim=1)
        return (share[..., None] * part).sum(dim=1)
