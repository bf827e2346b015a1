r"""Questions on what rows of tokens cost, and what more codes are worth.

A row of tokens is drawn one after the other, as in Ramesh et al. 2021, arXiv:2102.12092.
"""

from .draws import uniform
from .question import Misconception, Question


def good_enough(share, n):
    r"""How likely each of `n` tokens must be good so that a `share` of pictures is: $s^{1/n}$."""
    return share ** (1 / n)


GOOD_ENOUGH = Question(
    name="good_enough",
    notebook="ex12_language_models_that_draw",
    place=1,
    kind="predict",
    function="good_enough",
    points=1,
    difficulty=1,
    importance=2,
    minutes=6,
    reference=good_enough,
    draw=lambda rng, size: (
        (0.25, 2) if size == 0 else (uniform(rng, low=0.2, high=0.95).item(), [4, 16, 64][size - 1])
    ),
    covers="the probability, for pictures of 2 to 64 tokens.",
    misconceptions=(
        Misconception(
            "the picture for the token",
            lambda share, n: share**n,
            "That is the other way: how many pictures are good if tokens are, with this "
            "probability.",
        ),
        Misconception(
            "the same for the token",
            lambda share, n: share,
            "A picture has many chances to go wrong: each token must be better than the whole.",
        ),
        Misconception(
            "mistakes shared out",
            lambda share, n: 1 - (1 - share) / n,
            "Nearly, if mistakes are rare. But one picture may have two mistakes: multiply.",
        ),
        Misconception(
            "divided by the tokens",
            lambda share, n: share / n,
            "Probabilities of one after the other multiply. What undoes n factors?",
        ),
        Misconception(
            "the mistakes",
            lambda share, n: 1 - share ** (1 / n),
            "That is how often a token may be bad.",
        ),
    ),
)


def times_smaller(v):
    """How many times smaller `v` codes make the squared error on [0, 1] than one code: v^2."""
    return float(v**2)


TIMES_SMALLER = Question(
    name="times_smaller",
    notebook="ex12_language_models_that_draw",
    place=6,
    kind="experiment",
    function="times_smaller",
    points=2,
    difficulty=2,
    importance=2,
    minutes=14,
    reference=times_smaller,
    draw=lambda rng, size: ([2, 3, 8, 16][size],),
    repeats=1,
    tolerance=0.03,
    uses=("nearest_codes",),
    covers="your measurement within 3 %, for 2, 3, 8 and 16 codes; 100,000 numbers are enough.",
    misconceptions=(
        Misconception(
            "error not squared",
            lambda v: float(v),
            "Distances shrink like this. The mean of their squares is asked for, without a root.",
        ),
        Misconception(
            "the other way round",
            lambda v: 1 / v**2,
            "How many times smaller: the error of one code divided by that of v.",
        ),
        Misconception(
            "the error itself",
            lambda v: 1 / (12 * v**2),
            "That is the error of v codes. Compare it with the error of one.",
        ),
        Misconception(
            "codes at the ends",
            lambda v: 4.0 * (v - 1) ** 2,
            "A code at 0 or 1 serves one side only. Where is the middle of each piece?",
        ),
        Misconception(
            "codes where the pieces begin",
            lambda v: 4 * v**3 / (v + 3),
            "A code serves its piece best from the middle: half a piece further on.",
        ),
        Misconception(
            "one code at the middle, many at the ends",
            lambda v: float((v - 1) ** 2),
            "A code at 0 or 1 serves one side only. Where is the middle of each piece?",
        ),
    ),
)

QUESTIONS = (GOOD_ENOUGH, TIMES_SMALLER)
