"""The exact velocity: by hand for one Gaussian, by chance for a mixture, and where it leads."""

import pytest
import torch
from torch.testing import assert_close

from llmvis_course.models.flow import euler, heun, interpolate, linear_guess
from llmvis_course.models.known_flow import Mixture

TWO = torch.float64


def gaussian() -> Mixture:
    """In two dimensions, leaning, away from the middle."""
    covariance = torch.tensor([[[0.5, 0.3], [0.3, 0.4]]], dtype=TWO)
    return Mixture(torch.ones(1, dtype=TWO), torch.tensor([[1.0, -2.0]], dtype=TWO), covariance)


def mixture() -> Mixture:
    covariance = torch.tensor([[[0.1, 0.05], [0.05, 0.05]], [[0.05, 0.0], [0.0, 1.0]]], dtype=TWO)
    mean = torch.tensor([[-1.0, 0.5], [1.0, 0.0]], dtype=TWO)
    return Mixture(torch.tensor([0.3, 0.7], dtype=TWO), mean, covariance)


def test_the_velocity_of_a_gaussian_at_both_ends(rng) -> None:
    """At noise the data are unknown: x less their mean. At data the noise is: minus x."""
    x = torch.randn(5, 2, generator=rng, dtype=TWO)
    data = gaussian()
    assert_close(data.velocity(x, torch.ones(5, dtype=TWO)), x - data.mean)
    assert_close(data.velocity(x, torch.zeros(5, dtype=TWO)), -x)


def test_the_velocity_of_a_round_gaussian_by_hand(rng) -> None:
    """mean (1, 0), variance 3, t = 1/2: C = 1, so v = (1/2 - 3/2) (x - (1/2, 0)) - (1, 0)."""
    mean, covariance = torch.tensor([[1.0, 0.0]], dtype=TWO), 3 * torch.eye(2, dtype=TWO)[None]
    data = Mixture(torch.ones(1, dtype=TWO), mean, covariance)
    x, t = torch.tensor([[2.0, 1.0]], dtype=TWO), torch.tensor([0.5], dtype=TWO)
    assert_close(data.velocity(x, t), torch.tensor([[-2.5, -1.0]], dtype=TWO))
    x, t = torch.randn(7, 1, generator=rng, dtype=TWO), torch.rand(7, generator=rng, dtype=TWO)
    line = Mixture(torch.ones(1, dtype=TWO), mean[:, :1], covariance[:, :1, :1])
    assert_close(line.velocity(x, t), linear_guess(x, t, 1.0, 3**0.5)[0])


@pytest.mark.parametrize("time", [0.3, 0.6, 0.9])
def test_the_velocity_of_a_mixture_is_the_mean_over_pairs(rng, time) -> None:
    """Each data point could have led to x, by one noise; weigh it by how likely that noise is."""
    data = mixture()
    x0 = data.sample(50_000, rng=rng)
    x = torch.tensor([[0.3, 0.4], [-0.5, 0.2], [0.0, -0.3]], dtype=TWO)
    for point in x:
        noise = (point - (1 - time) * x0) / time
        weight = (-0.5 * noise.square().sum(dim=1)).softmax(dim=0)
        mean = (weight[:, None] * (noise - x0)).sum(dim=0)
        exact = data.velocity(point[None], torch.full((1,), time, dtype=TWO))[0]
        assert_close(mean, exact, atol=0.08, rtol=0)


def test_no_other_velocity_has_a_smaller_loss(rng) -> None:
    """The gradient of the loss on pairs is zero there: pushing it any way does not help."""
    data, n = mixture(), 50_000
    x0, noise = data.sample(n, rng=rng), torch.randn(n, 2, generator=rng, dtype=TWO)
    t = torch.rand(n, generator=rng, dtype=TWO)
    x = interpolate(x0, noise, t)
    rest = data.velocity(x, t) - (noise - x0)
    for push in (torch.ones_like(x), x, x.sin(), x * t[:, None]):
        assert (rest * push).sum(dim=1).mean().abs() < 0.04
    spoiled = data.velocity(x, t) + 0.1 * x.sin()
    assert (spoiled - (noise - x0)).square().mean() > rest.square().mean()


def test_walking_from_noise_ends_at_the_data(rng) -> None:
    """One Gaussian's flow is linear: it ends at the mean and covariance. A mixture keeps shares."""
    noise = torch.randn(4000, 2, generator=rng, dtype=TWO)
    noise = (noise - noise.mean(dim=0)) @ torch.linalg.inv(torch.linalg.cholesky(noise.T.cov())).T
    *_, last = heun(gaussian().velocity, noise, steps=25)
    assert_close(last.x.mean(dim=0), gaussian().mean[0], atol=0.01, rtol=0)
    assert_close(last.x.T.cov(), gaussian().covariance[0], atol=0.01, rtol=0)
    *_, last = heun(mixture().velocity, noise, steps=25)
    assert_close((last.x[:, 0] > 0).double().mean(), torch.tensor(0.7).double(), atol=0.03, rtol=0)


def test_heun_beats_euler_at_equal_looks_on_a_mixture(rng) -> None:
    noise = torch.randn(100, 2, generator=rng, dtype=TWO)
    data = mixture()
    *_, exact = heun(data.velocity, noise, steps=300)
    *_, by_euler = euler(data.velocity, noise, steps=64)
    *_, by_heun = heun(data.velocity, noise, steps=32)
    assert (by_heun.x - exact.x).norm() < 0.5 * (by_euler.x - exact.x).norm()


def test_samples_have_the_promised_parts(rng) -> None:
    x0 = mixture().sample(20_000, rng=rng)
    assert_close((x0[:, 0] > 0).double().mean(), torch.tensor(0.7).double(), atol=0.02, rtol=0)
    assert_close(gaussian().sample(20_000, rng=rng).T.cov(), gaussian().covariance[0],
                 atol=0.03, rtol=0)  # fmt: skip


def test_a_mixture_that_cannot_be_is_refused(rng) -> None:
    with pytest.raises(ValueError, match="expected a sum of one"):
        mixture()._replace(weight=torch.tensor([0.5, 0.7], dtype=TWO)).sample(1, rng=rng)
    with pytest.raises(ValueError, match=r"found \(1,\) shares, means \(2, 2\)"):
        mixture()._replace(weight=torch.ones(1, dtype=TWO)).sample(1, rng=rng)
