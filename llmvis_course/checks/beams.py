r"""Questions on beam search: a step of it, and what keeping several beginnings is worth.

Sutskever et al. 2014, arXiv:1409.3215. Sentences all have the same length here.
"""

import torch

from .draws import normal, whole
from .question import Misconception, Question


def beam_step(log_p, step):
    r"""The $k$ likeliest of all beginnings made longer by a word.

    `log_p` (k) of the beginnings, `step` (k, v) of each next word; returns the new
    log-probabilities, which beginning each came from, and its new word: (k), likeliest first.
    """
    best, where = (log_p[:, None] + step).flatten().topk(len(log_p))
    return best, where // step.shape[1], where % step.shape[1]


def _draw_step(rng, size):
    k, v = [(1, 2), (2, 3), (3, 4), (4, 6)][size]
    log_p = -normal(rng, k).abs() - 1
    log_p[0] += 0.5
    return log_p, normal(rng, k, v).mul(1.5).log_softmax(dim=1)


def _step_with(join=lambda log_p, step: log_p[:, None] + step, divide=lambda k, v: v, best=True):
    def wrong(log_p, step):
        k, v = step.shape
        found, where = join(log_p, step).flatten().topk(k, largest=best)
        return found, where // divide(k, v), where % divide(k, v)

    return wrong


def _each_on_its_own(log_p, step):
    best, token = (log_p[:, None] + step).max(dim=1)
    return best, torch.arange(len(log_p)), token


def _columns_first(log_p, step):
    best, where = (log_p[:, None] + step).T.flatten().topk(len(log_p))
    return best, where // step.shape[1], where % step.shape[1]


BEAM_STEP = Question(
    name="beam_step",
    notebook="ex06_describing_images",
    place=4,
    kind="implement",
    function="beam_step",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=beam_step,
    draw=_draw_step,
    repeats=4,
    covers="probabilities, beginnings and words for 1 to 4 beams; not sentences that have ended, "
    "and no ties.",
    misconceptions=(
        Misconception(
            "the past forgotten",
            _step_with(join=lambda log_p, step: step),
            "A good word after an unlikely beginning is no good sentence. Is `log_p` used?",
        ),
        Misconception(
            "each beam on its own",
            _each_on_its_own,
            "That is greedy, k times over: no beginning can be dropped for a better one.",
        ),
        Misconception(
            "logarithms multiplied",
            _step_with(join=lambda log_p, step: log_p[:, None] * step),
            "Probabilities are multiplied; what happens to their logarithms?",
        ),
        Misconception(
            "divided by the number of beams",
            _step_with(divide=lambda k, v: k),
            "A row of the flattened table has as many places as there are words.",
        ),
        Misconception(
            "beginning and word exchanged",
            lambda log_p, step: tuple(beam_step(log_p, step)[i] for i in (0, 2, 1)),
            "Beginnings first, then words: `//` tells the row, `%` the place in it.",
        ),
        Misconception(
            "the unlikeliest kept",
            _step_with(best=False),
            "Keep the largest sums.",
        ),
        Misconception(
            "flattened by columns",
            _columns_first,
            "Flatten the table (beams, words) as it is, row after row.",
        ),
        Misconception(
            "place in the flat table for the word",
            lambda log_p, step: (
                *beam_step(log_p, step)[:2],
                (log_p[:, None] + step).flatten().topk(len(log_p)).indices,
            ),
            "What remains when you take off whole rows?",
        ),
        Misconception(
            "probabilities added",
            _step_with(join=lambda log_p, step: log_p.exp()[:, None] + step.exp()),
            "Both are logarithms: add them as they are.",
        ),
    ),
)


def found_by_beams(table, beams, words):
    r"""The log-probability of the sentence of `words` words that beam search finds.

    `table` (v, v) has $\log p(\text{next} \mid \text{word})$; word 0 comes before all.
    """
    last = torch.zeros(1, dtype=torch.long)
    log_p = table.new_zeros(1)
    for _ in range(words):
        total = (log_p[:, None] + table[last]).flatten()
        log_p, where = total.topk(min(beams, len(total)))
        last = where % len(table)
    return log_p[0].item()


def _all_sentences(table, words):
    """The log-probability of the very best sentence."""
    best = table[0]
    for _ in range(words - 1):
        best = (best[:, None] + table).amax(dim=0)
    return best.max().item()


def _all_kept_at_first(table, beams, words):
    """All ways to go on are kept in a round that begins with fewer than `beams` beginnings."""
    last, log_p = torch.zeros(1, dtype=torch.long), table.new_zeros(1)
    for _ in range(words):
        total = (log_p[:, None] + table[last]).flatten()
        log_p, where = total.topk(beams if beams <= len(log_p) else len(total))
        last = where % len(table)
    return log_p[0].item()


def _draw_table(rng, size):
    v, words = [(2, 3), (4, 2), (5, 2), (5, 3), (8, 4), (12, 5)][size]
    scores = normal(rng, v, v)
    beams = whole(rng, 1, 3)
    if size == 0:  # fewer words than beams
        beams = 3
    if size == 2:  # the best sentence begins with the unlikeliest word, which beams drop
        beams = 2 + beams % 2
        scores, first = 0.2 * scores, whole(rng, 1, v - 1)
        scores[0, first] = scores[0].min() - 0.05
        scores[first, whole(rng, 0, v - 1)] += 6
    return scores.log_softmax(dim=1), beams, words


FOUND_BY_BEAMS = Question(
    name="found_by_beams",
    notebook="ex06_describing_images",
    place=5,
    kind="experiment",
    function="found_by_beams",
    points=3,
    difficulty=4,
    importance=2,
    minutes=20,
    reference=found_by_beams,
    draw=_draw_table,
    sizes=6,
    repeats=6,
    uses=("beam_step",),
    covers="your search for 1 to 3 beams, 2 to 12 words to choose from, and sentences of 2 to 5 "
    "words.",
    misconceptions=(
        Misconception(
            "always greedy",
            lambda table, beams, words: found_by_beams(table, 1, words),
            "How many beginnings do you have after the first word, and are they different?",
        ),
        Misconception(
            "every sentence tried",
            lambda table, beams, words: _all_sentences(table, words),
            "That is the best there is. Beam search may miss it: measure how it does.",
        ),
        Misconception(
            "one word too few",
            lambda table, beams, words: found_by_beams(table, beams, words - 1),
            "Count the words again: word 0 is given.",
        ),
        Misconception(
            "one word too many",
            lambda table, beams, words: found_by_beams(table, beams, words + 1),
            "Count the words again: word 0 is given, and not counted.",
        ),
        Misconception(
            "one beam too many",
            lambda table, beams, words: found_by_beams(table, beams + 1, words),
            "How many beginnings do you keep?",
        ),
        Misconception(
            "more than `beams` beginnings kept",
            _all_kept_at_first,
            "In every round, the first one too, only the `beams` likeliest go on.",
        ),
        Misconception(
            "per word",
            lambda table, beams, words: found_by_beams(table, beams, words) / words,
            "Of the whole sentence, not per word.",
        ),
    ),
)

QUESTIONS = (BEAM_STEP, FOUND_BY_BEAMS)
