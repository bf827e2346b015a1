r"""Questions on losses that are weighted by the uncertainty of their tasks.

Kendall et al. 2018, arXiv:1705.07115, with $s_i = \log\sigma_i^2$ as in training/weighting.py.
"""

import math

import torch

from .draws import normal, uniform
from .question import Misconception, Question


def uncertainty_sum(losses, log_vars):
    r"""$\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$, both (k)."""
    return 0.5 * ((-log_vars).exp() * losses + log_vars).sum()


def _draw_losses(rng, size):
    k = [1, 2, 3, 5][size]
    return uniform(rng, k, low=0.5, high=5.0), normal(rng, k) + 0.7


def _sum_with(weight=lambda s: (-s).exp(), hold=lambda s: s, half=0.5, total=torch.sum):
    return lambda losses, s: total(half * (weight(s) * losses + hold(s)))


UNCERTAINTY_SUM = Question(
    name="uncertainty_sum",
    notebook="ex10_adaptive_adjustment",
    place=2,
    kind="implement",
    function="uncertainty_sum",
    points=3,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=uncertainty_sum,
    draw=_draw_losses,
    gradient=("losses", "log_vars"),
    covers="the sum, and its gradients by the losses and by the learned numbers, for 1 to 5 tasks.",
    misconceptions=(
        Misconception(
            "nothing holds the uncertainty down",
            _sum_with(hold=lambda s: 0 * s),
            "With this sum it pays to be uncertain of everything. Which term stops that?",
        ),
        Misconception(
            "uncertain tasks count more",
            _sum_with(weight=torch.exp),
            "A task with much noise should count less: which sign has s in the exponent?",
        ),
        Misconception(
            "half forgotten at the second term",
            _sum_with(hold=lambda s: 2 * s),
            "log sigma is half of log sigma^2, and s is the latter.",
        ),
        Misconception(
            "half forgotten at the first term",
            _sum_with(weight=lambda s: 2 * (-s).exp()),
            "The loss is divided by 2 sigma^2, not by sigma^2.",
        ),
        Misconception(
            "halves forgotten",
            _sum_with(half=1.0),
            "Both terms have a half before them.",
        ),
        Misconception(
            "log of the deviation for log of the variance",
            _sum_with(weight=lambda s: (-2 * s).exp(), hold=lambda s: 2 * s),
            "s is the log of the variance already.",
        ),
        Misconception(
            "variance for its logarithm",
            _sum_with(weight=lambda s: 1 / s, hold=torch.log),
            "s may be negative: it is a logarithm. What is 1 / sigma^2 then?",
        ),
        Misconception(
            "mean for sum",
            _sum_with(total=torch.mean),
            "The tasks are added up.",
        ),
        Misconception(
            "weights not learned",
            _sum_with(weight=lambda s: (-s).exp().detach()),
            "The numbers are right, but s no longer feels how large its loss is.",
        ),
        Misconception(
            "sign of the second term",
            _sum_with(hold=lambda s: -s),
            "The second term should make it cost something to be uncertain.",
        ),
    ),
)


def best_deviation(loss):
    r"""The $\sigma$ at which $\frac{L}{2\sigma^2} + \log\sigma$ is least: $\sqrt L$."""
    return loss**0.5


BEST_DEVIATION = Question(
    name="best_deviation",
    notebook="ex10_adaptive_adjustment",
    place=1,
    kind="predict",
    function="best_deviation",
    points=1,
    difficulty=2,
    importance=2,
    minutes=6,
    reference=best_deviation,
    draw=lambda rng, size: (4.0 if size == 0 else uniform(rng, low=0.1, high=9.0).item(),),
    covers="where the sum is least, for losses of 0.1 to 9.",
    misconceptions=(
        Misconception(
            "the variance",
            lambda loss: loss,
            "That is the variance at the best place. The deviation is asked for.",
        ),
        Misconception(
            "the logarithm of the variance",
            math.log,
            "That is what the network learns, log sigma^2. Sigma itself is asked for.",
        ),
        Misconception(
            "the weight's root",
            lambda loss: loss**-0.5,
            "A large loss means much noise, and a large sigma.",
        ),
        Misconception(
            "one half too many",
            lambda loss: (loss / 2) ** 0.5,
            "Set the derivative to zero: the 2 of the square and the 2 below cancel.",
        ),
        Misconception(
            "the least value itself",
            lambda loss: 0.5 + 0.5 * math.log(loss),
            "That is how low the sum gets. Where does it?",
        ),
    ),
)


def learned_weight(loss):
    r"""What $\tfrac12 e^{-s}$ becomes while $s$ descends on the sum: $\tfrac{1}{2L}$."""
    return 1 / (2 * loss)


LEARNED_WEIGHT = Question(
    name="learned_weight",
    notebook="ex10_adaptive_adjustment",
    place=5,
    kind="experiment",
    function="learned_weight",
    points=2,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=learned_weight,
    draw=lambda rng, size: ([4.0, 0.25, 2.0, 10.0][size],),
    repeats=1,
    tolerance=0.01,
    uses=("uncertainty_sum",),
    covers="where your descent ends, within 1 %, for losses of 0.25 to 10 that stay as they are.",
    misconceptions=(
        Misconception(
            "one half for every loss",
            lambda loss: 0.5,
            "Either s has not moved, and that is the weight at s = 0, or it is the weight times "
            "the loss. The weight alone is asked for, where s stands still.",
        ),
        Misconception(
            "half forgotten",
            lambda loss: 1 / loss,
            "The loss is multiplied by exp(-s) / 2.",
        ),
        Misconception(
            "the learned number for the weight",
            math.log,
            "That is s. What is the loss multiplied by?",
        ),
        Misconception(
            "the variance for the weight",
            lambda loss: loss,
            "exp(s) is the variance; the weight has exp(-s).",
        ),
        Misconception(
            "one step only",
            lambda loss: 0.5 * math.exp(0.05 * (1 - loss)),
            "One step is not enough: descend until s stands still.",
        ),
    ),
)

QUESTIONS = (UNCERTAINTY_SUM, BEST_DEVIATION, LEARNED_WEIGHT)
