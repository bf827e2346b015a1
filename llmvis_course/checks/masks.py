r"""Questions on who may look where, how much that costs, and how large scores get.

Vaswani et al. 2017, arXiv:1706.03762.
"""

import math

import torch

from ..layers import attention as layers
from .draws import normal, real_places, whole
from .question import Misconception, Question


def causal_mask(n, m):
    """True where each of the last `n` of `m` positions may look: at itself and before; (n, m)."""
    return layers.causal_mask(n, m)[0, 0]


def _draw_causal(rng, size):
    n = [1, 3, 3, 5][size]
    return n, n + (whole(rng, 1, 4) if size in (0, 2) else 0)


def _ones(n, m):
    return torch.ones(n, m, dtype=torch.bool)


CAUSAL_MASK = Question(
    name="causal_mask",
    notebook="ex03_attention",
    place=3,
    kind="implement",
    function="causal_mask",
    points=2,
    difficulty=2,
    importance=3,
    minutes=8,
    reference=causal_mask,
    draw=_draw_causal,
    covers="all entries, for up to 5 queries and up to 4 earlier positions.",
    misconceptions=(
        Misconception(
            "the first of the positions for the last",
            lambda n, m: _ones(n, m).tril(),
            "The queries are the last n of the m positions. Where does the first of them stand?",
        ),
        Misconception(
            "not even itself",
            lambda n, m: _ones(n, m).tril(m - n - 1),
            "May a position look at itself? The first one has nothing else.",
        ),
        Misconception(
            "the diagonal moved to the left",
            lambda n, m: _ones(n, m).tril(n - m),
            "A single query at the end (n = 1) may look everywhere. Which sign moves the diagonal "
            "to the right?",
        ),
        Misconception(
            "looks ahead",
            lambda n, m: _ones(n, m).triu(m - n),
            "You allow what comes later. The past is to the left of the diagonal.",
        ),
        Misconception(
            "the wrong way round",
            lambda n, m: ~_ones(n, m).tril(m - n),
            "True is where a query may look.",
        ),
        Misconception(
            "numbers for truths",
            lambda n, m: torch.ones(n, m).tril(m - n),
            "The mask should be of dtype torch.bool.",
        ),
        Misconception(
            "one place ahead",
            lambda n, m: _ones(n, m).tril(m - n + 1),
            "Each position sees the next one: a language model would copy the answer.",
        ),
        Misconception(
            "scores to add",
            lambda n, m: torch.zeros(n, m).masked_fill(~_ones(n, m).tril(m - n), float("-inf")),
            "That can be added to scores. Asked for are truths: True where a query may look.",
        ),
    ),
)


def padded_weights(scores, real):
    """Shares (b, n, m) of scores (b, n, m) among the keys that are real (b, m); padding gets 0."""
    return scores.masked_fill(~real[:, None, :], float("-inf")).softmax(dim=-1)


def _draw_padded(rng, size):
    b, n, m = [(1, 1, 2), (1, 2, 2), (2, 3, 3), (3, 2, 6)][size]
    return 3 * normal(rng, b, n, m), real_places(rng, b, m)


def _renormalised(scores, real, dim):
    weights = scores.softmax(-1) * real[:, None, :]
    return weights / weights.sum(dim, keepdim=True)


PADDED_WEIGHTS = Question(
    name="padded_weights",
    notebook="ex03_attention",
    place=4,
    kind="debug",
    function="padded_weights",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=padded_weights,
    draw=_draw_padded,
    repeats=4,
    gradient=("scores",),
    covers="weights and gradients by the scores, for captions of mixed lengths with at least one "
    "real word; not captions that are all padding.",
    misconceptions=(
        Misconception(
            "masked scores set to zero",
            lambda s, real: s.masked_fill(~real[:, None, :], 0.0).softmax(-1),
            "The softmax of a score of 0 is not 0. Which score has a softmax of 0?",
        ),
        Misconception(
            "mask after the softmax",
            lambda s, real: s.softmax(-1) * real[:, None, :],
            "Add up a row. What went to padding is lost, not shared out.",
        ),
        Misconception(
            "softmax over the wrong axis",
            lambda s, real: s.masked_fill(~real[:, None, :], float("-inf")).softmax(1),
            "Each query shares out one whole among the keys: which axis is that?",
        ),
        Misconception(
            "mask the wrong way round",
            lambda s, real: s.masked_fill(real[:, None, :], float("-inf")).softmax(-1),
            "`real` is True at words, False at padding. Which do you hide?",
        ),
        Misconception(
            "padding ignored",
            lambda s, real: s.softmax(-1),
            "Where does your code use `real`? (`masked_fill` returns a new tensor.)",
        ),
        Misconception(
            "scaled by the wrong sum",
            lambda s, real: _renormalised(s, real, 1),
            "You divide by a sum over queries. The whole is shared out among keys.",
        ),
        Misconception(
            "padding made small, not impossible",
            lambda s, real: (s - 5.0 * ~real[:, None, :]).softmax(-1),
            "A score of 5 less still gets a share. How low must it be to get none?",
        ),
        Misconception(
            "padding given a low score",
            lambda s, real: s.masked_fill(~real[:, None, :], -10.0).softmax(-1),
            "What if the real scores are as low as -10? How low must a score be to get nothing?",
        ),
    ),
)


def number_of_scores(batch, heads, queries, keys):
    """One score for each pair of a query and a key, in each head of each caption."""
    return batch * heads * queries * keys


NUMBER_OF_SCORES = Question(
    name="number_of_scores",
    notebook="ex03_attention",
    place=1,
    kind="predict",
    function="number_of_scores",
    points=1,
    difficulty=1,
    importance=2,
    minutes=3,
    reference=number_of_scores,
    draw=lambda rng, size: tuple(whole(rng, 2, 3 + 4**size) for _ in range(4)),
    covers="the count, for several sizes.",
    misconceptions=(
        Misconception(
            "heads forgotten",
            lambda b, h, n, m: b * n * m,
            "Each head has scores of its own.",
        ),
        Misconception(
            "queries squared",
            lambda b, h, n, m: b * h * n * n,
            "Queries and keys may differ in number: text looks at a picture, say.",
        ),
        Misconception(
            "added for multiplied",
            lambda b, h, n, m: b * h * (n + m),
            "Every query is compared with every key.",
        ),
        Misconception(
            "one caption only",
            lambda b, h, n, m: h * n * m,
            "How many captions are there?",
        ),
        Misconception(
            "half of the pairs",
            lambda b, h, n, m: b * h * n * m // 2,
            "q looks at k, and that is not k looking at q: no pair is left out.",
        ),
    ),
)


def spread_of_scores(d):
    r"""The standard deviation of $q \cdot k$ for standard normal $q, k$ of width $d$: $\sqrt d$."""
    return d**0.5


SPREAD_OF_SCORES = Question(
    name="spread_of_scores",
    notebook="ex03_attention",
    place=6,
    kind="experiment",
    function="spread_of_scores",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=spread_of_scores,
    draw=lambda rng, size: ([4, 9, 25, 64][size],),
    repeats=1,
    tolerance=0.06,
    covers="your measurement within 6 %, for widths 4 to 64; draw a few thousand pairs at least.",
    misconceptions=(
        Misconception(
            "variance for standard deviation",
            lambda d: float(d),
            "You measured the variance. The standard deviation is its root.",
        ),
        Misconception(
            "already divided",
            lambda d: 1.0,
            "Measure the scores before they are divided by anything.",
        ),
        Misconception(
            "the mean of the scores",
            lambda d: 0.0,
            "Their mean is near 0. How far do they lie from it?",
        ),
        Misconception(
            "the mean distance from zero",
            lambda d: 2 * math.gamma((d + 1) / 2) / (math.pi**0.5 * math.gamma(d / 2)),
            "Standard deviation: the root of the mean of squares.",
        ),
        Misconception(
            "numbers from 0 to 1",
            lambda d: (7 / 144 * d) ** 0.5,
            "`rand` draws evenly from 0 to 1. Which function draws standard normal numbers?",
        ),
        Misconception(
            "each vector with itself",
            lambda d: (2 * d) ** 0.5,
            "Draw the keys apart from the queries.",
        ),
    ),
)


QUESTIONS = (CAUSAL_MASK, PADDED_WEIGHTS, NUMBER_OF_SCORES, SPREAD_OF_SCORES)
