r"""Questions on a captioner: looking at cells of a picture, what a sentence costs, its probability.

Xu et al. 2015, arXiv:1502.03044 (looking while writing); Bahdanau et al. 2015, arXiv:1409.0473.
"""

import math

import torch

from ..models.language import next_token_loss
from .draws import normal, real_places, uniform
from .question import Misconception, Question


def look(state, cells, w_state, w_cell, score):
    r"""$a = \mathrm{softmax}_j\,(v \cdot \tanh(h W_h + c_j W_c))$ and $\sum_j a_j c_j$.

    `state` (b, d), `cells` (b, m, e), weights (d, k) and (e, k), `score` (k) to (b, e) and (b, m).
    """
    return _looking()(state, cells, w_state, w_cell, score)


def _looking(bend=torch.tanh, share=lambda e: e.softmax(dim=1), gather=None, heed=1.0):
    """Looking with one thing done in another way."""

    def found(state, cells, w_state, w_cell, score):
        thought = bend(heed * (state @ w_state)[:, None] + cells @ w_cell)
        weights = share(thought @ score)
        if gather:
            return gather(weights, cells), weights
        return torch.einsum("bm,bme->be", weights, cells), weights

    return found


def _draw_look(rng, size):
    b, m, d, e, k = [(1, 2, 1, 3, 1), (1, 3, 2, 2, 2), (2, 3, 2, 4, 3), (3, 5, 4, 3, 4)][size]
    return (
        normal(rng, b, d), normal(rng, b, m, e), normal(rng, d, k), normal(rng, e, k),
        2 * normal(rng, k),
    )  # fmt: skip


LOOK = Question(
    name="look",
    notebook="ex06_describing_images",
    place=2,
    kind="implement",
    function="look",
    points=3,
    difficulty=3,
    importance=3,
    minutes=15,
    reference=look,
    draw=_draw_look,
    gradient=("state", "cells"),
    covers="what is seen, the weights, and gradients by the state and the cells, for 2 to 5 cells.",
    misconceptions=(
        Misconception(
            "softmax over the wrong axis",
            _looking(share=lambda e: e.softmax(dim=0)),
            "Each sentence shares out one whole among the *cells*. Which axis is that?",
        ),
        Misconception(
            "no softmax",
            _looking(share=lambda e: e),
            "The weights should be shares: above zero, and one in sum.",
        ),
        Misconception(
            "each score on its own",
            _looking(share=torch.sigmoid),
            "The cells compete: their weights sum to one.",
        ),
        Misconception(
            "no bend",
            _looking(bend=lambda x: x),
            "Without the tanh, the state adds the same to all cells, and changes nothing.",
        ),
        Misconception(
            "the state ignored",
            _looking(heed=0.0),
            "Where to look depends on what has been said so far: on the state.",
        ),
        Misconception(
            "mean for sum",
            _looking(gather=lambda w, cells: (w[..., None] * cells).mean(dim=1)),
            "The weights sum to one already: no division is left to do.",
        ),
        Misconception(
            "only the strongest cell",
            _looking(gather=lambda w, cells: cells[torch.arange(len(w)), w.argmax(dim=1)]),
            "That is hard attention, without a gradient by the weights. Mix the cells.",
        ),
        Misconception(
            "order",
            lambda *arguments: look(*arguments)[::-1],
            "First what is seen, then the weights.",
        ),
        Misconception(
            "all cells alike",
            _looking(gather=lambda w, cells: cells.mean(dim=1)),
            "Your weights do not weigh anything.",
        ),
    ),
)


def caption_loss(logits, targets, real):
    r"""$-\frac1N \sum \log p(y_t)$ over the real words; (b, n, v), (b, n), (b, n)."""
    return next_token_loss(logits, targets, real)


def _loss_with(reduce, score=lambda x: x.log_softmax(-1)):
    def wrong(logits, targets, real):
        said = score(logits).gather(2, targets[:, :, None])[..., 0]
        return reduce(-said, real)

    return wrong


def _draw_words(rng, size):
    b, n, v = [(1, 2, 2), (2, 3, 3), (3, 5, 4), (4, 6, 6)][size]
    real = real_places(rng, b, n)
    real[0] = torch.arange(n) < n - 1
    return 2 * normal(rng, b, n, v), torch.randint(v, (b, n), generator=rng), real


CAPTION_LOSS = Question(
    name="caption_loss",
    notebook="ex06_describing_images",
    place=3,
    kind="debug",
    function="caption_loss",
    points=2,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=caption_loss,
    draw=_draw_words,
    gradient=("logits",),
    covers="the loss and its gradient, for sentences of mixed lengths, each with a word at least.",
    misconceptions=(
        Misconception(
            "padding counted",
            _loss_with(lambda lost, real: lost.mean()),
            "What is learned at places where `real` is False? To write padding.",
        ),
        Misconception(
            "padding counted in the denominator",
            _loss_with(lambda lost, real: (lost * real).mean()),
            "Now short sentences look good. Divide by the number of *real* words.",
        ),
        Misconception(
            "word 0 taken for padding",
            lambda logits, targets, real: next_token_loss(logits, targets, targets != 0),
            "Word 0 is a word like others. Which argument says where padding is?",
        ),
        Misconception(
            "a mean of means",
            _loss_with(lambda lost, real: ((lost * real).sum(1) / real.sum(1)).mean()),
            "Every word counts the same, so a long sentence counts more than a short one.",
        ),
        Misconception(
            "sum for mean",
            _loss_with(lambda lost, real: lost[real].sum()),
            "In nats per word: divide by how many there are.",
        ),
        Misconception(
            "mean over sentences of sums",
            _loss_with(lambda lost, real: (lost * real).sum(1).mean()),
            "In nats per word, not per sentence.",
        ),
        Misconception(
            "only padding counted",
            _loss_with(lambda lost, real: (lost * ~real).sum() / (~real).sum()),
            "`real` is True at words.",
        ),
        Misconception(
            "sign forgotten",
            _loss_with(lambda lost, real: -lost[real].mean()),
            "Log-probabilities are negative, and a loss should fall as they rise.",
        ),
        Misconception(
            "scores for log-probabilities",
            _loss_with(lambda lost, real: lost[real].mean(), score=lambda x: x),
            "A raw score can be raised for all words at once. What makes it a log-probability?",
        ),
    ),
)


def sentence_probability(loss, words):
    r"""$e^{-L n}$ for a loss of $L$ nats per word and $n$ words."""
    return math.exp(-loss * words)


SENTENCE_PROBABILITY = Question(
    name="sentence_probability",
    notebook="ex06_describing_images",
    place=1,
    kind="predict",
    function="sentence_probability",
    points=1,
    difficulty=1,
    importance=2,
    minutes=5,
    reference=sentence_probability,
    draw=lambda rng, size: (uniform(rng, low=0.1, high=0.5).item(), 2 + 2 * size),
    covers="the probability for losses of 0.1 to 0.5 nats per word, and 2 to 8 words.",
    misconceptions=(
        Misconception(
            "one word's probability",
            lambda loss, words: math.exp(-loss),
            "That is a word's. All words have to be right.",
        ),
        Misconception(
            "divided by the number of words",
            lambda loss, words: math.exp(-loss) / words,
            "Probabilities of one thing after another are multiplied.",
        ),
        Misconception(
            "one over it",
            lambda loss, words: math.exp(loss * words),
            "That exceeds one. Which sign has the loss?",
        ),
        Misconception(
            "as if the loss were for the whole sentence",
            lambda loss, words: math.exp(-loss / words),
            "The loss is per word: what is it for all of them?",
        ),
        Misconception(
            "in bits",
            lambda loss, words: 2 ** (-loss * words),
            "The loss is in nats: the base is e.",
        ),
        Misconception(
            "the logarithm itself",
            lambda loss, words: -loss * words,
            "That is the logarithm of the probability.",
        ),
    ),
)

QUESTIONS = (LOOK, CAPTION_LOSS, SENTENCE_PROBABILITY)
