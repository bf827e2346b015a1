r"""Questions on codebooks: the nearest code, and gradients past a step that has no slope.

van den Oord et al. 2017, arXiv:1711.00937; Bengio et al. 2013, arXiv:1308.3432.
"""

import torch.nn.functional as F

from ..layers.quantize import nearest, straight_through
from .draws import normal, uniform
from .question import Misconception, Question


def nearest_codes(z, codes):
    r"""$\arg\min_k \lVert z - e_k \rVert^2$ for vectors (n, d) and codes (v, d): (n), int64."""
    return nearest(z, codes)


def _draw_vectors(rng, size):
    n, v, d = [(2, 3, 1), (4, 3, 2), (6, 5, 3), (12, 8, 5)][size]
    return 2 * normal(rng, n, d) + 0.5, 2 * normal(rng, v, d) + 1.0


def _differences(z, codes):
    return z[:, None] - codes


def _squares(z, codes):
    return _differences(z, codes).square().sum(dim=2)


NEAREST_CODES = Question(
    name="nearest_codes",
    notebook="ex12_language_models_that_draw",
    place=2,
    kind="implement",
    function="nearest_codes",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=nearest_codes,
    draw=_draw_vectors,
    covers="the tokens of 2 to 12 vectors among 3 to 8 codes; never two codes equally near.",
    misconceptions=(
        Misconception(
            "the farthest code",
            lambda z, codes: _squares(z, codes).argmax(dim=1),
            "A token names the code that is least far away.",
        ),
        Misconception(
            "largest dot product",
            lambda z, codes: (z @ codes.T).argmax(dim=1),
            "A dot product also rewards long codes. What else does the squared distance hold?",
        ),
        Misconception(
            "largest cosine",
            lambda z, codes: F.cosine_similarity(z[:, None], codes, dim=2).argmax(dim=1),
            "A code that points the same way may still be far away.",
        ),
        Misconception(
            "a factor of two lost",
            lambda z, codes: (codes.square().sum(dim=1) - z @ codes.T).argmin(dim=1),
            "Multiply the square of a difference out: how often does the product come?",
        ),
        Misconception(
            "a vector for each code",
            lambda z, codes: _squares(z, codes).argmin(dim=0),
            "One token for each vector is asked for. Over which axis is the least looked for?",
        ),
        Misconception(
            "differences not squared",
            lambda z, codes: _differences(z, codes).sum(dim=2).argmin(dim=1),
            "Differences above and below zero cancel each other, and very negative ones win.",
        ),
        Misconception(
            "absolute for squared",
            lambda z, codes: _differences(z, codes).abs().sum(dim=2).argmin(dim=1),
            "The squares are summed, not the sizes of the differences.",
        ),
        Misconception(
            "summed over the codes",
            lambda z, codes: _differences(z, codes).square().sum(dim=1).argmin(dim=1),
            "Summed over the codes, nothing tells them apart. Which axis has the d numbers?",
        ),
        Misconception(
            "distances for tokens",
            lambda z, codes: _squares(z, codes).amin(dim=1),
            "How far away the nearest code is, is right. Which one is it?",
        ),
        Misconception(
            "codes for tokens",
            lambda z, codes: codes[nearest(z, codes)],
            "These are the right codes. Their numbers are asked for.",
        ),
        Misconception(
            "counted from one",
            lambda z, codes: nearest(z, codes) + 1,
            "The first code has the number 0.",
        ),
    ),
)


def quantise(z, codes, tokens, beta):
    r"""$z + \mathrm{sg}[e - z]$, and $\mathrm{mean}(\mathrm{sg}[z] - e)^2$ + beta times the other.

    Vectors (n, d), codes (v, d) and tokens (n); e are the codes of the tokens.
    """
    return _quantised()(z, codes, tokens, beta)


def _two_pulls(z, chosen, beta):
    return F.mse_loss(chosen, z.detach()) + beta * F.mse_loss(z, chosen.detach())


def _quantised(passed=straight_through, pulls=_two_pulls):
    """What the decoder gets and the pulls, one of them made in another way."""

    def found(z, codes, tokens, beta):
        chosen = codes[tokens]
        return passed(z, chosen), pulls(z, chosen, beta)

    return found


def _draw_chosen(rng, size):
    z, codes = _draw_vectors(rng, size)
    beta = 0.25 if size == 0 else uniform(rng, low=0.1, high=0.7).item()
    return z, codes, nearest(z, codes), beta


QUANTISE = Question(
    name="quantise",
    notebook="ex12_language_models_that_draw",
    place=3,
    kind="debug",
    function="quantise",
    points=3,
    difficulty=3,
    importance=3,
    minutes=15,
    reference=quantise,
    draw=_draw_chosen,
    gradient=("z", "codes"),
    covers="both results, and what each tells the vectors and the codes; tokens are given.",
    misconceptions=(
        Misconception(
            "the code's way left open, the vector's turned round",
            _quantised(passed=lambda z, e: z.detach() + (e - z)),
            "The decoder gets the right numbers. With which sign does its wish arrive at z, and "
            "should it arrive at the codes?",
        ),
        Misconception(
            "no way to the vectors",
            _quantised(passed=lambda z, e: e),
            "The decoder's wish reaches the codes and not z: the encoder learns nothing from it.",
        ),
        Misconception(
            "no way at all",
            _quantised(passed=lambda z, e: e.detach()),
            "Nobody hears what the decoder wants. Which part may not be cut off?",
        ),
        Misconception(
            "the decoder moves the codes too",
            _quantised(passed=lambda z, e: z + e - z.detach()),
            "z hears the decoder now, and so do the codes. Only the pulls should move those.",
        ),
        Misconception(
            "vectors passed on, not codes",
            _quantised(passed=lambda z, e: z),
            "Forwards the decoder should get the codes; only backwards it looks like z.",
        ),
        Misconception(
            "commitment missing",
            _quantised(pulls=lambda z, e, beta: F.mse_loss(e, z.detach())),
            "Codes move to the vectors. What keeps the vectors near their codes?",
        ),
        Misconception(
            "codes not pulled",
            _quantised(pulls=lambda z, e, beta: beta * F.mse_loss(z, e.detach())),
            "Vectors move to their codes. What moves the codes?",
        ),
        Misconception(
            "beta on the other pull",
            _quantised(
                pulls=lambda z, e, beta: (
                    beta * F.mse_loss(e, z.detach()) + F.mse_loss(z, e.detach())
                )
            ),
            "The numbers are right. Which of the two pulls does beta weigh?",
        ),
        Misconception(
            "pulls not cut",
            _quantised(pulls=lambda z, e, beta: (1 + beta) * F.mse_loss(z, e)),
            "The numbers are right. But each of the two pulls should move one side only.",
        ),
        Misconception(
            "squared lengths for means",
            _quantised(pulls=lambda z, e, beta: z.shape[1] * _two_pulls(z, e, beta)),
            "The mean over all numbers is asked for: over those of one vector, too.",
        ),
        Misconception(
            "sum for mean",
            _quantised(pulls=lambda z, e, beta: e.numel() * _two_pulls(z, e, beta)),
            "Both pulls are means over all numbers, so that a large batch does not pull harder.",
        ),
    ),
)

QUESTIONS = (NEAREST_CODES, QUANTISE)
