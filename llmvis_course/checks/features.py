r"""Questions on what a deep network of convolutions sees: at which scale, and where.

Lin et al. 2017, arXiv:1612.03144 (feature pyramids); Selvaraju et al. 2017, arXiv:1610.02391
(Grad-CAM).
"""

import torch
import torch.nn.functional as F

from .draws import normal
from .question import Misconception, Question


def fuse(fine, coarse, weight):
    r"""Fine features plus the coarse ones, brought to their channels and enlarged twice.

    `fine` (b, c, 2h, 2w), `coarse` (b, e, h, w), `weight` (c, e): a 1 x 1 convolution. Each coarse
    place is repeated to 2 x 2.
    """
    same = torch.einsum("c e, b e h w -> b c h w", weight, coarse)
    return fine + F.interpolate(same, scale_factor=2, mode="nearest")


def _twice(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _read_as_rows(x, weight):
    b, e, h, w = x.shape
    return (x.reshape(b, h * w, e) @ weight.T).reshape(b, -1, h, w)


def _fuse_with(grow=_twice, join=None):
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
        Misconception(
            "weight times rows of pixels",
            lambda fine, coarse, w: fine + _twice(w @ coarse),
            "`weight @ coarse` adds up over the last but one axis, and that is the height. Where "
            "are the channels?",
        ),
        Misconception(
            "reshaped for permuted",
            lambda fine, coarse, w: fine + _twice(_read_as_rows(coarse, w)),
            "`reshape` does not move the channels to the end, it only reads the numbers in other "
            "rows. `permute` moves axes.",
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
            "weights cut at zero",
            lambda a, g: (g.mean((1, 2)).relu()[:, None, None] * a).sum(0).relu(),
            "A channel with a negative weight takes away from what others say. Is it heard?",
        ),
        Misconception(
            "gradients cut at zero",
            lambda a, g: (g.relu().mean((1, 2))[:, None, None] * a).sum(0).relu(),
            "The mean is over all gradients of a channel, negative ones too.",
        ),
        Misconception(
            "scaled to one",
            lambda a, g: grad_cam(a, g) / grad_cam(a, g).max(),
            "The map comes as it is. (For a picture one may divide by the largest, if it is not "
            "0.)",
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


QUESTIONS = (FUSE, GRAD_CAM)
