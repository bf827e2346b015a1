r"""Questions on what a deep network of convolutions sees: how far, at which scale, and where.

Lin et al. 2017, arXiv:1612.03144 (feature pyramids); Selvaraju et al. 2017, arXiv:1610.02391
(Grad-CAM); Luo et al. 2016, arXiv:1701.04128 (the effective receptive field).
"""

import torch
import torch.nn.functional as F

from ..layers import conv
from .draws import normal, whole
from .question import Misconception, Question


def receptive_field(layers):
    r"""$1 + \sum_l (k_l - 1) \prod_{m<l} s_m$ for layers of (size, stride), first layer first."""
    return conv.receptive_field([conv.Layer(size, stride) for size, stride in layers])


def _field_with(start=1, less=1, after=False, strides=True, reverse=False):
    def wrong(layers):
        seen, step = start, 1
        for size, stride in reversed(layers) if reverse else layers:
            step *= stride if after and strides else 1
            seen += (size - less) * step
            step *= stride if strides and not after else 1
        return seen

    return wrong


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
            _field_with(start=0, less=0, strides=False),
            "Windows of neighbouring outputs overlap: a layer adds its size less one.",
        ),
        Misconception(
            "strides ignored",
            _field_with(strides=False),
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
    ),
)


def fuse(fine, coarse, weight):
    r"""Fine features plus the coarse ones, brought to their channels and enlarged twice.

    `fine` (b, c, 2h, 2w), `coarse` (b, e, h, w), `weight` (c, e): a 1 x 1 convolution. Each coarse
    place is repeated to 2 x 2.
    """
    same = torch.einsum("c e, b e h w -> b c h w", weight, coarse)
    return fine + F.interpolate(same, scale_factor=2, mode="nearest")


def _fuse_with(grow=lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3), join=None,
               flat=False):  # fmt: skip
    def wrong(fine, coarse, weight):
        same = torch.einsum("c e, b e h w -> b c h w", weight, coarse)
        return (join or torch.add)(fine, grow(same))

    return wrong


def _apart(x):
    y = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    y[:, :, ::2, ::2] = x
    return y


def _draw_fuse(rng, size):
    b, c, e, h, w = [(1, 1, 1, 1, 2), (1, 2, 2, 2, 2), (2, 3, 2, 2, 3), (2, 2, 4, 3, 4)][size]
    return normal(rng, b, c, 2 * h, 2 * w), normal(rng, b, e, h, w), normal(rng, c, e)


FUSE = Question(
    name="fuse",
    notebook="ex05_cnn_features",
    place=5,
    kind="implement",
    function="fuse",
    points=2,
    difficulty=2,
    importance=2,
    minutes=12,
    reference=fuse,
    draw=_draw_fuse,
    gradient=("fine", "coarse", "weight"),
    covers="values and gradients by all three arguments, for pictures that are not square; nearest "
    "enlargement only.",
    misconceptions=(
        Misconception(
            "the coarse map tiled",
            _fuse_with(grow=lambda x: x.repeat(1, 1, 2, 2)),
            "`repeat` lays copies of the whole map side by side. Each *place* should become 2 x 2.",
        ),
        Misconception(
            "mean for sum",
            _fuse_with(join=lambda a, b: (a + b) / 2),
            "Add the two; the network can scale them itself.",
        ),
        Misconception(
            "laid side by side",
            _fuse_with(join=lambda a, b: torch.cat([a, b], 1)),
            "That doubles the channels. Add the two.",
        ),
        Misconception(
            "enlarged smoothly",
            _fuse_with(grow=lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
            "Each coarse place is repeated as it is: nearest, not bilinear.",
        ),
        Misconception(
            "holes in the enlarged map",
            _fuse_with(grow=_apart),
            "Three of four places stay empty. Repeat the coarse place in all four.",
        ),
        Misconception(
            "weight transposed",
            lambda fine, coarse, w: _fuse_with()(fine, coarse, w.T),
            "A row of the weight belongs to one channel of the result.",
        ),
        Misconception(
            "product for sum",
            _fuse_with(join=torch.mul),
            "Add the two: where one of them is silent the other should still speak.",
        ),
    ),
)


def grad_cam(features, gradients):
    r"""$\mathrm{ReLU}(\sum_c a_c A_c)$, $a_c$ the mean gradient of a channel: (c, h, w), (h, w)."""
    weights = gradients.mean(dim=(1, 2))
    return torch.einsum("c, c h w -> h w", weights, features).relu()


def _draw_cam(rng, size):
    c, h, w = [(1, 1, 2), (2, 2, 2), (3, 2, 3), (4, 5, 4)][size]
    return normal(rng, c, h, w) + 0.3, normal(rng, c, h, w) + 0.3


GRAD_CAM = Question(
    name="grad_cam",
    notebook="ex05_cnn_features",
    place=6,
    kind="debug",
    function="grad_cam",
    points=2,
    difficulty=3,
    importance=2,
    minutes=12,
    reference=grad_cam,
    draw=_draw_cam,
    repeats=4,
    covers="the map, from given features and gradients; how to get those from a network is on the "
    "page.",
    misconceptions=(
        Misconception(
            "no ReLU",
            lambda a, g: (g.mean((1, 2))[:, None, None] * a).sum(0),
            "What speaks *against* the class is not shown.",
        ),
        Misconception(
            "ReLU before the sum",
            lambda a, g: (g.mean((1, 2))[:, None, None] * a).relu().sum(0),
            "Let the channels argue first: sum, then cut.",
        ),
        Misconception(
            "gradient place by place",
            lambda a, g: (g * a).sum(0).relu(),
            "Grad-CAM gives a channel one weight: its mean gradient over all places.",
        ),
        Misconception(
            "mean of features as weight",
            lambda a, g: (a.mean((1, 2))[:, None, None] * g).sum(0).relu(),
            "The weight comes from the gradients, the map from the features.",
        ),
        Misconception(
            "sum for mean in the weight",
            lambda a, g: (g.sum((1, 2))[:, None, None] * a).sum(0).relu(),
            "The weight is a mean over places, so that large maps do not shine more.",
        ),
        Misconception(
            "size of the gradient as weight",
            lambda a, g: (g.abs().mean((1, 2))[:, None, None] * a).sum(0).relu(),
            "A negative gradient is evidence against; its sign matters.",
        ),
        Misconception(
            "mean over channels",
            lambda a, g: (g.mean((1, 2))[:, None, None] * a).mean(0).relu(),
            "The equation adds the channels up.",
        ),
        Misconception(
            "gradients ignored",
            lambda a, g: a.sum(0).relu(),
            "Without gradients the map knows nothing of the class.",
        ),
    ),
)


def middle_share(depth):
    r"""How much influence comes from the middle half of the field, after `depth` 3-tap means.

    The field is $2L + 1$ pixels wide; those at most $L/2$ away from the centre are the middle.
    """
    row = torch.zeros(1, 1, 2 * depth + 1, dtype=torch.float64)
    row[..., depth] = 1.0
    for _ in range(depth):
        row = F.conv1d(row, torch.full((1, 1, 3), 1 / 3, dtype=torch.float64), padding=1)
    away = (torch.arange(2 * depth + 1) - depth).abs()
    return row[0, 0, away <= depth / 2].sum().item()


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
    ),
)

QUESTIONS = (RECEPTIVE_FIELD, FUSE, GRAD_CAM, MIDDLE_SHARE)
