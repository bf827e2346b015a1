r"""The question on a language model's loss: minus the log-probability of what came next."""

import torch
import torch.nn.functional as F

from ..models.language import next_token_loss as library_loss
from .draws import normal, real_places
from .question import Misconception, Question


def next_token_loss(logits, ids, real):
    r"""$-\frac1N \sum \log p(x_{i+1} \mid x_{\le i})$ over the real next tokens, in nats a token.

    `logits` (b, n, v) were computed from `ids` (b, n); the last place has no next token.
    """
    return library_loss(logits[:, :-1], ids[:, 1:], real[:, 1:])


def _loss_with(cut=lambda x: x[:, :-1], came=lambda x: x[:, 1:], reduce=None, use=True):
    """The loss with one thing done in another way."""

    def wrong(logits, ids, real):
        logits, ids, real = cut(logits), came(ids), came(real)
        lost = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none")
        lost = lost.view(ids.shape)
        if reduce:
            return reduce(lost, real)
        return lost[real].mean() if use else lost.mean()

    return wrong


def _by_places(logits, ids, real):
    log_p = logits[:, :-1].log_softmax(1).gather(2, ids[:, 1:, None])[..., 0]
    return -(log_p * real[:, 1:]).sum() / real[:, 1:].sum()


def _read_anew(logits):
    """Scores as `cross_entropy` takes them if (b, n, v) was only viewed as (b, v, n)."""
    said = logits[:, :-1]
    said = said.reshape(len(said), said.shape[2], said.shape[1]).mT
    return torch.cat([said, logits[:, -1:]], dim=1)


def _draw_loss(rng, size):
    b, n, v = [(1, 2, 2), (1, 4, 3), (2, 5, 4), (3, 6, 5)][size]
    real = real_places(rng, b, n)
    real[:, :2] = True
    ids = torch.randint(v, (b, n), generator=rng)
    return 2 * normal(rng, b, n, v), ids, real


NEXT_TOKEN_LOSS = Question(
    name="next_token_loss",
    notebook="ex04_transformer",
    place=1,
    kind="implement",
    function="next_token_loss",
    points=3,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=next_token_loss,
    draw=_draw_loss,
    repeats=4,
    gradient=("logits",),
    covers="the loss and its gradient by the scores, for captions of mixed lengths with at least "
    "one next token; not scores so large that they overflow.",
    misconceptions=(
        Misconception(
            "no shift",
            _loss_with(cut=lambda x: x, came=lambda x: x),
            "The scores at place i speak of token i + 1. Yours reward copying the input.",
        ),
        Misconception(
            "shifted the wrong way",
            _loss_with(cut=lambda x: x[:, 1:], came=lambda x: x[:, :-1]),
            "Which come first: the scores that predict, or the token they predict?",
        ),
        Misconception(
            "padding counted",
            _loss_with(use=False),
            "Where `real` is False there is no token to predict.",
        ),
        Misconception(
            "sum for mean",
            _loss_with(reduce=lambda lost, real: lost[real].sum()),
            "In nats per token: divide by how many were predicted.",
        ),
        Misconception(
            "padding counted in the denominator",
            _loss_with(reduce=lambda lost, real: (lost * real).mean()),
            "Divide by the number of *real* next tokens.",
        ),
        Misconception(
            "a mean of means",
            _loss_with(
                reduce=lambda lost, real: ((lost * real).sum(1) / real.sum(1)).mean(),
            ),
            "Each token counts the same, so a long caption counts more than a short one.",
        ),
        Misconception(
            "sign forgotten",
            _loss_with(reduce=lambda lost, real: -lost[real].mean()),
            "Log-probabilities are negative, and a loss should fall as they rise.",
        ),
        Misconception(
            "padding at the predicting place hidden",
            lambda logits, ids, real: library_loss(logits[:, :-1], ids[:, 1:], real[:, :-1]),
            "Is it the place that predicts which must be real, or the token predicted?",
        ),
        Misconception(
            "first tokens counted in the denominator",
            lambda logits, ids, real: (
                next_token_loss(logits, ids, real) * (real[:, 1:].sum() / real.sum())
            ),
            "Nobody predicts the first token of a caption. How many are predicted?",
        ),
        Misconception(
            "softmax twice",
            lambda logits, ids, real: next_token_loss(logits.softmax(-1), ids, real),
            "`cross_entropy` and `log_softmax` take scores: they do the softmax themselves.",
        ),
        Misconception(
            "softmax over positions",
            lambda logits, ids, real: _by_places(logits, ids, real),
            "The probabilities of one place add up to one over the vocabulary. Which axis is that?",
        ),
        Misconception(
            "reshaped for transposed",
            lambda logits, ids, real: next_token_loss(_read_anew(logits), ids, real),
            "`cross_entropy` wants (b, v, n): exchange two axes. `view` and `reshape` do not move "
            "numbers, they only read them in other rows.",
        ),
        Misconception(
            "in bits",
            lambda logits, ids, real: next_token_loss(logits, ids, real) / 0.6931471805599453,
            "In nats: the natural logarithm, not that to base 2.",
        ),
    ),
)


QUESTIONS = (NEXT_TOKEN_LOSS,)
