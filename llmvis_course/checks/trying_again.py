r"""Questions on trying again: keeping the better picture, and what choosing does to a measure."""

import torch

from .draws import normal, uniform
from .question import Misconception, Question


def keep_better(pictures, agree, rows, again, agree_again):
    r"""The better of two tries, and how well it agrees: (b, ...) and (b).

    `again` (k, ...) holds new pictures for the captions `rows` (k), and `agree_again` (k) how well
    they agree. An equally good first picture stays.
    """
    return _keep()(pictures, agree, rows, again, agree_again)


def _keep(better=torch.gt, place=lambda k, row: row, rival=None, scores=True, only=False):
    """The choice with one thing done in another way."""

    def found(pictures, agree, rows, again, agree_again):
        pictures, agree = pictures.clone(), agree.clone()
        for k, row in enumerate(rows.tolist()):
            at = place(k, row)
            takes = better(agree_again[k], agree[rival(k, row) if rival else at])
            if takes and not only:
                pictures[at] = again[k]
            if takes and scores or scores == "always":
                agree[at] = agree_again[k]
        return pictures, agree

    return found


def _draw_tries(rng, size):
    b, k, shape = [(2, 1, (1,)), (3, 2, (2,)), (5, 3, (1, 2, 2)), (7, 5, (3, 2, 2))][size]
    agree = torch.randint(0, 4, (b,), generator=rng).double() / 4
    rows = torch.randperm(b, generator=rng)[:k].sort().values
    if size < 3:
        rows = torch.arange(b - k, b)
    agree_again = torch.randint(0, 5, (k,), generator=rng).double() / 4
    return normal(rng, b, *shape), agree, rows, normal(rng, k, *shape), agree_again


KEEP_BETTER = Question(
    name="keep_better",
    notebook="ex14_the_whole_system",
    place=4,
    kind="debug",
    function="keep_better",
    points=3,
    difficulty=3,
    importance=3,
    minutes=12,
    reference=keep_better,
    draw=_draw_tries,
    repeats=6,
    covers="pictures and agreement after one more try for some of 2 to 7 captions; ties too.",
    misconceptions=(
        Misconception(
            "the newest kept",
            _keep(better=lambda new, old: True),
            "A second try can be worse. When should it be kept?",
        ),
        Misconception(
            "the worse kept",
            _keep(better=torch.lt),
            "Which of the two agrees better with its caption?",
        ),
        Misconception(
            "ties go to the newest",
            _keep(better=torch.ge),
            "Only a *better* picture takes the place of the first.",
        ),
        Misconception(
            "place of the try for place of the caption",
            _keep(place=lambda k, row: k),
            "The k-th try belongs to caption rows[k], not to caption k.",
        ),
        Misconception(
            "compared with another caption",
            _keep(rival=lambda k, row: k),
            "The k-th try belongs to caption rows[k]: compare it with that one.",
        ),
        Misconception(
            "agreement of the newest",
            _keep(scores="always"),
            "A picture that stays keeps its agreement, too.",
        ),
        Misconception(
            "agreement not kept with the picture",
            _keep(scores=False),
            "The next round would compare with a picture that is gone.",
        ),
        Misconception(
            "pictures not kept with their agreement",
            _keep(only=True),
            "You report the agreement of a picture that you threw away.",
        ),
        Misconception(
            "nothing kept",
            _keep(better=lambda new, old: False),
            "Does your function ever keep a second try?",
        ),
        Misconception(
            "only perfect ones kept",
            _keep(better=lambda new, old: new == 1),
            "Better is enough; it need not be perfect.",
        ),
    ),
)


def right_within(p, tries):
    r"""$1 - (1 - p)^k$: at least one of `tries` pictures is right, each with probability `p`."""
    return 1 - (1 - p) ** tries


RIGHT_WITHIN = Question(
    name="right_within",
    notebook="ex14_the_whole_system",
    place=1,
    kind="predict",
    function="right_within",
    points=1,
    difficulty=1,
    importance=2,
    minutes=4,
    reference=right_within,
    draw=lambda rng, size: (uniform(rng, low=0.2, high=0.8).item(), size + 2),
    covers="the probability for 2 to 5 tries that know nothing of each other.",
    misconceptions=(
        Misconception(
            "added up",
            lambda p, tries: p * tries,
            "With p = 0.6 and 2 tries that exceeds one.",
        ),
        Misconception(
            "all of them right",
            lambda p, tries: p**tries,
            "One right picture is enough.",
        ),
        Misconception(
            "none right",
            lambda p, tries: (1 - p) ** tries,
            "That is how probable it is that all fail.",
        ),
        Misconception(
            "not all right",
            lambda p, tries: 1 - p**tries,
            "The contrary of *at least one is right* is: all are wrong.",
        ),
        Misconception(
            "exactly one right",
            lambda p, tries: tries * p * (1 - p) ** (tries - 1),
            "Two right pictures are welcome too: at least one.",
        ),
        Misconception(
            "one try too few",
            lambda p, tries: 1 - (1 - p) ** (tries - 1),
            "Count the first picture too.",
        ),
    ),
)


def flattery(p, fooled, tries):
    r"""How much more the eyes report than is right, when they choose among `tries` pictures.

    Each is right with probability `p`; eyes pass every right one and a wrong one with probability
    `fooled`: $a = p + (1 - p) f$. Reported is $1 - (1 - a)^k$, of which the share $p/a$ is right.
    """
    pass_one = p + (1 - p) * fooled
    return (1 - (1 - pass_one) ** tries) * (1 - p / pass_one)


FLATTERY = Question(
    name="flattery",
    notebook="ex14_the_whole_system",
    place=5,
    kind="experiment",
    function="flattery",
    points=3,
    difficulty=3,
    importance=3,
    minutes=18,
    reference=flattery,
    draw=lambda rng, size: (
        [0.3, 0.5, 0.2, 0.4][size],
        [0.5, 0.2, 0.3, 0.6][size],
        [1, 3, 5, 2][size],
    ),
    repeats=1,
    tolerance=0.01,
    covers="your measurement within about 0.01, for 1 to 5 tries; 40,000 captions are enough.",
    misconceptions=(
        Misconception(
            "what is reported",
            lambda p, f, k: 1 - (1 - p - (1 - p) * f) ** k,
            "That is the share the eyes report. How much of it is not right?",
        ),
        Misconception(
            "what is right",
            lambda p, f, k: (1 - (1 - p - (1 - p) * f) ** k) * p / (p + (1 - p) * f),
            "That is the share that is right. How much more is reported?",
        ),
        Misconception(
            "one try only",
            lambda p, f, k: (1 - p) * f,
            "The eyes choose among several tries, and each try may fool them anew.",
        ),
        Misconception(
            "sign",
            lambda p, f, k: -flattery(p, f, k),
            "Reported minus right.",
        ),
        Misconception(
            "as if eyes never erred",
            lambda p, f, k: 0.0,
            "Wrong pictures pass too, with the probability `fooled`.",
        ),
        Misconception(
            "right if any try was",
            lambda p, f, k: (1 - p) ** k - (1 - p - (1 - p) * f) ** k,
            "What counts is the picture that was kept, not that another try was right.",
        ),
        Misconception(
            "share of the reported",
            lambda p, f, k: 1 - p / (p + (1 - p) * f),
            "Of all captions, not of those that the eyes passed.",
        ),
    ),
)

QUESTIONS = (KEEP_BETTER, RIGHT_WITHIN, FLATTERY)
