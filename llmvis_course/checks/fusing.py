r"""Questions on words that steer pixels: a scale and a shift, and a weight a word for every pixel.

Perez et al. 2018, arXiv:1709.07871 (FiLM); Xu et al. 2018, arXiv:1711.10485 (AttnGAN).
"""

import torch

from ..layers.fusion import pixel_weights as weights_of
from .draws import normal, real_places
from .question import Misconception, Question


def film(x, e, mask, weight, bias):
    r"""$(1 + \gamma(s))\,x_n + \beta(s)$ with the mean $s$ of real words.

    Pixels (b, n, c), words (b, m, d), mask (b, m), weight (2c, d) and bias (2c), gamma first.
    """
    return _filmed()(x, e, mask, weight, bias)


def _mean_word(e, mask):
    return (e * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def _scale_and_shift(x, gamma, beta):
    return (1 + gamma) * x + beta


def _filmed(s=_mean_word, halves=lambda said: said.chunk(2, dim=-1), turn=_scale_and_shift):
    """The same, with one thing done in another way."""

    def found(x, e, mask, weight, bias):
        gamma, beta = halves((s(e, mask) @ weight.T + bias)[:, None])
        return turn(x, gamma, beta)

    return found


def _draw_film(rng, size):
    b, n, m, c, d = [(1, 1, 1, 1, 1), (1, 2, 2, 2, 3), (2, 3, 3, 2, 4), (3, 4, 5, 3, 2)][size]
    x, e = normal(rng, b, n, c), normal(rng, b, m, d) + 0.5
    mask = real_places(rng, b, m)
    mask[0] = torch.arange(m) < max(1, m - 1)  # padding in the first caption, but for one word
    return x, e, mask, normal(rng, 2 * c, d), normal(rng, 2 * c)


FILM = Question(
    name="film",
    notebook="ex09_text_image_fusion",
    place=1,
    kind="implement",
    function="film",
    points=3,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=film,
    draw=_draw_film,
    gradient=("x", "e", "weight"),
    covers="values and gradients by pixels, words and weight, for captions with and without "
    "padding; never a caption without a word.",
    misconceptions=(
        Misconception(
            "padding counted as words",
            _filmed(s=lambda e, mask: e.mean(dim=1)),
            "Padding is no word. It should change neither the sum nor the count.",
        ),
        Misconception(
            "padding counted, but left out of the sum",
            _filmed(s=lambda e, mask: (e * mask[..., None]).mean(dim=1)),
            "The sum is right. By how many words is it divided?",
        ),
        Misconception(
            "sum of the words",
            _filmed(s=lambda e, mask: (e * mask[..., None]).sum(dim=1)),
            "A long caption should not speak louder than a short one.",
        ),
        Misconception(
            "not the identity at first",
            _filmed(turn=lambda x, gamma, beta: gamma * x + beta),
            "If weight and bias are zero, pixels should stay as they are. Do yours?",
        ),
        Misconception(
            "shift for scale",
            _filmed(turn=lambda x, gamma, beta: (1 + beta) * x + gamma),
            "Which half of the numbers comes first, gamma or beta?",
        ),
        Misconception(
            "shifted before scaled",
            _filmed(turn=lambda x, gamma, beta: (1 + gamma) * (x + beta)),
            "First the scale, then the shift: beta is not multiplied.",
        ),
        Misconception(
            "pixels only weighed",
            _filmed(turn=lambda x, gamma, beta: (1 + gamma) * x),
            "A pixel of zeros stays zero for every caption. Which term changes that?",
        ),
        Misconception(
            "pixels only shifted",
            _filmed(turn=lambda x, gamma, beta: x + beta),
            "Every pixel gets the same message added. What turns its channels up and down?",
        ),
        Misconception(
            "every other number",
            _filmed(halves=lambda said: (said[..., 0::2], said[..., 1::2])),
            "The first c numbers are gamma, the last c are beta.",
        ),
        Misconception(
            "words of all captions counted",
            _filmed(s=lambda e, mask: (e * mask[..., None]).sum(dim=1) / mask.sum()),
            "Each caption is divided by the number of its *own* words.",
        ),
        Misconception(
            "padding heard",
            _filmed(s=lambda e, mask: _mean_word(e, ~mask)),
            "True in the mask is a real word.",
        ),
        Misconception(
            "bias forgotten",
            lambda x, e, mask, w, b: film(x, e, mask, w, 0 * b),
            "Which of your arguments is not used?",
        ),
    ),
)


def pixel_weights(x, e, mask):
    r"""$\mathrm{softmax}_m(x_n \cdot e_m / \sqrt c)$ over real words.

    Pixels (b, n, c), words (b, m, c), mask (b, m); returns (b, n, m).
    """
    return weights_of(x, e, mask)


def _weighed(scale=lambda c: c**0.5, hide=None, over=lambda t: t.softmax(dim=2), after=None):
    """The weights, with one thing done in another way."""

    def found(x, e, mask):
        mask = mask[:, None]
        scores = x @ e.mT / scale(x.shape[-1])
        scores = hide(scores, mask) if hide else scores.masked_fill(~mask, -torch.inf)
        return after(over(scores), mask) if after else over(scores)

    return found


def _as_it_is(scores, mask):
    return scores


def _draw_pixels(rng, size):
    b, n, m, c = [(1, 1, 2, 2), (1, 2, 3, 3), (2, 4, 3, 4), (3, 3, 5, 2)][size]
    mask = real_places(rng, b, m)
    mask[0] = torch.arange(m) < (m if size == 0 else m - 1)
    return 1.5 * normal(rng, b, n, c), 1.5 * normal(rng, b, m, c), mask


PIXEL_WEIGHTS = Question(
    name="pixel_weights",
    notebook="ex09_text_image_fusion",
    place=2,
    kind="implement",
    function="pixel_weights",
    points=3,
    difficulty=3,
    importance=3,
    minutes=14,
    reference=pixel_weights,
    draw=_draw_pixels,
    gradient=("x", "e"),
    covers="weights and gradients for 1 to 4 pixels and 2 to 5 words, some of them padding; never "
    "a caption without a word.",
    misconceptions=(
        Misconception(
            "softmax over pixels",
            _weighed(over=lambda t: t.softmax(dim=1)),
            "The weights of one pixel should sum to 1 over the words.",
        ),
        Misconception(
            "softmax over pixels and words",
            _weighed(over=lambda t: t.flatten(1).softmax(dim=1).view_as(t)),
            "All weights of a picture sum to 1 here. Those of each pixel should.",
        ),
        Misconception(
            "not scaled",
            _weighed(scale=lambda c: 1.0),
            "Scores grow with the width c. What keeps them small?",
        ),
        Misconception(
            "scaled by the width",
            _weighed(scale=lambda c: c),
            "A sum of c terms grows like the root of c.",
        ),
        Misconception(
            "scaled by the number of words",
            lambda x, e, mask: pixel_weights(x * (x.shape[2] / e.shape[1]) ** 0.5, e, mask),
            "The axes of e are b, m, c. Which of them is the width?",
        ),
        Misconception(
            "padding looked at",
            _weighed(hide=_as_it_is),
            "Where does your code use the mask? (`masked_fill` returns a new tensor.)",
        ),
        Misconception(
            "mask after softmax",
            _weighed(hide=_as_it_is, after=lambda a, mask: a * mask),
            "The weights no longer sum to 1: padding took its share before it was left out.",
        ),
        Misconception(
            "padding scores zero",
            _weighed(hide=lambda scores, mask: scores * mask),
            "A score of 0 is no weight of 0: what is its exponential?",
        ),
        Misconception(
            "real words hidden",
            _weighed(
                hide=lambda scores, mask: scores.masked_fill(mask, -torch.inf),
                over=lambda t: t.softmax(dim=2),
            ),
            "True in the mask is a real word.",
        ),
        Misconception(
            "each weight by itself",
            _weighed(over=torch.sigmoid),
            "Each pixel has one look to share out among the words.",
        ),
    ),
)

QUESTIONS = (FILM, PIXEL_WEIGHTS)
