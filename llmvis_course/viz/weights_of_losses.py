"""Two losses that want different things: walks in the plane, and what one costs the other."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from .palette import BLACK, CYCLE, GREY

_LOOKS = tuple(zip(CYCLE, "osv^D", ("-", "--", ":", "-.", "-"), strict=True))


def tug_of_war(
    walks: Mapping[str, Float[Tensor, "steps 2"]],
    ends: Mapping[str, Sequence[float]],
    *,
    ax: Axes,
) -> Axes:
    """Named walks in the plane, each with a marker where it stops, and the two points that pull.

    The grey line between the `ends` is their Pareto front: from a point on it, nobody gains without
    the other losing. Raises ValueError unless there are two ends.
    """
    if len(ends) != 2:
        raise ValueError(f"found {len(ends)} ends ({', '.join(ends)}); expected two")
    ax.plot(*torch.tensor(list(ends.values())).T, color=GREY, linewidth=4, alpha=0.3)
    for name, (x, y) in ends.items():
        ax.plot(x, y, "*", color=BLACK, markersize=12)
        ax.annotate(name, (x, y), (0, 9), textcoords="offset points", ha="center", fontsize=11)
    for (name, walk), (colour, marker, dashes) in zip(walks.items(), _LOOKS, strict=False):
        ax.plot(*walk.detach().T, color=colour, linestyle=dashes, linewidth=1.5)
        ax.plot(*walk.detach()[-1], marker, color=colour, markersize=8, label=name)
    start = next(iter(walks.values()))[0].tolist()
    ax.plot(*start, "o", color=BLACK, markerfacecolor="white", zorder=5)
    ax.annotate("start", start, (6, 4), textcoords="offset points")
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.1, 0.15)
    ax.legend(frameon=False, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def trade_off(
    points: Mapping[str, Float[Tensor, "n 2"]],
    *,
    ax: Axes,
    x: str,
    y: str,
    front: Float[Tensor, "n 2"] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> Axes:
    """What one loss costs the other: points joined by name; lower and further left is better.

    `front` is a wide grey line behind them; `notes` says something beside each point.
    """
    if front is not None:
        ax.plot(*front.detach().T, color=GREY, linewidth=4, alpha=0.3, label="Pareto front")
    for (name, found), (colour, marker, dashes) in zip(points.items(), _LOOKS, strict=False):
        style = {"color": colour, "marker": marker, "linestyle": dashes, "linewidth": 1}
        ax.plot(*found.detach().T, label=name, **style)
        for place, note in zip(found.tolist(), (notes or {}).get(name, ()), strict=False):
            style = {"textcoords": "offset points", "fontsize": 8, "color": colour}
            ax.annotate(note, place, (5, 4), **style)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.legend(frameon=False, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
