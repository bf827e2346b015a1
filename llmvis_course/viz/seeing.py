"""What a convolution is made of, and how far it sees."""

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .palette import ORANGE


def signed_map(values: Float[Tensor, "h w"], *, ax: Axes, title: str = "") -> Axes:
    """Numbers as colours: purple above zero, orange below, white at zero."""
    most = float(values.detach().abs().max().clamp_min(1e-9))
    ax.imshow(values.detach().cpu().numpy(), cmap="PuOr", vmin=-most, vmax=most)
    ax.set_title(title, fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def influence_map(heat: Float[Tensor, "h w"], *, ax: Axes, title: str = "") -> Axes:
    """How much each pixel counts, and a frame around all that count at all.

    Colours follow the square root, so that faint influence shows too.
    """
    ax.imshow(heat.detach().cpu().clamp_min(0).sqrt().numpy(), cmap="viridis")
    rows, columns = (torch.where((heat > 0).any(dim=axis))[0] for axis in (1, 0))
    if len(rows):
        top, left = int(rows[0]), int(columns[0])
        height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
        corner = (left - 0.5, top - 0.5)
        ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=ORANGE, linewidth=2))
    ax.set_title(title, fontsize=9)
    ax.set_xlabel("pixels")
    return ax
