r"""Questions on a Transformer's block: normalise, think, add.

Ba et al. 2016, arXiv:1607.06450 (layer normalisation); Xiong et al. 2020, arXiv:2002.04745 (why it
stands before each part).
"""

import torch
import torch.nn.functional as F

from ..layers.transformer import two_layers
from .draws import normal, uniform
from .question import Misconception, Question

EPS = 1e-5


def layer_norm(x, scale, shift):
    r"""$\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot g + b$ over the last axis.

    $\epsilon = 10^{-5}$, and $\sigma^2$ the mean of squares, as in torch: not divided by $d - 1$.
    """
    return F.layer_norm(x, x.shape[-1:], scale, shift, EPS)


def _norm_with(dim=-1, unbiased=False, divide=lambda var: (var + EPS).sqrt(), scale=True,
               shift=True, centre=True):  # fmt: skip
    """Normalisation with one thing done in another way."""

    def wrong(x, g, b):
        mean = x.mean(dim, keepdim=True) if centre else 0.0
        y = (x - mean) / divide(x.var(dim, unbiased=unbiased, keepdim=True))
        return (y * g if scale else y) + (b if shift else 0.0)

    return wrong


def _axis_dropped(x, g, b):
    return (x - x.mean(-1)) / (x.var(-1, unbiased=False) + EPS).sqrt() * g + b


def _root_of_squares(x):
    return (x.square().mean(-1, keepdim=True) + EPS).sqrt()


def _draw_norm(rng, size):
    b, n, d = [(1, 1, 2), (1, 2, 2), (2, 3, 4), (3, 2, 6)][size]
    x = normal(rng, b, n, d) * uniform(rng, b, n, 1, low=0.003, high=2.0) + normal(rng, b, n, 1)
    return x, 1 + normal(rng, d), normal(rng, d)


LAYER_NORM = Question(
    name="layer_norm",
    notebook="ex04_transformer",
    place=2,
    kind="implement",
    function="layer_norm",
    points=2,
    difficulty=2,
    importance=2,
    minutes=10,
    reference=layer_norm,
    draw=_draw_norm,
    repeats=3,
    gradient=("x", "scale", "shift"),
    covers="values and gradients by all three arguments, for vectors that vary much and little "
    "(so the place of epsilon matters); not vectors of equal numbers.",
    misconceptions=(
        Misconception(
            "variance divided by d - 1",
            _norm_with(unbiased=True),
            "torch's `var` divides by d - 1 unless told otherwise. Here it is the plain mean.",
        ),
        Misconception(
            "epsilon outside the root",
            _norm_with(divide=lambda var: var.sqrt() + EPS),
            "Where does the equation add epsilon: under the root, or behind it?",
        ),
        Misconception(
            "epsilon forgotten",
            _norm_with(divide=lambda var: var.sqrt()),
            "What keeps the division safe where a vector hardly varies?",
        ),
        Misconception(
            "root forgotten",
            _norm_with(divide=lambda var: var + EPS),
            "Divide by the standard deviation, not by the variance.",
        ),
        Misconception(
            "normalised over positions",
            _norm_with(dim=1),
            "Each position is normalised by itself: over which axis?",
        ),
        Misconception(
            "normalised over the batch",
            _norm_with(dim=0),
            "That is batch normalisation. Here each vector is normalised by itself.",
        ),
        Misconception(
            "mean not taken away",
            _norm_with(centre=False),
            "After the first step the numbers of a vector have a mean of 0.",
        ),
        Misconception(
            "the deviation of torch",
            _norm_with(unbiased=True, divide=lambda var: var.sqrt() + EPS),
            "torch's `std` divides by d - 1 unless told otherwise, and epsilon belongs under the "
            "root. Begin with the variance.",
        ),
        Misconception(
            "one mean for a whole sentence",
            _norm_with(dim=(1, 2)),
            "Each vector is normalised by itself, not together with its neighbours.",
        ),
        Misconception(
            "one mean for everything",
            _norm_with(dim=(0, 1, 2)),
            "Each vector is normalised by itself. Over which axis does the mean go?",
        ),
        Misconception(
            "axes dropped",
            _axis_dropped,
            "`mean(dim=-1)` drops the axis, and shapes fit by chance here. What does `keepdim` do?",
        ),
        Misconception(
            "squares of x for squares of x - mean",
            lambda x, g, b: (x - x.mean(-1, keepdim=True)) / _root_of_squares(x) * g + b,
            "The variance is the mean of the squares of what is left after the mean is taken away.",
        ),
        Misconception(
            "scale forgotten",
            _norm_with(scale=False),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "shift forgotten",
            _norm_with(shift=False),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "neither scaled nor shifted",
            _norm_with(scale=False, shift=False),
            "Which of your arguments are not used?",
        ),
    ),
)


def think(x, scale, shift, w1, b1, w2, b2):
    r"""$x + W_2\,\mathrm{GELU}(W_1\,\mathrm{norm}(x) + b_1) + b_2$, the second half of a block."""
    weights = {"0.weight": w1, "0.bias": b1, "2.weight": w2, "2.bias": b2}
    inner = torch.func.functional_call(
        two_layers(x.shape[-1]), weights, layer_norm(x, scale, shift)
    )
    return x + inner


def _inner(x, w1, b1, w2, b2, bend=F.gelu):
    return F.linear(bend(F.linear(x, w1, b1)), w2, b2)


def _draw_think(rng, size):
    b, n, d = [(1, 1, 2), (1, 2, 2), (2, 3, 4), (3, 2, 3)][size]
    return (
        normal(rng, b, n, d), 1 + 0.5 * normal(rng, d), normal(rng, d), normal(rng, 4 * d, d),
        normal(rng, 4 * d), normal(rng, d, 4 * d), normal(rng, d),
    )  # fmt: skip


THINK = Question(
    name="think",
    notebook="ex04_transformer",
    place=3,
    kind="debug",
    function="think",
    points=2,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=think,
    draw=_draw_think,
    gradient=("x", "w1", "w2"),
    uses=("layer_norm",),
    covers="values, and gradients by the input and both weight tables, with the exact GELU; the "
    "attention half of the block is another question.",
    misconceptions=(
        Misconception(
            "normalised behind the sum",
            lambda x, g, s, *w: layer_norm(x + _inner(x, *w), g, s),
            "That is post-norm: the straight path from block to block goes through a norm. Where "
            "should the norm stand?",
        ),
        Misconception(
            "normalised behind the network",
            lambda x, g, s, *w: x + layer_norm(_inner(x, *w), g, s),
            "The network reads a normalised copy; what it writes is added as it is.",
        ),
        Misconception(
            "the normalised copy carried on",
            lambda x, g, s, *w: layer_norm(x, g, s) + _inner(layer_norm(x, g, s), *w),
            "What is added to: x itself, or its normalised copy?",
        ),
        Misconception(
            "nothing carried on",
            lambda x, g, s, *w: _inner(layer_norm(x, g, s), *w),
            "A block adds to what comes in. Where is the straight path?",
        ),
        Misconception(
            "no normalisation",
            lambda x, g, s, *w: x + _inner(x, *w),
            "The network reads a normalised copy of x.",
        ),
        Misconception(
            "ReLU for GELU",
            lambda x, g, s, *w: x + _inner(layer_norm(x, g, s), *w, bend=F.relu),
            "The bend between the two maps is a GELU.",
        ),
        Misconception(
            "no bend",
            lambda x, g, s, *w: x + _inner(layer_norm(x, g, s), *w, bend=lambda y: y),
            "Two linear maps in a row are one linear map. What stands between?",
        ),
        Misconception(
            "the tanh form of GELU",
            lambda x, g, s, *w: x + _inner(layer_norm(x, g, s), *w, bend=_tanh_gelu),
            "Nearly: this is GPT-2's approximation. Here the exact GELU is asked for.",
        ),
    ),
)


def _tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


QUESTIONS = (LAYER_NORM, THINK)
