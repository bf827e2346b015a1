r"""Questions on attention: weighted means, masks, heads, and why scores are scaled.

Vaswani et al. 2017, arXiv:1706.03762.
"""

import torch

from ..layers import attention as layers
from .draws import normal
from .question import Misconception, Question


def attend(q, k, v, mask):
    r"""$\mathrm{softmax}(q k^\top / \sqrt d)\, v$, where `mask` is True at places to look at."""
    return layers.attention(q, k, v, mask).values


def _attend_with(scale=lambda d, m, h: d**0.5, dim=-1, fill="before", flip=False, use=True):
    """Attention with one thing done in another way."""

    def wrong(q, k, v, mask):
        mask = ~mask if flip else mask
        scores = q @ k.transpose(-1, -2) / scale(q.shape[-1], k.shape[-2], q.shape[1])
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
    q, k, v = (normal(rng, b, heads, rows, d) for rows in (n, m, m))
    return 2 * q, k, v, mask


ATTEND = Question(
    name="attend",
    notebook="ex03_attention",
    place=2,
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
            _attend_with(scale=lambda d, m, h: 1),
            "How large do the scores get as d grows, and what does the softmax make of large ones?",
        ),
        Misconception(
            "division by d",
            _attend_with(scale=lambda d, m, h: d),
            "A sum of d products of unit variance has variance d. By what is it divided to get 1?",
        ),
        Misconception(
            "division by the root of the number of keys",
            _attend_with(scale=lambda d, m, h: m**0.5),
            "The scores grow with the width of a query, not with the number of keys.",
        ),
        Misconception(
            "division by the root of the number of heads",
            _attend_with(scale=lambda d, m, h: h**0.5),
            "The axes of q are b, heads, n, d. Which is `size(1)`, and which is the width?",
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
            "Where does your code use the mask? (`masked_fill` returns a new tensor.)",
        ),
    ),
)


def multi_head(x, query, key, value, output, heads):
    """Attention of `x` (b, n, d) to itself in several heads; weights (d, d) as in nn.Linear."""
    q, k, v = (_split(x @ weight.T, heads) for weight in (query, key, value))
    return layers.attention(q, k, v).values.transpose(1, 2).flatten(2) @ output.T


def _split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _draw_multi(rng, size):
    b, n, d, heads = [(1, 2, 2, 1), (1, 2, 4, 2), (2, 3, 4, 2), (2, 4, 6, 3)][size]
    return normal(rng, b, n, d), *(normal(rng, d, d) for _ in range(4)), heads


def _multi_with(split=_split, scale="head", join=None, last=lambda y, o: y @ o.T, flip=False):
    """Several heads with one thing done in another way."""

    def wrong(x, query, key, value, output, heads):
        weights = [w.T if flip else w for w in (query, key, value, output)]
        q, k, v = (split(x @ w.T, heads) for w in weights[:3])
        width = {"head": q.shape[-1], "all": x.shape[-1], "none": 1}[scale]
        y = (q @ k.transpose(-1, -2) / width**0.5).softmax(-1) @ v
        y = join(y) if join else y.transpose(1, 2).flatten(2)
        return last(y, weights[3])

    return wrong


def _one_head(x, heads):
    return x[:, None]


MULTI_HEAD = Question(
    name="multi_head",
    notebook="ex03_attention",
    place=5,
    kind="implement",
    function="multi_head",
    points=3,
    difficulty=3,
    importance=3,
    minutes=20,
    reference=multi_head,
    draw=_draw_multi,
    gradient=("x", "query", "key", "value", "output"),
    uses=("attend",),
    covers="values and gradients by the input and all four weights, for 1 to 3 heads; no mask, no "
    "biases, no cross-attention.",
    misconceptions=(
        Misconception(
            "heads cut without moving an axis",
            _multi_with(
                split=lambda x, h: x.reshape(len(x), h, x.shape[1], -1),
                join=lambda y: y.transpose(1, 2).flatten(2),
            ),
            "`view(b, heads, n, d)` mixes positions up. Split the width first, then move the axis.",
        ),
        Misconception(
            "heads cut and joined without moving an axis",
            _multi_with(
                split=lambda x, h: x.reshape(len(x), h, x.shape[1], -1),
                join=lambda y: y.reshape(len(y), y.shape[2], -1),
            ),
            "With b, n, d = 1, 2, 4 and two heads: whose numbers get into the first head? First "
            "split the width, then move the axis; and back.",
        ),
        Misconception(
            "heads joined without moving the axis back",
            _multi_with(join=lambda y: y.reshape(len(y), y.shape[2], -1)),
            "Before you join: where are the positions, and where are the heads?",
        ),
        Misconception(
            "heads taken in turn",
            _multi_with(
                split=lambda x, h: x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2),
                join=lambda y: y.permute(0, 2, 3, 1).flatten(2),
            ),
            "A head owns neighbouring columns, not every h-th one.",
        ),
        Misconception(
            "scaled by the full width",
            _multi_with(scale="all"),
            "A query of one head has d / heads numbers. Which width do its scores grow with?",
        ),
        Misconception(
            "no last projection",
            _multi_with(last=lambda y, o: y),
            "What mixes the findings of the heads?",
        ),
        Misconception(
            "one head only",
            _multi_with(split=_one_head),
            "Where does your code use `heads`?",
        ),
        Misconception(
            "weights not transposed",
            _multi_with(flip=True),
            "As in nn.Linear, a row of a weight belongs to one number of the result.",
        ),
        Misconception(
            "no division by the square root of d",
            _multi_with(scale="none"),
            "How large do the scores get as the width grows?",
        ),
    ),
)


QUESTIONS = (ATTEND, MULTI_HEAD)
