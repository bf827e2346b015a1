r"""Questions on the contrastive loss: pairs, and the scale of their cosines.

Radford et al. 2021, arXiv:2103.00020 (CLIP).
"""

import math

import torch
import torch.nn.functional as F

from ..models.clip import contrastive_loss as loss_of
from .draws import normal, uniform
from .question import Misconception, Question


def contrastive_loss(u, w, scale):
    r"""Cross-entropy of pictures among texts and texts among pictures, halved; (n, d) each.

    Scores are cosines times `scale`, which is $1/\tau$; row i belongs to row i.
    """
    return loss_of(F.normalize(u, dim=1), F.normalize(w, dim=1), scale)


def _own(scores):
    """For each row, minus the log of the share that its own, the diagonal, has."""
    return -scores.log_softmax(dim=1).diagonal()


def _both(scores):
    return (_own(scores).mean() + _own(scores.T).mean()) / 2


def _paired(unit=lambda t: F.normalize(t, dim=1), scaled=torch.mul, total=_both):
    """The loss, with one thing done in another way."""
    return lambda u, w, scale: total(scaled(unit(u) @ unit(w).T, scale))


def _others_only(scores):
    others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)
    one, two = (others.logsumexp(dim=axis) - scores.diagonal() for axis in (0, 1))
    return (one.mean() + two.mean()) / 2


def _draw_pairs(rng, size):
    n, d = [(2, 2), (3, 2), (4, 3), (6, 5)][size]
    scale = 2.0 if size == 0 else uniform(rng, low=1.5, high=8.0).item()
    return 2 * normal(rng, n, d), normal(rng, n, d) + 0.3, scale


CONTRASTIVE_LOSS = Question(
    name="contrastive_loss",
    notebook="ex09_text_image_fusion",
    place=4,
    kind="debug",
    function="contrastive_loss",
    points=3,
    difficulty=3,
    importance=3,
    minutes=16,
    reference=contrastive_loss,
    draw=_draw_pairs,
    gradient=("u", "w"),
    covers="the loss and its gradients for 2 to 6 pairs of vectors of any length, several scales.",
    misconceptions=(
        Misconception(
            "normalised down the columns",
            _paired(unit=lambda t: F.normalize(t, dim=0)),
            "Each row is one picture or one caption. Which axis holds the numbers of one?",
        ),
        Misconception(
            "not normalised",
            _paired(unit=lambda t: t),
            "A cosine does not change if one of the two vectors becomes longer. Do your scores?",
        ),
        Misconception(
            "pictures only ask",
            _paired(total=lambda scores: _own(scores).mean()),
            "Each caption asks too: which of the pictures is mine?",
        ),
        Misconception(
            "captions only ask",
            _paired(total=lambda scores: _own(scores.T).mean()),
            "Each picture asks too: which of the captions is mine?",
        ),
        Misconception(
            "half forgotten",
            _paired(total=lambda scores: 2 * _both(scores)),
            "The mean of two classifications, so that guessing costs log n.",
        ),
        Misconception(
            "scale for temperature",
            _paired(scaled=torch.div),
            "The scale is 1 over the temperature: are scores multiplied by it or divided?",
        ),
        Misconception(
            "scale ignored",
            _paired(scaled=lambda cosines, scale: cosines),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "its own left out below",
            _paired(total=_others_only),
            "In a softmax the right answer stands in the sum below, too.",
        ),
        Misconception(
            "sum over pairs",
            _paired(total=lambda scores: len(scores) * _both(scores)),
            "The mean over pairs, not their sum.",
        ),
        Misconception(
            "scores of the diagonal only",
            _paired(total=lambda scores: -scores.diagonal().mean()),
            "If all points are the same, this is at its best. What pushes wrong pairs apart?",
        ),
        Misconception(
            "one tower mended",
            lambda u, w, scale: _both(scale * F.normalize(u, dim=1) @ F.normalize(w, dim=0).T),
            "Pictures have the length 1 now. Captions?",
        ),
        Misconception(
            "lengths without an axis to keep them",
            lambda u, w, scale: _both(scale * (u / u.norm(dim=1)) @ (w / w.norm(dim=1)).T),
            "`norm(dim=1)` is (n): it divides column by column where n = d, and fails elsewhere. "
            "`keepdim=True` keeps it a column.",
        ),
    ),
)


def lowest_loss(n, scale):
    r"""The loss where own cosines are 1 and all others 0: $\log(1 + (n - 1)e^{-s})$."""
    return math.log(1 + (n - 1) * math.exp(-scale))


LOWEST_LOSS = Question(
    name="lowest_loss",
    notebook="ex09_text_image_fusion",
    place=3,
    kind="predict",
    function="lowest_loss",
    points=1,
    difficulty=2,
    importance=2,
    minutes=8,
    reference=lowest_loss,
    draw=lambda rng, size: (
        [2, 5, 16, 64][size],
        1.0 if size == 0 else uniform(rng, low=0.5, high=6.0).item(),
    ),
    covers="the loss in nats, for 2 to 64 pairs and scales of 0.5 to 6.",
    misconceptions=(
        Misconception(
            "guessing",
            lambda n, scale: math.log(n),
            "That is the loss of somebody who does not know. Here its own pair scores higher.",
        ),
        Misconception(
            "its own counted twice",
            lambda n, scale: math.log(1 + n * math.exp(-scale)),
            "Of n captions, one is its own. How many are others?",
        ),
        Misconception(
            "the wrong ones score higher",
            lambda n, scale: math.log(1 + (n - 1) * math.exp(scale)),
            "A loss falls as the scale grows, if all pairs are right. Does yours?",
        ),
        Misconception(
            "the share, not its logarithm",
            lambda n, scale: 1 / (1 + (n - 1) * math.exp(-scale)),
            "That is the probability of its own. The loss is minus its logarithm.",
        ),
        Misconception(
            "sign of the logarithm",
            lambda n, scale: -lowest_loss(n, scale),
            "A probability is at most 1, so minus its logarithm is never negative.",
        ),
        Misconception(
            "scale for temperature",
            lambda n, scale: lowest_loss(n, 1 / scale),
            "The scale is 1 over the temperature: the cosines are multiplied by it.",
        ),
        Misconception(
            "zero",
            lambda n, scale: 0.0,
            "A softmax never gives 1 to one and 0 to the others: what do scores of 0 leave them?",
        ),
        Misconception(
            "scale ignored",
            lambda n, scale: lowest_loss(n, 1.0),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "both directions added",
            lambda n, scale: 2 * lowest_loss(n, scale),
            "The loss is the mean of rows and columns, and they are alike.",
        ),
    ),
)


def learned_scale(gap, wrong):
    r"""Where $(1 - r)\log(1 + e^{-sg}) + r\log(1 + e^{sg})$ is least: $\log((1 - r)/r)/g$."""
    return math.log((1 - wrong) / wrong) / gap


LEARNED_SCALE = Question(
    name="learned_scale",
    notebook="ex09_text_image_fusion",
    place=5,
    kind="experiment",
    function="learned_scale",
    points=2,
    difficulty=3,
    importance=2,
    minutes=14,
    reference=learned_scale,
    draw=lambda rng, size: [(1.0, 0.1), (0.5, 0.25), (1.5, 0.02), (0.3, 0.4)][size],
    repeats=1,
    tolerance=0.01,
    covers="where your descent ends, within 1 %, for 2 to 40 % of wrong pairs.",
    misconceptions=(
        Misconception(
            "not trained",
            lambda gap, wrong: 1.0,
            "That is where s starts. Let it descend until it stands still.",
        ),
        Misconception(
            "temperature for scale",
            lambda gap, wrong: 1 / learned_scale(gap, wrong),
            "The scale is asked for, by which cosines are multiplied.",
        ),
        Misconception(
            "gap left out",
            lambda gap, wrong: learned_scale(1.0, wrong),
            "The score of a pair is the scale times the gap.",
        ),
        Misconception(
            "right and wrong exchanged",
            lambda gap, wrong: learned_scale(gap, 1 - wrong),
            "Most pairs are right, so that the gap should count for them. Is your scale negative?",
        ),
        Misconception(
            "the share of right pairs",
            lambda gap, wrong: 1 - wrong,
            "That is the probability which the scale brings about. Which scale is it?",
        ),
    ),
)

QUESTIONS = (CONTRASTIVE_LOSS, LOWEST_LOSS, LEARNED_SCALE)
