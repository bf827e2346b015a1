r"""Questions on flow matching: the straight path, its velocity, guidance, and walking back.

Lipman et al. 2023, arXiv:2210.02747; Ho and Salimans 2022, arXiv:2207.12598. Time 0 is data.
"""

import torch

from ..models.flow import interpolate
from .draws import normal, uniform
from .question import Misconception, Question


def path_and_target(x0, noise, t):
    r"""$x_t = (1 - t)\,x_0 + t\,\epsilon$ and its velocity $\epsilon - x_0$; `t` is (b)."""
    return interpolate(x0, noise, t), noise - x0


def _draw_path(rng, size):
    shape = [(1, 2), (2, 3), (2, 1, 2, 2), (3, 2, 3, 3)][size]
    return normal(rng, *shape), normal(rng, *shape), uniform(rng, shape[0], low=0.05, high=0.95)


def _path_with(mix=interpolate, target=lambda x0, noise, t: noise - x0):
    return lambda x0, noise, t: (mix(x0, noise, t), target(x0, noise, t))


def _bent(x0, noise, t):
    t = t.view(-1, *[1] * (x0.dim() - 1)) * torch.pi / 2
    return t.cos() * x0 + t.sin() * noise


PATH_AND_TARGET = Question(
    name="path_and_target",
    notebook="ex13_flow_matching",
    place=2,
    kind="implement",
    function="path_and_target",
    points=3,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=path_and_target,
    draw=_draw_path,
    gradient=("x0", "noise"),
    covers="both tensors and their gradients, for rows of numbers and for pictures, each at a time "
    "of its own.",
    misconceptions=(
        Misconception(
            "time the other way round",
            _path_with(lambda x0, noise, t: interpolate(noise, x0, t)),
            "Here time 0 is data. What do you get at t = 0?",
        ),
        Misconception(
            "velocity towards the data",
            _path_with(target=lambda x0, noise, t: x0 - noise),
            "Differentiate x_t by t: which of the two comes in as t grows?",
        ),
        Misconception(
            "everything the other way round",
            lambda x0, noise, t: path_and_target(noise, x0, t),
            "A path of its own, but this course (and its sampler) has data at time 0.",
        ),
        Misconception(
            "velocity from where the path is",
            _path_with(target=lambda x0, noise, t: noise - interpolate(x0, noise, t)),
            "The path is straight: its velocity is the same at all times.",
        ),
        Misconception(
            "the noise as the target",
            _path_with(target=lambda x0, noise, t: noise),
            "That is what a diffusion model is asked for. A velocity is a derivative by t.",
        ),
        Misconception(
            "a bent path",
            _path_with(_bent),
            "Cosine and sine make an arc. Flow matching here goes straight.",
        ),
        Misconception(
            "noise not scaled",
            _path_with(lambda x0, noise, t: interpolate(x0, 0 * noise, t) + noise),
            "At t = 0 no noise should be left.",
        ),
        Misconception(
            "times along the height of pictures",
            _path_with(lambda x0, noise, t: x0 + t[:, None] * (noise - x0)),
            "`t[:, None]` is right for rows of numbers. In a picture it lies along the height.",
        ),
        Misconception(
            "one time for all",
            _path_with(lambda x0, noise, t: interpolate(x0, noise, t[:1].expand(len(x0)))),
            "Every row has a time of its own.",
        ),
    ),
)


def guide(v_told, v_free, w):
    r"""$v_\varnothing + w\,(v_c - v_\varnothing)$: $w = 1$ is the plain model."""
    return v_free + w * (v_told - v_free)


def _draw_guide(rng, size):
    shape = [(1, 2), (2, 3), (1, 2, 2, 2), (2, 3, 2, 2)][size]
    w = 5.0 if size == 0 else uniform(rng, low=1.2, high=7.0).item()
    return normal(rng, *shape), normal(rng, *shape), w


GUIDE = Question(
    name="guide",
    notebook="ex13_flow_matching",
    place=3,
    kind="implement",
    function="guide",
    points=2,
    difficulty=1,
    importance=3,
    minutes=6,
    reference=guide,
    draw=_draw_guide,
    covers="the mixed velocity for weights of 1.2 to 7; not how the network gave the two.",
    misconceptions=(
        Misconception(
            "counted from the told one",
            lambda told, free, w: told + w * (told - free),
            "In this convention w = 1 is the plain model. What is yours at w = 1?",
        ),
        Misconception(
            "told and free exchanged",
            lambda told, free, w: told + w * (free - told),
            "A large w should heed the text more, not less.",
        ),
        Misconception(
            "difference alone",
            lambda told, free, w: w * (told - free),
            "At w = 0 the model without text should be left, not nothing.",
        ),
        Misconception(
            "told velocity scaled",
            lambda told, free, w: w * told,
            "That is only faster. What does the caption *add* to the empty one?",
        ),
        Misconception(
            "sum of the two",
            lambda told, free, w: free + w * told,
            "The weights of the two should add up to one.",
        ),
        Misconception(
            "led away from the caption",
            lambda told, free, w: free - w * (told - free),
            "Which way points told - free?",
        ),
        Misconception(
            "never beyond the caption",
            lambda told, free, w: free + min(w, 1.0) * (told - free),
            "w may exceed 1: that is what guidance is for.",
        ),
    ),
)


def gaussian_velocity(x, t, mean, std):
    r"""$\mathbb{E}[\epsilon - x_0 \mid x_t = x]$ for data $N(\mu, \sigma^2)$; see `linear_guess`.

    $\frac{t - (1 - t)\sigma^2}{t^2 + (1 - t)^2\sigma^2}\,(x - (1 - t)\mu) - \mu$.
    """
    away = x - (1 - t) * mean
    return (t - (1 - t) * std**2) / (t**2 + (1 - t) ** 2 * std**2) * away - mean


def _draw_velocity(rng, size):
    n = [1, 2, 3, 6][size]
    t = 0.5 if size == 0 else uniform(rng, low=0.1, high=0.9).item()
    std = [2.0, 0.5, 1.5, 0.3][size]
    return 2 * normal(rng, n), t, uniform(rng, low=1.0, high=3.0).item(), std


def _velocity_with(centre=lambda t, m: (1 - t) * m, slope=None, last=lambda t, m: -m):
    def usual(t, s):
        return (t - (1 - t) * s**2) / (t**2 + (1 - t) ** 2 * s**2)

    return lambda x, t, m, s: (slope or usual)(t, s) * (x - centre(t, m)) + last(t, m)


GAUSSIAN_VELOCITY = Question(
    name="gaussian_velocity",
    notebook="ex13_flow_matching",
    place=4,
    kind="implement",
    function="gaussian_velocity",
    points=3,
    difficulty=4,
    importance=2,
    minutes=18,
    reference=gaussian_velocity,
    draw=_draw_velocity,
    covers="the exact velocity for one Gaussian of one dimension, at times 0.1 to 0.9; mixtures "
    "are on the page.",
    misconceptions=(
        Misconception(
            "the mean not taken off at the end",
            _velocity_with(last=lambda t, m: 0.0),
            "The mean of noise minus data is -mu, even where x says nothing.",
        ),
        Misconception(
            "the mean added at the end",
            _velocity_with(last=lambda t, m: m),
            "What is the mean of noise minus data, if that of the noise is 0?",
        ),
        Misconception(
            "mean of the data for the mean at time t",
            _velocity_with(centre=lambda t, m: m),
            "At time t, what is left of the data's mean?",
        ),
        Misconception(
            "time the other way round",
            lambda x, t, m, s: gaussian_velocity(x, 1 - t, m, s),
            "Time 0 is data: the data's share of x is 1 - t.",
        ),
        Misconception(
            "deviation for variance",
            lambda x, t, m, s: gaussian_velocity(x, t, m, s**0.5),
            "Variances add up, deviations do not: where is a square missing?",
        ),
        Misconception(
            "sign",
            lambda x, t, m, s: -gaussian_velocity(x, t, m, s),
            "Noise minus data, not data minus noise.",
        ),
        Misconception(
            "shares not squared in the variance",
            _velocity_with(slope=lambda t, s: (t - (1 - t) * s**2) / (t + (1 - t) * s**2)),
            "The variance of a times a number is a squared times its variance.",
        ),
        Misconception(
            "covariances added",
            _velocity_with(slope=lambda t, s: (t + (1 - t) * s**2) / (t**2 + (1 - t) ** 2 * s**2)),
            "The data come into noise - x0 with a minus.",
        ),
        Misconception(
            "variances for covariances",
            _velocity_with(
                slope=lambda t, s: (t**2 - (1 - t) ** 2 * s**2) / (t**2 + (1 - t) ** 2 * s**2)
            ),
            "In cov(noise, x_t) noise is not scaled, and in x_t it is, by t. How often has it a t?",
        ),
        Misconception(
            "covariance not divided",
            _velocity_with(slope=lambda t, s: t - (1 - t) * s**2),
            "The slope of a regression is a covariance over a variance.",
        ),
    ),
)

QUESTIONS = (PATH_AND_TARGET, GUIDE, GAUSSIAN_VELOCITY)
