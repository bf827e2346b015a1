r"""Questions on scores of systems: intervals, fair comparisons, and what several tries are worth.

Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Agresti and Min
2005, "Simple improved confidence intervals for comparing matched proportions".
"""

import math

import torch

from ..evaluate.scores import paired_difference, wilson_interval
from .draws import uniform, whole
from .question import Misconception, Question

Z = 1.96


def wilson(right, n):
    r"""$\frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}$ for 95 %."""
    return wilson_interval(right, n)


def _around(middle, spread, scale=lambda n: 1 + Z**2 / n):
    """An interval of the form (middle plus and minus spread) / scale."""

    def found(right, n):
        p = right / n
        m, s = middle(p, n), spread(p, n)
        return (m - s) / scale(n), (m + s) / scale(n)

    return found


def _middle(p, n):
    return p + Z**2 / (2 * n)


def _spread(p, n, z=Z):
    return z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))


def _draw_count(rng, size):
    n = [10, 20, 60, 400][size]
    return (n if size == 0 else whole(rng, 0, n)), n


WILSON = Question(
    name="wilson",
    notebook="ex14_the_whole_system",
    place=2,
    kind="implement",
    function="wilson",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=wilson,
    draw=_draw_count,
    repeats=3,
    covers="both ends for 10 to 400 captions, none and all of them right included.",
    misconceptions=(
        Misconception(
            "the plain interval",
            _around(lambda p, n: p, lambda p, n: Z * (p * (1 - p) / n) ** 0.5, lambda n: 1.0),
            "If 10 of 10 are right, your interval has no width. Is the system perfect?",
        ),
        Misconception(
            "not divided",
            _around(_middle, _spread, lambda n: 1.0),
            "Your interval may leave [0, 1]: what stands under the fraction bar?",
        ),
        Misconception(
            "multiplied by n",
            _around(
                lambda p, n: p + Z**2 / 2 * n,
                lambda p, n: Z * math.sqrt(p * (1 - p) / n + Z**2 / 4 * n**2),
            ),
            "In Python `z**2 / 2 * n` is half of z squared, *times* n. Set brackets.",
        ),
        Misconception(
            "middle not moved",
            _around(lambda p, n: p, _spread),
            "The middle moves towards one half, all the more if n is small.",
        ),
        Misconception(
            "one deviation",
            _around(_middle, lambda p, n: _spread(p, n) / Z),
            "A 95 % interval reaches 1.96 deviations to each side.",
        ),
        Misconception(
            "root forgotten",
            _around(_middle, lambda p, n: Z * (p * (1 - p) / n + Z**2 / (4 * n**2))),
            "Under the root is a variance. How wide is an interval in deviations?",
        ),
        Misconception(
            "only the first term under the root",
            _around(_middle, lambda p, n: Z * (p * (1 - p) / n) ** 0.5),
            "Two terms stand under the root.",
        ),
        Misconception(
            "ends exchanged",
            lambda right, n: wilson_interval(right, n)[::-1],
            "The lower end first.",
        ),
        Misconception(
            "middle and spread for the ends",
            lambda right, n: (
                _middle(right / n, n) / (1 + Z**2 / n),
                _spread(right / n, n) / (1 + Z**2 / n),
            ),
            "Middle minus spread, and middle plus spread.",
        ),
    ),
)


def paired(first, second):
    r"""$\hat d$, and the ends of its 95 % interval, for answers (n) of two systems, as truths.

    $\hat d = (g - l)/n$; the interval adds a half to $g$ and $l$ and 2 to $n$, and spreads by
    $z\sqrt{(g + l) - (g - l)^2/n}\,/\,n$.
    """
    return tuple(paired_difference(first.tolist(), second.tolist())[:3])


def _pair_with(add=0.5, more=2, sign=1, variance=None):
    """The comparison with one thing done in another way."""

    def found(first, second):
        g, lost = (second & ~first).sum().item(), (first & ~second).sum().item()
        difference, n = sign * (g - lost) / len(first), len(first) + more
        g, lost = g + add, lost + add
        within = variance(first, second) if variance else g + lost - (g - lost) ** 2 / n
        middle, spread = sign * (g - lost) / n, Z * within**0.5 / n
        return difference, middle - spread, middle + spread

    return found


def _apart(first, second):
    """The variance as if the two had answered different questions."""
    p, q = first.double().mean().item(), second.double().mean().item()
    return (p * (1 - p) + q * (1 - q)) * (len(first) + 2) ** 2 / len(first)


def _draw_pairs(rng, size):
    n = [6, 10, 30, 100][size]
    first = uniform(rng, n) < 0.5
    second = torch.where(uniform(rng, n) < 0.35, uniform(rng, n) < 0.7, first)
    first[:3] = torch.tensor([True, False, False])
    second[:3] = torch.tensor([False, True, True])
    return first, second


PAIRED = Question(
    name="paired",
    notebook="ex14_the_whole_system",
    place=3,
    kind="implement",
    function="paired",
    points=3,
    difficulty=3,
    importance=3,
    minutes=15,
    reference=paired,
    draw=_draw_pairs,
    repeats=3,
    covers="the difference and its interval for 6 to 100 captions that both systems drew.",
    misconceptions=(
        Misconception(
            "first minus second",
            _pair_with(sign=-1),
            "How much better is the *second*?",
        ),
        Misconception(
            "halves in the difference too",
            lambda a, b: (lambda d, low, high: ((low + high) / 2, low, high))(*paired(a, b)),
            "The difference is what was seen: the counts as they are.",
        ),
        Misconception(
            "one deviation",
            _pair_with(variance=lambda a, b: _changes(a, b) / Z**2),
            "A 95 % interval reaches 1.96 deviations to each side.",
        ),
        Misconception(
            "middle and spread for the ends",
            lambda a, b: (lambda d, low, high: (d, (low + high) / 2, (high - low) / 2))(
                *paired(a, b)
            ),
            "Middle minus spread, and middle plus spread.",
        ),
        Misconception(
            "no halves added",
            _pair_with(add=0.0, more=0),
            "If nothing was gained or lost, your interval has no width. A half is added to both.",
        ),
        Misconception(
            "n left as it is",
            _pair_with(more=0),
            "A half is added to each of the four cells of the table: what becomes of n?",
        ),
        Misconception(
            "as if the captions were others",
            _pair_with(variance=_apart),
            "Captions that both get right tell nothing of the difference: only changes count.",
        ),
        Misconception(
            "root forgotten",
            _pair_with(variance=lambda a, b: _changes(a, b) ** 2),
            "The interval is as wide as a deviation, not as a variance.",
        ),
        Misconception(
            "the difference not taken off the variance",
            _pair_with(variance=lambda a, b: (a ^ b).sum().item() + 1.0),
            "From g + l, (g - l)^2 / n is taken off.",
        ),
        Misconception(
            "gained only",
            lambda a, b: _pair_with()(a & b, b),
            "What the second system lost counts against it.",
        ),
    ),
)


def _changes(first, second):
    g, lost = (second & ~first).sum().item() + 0.5, (first & ~second).sum().item() + 0.5
    return g + lost - (g - lost) ** 2 / (len(first) + 2)


QUESTIONS = (WILSON, PAIRED)
