"""Ways from noise to data in the plane, and measured values with their intervals."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from .palette import BLUE, GREY, ORANGE


def ways(path: Float[Tensor, "steps n 2"], *, ax: Axes, title: str = "") -> Axes:
    """Paths from noise (hollow circles) to data (filled squares)."""
    for way in path.detach().cpu().unbind(dim=1):
        ax.plot(*way.T, color=GREY, linewidth=0.9, alpha=0.8)
    style = {"linestyle": "none", "markersize": 4}
    ends = path.detach().cpu()
    ax.plot(*ends[0].T, "o", color=ORANGE, markerfacecolor="white", label="noise, t = 1", **style)
    ax.plot(*ends[-1].T, "s", color=BLUE, label="data, t = 0", **style)
    return _plane(ax, title)


def with_intervals(
    at: Sequence[float],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    *,
    ax: Axes,
    x: str,
    y: str,
) -> Axes:
    """Values joined by a line, each with a bar from the low to the high end of its interval."""
    if not len(at) == len(values) == len(intervals):
        raise ValueError(f"found {len(at)}, {len(values)}, {len(intervals)}; expected as many")
    middle = torch.tensor(values)
    low, high = torch.tensor(intervals).T
    bars = torch.stack([middle - low, high - middle]).clamp_min(0).numpy()
    ax.errorbar(at, values, yerr=bars, color=BLUE, marker="o", markersize=4, capsize=3)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _plane(ax: Axes, title: str) -> Axes:
    ax.set_aspect("equal")
    ax.set_xlabel("first number")
    ax.set_ylabel("second number")
    ax.set_title(title, fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="best")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
