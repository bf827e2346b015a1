r"""Questions on convolution and pooling: windows, kernels, and what is left of a picture.

LeCun et al. 1998; Dumoulin and Visin 2016, arXiv:1603.07285.
"""

import torch.nn.functional as F

from ..layers import conv
from .draws import normal, whole
from .question import Misconception, Question


def convolve(x, weight, bias, stride, padding):
    r"""$y_{o,i,j} = b_o + \sum_c \sum_{u,v} W_{o,c,u,v}\, x_{c,\; s i + u - p,\; s j + v - p}$."""
    return conv.convolve(x, weight, bias, stride=stride, padding=padding)


def _draw_convolve(rng, size):
    b, c, o, k, h, w, stride, padding = [
        (1, 1, 1, 2, 3, 3, 1, 0), (1, 1, 2, 2, 3, 4, 1, 1), (2, 2, 3, 3, 5, 4, 2, 1),
        (1, 3, 2, 3, 6, 5, 1, 0), (2, 2, 2, 2, 6, 7, 3, 1),
    ][size]  # fmt: skip
    return normal(rng, b, c, h, w), normal(rng, o, c, k, k), normal(rng, o), stride, padding


def _one_side(x, weight, bias, stride, padding):
    return F.conv2d(F.pad(x, [0, 2 * padding, 0, 2 * padding]), weight, bias, stride)


def _blind(x, weight, bias, stride, padding):
    """Sums over output channels, as one formula in print has it."""
    y = F.conv2d(x, weight, stride=stride, padding=padding).sum(dim=1, keepdim=True)
    return y.expand(-1, len(bias), -1, -1) + bias[:, None, None]


def _side_by_side(x, weight, bias, stride, padding):
    height, width = F.conv2d(x, weight, bias, stride, padding).shape[2:]
    return F.conv2d(x, weight, bias, 1, padding)[:, :, :height, :width]


CONVOLVE = Question(
    name="convolve",
    notebook="ex05_cnn_features",
    place=2,
    kind="implement",
    function="convolve",
    points=3,
    difficulty=3,
    importance=3,
    minutes=20,
    reference=convolve,
    draw=_draw_convolve,
    sizes=5,
    repeats=1,
    gradient=("x", "weight", "bias"),
    covers="values and gradients by picture, kernels and biases, for strides 1 to 3 and "
    "padding 0 and 1; square kernels, no dilation, no groups, and not speed.",
    misconceptions=(
        Misconception(
            "kernel turned over",
            lambda x, w, b, s, p: F.conv2d(x, w.flip(2, 3), b, s, p),
            "Mathematicians turn the kernel over; networks do not. Which pixel meets W[0, 0]?",
        ),
        Misconception(
            "kernel transposed",
            lambda x, w, b, s, p: F.conv2d(x, w.transpose(2, 3), b, s, p),
            "The first axis of a kernel goes down, the second to the right.",
        ),
        Misconception(
            "padding ignored",
            lambda x, w, b, s, p: F.conv2d(x, w, b, s, 0),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "stride ignored",
            lambda x, w, b, s, p: F.conv2d(x, w, b, 1, p),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "bias forgotten",
            lambda x, w, b, s, p: F.conv2d(x, w, None, s, p),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "summed over output channels",
            _blind,
            "The sum runs over *input* channels; each output channel is a map of its own.",
        ),
        Misconception(
            "mean over the window",
            lambda x, w, b, s, p: F.conv2d(x, w / w[0].numel(), b, s, p),
            "A convolution adds up; it does not take the mean.",
        ),
        Misconception(
            "padding at one side only",
            _one_side,
            "Padding p adds p pixels at each of the four sides.",
        ),
        Misconception(
            "bias added in every place of the window",
            lambda x, w, b, s, p: F.conv2d(x, w, b * w[0].numel(), s, p),
            "The bias is added once for each output.",
        ),
        Misconception(
            "bias added for each channel",
            lambda x, w, b, s, p: F.conv2d(x, w, b * w.shape[1], s, p),
            "The bias stands before the sum over c: it is added once.",
        ),
        Misconception(
            "rows and columns exchanged",
            lambda x, w, b, s, p: F.conv2d(x, w, b, s, p).mT,
            "i goes down and j to the right. In which order do you stack rows and columns?",
        ),
        Misconception(
            "as many windows as with the stride, but side by side",
            _side_by_side,
            "Window i begins at row s times i. Where do yours begin?",
        ),
    ),
)


def max_pool(x, size, stride, padding):
    """The largest number of each window; padding never wins. (b, c, h, w) to (b, c, i, j)."""
    return conv.max_pool(x, size, stride=stride, padding=padding)


def _pool_with(fill=float("-inf"), stride=lambda k, s: s, pad=True, reduce=None):
    def wrong(x, k, s, p):
        padded = F.pad(x, [p if pad else 0] * 4, value=fill)
        seen = padded.unfold(2, k, stride(k, s)).unfold(3, k, stride(k, s))
        return (reduce or (lambda y: y.amax(dim=(-2, -1))))(seen)

    return wrong


def _draw_pool(rng, size):
    h, w, k, s, p = [(2, 2, 2, 2, 1), (4, 4, 2, 2, 0), (5, 6, 3, 2, 1), (6, 5, 3, 1, 1)][size]
    return normal(rng, 1 + size // 2, 1 + size % 2, h, w) - 1.0, k, s, p


MAX_POOL = Question(
    name="max_pool",
    notebook="ex05_cnn_features",
    place=3,
    kind="debug",
    function="max_pool",
    points=2,
    difficulty=2,
    importance=2,
    minutes=10,
    reference=max_pool,
    draw=_draw_pool,
    repeats=3,
    gradient=("x",),
    covers="values and gradients, for windows that lie apart and that overlap, with pictures of "
    "negative numbers; not ties.",
    misconceptions=(
        Misconception(
            "padding of zeros",
            _pool_with(fill=0.0),
            "At the edge of a picture of negative numbers, which is the largest? Padding must "
            "never win.",
        ),
        Misconception(
            "padding of -1",
            _pool_with(fill=-1.0),
            "Pictures end at -1, but maps inside a network do not. What is below every number?",
        ),
        Misconception(
            "padding of the smallest pixel",
            lambda x, k, s, p: (
                F.pad(x, [p] * 4, value=x.min().item())
                .unfold(2, k, s)
                .unfold(3, k, s)
                .amax(dim=(-2, -1))
            ),
            "Such padding ties with the smallest pixel, and takes its gradient away. What is below "
            "every number?",
        ),
        Misconception(
            "padding ignored",
            _pool_with(pad=False),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "stride of the window",
            _pool_with(stride=lambda k, s: k),
            "Windows may overlap: they lie `stride` apart, not `size`.",
        ),
        Misconception(
            "stride of one",
            _pool_with(stride=lambda k, s: 1),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "mean for maximum",
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p),
            "The largest of each window is asked for.",
        ),
        Misconception(
            "smallest for largest",
            _pool_with(fill=float("inf"), reduce=lambda y: y.amin(dim=(-2, -1))),
            "The largest of each window is asked for.",
        ),
        Misconception(
            "largest size for largest number",
            _pool_with(reduce=lambda y: y.masked_fill(y.isinf(), 0).abs().amax(dim=(-2, -1))),
            "-3 is smaller than 1, however far from zero.",
        ),
    ),
)


def output_size(side, size, stride, padding):
    r"""$\lfloor (n + 2p - k)/s \rfloor + 1$."""
    return conv.output_size(side, [conv.Layer(size, stride, padding)])


def _draw_size(rng, size):
    k = whole(rng, 1 + size, 3 + size)
    return whole(rng, k, 8 + 8 * size), k, whole(rng, 2 if size else 1, 3), whole(rng, 1, 2)


OUTPUT_SIZE = Question(
    name="output_size",
    notebook="ex05_cnn_features",
    place=1,
    kind="predict",
    function="output_size",
    points=1,
    difficulty=1,
    importance=2,
    minutes=5,
    reference=output_size,
    draw=_draw_size,
    repeats=5,
    covers="many sizes, strides and paddings; always at least one window.",
    misconceptions=(
        Misconception(
            "one too few",
            lambda n, k, s, p: (n + 2 * p - k) // s,
            "A window as large as the picture fits once, not zero times.",
        ),
        Misconception(
            "padding at one side",
            lambda n, k, s, p: (n + p - k) // s + 1,
            "Padding is added at both ends.",
        ),
        Misconception(
            "rounded up",
            lambda n, k, s, p: -((k - n - 2 * p) // s) + 1,
            "What the last step cannot reach is left out.",
        ),
        Misconception(
            "padding forgotten",
            lambda n, k, s, p: (n - k) // s + 1,
            "Which of your arguments is not used?",
        ),
        Misconception(
            "size of the window forgotten",
            lambda n, k, s, p: (n + 2 * p) // s,
            "The window must fit in as a whole.",
        ),
        Misconception(
            "stride forgotten",
            lambda n, k, s, p: n + 2 * p - k + 1,
            "Which of your arguments is not used?",
        ),
        Misconception(
            "not a whole number",
            lambda n, k, s, p: (n + 2 * p - k) / s + 1,
            "Half a window is none: round down.",
        ),
        Misconception(
            "one added before the division",
            lambda n, k, s, p: (n + 2 * p - k + 1) // s,
            "n + 2p - k is how far the first window can move. Into how many steps of s, and where "
            "does it stand before the first?",
        ),
    ),
)

QUESTIONS = (CONVOLVE, MAX_POOL, OUTPUT_SIZE)
