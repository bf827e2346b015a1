r"""A variational autoencoder: pictures to small codes and back, and a bound on their probability.

Kingma and Welling 2014, arXiv:1312.6114. More samples, a tighter bound: Burda et al. 2016,
arXiv:1509.00519. Weighting the KL term, and warming it up: Higgins et al. 2017, "beta-VAE";
Bowman et al. 2016, arXiv:1511.06349. Left out on purpose: discrete codes (see models/vqvae.py),
flows as posteriors, and labels.
"""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..layers.conv import quarter


class Posterior(NamedTuple):
    """What an encoder believes about the code of each picture: a Gaussian for each number."""

    mu: Float[Tensor, "b d"]
    log_var: Float[Tensor, "b d"]


class Elbo(NamedTuple):
    """The two parts of the bound, in nats per picture."""

    log_likelihood: Float[Tensor, " b"]  # of the picture, given one sampled code
    kl: Float[Tensor, " b"]  # of the posterior from the prior


def kl_to_standard_normal(
    mu: Float[Tensor, "b d"], log_var: Float[Tensor, "b d"]
) -> Float[Tensor, " b"]:
    r"""$\mathrm{KL}(q\,\|\,p) = -\tfrac12 \sum_j (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2)$.

    In nats per picture. Kingma and Welling 2014, Appendix B.
    """
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)


def reparameterize(posterior: Posterior, *, rng: torch.Generator) -> Float[Tensor, "b d"]:
    r"""$z = \mu + \sigma \odot \epsilon$: chance comes from outside, so that gradients pass."""
    mu, log_var = posterior
    noise = torch.randn(mu.shape, generator=rng, device=rng.device, dtype=mu.dtype)
    return mu + (0.5 * log_var).exp() * noise.to(mu.device)


@runtime_checkable
class Likelihood(Protocol):
    """How probable a picture is, given what a decoder says of it."""

    def log_p(self, said: Float[Tensor, " b *x"], x: Float[Tensor, " b *x"]) -> Float[Tensor, " b"]:
        """Nats per picture."""

    def mean(self, said: Float[Tensor, " b *x"]) -> Float[Tensor, " b *x"]:
        """The picture that is expected, in [-1, 1]."""


class Bernoulli:
    r"""$\log p(x) = \sum_i y_i \log p_i + (1 - y_i)\log(1 - p_i)$ with $y = (x + 1)/2$.

    The decoder says logits. For black and white it is a probability; for greys it is the usual
    measure (binary cross-entropy) and no density: it does not integrate to one.
    """

    def log_p(self, said: Float[Tensor, " b *x"], x: Float[Tensor, " b *x"]) -> Float[Tensor, " b"]:
        lost = F.binary_cross_entropy_with_logits(said, (x + 1) / 2, reduction="none")
        return -lost.flatten(1).sum(dim=1)

    def mean(self, said: Float[Tensor, " b *x"]) -> Float[Tensor, " b *x"]:
        return 2 * said.sigmoid() - 1


class Gaussian:
    r"""$\log p(x) = -\sum_i \frac{(x_i - m_i)^2}{2 s^2} + \log s\sqrt{2\pi}$; means are said."""

    def __init__(self, std: float) -> None:
        if std <= 0:
            raise ValueError(f"std is {std}; expected a positive number")
        self.std = std

    def log_p(self, said: Float[Tensor, " b *x"], x: Float[Tensor, " b *x"]) -> Float[Tensor, " b"]:
        distance = ((x - said) / self.std).square().flatten(1)
        constant = math.log(self.std) + 0.5 * math.log(2 * math.pi)
        return -0.5 * distance.sum(dim=1) - constant * distance.shape[1]

    def mean(self, said: Float[Tensor, " b *x"]) -> Float[Tensor, " b *x"]:
        return said


class VAE(nn.Module):
    """An encoder that gives (b, 2 * code) numbers, a decoder that takes (b, code), a likelihood."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, *, code: int
    ) -> None:
        super().__init__()
        if code < 1:
            raise ValueError(f"found a code of {code} numbers; expected at least 1")
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.code = likelihood, code

    def encode(self, x: Float[Tensor, " b *x"]) -> Posterior:
        found = self.encoder(x)
        if found.shape != (len(x), 2 * self.code):
            raise ValueError(
                f"the encoder gave {tuple(found.shape)}; expected ({len(x)}, {2 * self.code}), "
                "a mean and a log variance for each number of the code"
            )
        return Posterior(*found.chunk(2, dim=1))

    def decode(self, z: Float[Tensor, "b d"]) -> Float[Tensor, " b *x"]:
        """The picture expected for each code, in [-1, 1]."""
        return self.likelihood.mean(self.decoder(z))

    def elbo(self, x: Float[Tensor, " b *x"], *, rng: torch.Generator) -> Elbo:
        r"""$\mathbb{E}_{q(z|x)}[\log p(x|z)] - \mathrm{KL}(q(z|x)\,\|\,p(z)) \le \log p(x)$.

        The first part is estimated from one code, the second is exact.
        """
        posterior = self.encode(x)
        said = self.decoder(reparameterize(posterior, rng=rng))
        return Elbo(self.likelihood.log_p(said, x), kl_to_standard_normal(*posterior))

    def loss(
        self, x: Float[Tensor, " b *x"], *, rng: torch.Generator, beta: float = 1.0
    ) -> Float[Tensor, ""]:
        r"""$-\log p(x|z) + \beta\,\mathrm{KL}$, in nats per picture: at 1, minus the ELBO."""
        log_likelihood, kl = self.elbo(x, rng=rng)
        return (beta * kl - log_likelihood).mean()

    @torch.no_grad()
    def log_evidence(
        self, x: Float[Tensor, " b *x"], *, samples: int, rng: torch.Generator
    ) -> Float[Tensor, " b"]:
        r"""$\log \frac1K \sum_k \frac{p(x|z_k)\,p(z_k)}{q(z_k|x)} \le \log p(x)$ in the mean.

        The bound of Burda et al. 2016; it rises with `samples`, and with one it is the ELBO.
        """
        if samples < 1:
            raise ValueError(f"samples is {samples}; expected at least 1")
        posterior, log_ratios = self.encode(x), []
        for _ in range(samples):
            z = reparameterize(posterior, rng=rng)
            log_prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
            log_p = self.likelihood.log_p(self.decoder(z), x) + log_prior
            log_ratios.append(log_p - _log_normal(z, *posterior))
        return torch.stack(log_ratios).logsumexp(dim=0) - math.log(samples)

    @torch.no_grad()
    def sample(self, n: int, *, rng: torch.Generator) -> Float[Tensor, " b *x"]:
        """Draw codes from the prior, and the picture expected for each."""
        where = next(self.parameters())
        z = torch.randn(n, self.code, generator=rng, device=rng.device).to(where)
        return self.decode(z)


def _log_normal(
    z: Float[Tensor, "b d"], mu: Float[Tensor, "b d"], log_var: Float[Tensor, "b d"]
) -> Float[Tensor, " b"]:
    distance = (z - mu) ** 2 / log_var.exp()
    return -0.5 * (distance + log_var + math.log(2 * math.pi)).sum(dim=1)


def warm_up(step: int, *, over: int, low: float = 0.0) -> float:
    """A weight for the KL term that rises in a line from `low` to 1 over the first steps."""
    if over < 1:
        raise ValueError(f"over is {over}; expected at least 1 step")
    return min(1.0, low + (1 - low) * step / over)


def conv_encoder(code: int, *, channels: int = 1, size: int = 28, width: int = 32) -> nn.Module:
    """Two convolutions that halve a picture, and a linear map to `2 * code` numbers."""
    side = quarter(size)
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.GroupNorm(8, 2 * width),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * width * side * side, 8 * width),
        nn.SiLU(),
        nn.Linear(8 * width, 2 * code),
    )


def conv_decoder(code: int, *, channels: int = 1, size: int = 28, width: int = 32) -> nn.Module:
    """The same way back: a linear map to a small picture, which is doubled twice."""
    side = quarter(size)
    return nn.Sequential(
        nn.Linear(code, 8 * width),
        nn.SiLU(),
        nn.Linear(8 * width, 2 * width * side * side),
        nn.Unflatten(1, (2 * width, side, side)),
        nn.GroupNorm(8, 2 * width),
        nn.SiLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
    )
