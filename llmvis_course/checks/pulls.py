r"""Questions on weights that make losses pull equally hard, or learn equally fast.

Esser et al. 2021, arXiv:2012.09841, equation 7; Chen et al. 2018, arXiv:1711.02257 (GradNorm).
"""

import torch

from .draws import normal, uniform
from .question import Misconception, Question


def balanced_sum(weight, x, y, factor):
    r"""$L_1 + f \lambda L_2$ with $\lambda = \|\nabla_W L_1\| / \|\nabla_W L_2\|$, a number.

    $L_1$ is the mean of $x w$ squared and $L_2$ that of $y w$ minus one, squared.
    """
    return _balanced()(weight, x, y, factor)


def _losses(weight, x, y):
    return (x @ weight).square().mean(), (y @ weight - 1).square().mean()


def _balanced(length=torch.norm, cut=lambda ratio: ratio.detach(), join=None, swap=False, held=()):
    """The sum with one thing done in another way."""

    def found(weight, x, y, factor):
        one, two = _losses(weight, x, y)
        pulls = [
            length(torch.autograd.grad(loss, weight, create_graph=True)[0]) for loss in (one, two)
        ]
        pulls = [pull.detach() if k in held else pull for k, pull in enumerate(pulls)]
        ratio = cut(pulls[1] / pulls[0] if swap else pulls[0] / pulls[1])
        return join(one, two, ratio, factor) if join else one + factor * ratio * two

    return found


def _draw_balanced(rng, size):
    d, n, m = [(1, 1, 1), (2, 2, 1), (2, 3, 4), (4, 3, 5)][size]
    factor = 2.0 if size == 0 else uniform(rng, low=0.3, high=3.0).item()
    return normal(rng, d) + 1.5, normal(rng, n, d) + 1.0, normal(rng, m, d) - 1.0, factor


BALANCED_SUM = Question(
    name="balanced_sum",
    notebook="ex10_adaptive_adjustment",
    place=3,
    kind="debug",
    function="balanced_sum",
    points=3,
    difficulty=4,
    importance=3,
    minutes=18,
    reference=balanced_sum,
    draw=_draw_balanced,
    gradient=("weight",),
    covers="the sum, and that its gradient treats the ratio as a number; losses that both pull.",
    misconceptions=(
        Misconception(
            "no detach",
            _balanced(cut=lambda ratio: ratio),
            "The numbers are right. But the ratio is differentiated too, as if it were to be made "
            "small: which step cuts it off?",
        ),
        Misconception(
            "only the first pull cut off",
            _balanced(cut=lambda ratio: ratio, held=(0,)),
            "The second pull is in the ratio too, and still differentiated.",
        ),
        Misconception(
            "only the second pull cut off",
            _balanced(cut=lambda ratio: ratio, held=(1,)),
            "The first pull is in the ratio too, and still differentiated.",
        ),
        Misconception(
            "ratio the wrong way round",
            _balanced(swap=True),
            "If the second loss pulls ten times as hard, what should its weight be?",
        ),
        Misconception(
            "ratio of the losses",
            lambda w, x, y, f: (lambda one, two: one + f * (one / two).detach() * two)(
                *_losses(w, x, y)
            ),
            "How hard a loss pulls is the length of its gradient, not its height.",
        ),
        Misconception(
            "factor forgotten",
            _balanced(join=lambda one, two, ratio, f: one + ratio * two),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "ratio on the main loss",
            _balanced(join=lambda one, two, ratio, f: ratio * one + f * two),
            "The first loss keeps the weight 1; the second is adjusted to it.",
        ),
        Misconception(
            "squared lengths",
            _balanced(length=lambda g: g.square().sum()),
            "The length of a vector is the root of the sum of squares.",
        ),
        Misconception(
            "everything detached",
            _balanced(join=lambda one, two, ratio, f: (one + f * ratio * two).detach()),
            "Now nothing is learned. Only the ratio should be a plain number.",
        ),
        Misconception(
            "second loss detached",
            _balanced(join=lambda one, two, ratio, f: one + f * (ratio * two).detach()),
            "Now the second loss teaches nothing. Only the ratio should be a plain number.",
        ),
    ),
)


def pull_targets(pulls, losses, first, alpha):
    r"""$\bar G\,r_i^\alpha$, $r_i = \frac{L_i/L_i(0)}{\mathrm{mean}_j\,L_j/L_j(0)}$; all (k)."""
    left = losses / first
    return pulls.mean() * (left / left.mean()) ** alpha


def _draw_pulls(rng, size):
    k = [2, 2, 3, 5][size]
    first = uniform(rng, k, low=1.0, high=6.0)
    losses = first * uniform(rng, k, low=0.2, high=0.9)
    alpha = 2.0 if size == 0 else uniform(rng, low=0.5, high=2.0).item()
    return uniform(rng, k, low=0.5, high=4.0), losses, first, alpha


def _targets_with(level=torch.mean, left=lambda now, first: now / first, norm=torch.mean,
                  power=torch.pow):  # fmt: skip
    """The targets with one thing done in another way."""

    def wrong(pulls, losses, first, alpha):
        ratio = left(losses, first)
        return level(pulls) * power(ratio / norm(ratio), alpha)

    return wrong


PULL_TARGETS = Question(
    name="pull_targets",
    notebook="ex10_adaptive_adjustment",
    place=4,
    kind="implement",
    function="pull_targets",
    points=3,
    difficulty=3,
    importance=2,
    minutes=14,
    reference=pull_targets,
    draw=_draw_pulls,
    repeats=3,
    covers="the targets for 2 to 5 tasks; not the step that brings the weights towards them.",
    misconceptions=(
        Misconception(
            "ratios not divided by their mean",
            _targets_with(norm=lambda ratio: 1.0),
            "If all tasks learn equally fast, every target should be the mean pull.",
        ),
        Misconception(
            "divided by the sum of the ratios",
            _targets_with(norm=torch.sum),
            "If all tasks learn equally fast, every target should be the mean pull.",
        ),
        Misconception(
            "the fast are given more",
            _targets_with(left=lambda now, first: first / now),
            "Which task lags behind: one with much or with little of its first loss left?",
        ),
        Misconception(
            "losses themselves compared",
            _targets_with(left=lambda now, first: now),
            "Losses come in different units. What share of each is left?",
        ),
        Misconception(
            "differences for shares",
            _targets_with(left=lambda now, first: first - now),
            "Losses come in different units. What share of each is left?",
        ),
        Misconception(
            "each with its own pull",
            _targets_with(level=lambda pulls: pulls),
            "All targets start from the same number, the mean of the pulls.",
        ),
        Misconception(
            "sum for mean of the pulls",
            _targets_with(level=torch.sum),
            "The mean of the pulls, not their sum.",
        ),
        Misconception(
            "alpha as a factor",
            _targets_with(power=torch.mul),
            "alpha is an exponent: at 0 all targets are the same.",
        ),
        Misconception(
            "alpha ignored",
            _targets_with(power=lambda ratio, alpha: ratio),
            "Which of your arguments is not used?",
        ),
    ),
)

QUESTIONS = (BALANCED_SUM, PULL_TARGETS)
