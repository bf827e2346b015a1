r"""Questions on how far a deep network of convolutions sees, and how much the edge counts.

Luo et al. 2016, arXiv:1701.04128 (the effective receptive field).
"""

import operator

import torch
import torch.nn.functional as F

from ..layers import conv
from .draws import whole
from .question import Misconception, Question


def receptive_field(layers):
    r"""$1 + \sum_l (k_l - 1) \prod_{m<l} s_m$ for layers of (size, stride), first layer first."""
    return conv.receptive_field([conv.Layer(size, stride) for size, stride in layers])


def _field_with(start=1, less=1, after=False, longer=operator.mul, reverse=False):
    def wrong(layers):
        seen, step = start, 1
        for size, stride in reversed(layers) if reverse else layers:
            step = longer(step, stride) if after else step
            seen += (size - less) * step
            step = step if after else longer(step, stride)
        return seen

    return wrong


def _as_long(step, stride):
    return step


def _draw_layers(rng, size):
    return (tuple((whole(rng, 2, 5), whole(rng, 2, 3)) for _ in range(size + 1)),)


RECEPTIVE_FIELD = Question(
    name="receptive_field",
    notebook="ex05_cnn_features",
    place=4,
    kind="implement",
    function="receptive_field",
    points=2,
    difficulty=3,
    importance=2,
    minutes=12,
    reference=receptive_field,
    draw=_draw_layers,
    repeats=3,
    covers="one to four layers with strides; no dilation, and not how much each pixel counts.",
    misconceptions=(
        Misconception(
            "sizes added up",
            _field_with(start=0, less=0, longer=_as_long),
            "Windows of neighbouring outputs overlap: a layer adds its size less one.",
        ),
        Misconception(
            "strides ignored",
            _field_with(longer=_as_long),
            "After a stride of 2, one step is two pixels of the picture.",
        ),
        Misconception(
            "a layer's own stride counted for itself",
            _field_with(after=True),
            "A layer's stride says how far its *outputs* lie apart. It matters to later layers.",
        ),
        Misconception(
            "read from the last layer",
            _field_with(reverse=True),
            "Which layers come before: those nearer to the picture?",
        ),
        Misconception(
            "started from zero",
            _field_with(start=0),
            "With no layers at all, how many pixels does one place see?",
        ),
        Misconception(
            "sizes multiplied",
            lambda layers: int(torch.tensor([size for size, _ in layers]).prod()),
            "Two 3 x 3 convolutions see 5 x 5 pixels, not 9 x 9.",
        ),
        Misconception(
            "size for size less one",
            _field_with(less=0),
            "A 1 x 1 convolution adds nothing to what is seen.",
        ),
        Misconception(
            "strides added up",
            _field_with(longer=lambda step, stride: step + stride),
            "After two layers of stride 2 one step is four pixels. And after three?",
        ),
        Misconception(
            "the last stride only",
            _field_with(longer=lambda step, stride: stride),
            "A step of a later layer is as long as all strides before it together make it.",
        ),
    ),
)


def middle_share(depth):
    r"""How much influence comes from the middle half of the field, after `depth` 3-tap means.

    The field is $2L + 1$ pixels wide; those at most $L/2$ away from the centre are the middle.
    """
    return _within(depth)[_away(depth) <= depth / 2].sum().item()


def _within(depth, tap=1 / 3):
    """What arrives at each place, of a single 1 in the middle."""
    row = torch.zeros(1, 1, 2 * depth + 1, dtype=torch.float64)
    row[..., depth] = 1.0
    for _ in range(depth):
        row = F.conv1d(row, torch.full((1, 1, 3), tap, dtype=torch.float64), padding=1)
    return row[0, 0]


def _away(depth):
    return (torch.arange(2 * depth + 1) - depth).abs()


def _in_place(depth):
    """As if each layer overwrote the row that it still reads."""
    row = [0.0] * depth + [1.0] + [0.0] * (depth + 1)
    for _ in range(depth):
        for place in range(2 * depth + 1):
            row[place] = (row[place - 1] + row[place] + row[place + 1]) / 3
    return sum(row[depth - depth // 2 : depth + depth // 2 + 1])


MIDDLE_SHARE = Question(
    name="middle_share",
    notebook="ex05_cnn_features",
    place=7,
    kind="experiment",
    function="middle_share",
    points=2,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=middle_share,
    draw=lambda rng, size: (2 ** (size + 1),),
    repeats=1,
    tolerance=1e-5,  # float32 will do
    covers="your measurement for 2, 4, 8 and 16 layers; plain means stand in for trained kernels.",
    misconceptions=(
        Misconception(
            "all pixels count the same",
            lambda depth: (2 * (depth // 2) + 1) / (2 * depth + 1),
            "More paths lead to the middle than to the edge. Send a single 1 through the layers.",
        ),
        Misconception(
            "one layer only",
            lambda depth: 1 / 3 if depth < 2 else 1.0,
            "Apply the mean `depth` times.",
        ),
        Misconception(
            "the edge for the middle",
            lambda depth: 1 - middle_share(depth),
            "The share *within* the middle half is asked for.",
        ),
        Misconception(
            "one side only",
            lambda depth: (1 + middle_share(depth)) / 2,
            "Leave out both ends of the field, not one.",
        ),
        Misconception(
            "the last place left out",
            lambda depth: _within(depth)[depth - depth // 2 : depth + depth // 2].sum().item(),
            "A slice `a : b` ends before b. Is the middle as long to the right as to the left?",
        ),
        Misconception(
            "a quarter of the field",
            lambda depth: _within(depth)[_away(depth) <= depth // 4].sum().item(),
            "Up to depth / 2 on *each* side of the centre.",
        ),
        Misconception(
            "overwritten too early",
            _in_place,
            "A layer reads the row as it was. Yours overwrites places that are still to be read.",
        ),
        Misconception(
            "counted, not shared",
            lambda depth: _within(depth, tap=1.0)[_away(depth) <= depth / 2].sum().item(),
            "That counts paths. Which share of all paths is it?",
        ),
    ),
)


QUESTIONS = (RECEPTIVE_FIELD, MIDDLE_SHARE)
