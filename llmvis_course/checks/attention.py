r"""Questions on attention: weighted means, masks, heads, and why scores are scaled.

Vaswani et al. 2017, arXiv:1706.03762.
"""

import torch

from ..layers import attention as layers
from .question import Misconception, Question

F64 = torch.float64


def _normal(rng, *shape):
    return torch.randn(*shape, generator=rng, dtype=F64)


def _heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


# --- attend ------------------------------------------------------------------------------


def attend(q, k, v, mask):
    r"""$\mathrm{softmax}(q k^\top / \sqrt d)\, v$, where `mask` is True at places to look at."""
    return layers.attention(q, k, v, mask).values


def _attend_with(scale=lambda d, m: d**0.5, dim=-1, fill="before", flip=False, use=True):
    """Attention with one thing done in another way."""

    def wrong(q, k, v, mask):
        mask = ~mask if flip else mask
        scores = q @ k.transpose(-1, -2) / scale(q.shape[-1], k.shape[-2])
        if fill == "before" and use:
            scores = scores.masked_fill(~mask, float("-inf"))
        if fill == "zero":
            scores = scores.masked_fill(~mask, 0.0)
        weights = scores.softmax(dim)
        return (weights * mask if fill == "after" else weights) @ v

    return wrong


def _draw_attend(rng, size):
    b, heads, n, m, d = [(1, 1, 1, 2, 2), (1, 1, 3, 3, 2), (2, 2, 3, 5, 4), (3, 4, 6, 4, 9)][size]
    mask = torch.rand(b, 1, n, m, generator=rng) < 0.6
    mask[..., 0] |= ~mask.any(dim=-1)
    q, k, v = (_normal(rng, b, heads, rows, d) for rows in (n, m, m))
    return 2 * q, k, v, mask


ATTEND = Question(
    name="attend",
    notebook="ex03_attention",
    kind="implement",
    function="attend",
    points=3,
    difficulty=2,
    importance=3,
    minutes=15,
    reference=attend,
    draw=_draw_attend,
    gradient=("q", "k", "v"),
    covers="values and gradients by q, k and v in float64, for 1 to 4 heads, with as many keys "
    "as queries and with more or fewer; not speed, and no row that may look nowhere.",
    misconceptions=(
        Misconception(
            "no division by the square root of d",
            _attend_with(scale=lambda d, m: 1),
            "How large do the scores get as d grows, and what does the softmax make of large ones?",
        ),
        Misconception(
            "division by d",
            _attend_with(scale=lambda d, m: d),
            "A sum of d products of unit variance has variance d. By what is it divided to get 1?",
        ),
        Misconception(
            "division by the root of the number of keys",
            _attend_with(scale=lambda d, m: m**0.5),
            "The scores grow with the width of a query, not with the number of keys.",
        ),
        Misconception(
            "softmax over the wrong axis",
            _attend_with(dim=-2),
            "Each query shares out one whole among the keys. Which axis of scores has the keys?",
        ),
        Misconception(
            "mask after the softmax",
            _attend_with(fill="after"),
            "Add up a row of your weights. What went to the masked keys is lost, not shared out.",
        ),
        Misconception(
            "masked scores set to zero",
            _attend_with(fill="zero"),
            "The softmax of a score of 0 is not 0. Which score has a softmax of 0?",
        ),
        Misconception(
            "mask the wrong way round",
            _attend_with(flip=True),
            "The mask is True where a query may look. Which entries are you hiding?",
        ),
        Misconception(
            "mask ignored",
            _attend_with(use=False),
            "Where does your code use the mask?",
        ),
    ),
)


QUESTIONS = (ATTEND,)
