r"""Convolution and pooling as two steps: cut out every window, then do something with each.

LeCun et al. 1998, "Gradient-based learning applied to document recognition". What the field calls
convolution is a cross-correlation: the kernel is not turned over. Left out on purpose: dilation,
groups, and the kernels of `torch.nn.functional`, which never write the windows down and are faster.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float
from torch import Tensor


def windows(
    x: Float[Tensor, "b c h w"], size: int, *, stride: int = 1, padding: int = 0, fill: float = 0.0
) -> Float[Tensor, "b c i j size size"]:
    """Every `size` x `size` window, `stride` pixels apart, after adding `padding` pixels of `fill`.

    Raises ValueError where not even one window fits.
    """
    if size < 1 or stride < 1 or padding < 0:
        raise ValueError(
            f"found size {size}, stride {stride}, padding {padding}; expected at least 1, 1 and 0"
        )
    height, width = (side + 2 * padding for side in x.shape[2:])
    if min(height, width) < size:
        raise ValueError(f"a window of {size} x {size} does not fit into {height} x {width} pixels")
    padded = F.pad(x, [padding] * 4, value=fill)
    return padded.unfold(2, size, stride).unfold(3, size, stride)


def convolve(
    x: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "o c k k"],
    bias: Float[Tensor, " o"] | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "b o i j"]:
    r"""$y_{o,i,j} = b_o + \sum_c \sum_{u,v} W_{o,c,u,v}\; x_{c,\; s i + u - p,\; s j + v - p}$.

    The sum runs over the *input* channels and the places in the kernel; there is one such map for
    each output channel. $s$ is the stride and $p$ the padding.
    """
    seen = windows(x, weight.shape[-1], stride=stride, padding=padding)
    y = einsum(seen, weight, "b c i j u v, o c u v -> b o i j")
    return y if bias is None else y + bias[:, None, None]


def as_matrix(
    weight: Float[Tensor, "o c k k"], height: int, width: int, *, stride: int = 1, padding: int = 0
) -> Float[Tensor, "outputs inputs"]:
    r"""The matrix $M$ with $\mathrm{vec}(y) = M\,\mathrm{vec}(x)$, for one size of pictures.

    Column by column: what the convolution makes of a picture with a single one. Mostly zeros, and
    the same few weights in every row: that is all that sets it apart from a linear layer. Gradients
    go back through $M^\top$, the transposed convolution.
    """
    inputs = weight.shape[1] * height * width
    one_each = torch.eye(inputs).to(weight).view(inputs, -1, height, width)
    return convolve(one_each, weight, stride=stride, padding=padding).flatten(1).T


def max_pool(
    x: Float[Tensor, "b c h w"], size: int, *, stride: int | None = None, padding: int = 0
) -> Float[Tensor, "b c i j"]:
    """The largest number of each window; they lie side by side unless `stride` says otherwise."""
    lowest = float("-inf")  # padding must never win
    seen = windows(x, size, stride=stride or size, padding=padding, fill=lowest)
    return seen.amax(dim=(-2, -1))


def mean_pool(
    x: Float[Tensor, "b c h w"], size: int, *, stride: int | None = None
) -> Float[Tensor, "b c i j"]:
    """The mean of each window; they lie side by side unless `stride` says otherwise."""
    return windows(x, size, stride=stride or size).mean(dim=(-2, -1))


class Layer(NamedTuple):
    """What matters of a convolution or a pooling for how far it sees, and what it leaves."""

    size: int
    stride: int = 1
    padding: int = 0


def output_size(side: int, layers: Sequence[Layer]) -> int:
    r"""How many of `side` places are left: $n \leftarrow \lfloor (n + 2p - k)/s \rfloor + 1$.

    What the rounding drops is seen by no later layer. Raises ValueError where nothing is left.
    """
    for layer in layers:
        if side + 2 * layer.padding < layer.size:
            raise ValueError(f"a window of {layer.size} does not fit into {side} places; {layer}")
        side = (side + 2 * layer.padding - layer.size) // layer.stride + 1
    return side


def receptive_field(layers: Sequence[Layer]) -> int:
    r"""How many pixels of the picture, along one side, one output can see.

    $r = 1 + \sum_l (k_l - 1) \prod_{m < l} s_m$: each layer adds its kernel less one, in steps of
    all strides before it.
    """
    seen, step = 1, 1
    for layer in layers:
        seen += (layer.size - 1) * step
        step *= layer.stride
    return seen


def influence(
    y: Float[Tensor, "b o i j"], x: Float[Tensor, "b c h w"], place: tuple[int, int]
) -> Float[Tensor, "b h w"]:
    r"""How much each pixel moves one place: $\sum_c |\partial y_{ij} / \partial x_c|$.

    $y_{ij}$ is the sum of all channels there. The pixels where it is not zero are the receptive
    field; where it is large, the *effective* one (Luo et al. 2016, arXiv:1701.04128). Raises
    ValueError unless `y` was computed from `x` with gradients.
    """
    if not y.requires_grad or not x.requires_grad:
        raise ValueError(
            "found y or x without gradients; call x.requires_grad_() before the layers"
        )
    (grad,) = torch.autograd.grad(y[:, :, place[0], place[1]].sum(), x, retain_graph=True)
    return grad.abs().sum(dim=1)


def quarter(size: int) -> int:
    """The side of a picture that was halved twice. Raises ValueError where that leaves a rest."""
    if size % 4:
        raise ValueError(f"found pictures of {size} pixels; expected a multiple of 4")
    return size // 4
