r"""Questions on walking from noise to data along a velocity, and what few steps cost.

Lipman et al. 2023, arXiv:2210.02747. Time 0 is data, time 1 is noise, so that a walk goes back.
"""

import torch

from .draws import normal, uniform
from .flow import gaussian_velocity
from .question import Misconception, Question


def walk(noise, mean, std, steps):
    r"""Euler's method from time 1 to time 0: $x \leftarrow x - h\,v(x, t)$ with $h = 1/n$."""
    x = noise
    for k in range(steps):
        t = 1 - k / steps
        x = x - gaussian_velocity(x, t, mean, std) / steps
    return x


def _walk_with(times=lambda k, n: 1 - k / n, stride=lambda n: -1 / n, count=lambda n: n):
    def wrong(x, mean, std, steps):
        for k in range(count(steps)):
            x = x + stride(steps) * gaussian_velocity(x, times(k, steps), mean, std)
        return x

    return wrong


def _draw_walk(rng, size):
    steps, n = [(2, 1), (3, 2), (5, 3), (9, 4)][size]
    return (
        normal(rng, n),
        uniform(rng, low=-2.0, high=2.0).item(),
        [0.5, 2.0, 0.3, 1.5][size],
        steps,
    )


def _straight(x, mean, std, steps):
    return x - gaussian_velocity(x, 1.0, mean, std)


def _heun(x, mean, std, steps):
    for k in range(steps):
        t, h = 1 - k / steps, 1 / steps
        v = gaussian_velocity(x, t, mean, std)
        x = x - h * (v + gaussian_velocity(x - h * v, t - h, mean, std)) / 2
    return x


WALK = Question(
    name="walk",
    notebook="ex13_flow_matching",
    place=5,
    kind="debug",
    function="walk",
    points=3,
    difficulty=3,
    importance=3,
    minutes=15,
    reference=walk,
    draw=_draw_walk,
    uses=("gaussian_velocity",),
    covers="where a walk of 2 to 9 Euler steps ends, for Gaussian data.",
    misconceptions=(
        Misconception(
            "step with the wrong sign",
            _walk_with(stride=lambda n: 1 / n),
            "The velocity points to where time grows: to noise. Which way do you walk?",
        ),
        Misconception(
            "time runs up",
            _walk_with(times=lambda k, n: k / n),
            "You start at noise: what time is it there?",
        ),
        Misconception(
            "time runs up, and the sign with it",
            _walk_with(times=lambda k, n: k / n, stride=lambda n: 1 / n),
            "That walks from data to noise. You were given noise.",
        ),
        Misconception(
            "velocity at the end of the step",
            _walk_with(times=lambda k, n: 1 - (k + 1) / n),
            "Euler looks at the velocity where the step begins.",
        ),
        Misconception(
            "time stands still",
            _walk_with(times=lambda k, n: 1.0),
            "After a step the clock has moved too.",
        ),
        Misconception(
            "one step short",
            _walk_with(count=lambda n: n - 1),
            "Do you arrive at time 0? Count fences and posts.",
        ),
        Misconception(
            "one step too many",
            _walk_with(count=lambda n: n + 1),
            "You walk beyond time 0. Count fences and posts.",
        ),
        Misconception(
            "all in one step",
            _straight,
            "You go straight on at once. Look again after each n-th part of the way.",
        ),
        Misconception(
            "Heun's method",
            _heun,
            "More exact than asked for: one look a step, please.",
        ),
    ),
)


def noise_share(t, std):
    r"""$\frac{t^2}{t^2 + (1 - t)^2\sigma^2}$: how much of the variance of $x_t$ is noise."""
    return t**2 / (t**2 + (1 - t) ** 2 * std**2)


NOISE_SHARE = Question(
    name="noise_share",
    notebook="ex13_flow_matching",
    place=1,
    kind="predict",
    function="noise_share",
    points=1,
    difficulty=2,
    importance=2,
    minutes=6,
    reference=noise_share,
    draw=lambda rng, size: (
        uniform(rng, low=0.1, high=0.9).item(),
        [2.0, 0.5, 0.2, 1.5][size],
    ),
    covers="the share for times from 0.1 to 0.9 and deviations from 0.2 to 2.",
    misconceptions=(
        Misconception(
            "the time itself",
            lambda t, std: t,
            "t is the noise's share of the *sum*. Which share has it of the variance?",
        ),
        Misconception(
            "the data's share",
            lambda t, std: 1 - noise_share(t, std),
            "The share of the noise, not that of the data.",
        ),
        Misconception(
            "the noise's variance",
            lambda t, std: t**2,
            "So large is the variance of the noise. Which share is that of the whole?",
        ),
        Misconception(
            "times not squared",
            lambda t, std: t / (t + (1 - t) * std**2),
            "A number is multiplied by t: by what is its variance multiplied?",
        ),
        Misconception(
            "deviations for variances",
            lambda t, std: t / (t + (1 - t) * std),
            "Variances of independent numbers add up; deviations do not.",
        ),
        Misconception(
            "as if the data had variance 1",
            lambda t, std: noise_share(t, 1.0),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "deviation not squared",
            lambda t, std: noise_share(t, std**0.5),
            "The variance of the data is the square of their deviation.",
        ),
        Misconception(
            "time the other way round",
            lambda t, std: noise_share(1 - t, std),
            "Time 1 is all noise. What do you get there?",
        ),
    ),
)


def spread_after(std, steps):
    r"""The deviation of what `walk` makes of standard normal noise, for data $N(0, \sigma^2)$.

    A walk is linear in its noise here, so that one step more than none tells all.
    """
    return walk(torch.ones(1, dtype=torch.float64), 0.0, std, steps).abs().item()


SPREAD_AFTER = Question(
    name="spread_after",
    notebook="ex13_flow_matching",
    place=6,
    kind="experiment",
    function="spread_after",
    points=2,
    difficulty=2,
    importance=2,
    minutes=15,
    reference=spread_after,
    draw=lambda rng, size: ([2.0, 0.5, 1.0, 3.0][size], [1, 2, 5, 12][size]),
    repeats=1,
    tolerance=0.02,
    uses=("gaussian_velocity", "walk"),
    covers="your measurement within 2 %, for 1 to 12 steps; 20,000 samples are enough.",
    misconceptions=(
        Misconception(
            "the data's deviation",
            lambda std, steps: std,
            "That is where infinitely many steps end. Measure where these few do.",
        ),
        Misconception(
            "the noise's deviation",
            lambda std, steps: 1.0,
            "That is the deviation before the walk.",
        ),
        Misconception(
            "noise as wide as the data",
            lambda std, steps: std * spread_after(std, steps),
            "Noise has the deviation 1, whatever the data's is.",
        ),
        Misconception(
            "variance for deviation",
            lambda std, steps: spread_after(std, steps) ** 2,
            "The deviation is the root of the variance.",
        ),
        Misconception(
            "the error for the spread",
            lambda std, steps: std - spread_after(std, steps),
            "The deviation itself, not how much of it is missing.",
        ),
        Misconception(
            "the share of the spread",
            lambda std, steps: spread_after(std, steps) / std,
            "The deviation itself, not its ratio to the data's.",
        ),
    ),
)

QUESTIONS = (WALK, NOISE_SHARE, SPREAD_AFTER)
