r"""Questions on choosing what comes next.

Holtzman et al. 2020, arXiv:1904.09751 (top-p).
"""

import torch

from .draws import normal, uniform
from .question import Misconception, Question


def keep_likely(logits, temperature, p):
    r"""$\mathrm{softmax}(x/T)$ of the fewest tokens that reach `p` together; others 0.

    What is kept is scaled to add up to one, in the order of the vocabulary: (b, v).
    """
    share = (logits / temperature).softmax(dim=-1)
    ranked, order = share.sort(dim=-1, descending=True)
    out = ranked.cumsum(dim=-1) - ranked >= p
    kept = ranked.masked_fill(out, 0.0)
    kept = kept / kept.sum(dim=-1, keepdim=True)
    return torch.zeros_like(kept).scatter(-1, order, kept)


def _keep_with(heat=lambda x, t: x / t, out=lambda r, p: r.cumsum(-1) - r >= p, scale=True,
               back=True, down=True):  # fmt: skip
    """Choosing with one thing done in another way."""

    def wrong(logits, temperature, p):
        share = heat(logits, temperature).softmax(-1)
        ranked, order = share.sort(-1, descending=down)
        kept = ranked.masked_fill(out(ranked, p), 0.0)
        kept = kept / kept.sum(-1, keepdim=True) if scale else kept
        return torch.zeros_like(kept).scatter(-1, order, kept) if back else kept

    return wrong


def _draw_keep(rng, size):
    b, v = [(1, 3), (1, 4), (2, 5), (3, 8)][size]
    temperature = uniform(rng, low=0.5, high=2.0).item()
    return 2 * normal(rng, b, v), temperature, uniform(rng, low=0.3, high=0.95).item()


KEEP_LIKELY = Question(
    name="keep_likely",
    notebook="ex04_transformer",
    place=4,
    kind="debug",
    function="keep_likely",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=keep_likely,
    draw=_draw_keep,
    repeats=6,
    covers="the probabilities for several temperatures and p, each row with its own kept tokens; "
    "not ties, and no drawing of tokens.",
    misconceptions=(
        Misconception(
            "the token that crosses p dropped",
            _keep_with(out=lambda r, p: r.cumsum(-1) > p),
            "The kept ones should *reach* p. With p = 0.5 and a first share of 0.6, what is left?",
        ),
        Misconception(
            "not scaled to one",
            _keep_with(scale=False),
            "Add up a row: these are no probabilities yet.",
        ),
        Misconception(
            "left in the order of rank",
            _keep_with(back=False),
            "Place 0 should be token 0 again, not the most likely one.",
        ),
        Misconception(
            "temperature multiplied",
            _keep_with(heat=lambda x, t: x * t),
            "A high temperature makes the shares more even. Yours makes them less so.",
        ),
        Misconception(
            "temperature ignored",
            _keep_with(heat=lambda x, t: x),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "p as a threshold of each share",
            _keep_with(out=lambda r, p: (r < p) & (r < r.amax(-1, keepdim=True))),
            "p is what the kept ones reach together, not what each must have.",
        ),
        Misconception(
            "the unlikely kept",
            _keep_with(down=False),
            "Sort so that the most likely comes first.",
        ),
        Misconception(
            "one more than needed",
            _keep_with(out=lambda r, p: r.cumsum(-1) - r - r.roll(1, -1) * _later(r) >= p),
            "What the *more likely* tokens take together decides, without those before the last.",
        ),
        Misconception(
            "only the first token saved",
            _keep_with(out=lambda r, p: (r.cumsum(-1) >= p) & (_later(r) > 0)),
            "With p = 0.9 and shares 0.7, 0.2, 0.1 the kept ones must reach 0.9. Do yours?",
        ),
        Misconception(
            "NaN hidden",
            lambda x, t, p: _keep_with(out=lambda r, p: r.cumsum(-1) >= p)(x, t, p).nan_to_num(),
            "Add up a row: a distribution that keeps nothing is none. Which token should stay?",
        ),
    ),
)


def _later(ranked):
    """1 for all places but the first."""
    return (torch.arange(ranked.shape[-1]) > 0).to(ranked)


def temperature_for(logits, entropy):
    r"""The $T$ at which $-\sum_i p_i \log p_i$ of $p = \mathrm{softmax}(x/T)$ is `entropy`.

    Found by halving an interval: entropy rises with temperature.
    """
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        log_p = (logits / middle).log_softmax(dim=0)
        low, high = (middle, high) if -(log_p.exp() * log_p).sum() < entropy else (low, middle)
    return (low * high) ** 0.5


def _wrong_half(logits, entropy, between):
    low, high = 0.03, 30.0
    for _ in range(60):
        middle = between(low, high)
        log_p = (logits / middle).log_softmax(dim=0)
        low, high = (low, middle) if -(log_p.exp() * log_p).sum() < entropy else (middle, high)
    return middle


def _draw_entropy(rng, size):
    v = [2, 3, 5, 9][size]
    log_p = (normal(rng, v) / uniform(rng, low=0.3, high=3.0)).log_softmax(dim=0)
    entropy = -(log_p.exp() * log_p).sum().item()
    return log_p * uniform(rng, low=0.5, high=2.0).item(), entropy


TEMPERATURE_FOR = Question(
    name="temperature_for",
    notebook="ex04_transformer",
    place=6,
    kind="experiment",
    function="temperature_for",
    points=2,
    difficulty=3,
    importance=1,
    minutes=15,
    reference=temperature_for,
    draw=_draw_entropy,
    tolerance=1e-3,
    covers="your temperature within 0.1 %, for vocabularies of 2 to 9; entropies that can be had.",
    misconceptions=(
        Misconception(
            "the inverse temperature",
            lambda logits, entropy: 1 / temperature_for(logits, entropy),
            "You found what the scores are multiplied by. The temperature divides them.",
        ),
        Misconception(
            "entropy in bits",
            lambda logits, entropy: temperature_for(logits, entropy * 0.6931471805599453),
            "In nats: the natural logarithm, not that to base 2.",
        ),
        Misconception(
            "no temperature at all",
            lambda logits, entropy: 1.0,
            "At T = 1 the entropy is what it is; search for the T at which it is as asked.",
        ),
        Misconception(
            "entropy of the largest share alone",
            lambda logits, entropy: entropy,
            "The entropy is not the temperature: a search is needed.",
        ),
        Misconception(
            "the wrong half kept",
            lambda logits, entropy: _wrong_half(logits, entropy, lambda a, b: (a * b) ** 0.5),
            "Your search ends at a border. If the entropy in the middle is too low, must the "
            "temperature be lower or higher?",
        ),
        Misconception(
            "the wrong half kept, at plain middles",
            lambda logits, entropy: _wrong_half(logits, entropy, lambda a, b: (a + b) / 2),
            "Your search ends at a border. If the entropy in the middle is too low, must the "
            "temperature be lower or higher?",
        ),
    ),
)

QUESTIONS = (KEEP_LIKELY, TEMPERATURE_FOR)
