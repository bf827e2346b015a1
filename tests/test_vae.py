import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from llmvis_course.data.digits import load_handwriting
from llmvis_course.models.vae import (
    VAE,
    Bernoulli,
    Gaussian,
    Posterior,
    conv_decoder,
    conv_encoder,
    kl_to_standard_normal,
    reparameterize,
    warm_up,
)
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng

STD = 0.5


class Known(nn.Module):
    """An encoder that says what it was told, whatever it sees."""

    def __init__(self, linear: nn.Linear, log_var: torch.Tensor) -> None:
        super().__init__()
        self.linear, self.log_var = linear, log_var

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.linear(x), self.log_var.expand(len(x), -1)], dim=1)


@pytest.fixture
def linear_gaussian() -> tuple[VAE, MultivariateNormal]:
    """x = W z + c + noise, W's columns orthogonal: posterior and evidence are known exactly.

    The posterior's covariance is (I + W'W / s^2)^-1, its mean that times W'(x - c) / s^2.
    """
    torch.manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(5, 2, dtype=torch.float64))
    w = q * torch.tensor([1.5, 0.7], dtype=torch.float64)
    decoder, encoder = nn.Linear(2, 5).double(), nn.Linear(5, 2).double()
    decoder.weight.data = w
    variance = 1 / (1 + (w**2).sum(dim=0) / STD**2)
    encoder.weight.data = variance[:, None] * w.T / STD**2
    encoder.bias.data = -encoder.weight @ decoder.bias
    model = VAE(Known(encoder, variance.log()), decoder, Gaussian(STD), code=2)
    evidence = MultivariateNormal(
        decoder.bias.detach(), w @ w.T + STD**2 * torch.eye(5, dtype=torch.float64)
    )
    return model, evidence


def test_kl_is_torchs_and_monte_carlos(rng) -> None:
    mu, log_var = torch.randn(3, 4, generator=rng), torch.randn(3, 4, generator=rng)
    posterior = Independent(Normal(mu, (0.5 * log_var).exp()), 1)
    prior = Independent(Normal(torch.zeros(3, 4), torch.ones(3, 4)), 1)
    found = kl_to_standard_normal(mu, log_var)
    torch.testing.assert_close(found, kl_divergence(posterior, prior))
    many = Posterior(mu.repeat(20_000, 1), log_var.repeat(20_000, 1))
    z = reparameterize(many, rng=rng).view(20_000, 3, 4)
    estimate = (posterior.log_prob(z) - prior.log_prob(z)).mean(dim=0)
    torch.testing.assert_close(found, estimate, rtol=0.03, atol=0.03)


def test_kl_by_hand() -> None:
    """Of N(2, 1) from N(0, 1): half of two squared."""
    assert kl_to_standard_normal(torch.tensor([[2.0]]), torch.zeros(1, 1)).item() == 2.0
    assert kl_to_standard_normal(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0.0


def test_gradients_pass_through_the_chance(rng) -> None:
    mu = torch.zeros(1, 2, requires_grad=True)
    log_var = torch.zeros(1, 2, requires_grad=True)
    z = reparameterize(Posterior(mu, log_var), rng=rng)
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(1, 2))
    torch.testing.assert_close(log_var.grad, 0.5 * z.detach())  # d sigma / d log var = sigma / 2


def test_the_bound_meets_the_evidence_at_the_exact_posterior(linear_gaussian, rng) -> None:
    model, evidence = linear_gaussian
    x = evidence.sample((3,))
    log_likelihood, kl = model.elbo(x.repeat(40_000, 1), rng=rng)
    bound = (log_likelihood - kl).view(-1, 3).mean(dim=0)
    torch.testing.assert_close(bound, evidence.log_prob(x), rtol=0, atol=0.03)
    for samples in (1, 7):  # with the exact posterior every single ratio is the evidence
        found = model.log_evidence(x, samples=samples, rng=rng)
        torch.testing.assert_close(found, evidence.log_prob(x))


def test_with_another_posterior_it_stays_below_and_samples_tighten_it(linear_gaussian, rng) -> None:
    model, evidence = linear_gaussian
    model.encoder.linear.bias.data += 0.4
    model.encoder.log_var = model.encoder.log_var + 0.7
    x = evidence.sample((4,)).repeat(2_000, 1)
    exact = evidence.log_prob(x).mean()
    log_likelihood, kl = model.elbo(x, rng=rng)
    bounds = [(log_likelihood - kl).mean()]
    bounds += [model.log_evidence(x, samples=k, rng=rng).mean() for k in (1, 4, 30)]
    torch.testing.assert_close(bounds[0], bounds[1], rtol=0, atol=0.1)
    assert bounds[1] < bounds[2] - 0.05 < bounds[3] - 0.05 < exact


def test_likelihoods_by_hand() -> None:
    white, black = torch.ones(1, 1, 2, 2), -torch.ones(1, 1, 2, 2)
    unsure = torch.zeros(1, 1, 2, 2)
    for picture in (white, black):
        assert Bernoulli().log_p(unsure, picture).item() == pytest.approx(-4 * math.log(2))
    torch.testing.assert_close(Bernoulli().mean(torch.tensor([[100.0, -100.0]])).flatten().abs(),
                               torch.ones(2))  # fmt: skip
    expected = Normal(0.0, STD).log_prob(torch.tensor(1.0)).item() * 4
    assert Gaussian(STD).log_p(unsure, white).item() == pytest.approx(expected)


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3)])
def test_shapes_and_beta(size, channels, rng) -> None:
    torch.manual_seed(0)
    options = {"size": size, "channels": channels, "width": 8}
    model = VAE(conv_encoder(5, **options), conv_decoder(5, **options), Bernoulli(), code=5)
    x = 2 * torch.rand(3, channels, size, size, generator=rng) - 1
    log_likelihood, kl = model.elbo(x, rng=make_rng(3))
    for beta in (0.0, 1.0, 4.0):
        expected = (beta * kl - log_likelihood).mean()
        torch.testing.assert_close(model.loss(x, rng=make_rng(3), beta=beta), expected)
    drawn = model.sample(4, rng=make_rng(1))
    assert drawn.shape == (4, channels, size, size) and drawn.abs().max() <= 1
    torch.testing.assert_close(drawn, model.sample(4, rng=make_rng(1)))
    assert not torch.equal(drawn, model.sample(4, rng=make_rng(2)))


def test_it_learns_and_uses_its_code() -> None:
    torch.manual_seed(0)
    ink = load_handwriting().ink[:256, None]
    x = 2 * nn.functional.interpolate(ink, size=28, mode="bilinear").clamp(0, 1) - 1
    options = {"width": 8}
    model = VAE(conv_encoder(4, **options), conv_decoder(4, **options), Bernoulli(), code=4)
    optimizer, rng = torch.optim.Adam(model.parameters(), lr=3e-3), make_rng(0)
    batches = (x[torch.randint(len(x), (32,), generator=rng)] for _ in range(150))
    losses = [
        at.loss for at in fit(lambda b: model.loss(b, rng=rng), batches, optimizer, steps=150)
    ]
    assert losses[-1] < 0.75 * losses[0]
    _, kl = model.elbo(x, rng=rng)
    assert kl.mean() > 1  # nats: the code says something


def test_warm_up_by_hand() -> None:
    found = [warm_up(step, over=4) for step in (0, 1, 4, 9)]
    assert found == [0, 0.25, 1, 1]
    assert warm_up(2, over=4, low=0.5) == 0.75


def test_it_refuses(rng) -> None:
    with pytest.raises(ValueError, match="std is 0.0; expected a positive"):
        Gaussian(0.0)
    with pytest.raises(ValueError, match="code of 0 numbers"):
        VAE(nn.Identity(), nn.Identity(), Bernoulli(), code=0)
    with pytest.raises(ValueError, match=r"gave \(2, 5\); expected \(2, 4\)"):
        VAE(nn.Linear(6, 5), nn.Linear(2, 6), Bernoulli(), code=2).encode(torch.zeros(2, 6))
    with pytest.raises(ValueError, match="30 pixels; expected a multiple of 4"):
        conv_encoder(2, size=30)
    with pytest.raises(ValueError, match="over is 0"):
        warm_up(1, over=0)
    model = VAE(nn.Linear(6, 4), nn.Linear(2, 6), Bernoulli(), code=2)
    with pytest.raises(ValueError, match="samples is 0"):
        model.log_evidence(torch.zeros(2, 6), samples=0, rng=rng)
