r"""Questions on a critic that must hear the text: real pictures with wrong captions.

Reed et al. 2016, arXiv:1605.05396, algorithm 1 (GAN-CLS).
"""

import math

import torch
import torch.nn.functional as F

from .draws import normal, uniform
from .question import Misconception, Question


def matching_loss(pictures, drawn, texts, weight):
    r"""$-\overline{\log\sigma(s_r)} - \frac12\overline{\log(1-\sigma(s_w))}
    - \frac12\overline{\log(1-\sigma(s_f))}$ with scores $s(x, t) = x^\top W t$.

    $s_r$ is of `pictures` (n, d) with their `texts` (n, k), $s_w$ of pictures with the text of the
    next row (the last with that of the first), $s_f$ of `drawn` (n, d) with `texts`. `weight` is
    (d, k). Only the critic learns: no gradient reaches `drawn`.
    """
    return _matched()(pictures, drawn, texts, weight)


def _terms(right, wrong, fake):
    return F.softplus(-right).mean() + (F.softplus(wrong).mean() + F.softplus(fake).mean()) / 2


def _of_logarithms(right, wrong, fake):
    no = [(1 - score.sigmoid()).log().mean() for score in (wrong, fake)]
    return -right.sigmoid().log().mean() - sum(no) / 2


def _matched(total=_terms, exchange=lambda texts: texts.roll(-1, 0), cut=torch.detach,
             hears=lambda texts, others: texts, answer=lambda score: score):  # fmt: skip
    """The loss with one thing done in another way."""

    def found(pictures, drawn, texts, weight):
        others = exchange(texts)
        pairs = (pictures, texts), (pictures, others), (cut(drawn), hears(texts, others))
        return total(*(answer(((x @ weight) * text).sum(dim=1)) for x, text in pairs))

    return found


def _all_pairs(pictures, drawn, texts, weight):
    pairs = (pictures, texts), (pictures, texts.roll(-1, 0)), (drawn.detach(), texts)
    return _terms(*(x @ weight @ t.T for x, t in pairs))


def _draw_pairs(rng, size):
    n, d, k = [(2, 1, 1), (3, 2, 2), (4, 3, 2), (5, 4, 3)][size]
    weight = normal(rng, d, k)
    if size == 3:  # scores where a sigmoid is 0 or 1 to the last bit
        weight = 300 * weight
    return normal(rng, n, d), normal(rng, n, d), normal(rng, n, k) + 0.3, weight


MATCHING_LOSS = Question(
    name="matching_loss",
    notebook="ex11_text_to_image_gan",
    place=3,
    kind="implement",
    function="matching_loss",
    points=3,
    difficulty=3,
    importance=3,
    minutes=14,
    reference=matching_loss,
    draw=_draw_pairs,
    gradient=("weight", "drawn"),
    covers="the loss, its gradient by the critic's weight, and that none reaches the drawings; "
    "batches of 2 to 5, and scores of up to about 1,000.",
    misconceptions=(
        Misconception(
            "wrong captions called real",
            _matched(lambda right, wrong, fake: _terms(right, -wrong, fake)),
            "A real picture with a wrong caption does not fit. Which label should the pair have?",
        ),
        Misconception(
            "wrong captions left out",
            _matched(
                lambda right, wrong, fake: F.softplus(-right).mean() + F.softplus(fake).mean()
            ),
            "Who tells the critic that a picture must fit its caption? A third kind of pair.",
        ),
        Misconception(
            "drawings left out",
            _matched(
                lambda right, wrong, fake: F.softplus(-right).mean() + F.softplus(wrong).mean()
            ),
            "Nobody shows the critic a drawing. What could it teach the generator?",
        ),
        Misconception(
            "no term for wrong captions",
            _matched(lambda r, w, fake: F.softplus(-r).mean() + F.softplus(fake).mean() / 2),
            "Three terms are asked for. Which pair does yours never show?",
        ),
        Misconception(
            "no term for drawings",
            _matched(lambda r, wrong, f: F.softplus(-r).mean() + F.softplus(wrong).mean() / 2),
            "Three terms are asked for. Nobody shows the critic a drawing.",
        ),
        Misconception(
            "each picture with each caption",
            _all_pairs,
            "`x @ weight @ t.T` is (n, n): every picture with every caption. A score for each row "
            "is asked for.",
        ),
        Misconception(
            "labels swapped",
            _matched(lambda *scores: _terms(*(-score for score in scores))),
            "A pair that is *right* should have a high score.",
        ),
        Misconception(
            "sign forgotten",
            lambda *arguments: -matching_loss(*arguments),
            "Logarithms of probabilities are negative, and a loss should fall as they rise.",
        ),
        Misconception(
            "halves forgotten",
            _matched(lambda *scores: 2 * _terms(*scores) - F.softplus(-scores[0]).mean()),
            "Two kinds of pairs are not right. Together they weigh as much as the right ones.",
        ),
        Misconception(
            "mean of three",
            _matched(lambda *scores: (2 * _terms(*scores) - F.softplus(-scores[0]).mean()) / 3),
            "The right pairs count once, the two other kinds one half each.",
        ),
        Misconception(
            "captions not exchanged",
            _matched(exchange=lambda texts: texts),
            "These pairs fit! Give each picture the caption of another one.",
        ),
        Misconception(
            "rolled inside each caption",
            _matched(exchange=lambda texts: texts.roll(-1, 1)),
            "A caption is a row. Along which axis do whole rows move?",
        ),
        Misconception(
            "rolled without an axis",
            _matched(exchange=lambda texts: texts.roll(-1)),
            "Without `dims`, `roll` makes one long row of all numbers, and moves them by one.",
        ),
        Misconception(
            "rolled the other way",
            _matched(exchange=lambda texts: texts.roll(1, 0)),
            "Picture 0 gets the caption of row 1. What comes first after your `roll`?",
        ),
        Misconception(
            "drawings with wrong captions",
            _matched(hears=lambda texts, others: others),
            "A drawing is judged with the caption that it was drawn for.",
        ),
        Misconception(
            "wrong captions for drawings",
            lambda x, drawn, texts, weight: _terms(
                *(
                    ((p @ weight) * t).sum(dim=1)
                    for p, t in (
                        (x, texts),
                        (drawn.detach(), texts.roll(-1, 0)),
                        (drawn.detach(), texts),
                    )
                )
            ),
            "It is the *real* picture that is shown with a wrong caption.",
        ),
        Misconception(
            "no detach",
            _matched(cut=lambda drawn: drawn),
            "The numbers are right. But the generator would be taught to be found out.",
        ),
        Misconception(
            "score detached for the drawing",
            _matched(lambda right, wrong, fake: _terms(right, wrong, fake.detach())),
            "Now the critic does not learn from drawings either. Cut earlier.",
        ),
        Misconception(
            "drawings called real",
            _matched(lambda right, wrong, fake: _terms(right, wrong, -fake)),
            "That is what the generator wants. Whose turn is it?",
        ),
        Misconception(
            "a sigmoid twice",
            _matched(answer=torch.sigmoid),
            "`softplus`, `logsigmoid` and `..._with_logits` want the score itself: they take the "
            "sigmoid for you.",
        ),
        Misconception(
            "logarithm of zero",
            _matched(_of_logarithms),
            "The sigmoid of -1,000 is 0, and its logarithm infinite. Which torch function takes "
            "the logarithm of a sigmoid in one step?",
        ),
        Misconception(
            "sum for mean",
            lambda pictures, *others: len(pictures) * matching_loss(pictures, *others),
            "Expectations are means: the loss must not grow with the batch.",
        ),
    ),
)


def loss_at_rest(share):
    r"""$-\log D - (1-w)\log(1-D)$ with $D = 1/(2-w)$; $w = 0$ gives $\log 4$."""
    d = 1 / (2 - share)
    return -math.log(d) - (1 - share) * math.log(1 - d)


LOSS_AT_REST = Question(
    name="loss_at_rest",
    notebook="ex11_text_to_image_gan",
    place=4,
    kind="predict",
    function="loss_at_rest",
    points=1,
    difficulty=3,
    importance=2,
    minutes=8,
    reference=loss_at_rest,
    draw=lambda rng, size: (0.5 if size == 0 else uniform(rng, low=0.1, high=0.9).item(),),
    covers="the loss for shares of 0.1 to 0.9.",
    misconceptions=(
        Misconception(
            "log 4 as ever",
            lambda w: math.log(4),
            "With w = 0 it is. But a wrong caption is found out, and costs nothing.",
        ),
        Misconception(
            "one half as ever",
            lambda w: (2 - w) * math.log(2),
            "For one pair, real weighs 1 and drawn 1 - w. Is D still one half?",
        ),
        Misconception(
            "drawings at full weight",
            lambda w: math.log(2 - w) - math.log((1 - w) / (2 - w)),
            "The drawings count 1 - w, in the loss as in D.",
        ),
        Misconception(
            "right pairs only",
            lambda w: math.log(2 - w),
            "That is the first term. Drawings cost something too: the critic thinks them real.",
        ),
        Misconception(
            "what the critic says",
            lambda w: 1 / (2 - w),
            "That is D. What does it lose?",
        ),
        Misconception(
            "shares exchanged",
            lambda w: loss_at_rest(1 - w),
            "w is the share of the wrong captions, and 1 - w that of the drawings.",
        ),
        Misconception(
            "in bits",
            lambda w: loss_at_rest(w) / math.log(2),
            "In nats: take the natural logarithm.",
        ),
        Misconception(
            "the value of the game",
            lambda w: -loss_at_rest(w),
            "A loss of probabilities is not negative: minus the logarithms.",
        ),
    ),
)

QUESTIONS = (MATCHING_LOSS, LOSS_AT_REST)
