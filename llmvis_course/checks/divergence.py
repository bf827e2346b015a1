r"""Questions on what a GAN's game measures: the best reply, and Jensen and Shannon's distance.

Goodfellow et al. 2014, arXiv:1406.2661, Proposition 1 and Theorem 1. Densities are rows of shares.
"""

import math

import torch

from .draws import normal, uniform
from .question import Misconception, Question


def jensen_shannon(p, q):
    r"""$\tfrac12 \mathrm{KL}(p\|m) + \tfrac12 \mathrm{KL}(q\|m)$, $m = (p + q)/2$, in nats.

    (b, v) to (b). A share may be zero: $0 \log 0 = 0$.
    """
    m = (p + q) / 2
    return 0.5 * (_kl(p, m) + _kl(q, m))


def _kl(p, q):
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(dim=-1)


def _draw_shares(rng, size):
    b, v = [(1, 2), (1, 3), (2, 4), (3, 6)][size]
    p, q = (2 * normal(rng, b, v) for _ in range(2))
    if size >= 2:
        p[:, 0], q[:, 1] = -math.inf, -math.inf
    if size == 3:
        p[:, 2] = q[:, 2] = -math.inf
    return p.softmax(-1), q.softmax(-1)


def _js_with(mix=lambda p, q: (p + q) / 2, scale=0.5, one=True, other=True):
    def wrong(p, q):
        m = mix(p, q)
        return scale * ((_kl(p, m) if one else 0) + (_kl(q, m) if other else 0))

    return wrong


JENSEN_SHANNON = Question(
    name="jensen_shannon",
    notebook="ex07_gan_minimax",
    place=6,
    kind="implement",
    function="jensen_shannon",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=jensen_shannon,
    draw=_draw_shares,
    covers="values for rows of 2 to 6 shares, zeros among them, also in both at one place; no "
    "gradients.",
    misconceptions=(
        Misconception(
            "only one of the two",
            _js_with(scale=1.0, other=False),
            "It should not matter which of p and q comes first. Does it for yours?",
        ),
        Misconception(
            "half of one",
            _js_with(other=False),
            "The second half is missing.",
        ),
        Misconception(
            "halves forgotten",
            _js_with(scale=1.0),
            "It never exceeds log 2. Try p and q that share nothing.",
        ),
        Misconception(
            "mixture not halved",
            _js_with(mix=lambda p, q: p + q),
            "The mixture is a distribution too: its shares add up to one.",
        ),
        Misconception(
            "in bits",
            _js_with(scale=0.5 / math.log(2)),
            "In nats: the natural logarithm.",
        ),
        Misconception(
            "zero times infinity",
            lambda p, q: 0.5 * sum((x * (2 * x / (p + q)).log()).sum(-1) for x in (p, q)),
            "0 log 0 counts as 0, but a computer says NaN. Does torch have a function for x log y?",
        ),
        Misconception(
            "zero divided by zero",
            lambda p, q: 0.5 * sum(torch.xlogy(x, 2 * x / (p + q)).sum(-1) for x in (p, q)),
            "Where p and q are both 0, so is m, and p / m is NaN. The logarithm of a ratio is a "
            "difference of two logarithms.",
        ),
        Misconception(
            "KL of each other",
            lambda p, q: 0.5 * (_kl(p, q) + _kl(q, p)),
            "Each is compared with their mixture, not with the other.",
        ),
        Misconception(
            "mixture first",
            lambda p, q: 0.5 * (_kl((p + q) / 2, p) + _kl((p + q) / 2, q)),
            "KL(p || m): the expectation is over p.",
        ),
    ),
)


def best_discriminator(p, q):
    r"""$D^*(x) = \frac{p(x)}{p(x) + q(x)}$, `p` of the data and `q` of the generator."""
    return p / (p + q)


BEST_DISCRIMINATOR = Question(
    name="best_discriminator",
    notebook="ex07_gan_minimax",
    place=1,
    kind="predict",
    function="best_discriminator",
    points=1,
    difficulty=1,
    importance=3,
    minutes=5,
    reference=best_discriminator,
    draw=lambda rng, size: tuple(normal(rng, 1 + size, 2 + size).softmax(-1) for _ in range(2)),
    covers="values where both densities are above zero.",
    misconceptions=(
        Misconception(
            "the generator's share",
            lambda p, q: q / (p + q),
            "How probable is it that a picture is *real*?",
        ),
        Misconception(
            "the odds",
            lambda p, q: p / q,
            "That exceeds 1: these are odds. Which probability belongs to them?",
        ),
        Misconception(
            "the logit",
            lambda p, q: p.log() - q.log(),
            "That is the best *score*. Its sigmoid is asked for.",
        ),
        Misconception(
            "the data's density",
            lambda p, q: 1.0 * p,
            "It compares the two densities: which of your arguments is not used?",
        ),
        Misconception(
            "the difference",
            lambda p, q: (p - q) / (p + q),
            "Where both are equally probable it should say one half.",
        ),
    ),
)


def value_of(share):
    r"""$V = \log D + \log(1 - D)$ where a discriminator says `share` for every picture."""
    return math.log(share) + math.log(1 - share)


VALUE_OF = Question(
    name="value_of",
    notebook="ex07_gan_minimax",
    place=2,
    kind="predict",
    function="value_of",
    points=1,
    difficulty=1,
    importance=2,
    minutes=4,
    reference=value_of,
    draw=lambda rng, size: (0.5 if size == 0 else uniform(rng, low=0.05, high=0.95).item(),),
    covers="the value for shares between 0.05 and 0.95; at one half it is -log 4.",
    misconceptions=(
        Misconception(
            "the loss for the value",
            lambda share: -value_of(share),
            "The value is what the discriminator raises, and it is negative.",
        ),
        Misconception(
            "mean of the two",
            lambda share: value_of(share) / 2,
            "The two expectations are added.",
        ),
        Misconception(
            "real pictures only",
            lambda share: math.log(share),
            "What does it say of made pictures?",
        ),
        Misconception(
            "in bits",
            lambda share: value_of(share) / math.log(2),
            "In nats: the natural logarithm.",
        ),
        Misconception(
            "logarithm of the product's negative",
            lambda share: math.log(share) - math.log(1 - share),
            "That is the score. The value adds the two logarithms.",
        ),
    ),
)

QUESTIONS = (JENSEN_SHANNON, BEST_DISCRIMINATOR, VALUE_OF)
