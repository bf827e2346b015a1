"""Right answers to the questions of flow matching."""

import torch

from llmvis_course.models.flow import linear_guess


def path_and_target(x0, noise, t):
    t = t.view(-1, *[1] * (x0.dim() - 1))
    return (1 - t) * x0 + t * noise, noise - x0


def path_and_target__from_the_noise(data, eps, time):
    v = eps - data
    rows = [e - (1 - s) * u for e, s, u in zip(eps, time, v, strict=True)]
    return torch.stack(rows), v


def path_and_target__lerp(x0, noise, t):
    while t.dim() < x0.dim():
        t = t[..., None]
    return torch.lerp(x0, noise, t), noise - x0


def guide(v_told, v_free, w):
    return v_free + w * (v_told - v_free)


def guide__shares(told, free, w):
    return w * told + (1 - w) * free


def guide__lerp(told, free, w):
    return torch.lerp(free, told, w)


def gaussian_velocity(x, t, mean, std):
    variance = t**2 + (1 - t) ** 2 * std**2
    slope = (t - (1 - t) * std**2) / variance
    return slope * (x - (1 - t) * mean) - mean


def gaussian_velocity__two_means(x, t, mean, std):
    away = x - (1 - t) * mean
    variance = t * t + ((1 - t) * std) ** 2
    x0 = mean + (1 - t) * std**2 / variance * away
    noise = t / variance * away
    return noise - x0


def gaussian_velocity__from_the_data_alone(x, t, mean, std):
    variance = t * t + ((1 - t) * std) ** 2
    x0 = mean + (1 - t) * std**2 / variance * (x - (1 - t) * mean)
    return (x - x0) / t


def walk(noise, mean, std, steps):
    x = noise
    for k in range(steps):
        t = 1 - k / steps
        v, *_ = linear_guess(x, x.new_full((len(x),), t), mean, std)
        x = x - v / steps
    return x


def walk__linspace(noise, mean, std, steps):
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64).tolist()
    x = noise.clone()
    for t, after in zip(times[:-1], times[1:], strict=True):
        x += (after - t) * gaussian_velocity(x, t, mean, std)
    return x


def walk__countdown(noise, mean, std, steps):
    def go(x, left):
        if left == 0:
            return x
        return go(x - gaussian_velocity(x, left / steps, mean, std) / steps, left - 1)

    return go(noise, steps)


def noise_share(t, std):
    return t**2 / (t**2 + (1 - t) ** 2 * std**2)


def noise_share__ratio(t, std):
    return 1 / (1 + ((1 - t) * std / t) ** 2)


def spread_after(std, steps):
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, generator=rng, dtype=torch.float64)
    return walk(noise, 0.0, std, steps).std().item()


def spread_after__one_step_tells_all(std, steps):
    return walk(torch.ones(1, dtype=torch.float64), 0.0, std, steps).abs().item()
