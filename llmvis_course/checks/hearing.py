r"""A question on when a critic hears the text: a table of scores at the end of its descent.

Reed et al. 2016, arXiv:1605.05396, section 4.2: drawings that look drawn need no caption.
"""

import math

from .question import Misconception, Question


def text_heard(clear, share):
    r"""$s_{11} - s_{10}$ with $s_{lf} = \log\frac{P_r(l, f)}{(1-w) P_d(l, f) + w P_w(l, f)}$.

    Does a pair look real (l), and does it fit (f)? $P$ is of right, drawn and wrong pairs, each bit
    seen rightly with probability `clear`; $w$ is `share`.
    """
    return _score(clear, share, 1, 1) - _score(clear, share, 1, 0)


def _likely(clear, seen, is_so):
    return clear if seen == is_so else 1 - clear


def _score(clear, share, real, fits, drawn=None, looks=1):
    """What the table says in the end; `drawn` is the weight of drawings, 1 - share by default.

    How a wrong pair `looks` is 1 for real.
    """

    def pair(is_real, is_fit):
        return _likely(clear, real, is_real) * _likely(clear, fits, is_fit)

    drawn = 1 - share if drawn is None else drawn
    return math.log(pair(1, 1) / (drawn * pair(0, 1) + share * pair(looks, 0)))


def _chance(score):
    return 1 / (1 + math.exp(-score))


TEXT_HEARD = Question(
    name="text_heard",
    notebook="ex11_text_to_image_gan",
    place=6,
    kind="experiment",
    function="text_heard",
    points=2,
    difficulty=3,
    importance=3,
    minutes=16,
    reference=text_heard,
    draw=lambda rng, size: ([0.9, 0.9, 0.8, 0.7][size], [0.5, 0.0, 0.25, 0.75][size]),
    repeats=1,
    tolerance=0.02,
    covers="where your descent ends, within 2 %, for shares of 0 to 0.75.",
    misconceptions=(
        Misconception(
            "nothing heard",
            lambda r, w: 0.0,
            "Does your table move at all, and do wrong captions count in your loss?",
        ),
        Misconception(
            "wrong captions only",
            lambda r, w: text_heard(r, 1.0),
            "Drawings count too, 1 - w. And they fit: theirs is l that is turned round, not f.",
        ),
        Misconception(
            "drawings at full weight",
            lambda r, w: _score(r, w, 1, 1, 1.0) - _score(r, w, 1, 0, 1.0),
            "The drawings' share is 1 - w.",
        ),
        Misconception(
            "share left out",
            lambda r, w: text_heard(r, 0.5),
            "Both wrong pairs and drawings weigh the same here, whatever `share` is.",
        ),
        Misconception(
            "wrong pairs that look drawn",
            lambda r, w: _score(r, w, 1, 1, looks=0) - _score(r, w, 1, 0, looks=0),
            "A wrong pair is a *real* picture with a caption that does not fit: turn f only.",
        ),
        Misconception(
            "shares exchanged, or look for fit",
            lambda r, w: text_heard(r, 1 - w),
            "`share` is that of wrong captions. And two pairs are compared that differ in whether "
            "they *fit*, not in how they look.",
        ),
        Misconception(
            "the wrong way round",
            lambda r, w: -text_heard(r, w),
            "What fits minus what does not.",
        ),
        Misconception(
            "pictures that look drawn",
            lambda r, w: _score(r, w, 0, 1) - _score(r, w, 0, 0),
            "Of a pair that looks *real*: l is 1.",
        ),
        Misconception(
            "one score only",
            lambda r, w: _score(r, w, 1, 1),
            "That is the score of a pair that fits. Compare it with one that does not.",
        ),
        Misconception(
            "probabilities compared",
            lambda r, w: _chance(_score(r, w, 1, 1)) - _chance(_score(r, w, 1, 0)),
            "The scores are asked for, without a sigmoid.",
        ),
    ),
)

QUESTIONS = (TEXT_HEARD,)
