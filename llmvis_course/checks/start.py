"""Warm-up questions: pictures as numbers, a verdict, and how far a score can be trusted."""

import torch

from .draws import normal, uniform, whole
from .question import Misconception, Question


def for_screen(pictures):
    """Pictures (b, c, h, w) in [-1, 1] as (b, h, w, c) in [0, 1]; what lies outside is cut."""
    return ((pictures + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1)


def _draw_pictures(rng, size):
    b, c, h, w = [(1, 3, 1, 2), (1, 3, 2, 2), (2, 3, 2, 4), (3, 3, 4, 3)][size]
    return (0.8 * normal(rng, b, c, h, w),)


FOR_SCREEN = Question(
    name="for_screen",
    notebook="ex00_start_here",
    place=2,
    kind="implement",
    function="for_screen",
    points=2,
    difficulty=1,
    importance=2,
    minutes=8,
    reference=for_screen,
    draw=_draw_pictures,
    covers="values and axes for pictures of 1 x 2 to 4 x 3 pixels, with values beyond [-1, 1].",
    misconceptions=(
        Misconception(
            "not cut",
            lambda x: ((x + 1) / 2).permute(0, 2, 3, 1),
            "A network may say 1.2. What does a screen make of that?",
        ),
        Misconception(
            "cut only",
            lambda x: x.clamp(0, 1).permute(0, 2, 3, 1),
            "Where does -1 (black) go, and where 0 (grey)?",
        ),
        Misconception(
            "cut before it is moved",
            lambda x: ((x.clamp(0, 1) + 1) / 2).permute(0, 2, 3, 1),
            "First bring [-1, 1] to [0, 1], then cut.",
        ),
        Misconception(
            "rows and columns exchanged",
            lambda x: for_screen(x.transpose(2, 3)),
            "The picture lies on its side: height comes before width.",
        ),
        Misconception(
            "reshaped in place of permuted",
            lambda x: ((x + 1) / 2).clamp(0, 1).reshape(len(x), *x.shape[2:], x.shape[1]),
            "`reshape` keeps the order of the numbers. The colours of a pixel must come together.",
        ),
        Misconception(
            "colours left in front",
            lambda x: ((x + 1) / 2).clamp(0, 1),
            "A plot wants the colours of a pixel as the last axis.",
        ),
        Misconception(
            "in steps of 255",
            lambda x: 255 * for_screen(x),
            "From 0 to 1, please.",
        ),
        Misconception(
            "not halved",
            lambda x: (x + 1).clamp(0, 1).permute(0, 2, 3, 1),
            "What does 0.5 become? It should stay below 1.",
        ),
    ),
)


def drawn_right(said, seen):
    """Whether all that is said is seen; (b, a) codes of attributes, -1 where nothing is said."""
    return ((said == seen) | (said == -1)).all(dim=1)


def _draw_verdicts(rng, size):
    b, a = [(2, 2), (3, 3), (6, 4), (12, 5)][size]
    seen = torch.randint(-1, 3, (b, a), generator=rng)
    other = torch.randint(0, 3, (b, a), generator=rng)
    said = torch.where(uniform(rng, b, a) < 0.75, seen.clamp(min=0), other)
    said = said.masked_fill(uniform(rng, b, a) < 0.3, -1)
    said[0], seen[0] = -1, 1
    return said, seen


def _right_with(unsaid=lambda said, seen: said == -1, every=torch.all):
    return lambda said, seen: every((said == seen) | unsaid(said, seen), dim=1)


DRAWN_RIGHT = Question(
    name="drawn_right",
    notebook="ex00_start_here",
    place=3,
    kind="debug",
    function="drawn_right",
    points=2,
    difficulty=2,
    importance=3,
    minutes=8,
    reference=drawn_right,
    draw=_draw_verdicts,
    repeats=4,
    covers="the verdicts on up to 12 pictures with 2 to 5 attributes, said or not, seen or not.",
    misconceptions=(
        Misconception(
            "one right attribute is enough",
            _right_with(every=torch.any),
            "A blue seven is no red seven: *all* that is said must be seen.",
        ),
        Misconception(
            "what is not said counts as wrong",
            _right_with(unsaid=lambda said, seen: torch.zeros_like(said, dtype=torch.bool)),
            "A caption that names no size is right about every size.",
        ),
        Misconception(
            "what cannot be seen counts as right",
            _right_with(unsaid=lambda said, seen: (said == -1) | (seen == -1)),
            "If the judge cannot tell the digit, nobody may say that it is right.",
        ),
        Misconception(
            "seen for said",
            _right_with(unsaid=lambda said, seen: seen == -1),
            "Which of the two may leave something open: the caption or the picture?",
        ),
        Misconception(
            "all pictures for all attributes",
            lambda said, seen: ((said == seen) | (said == -1)).all(dim=0),
            "One verdict for a picture: along which axis do its attributes lie?",
        ),
        Misconception(
            "each attribute on its own",
            lambda said, seen: (said == seen) | (said == -1),
            "One verdict for a picture.",
        ),
        Misconception(
            "the share of right attributes",
            lambda said, seen: ((said == seen) | (said == -1)).double().mean(dim=1),
            "A verdict is yes or no: half right is wrong.",
        ),
        Misconception(
            "wrong for right",
            lambda said, seen: ~drawn_right(said, seen),
            "True is for a picture that is right.",
        ),
    ),
)


def number_of_captions(digits, colours, sizes, places):
    """How many things can be said, if a caption names a digit and, or not, each of the others."""
    return digits * (colours + 1) * (sizes + 1) * (places + 1)


NUMBER_OF_CAPTIONS = Question(
    name="number_of_captions",
    notebook="ex00_start_here",
    place=1,
    kind="predict",
    function="number_of_captions",
    points=1,
    difficulty=2,
    importance=1,
    minutes=5,
    reference=number_of_captions,
    draw=lambda rng, size: tuple(whole(rng, 2 + size, 9) for _ in range(4)),
    covers="the count for several worlds.",
    misconceptions=(
        Misconception(
            "everything named",
            lambda d, c, s, p: d * c * s * p,
            "A caption may leave the colour open: that is one possibility more.",
        ),
        Misconception(
            "added up",
            lambda d, c, s, p: d + c + s + p,
            "Every digit goes with every colour.",
        ),
        Misconception(
            "digit left open too",
            lambda d, c, s, p: (d + 1) * (c + 1) * (s + 1) * (p + 1),
            "The digit is always named.",
        ),
        Misconception(
            "twice for each",
            lambda d, c, s, p: d * 2 * c * 2 * s * 2 * p,
            "Named or not: if it is not named, there is nothing left to choose.",
        ),
        Misconception(
            "powers of two",
            lambda d, c, s, p: d * 2**3,
            "Those are the ways to name some of them. How many values has each?",
        ),
    ),
)


def spread_of_score(p, n):
    r"""The standard deviation of the share of right pictures among `n`: $\sqrt{p(1-p)/n}$."""
    return (p * (1 - p) / n) ** 0.5


SPREAD_OF_SCORE = Question(
    name="spread_of_score",
    notebook="ex00_start_here",
    place=4,
    kind="experiment",
    function="spread_of_score",
    points=2,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=spread_of_score,
    draw=lambda rng, size: ([0.5, 0.2, 0.7, 0.9][size], [4, 10, 20, 60][size]),
    repeats=1,
    tolerance=0.01,
    covers="your measurement within about 0.01, for 4 to 60 captions; 10,000 tests are enough.",
    misconceptions=(
        Misconception(
            "the variance",
            lambda p, n: p * (1 - p) / n,
            "The standard deviation is the root of the variance.",
        ),
        Misconception(
            "of the count",
            lambda p, n: (p * (1 - p) * n) ** 0.5,
            "Of the share, not of the number of right pictures.",
        ),
        Misconception(
            "of one picture",
            lambda p, n: (p * (1 - p)) ** 0.5,
            "A score is a mean over n pictures.",
        ),
        Misconception(
            "the mean score",
            lambda p, n: p,
            "That is where scores lie on average. How far from it do they lie?",
        ),
        Misconception(
            "the interval of 95 %",
            lambda p, n: 1.96 * spread_of_score(p, n),
            "One standard deviation.",
        ),
    ),
)

QUESTIONS = (FOR_SCREEN, DRAWN_RIGHT, NUMBER_OF_CAPTIONS, SPREAD_OF_SCORE)
