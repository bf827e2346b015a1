r"""Questions on how codes are used and moved.

van den Oord et al. 2017, arXiv:1711.00937, Appendix A.1 (moving averages).
"""

import math

import torch

from ..layers.quantize import perplexity
from .draws import normal, uniform, whole
from .question import Misconception, Question


def codebook_perplexity(tokens, size):
    r"""$\exp(-\sum_k p_k \log p_k)$ over `size` codes, for tokens of any shape; a number."""
    return perplexity(tokens, size)


def _draw_tokens(rng, size):
    if size == 0:
        return torch.tensor([0, 1, 0, 0])[torch.randperm(4, generator=rng)], 2
    if size == 1:  # collapsed
        return torch.full((2, 3), whole(rng, 0, 3)), 4
    shape, codes = [((2, 4, 4), 3), ((3, 2, 3), 20)][size - 2]
    return torch.randint(codes, shape, generator=rng), codes


def _nats(shares):
    return -torch.special.xlogy(shares, shares).sum()


def _as_many(shares):
    return _nats(shares).exp()


def _of_shares(found, share=lambda counts: counts / counts.sum()):
    """Something computed from how often each code is used."""
    return lambda tokens, size: found(
        share(torch.bincount(tokens.flatten(), minlength=size).double())
    )


CODEBOOK_PERPLEXITY = Question(
    name="codebook_perplexity",
    notebook="ex12_language_models_that_draw",
    place=4,
    kind="implement",
    function="codebook_perplexity",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=codebook_perplexity,
    draw=_draw_tokens,
    tolerance=1e-5,  # whole numbers, divided, are float32
    covers="tokens of one to three axes, codebooks that are used as a whole, in part, and "
    "collapsed to one code.",
    misconceptions=(
        Misconception(
            "NaN for unused codes",
            _of_shares(lambda p: (-(p * p.log()).sum()).exp()),
            "For a share of 0 torch says 0 * log 0 = NaN, but such a code adds nothing.",
        ),
        Misconception(
            "entropy for perplexity",
            _of_shares(_nats),
            "These are the nats a token holds. As how many codes, equally used?",
        ),
        Misconception(
            "sign forgotten",
            _of_shares(lambda p: (-_nats(p)).exp()),
            "One code alone has the perplexity 1, and more codes have more. Has yours?",
        ),
        Misconception(
            "exponential of bits",
            _of_shares(lambda p: (_nats(p) / math.log(2)).exp()),
            "Bits belong to powers of 2, nats to exp. Which logarithm did you take?",
        ),
        Misconception(
            "power of two of nats",
            _of_shares(lambda p: 2 ** _nats(p)),
            "Bits belong to powers of 2, nats to exp. Which logarithm did you take?",
        ),
        Misconception(
            "codes counted",
            _of_shares(lambda p: (p > 0).sum().item()),
            "A code that is used once counts as much as one that is used always. Should it?",
        ),
        Misconception(
            "mean for sum",
            _of_shares(lambda p: (_nats(p) / len(p)).exp()),
            "The codes' terms are added up: p is the weight of each already.",
        ),
        Misconception(
            "mean over the used codes for sum",
            _of_shares(lambda p: (_nats(p) / (p > 0).sum()).exp()),
            "The codes' terms are added up: p is the weight of each already.",
        ),
        Misconception(
            "divided by the number of codes",
            _of_shares(_as_many, lambda counts: counts / len(counts)),
            "The shares of all codes sum to 1. Do yours?",
        ),
        Misconception(
            "rows counted for tokens",
            lambda tokens, size: _as_many(
                torch.bincount(tokens.flatten(), minlength=size).double() / len(tokens)
            ),
            "`len` is the length of the first axis. How many tokens are there in all?",
        ),
        Misconception(
            "share of the codebook",
            _of_shares(lambda p: _as_many(p) / len(p)),
            "How many codes, not which share of them.",
        ),
    ),
)


def move_codes(used, sums, z, tokens, decay):
    r"""One step of moving averages: $N_k$ (v), $m_k$ (v, d), and the codes $m_k / N_k$."""
    return _moved()(used, sums, z, tokens, decay)


def _moved(blend=lambda old, now, decay: decay * old + (1 - decay) * now, each=None, codes=None,
           keep=False, last=False):  # fmt: skip
    """The step, with one thing done in another way."""

    def found(used, sums, z, tokens, decay):
        count = torch.bincount(tokens, minlength=len(used)).to(z)
        total = torch.zeros_like(sums).index_add(0, tokens, z)
        if last:
            for token, vector in zip(tokens, z, strict=True):
                total[token] = vector
        if each:
            total = each(total, count)
        new_used, new_sums = blend(used, count, decay), blend(sums, total, decay)
        if keep:
            new_used = torch.where(count > 0, new_used, used)
            new_sums = torch.where(count[:, None] > 0, new_sums, sums)
        made = codes(used, sums, new_used, new_sums) if codes else new_sums / new_used[:, None]
        return new_used, new_sums, made

    return found


def _draw_step(rng, size):
    v, d, n = [(2, 1, 3), (3, 2, 4), (4, 2, 6), (6, 3, 10)][size]
    used = uniform(rng, v, low=0.5, high=3.0)
    chosen = v if size == 0 else v - 1  # the last code is chosen by nobody
    tokens = torch.randint(chosen, (n,), generator=rng)
    decay = 0.5 if size == 0 else uniform(rng, low=0.6, high=0.95).item()
    return used, normal(rng, v, d) * used[:, None], normal(rng, n, d) + 1.0, tokens, decay


MOVE_CODES = Question(
    name="move_codes",
    notebook="ex12_language_models_that_draw",
    place=5,
    kind="implement",
    function="move_codes",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=move_codes,
    draw=_draw_step,
    covers="one step for 2 to 6 codes, chosen often, once, and never; no code is revived.",
    misconceptions=(
        Misconception(
            "old and new exchanged",
            _moved(blend=lambda old, now, decay: (1 - decay) * old + decay * now),
            "With a decay near 1 the averages should hardly move.",
        ),
        Misconception(
            "new part not weighed",
            _moved(blend=lambda old, now, decay: decay * old + now),
            "If every batch were the same, the averages should end at what it says. Do yours?",
        ),
        Misconception(
            "mean of the batch for its sum",
            _moved(each=lambda total, count: total / count[:, None]),
            "m keeps sums. It is divided only once, at the end, by N.",
        ),
        Misconception(
            "mean of the batch for its sum, 0 where there is none",
            _moved(each=lambda total, count: total / count.clamp(min=1)[:, None]),
            "m keeps sums. It is divided only once, at the end, by N.",
        ),
        Misconception(
            "sums for codes",
            _moved(codes=lambda used, sums, new_used, new_sums: new_sums),
            "A code is the mean of its vectors: divide by how many there are.",
        ),
        Misconception(
            "divided by the old counts",
            _moved(codes=lambda used, sums, new_used, new_sums: new_sums / used[:, None]),
            "The new sums belong with the new counts.",
        ),
        Misconception(
            "codes of before",
            _moved(codes=lambda used, sums, new_used, new_sums: sums / used[:, None]),
            "These are the codes before the step. N and m have moved.",
        ),
        Misconception(
            "unused codes left out",
            _moved(keep=True),
            "A code that nobody chose was chosen 0 times, and N should hear of that.",
        ),
        Misconception(
            "one vector a code",
            _moved(last=True),
            "Several vectors may choose one code. `now[tokens] += z` keeps only one of them: "
            "what adds them all?",
        ),
    ),
)

QUESTIONS = (CODEBOOK_PERPLEXITY, MOVE_CODES)
