"""An encoder's space: where pictures land, what lies between, which of its numbers work."""

from collections.abc import Mapping, Sequence

import torch
from einops import rearrange
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from torch import Tensor

from .palette import BLACK, BLUE, CYCLE


def code_map(mu: Float[Tensor, "b 2"], label: Int[Tensor, " b"], *, ax: Axes) -> Axes:
    """Each picture's code, drawn as the digit that the picture shows; equal colours mean little."""
    for digit in label.unique().tolist():
        x, y = mu[label == digit].detach().cpu().T
        style = {"markersize": 6, "markeredgewidth": 0.3, "alpha": 0.8}
        ax.plot(x, y, linestyle="none", marker=f"${digit}$", color=CYCLE[digit % 5], **style)
    return _plane(ax)


def plane_codes(cells: int, *, reach: float) -> Float[Tensor, "b 2"]:
    """The centres of `cells` x `cells` squares that tile the plane from -reach to reach.

    In reading order: the first row lies on top, where the second number is largest.
    """
    if cells < 1:
        raise ValueError(f"found {cells} cells; expected at least 1")
    at = reach * (2 * torch.arange(cells) + 1 - cells) / cells
    up, across = torch.meshgrid(-at, at, indexing="ij")
    return torch.stack([across, up], dim=-1).view(-1, 2)


def sheet(pictures: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "hh ww"]:
    """A square number of pictures as one, in reading order. Raises ValueError for another number.

    With the pictures of `plane_codes` it is a map: every picture stands where its code lies.
    """
    side = round(len(pictures) ** 0.5)
    if side * side != len(pictures):
        raise ValueError(f"found {len(pictures)} pictures; expected a square number of them")
    return rearrange(pictures.detach().cpu(), "(i j) 1 h w -> (i h) (j w)", i=side)


def decoded_map(pictures: Float[Tensor, "b 1 h w"], *, ax: Axes, reach: float) -> Axes:
    """The pictures of `plane_codes(cells, reach=reach)`, each where its code lies."""
    extent = [-reach, reach] * 2
    ax.imshow(sheet(pictures).numpy(), cmap="gray", vmin=-1, vmax=1, extent=extent)
    return _plane(ax)


def bound_ladder(
    at: Sequence[float], bounds: Sequence[float], evidence: float, *, ax: Axes, x: str, y: str
) -> Axes:
    """A bound at several points, and the evidence, which it must not pass, as a dashed line."""
    ax.plot(at, bounds, color=BLUE, marker="o", markersize=4, label="bound")
    ax.axhline(evidence, color=BLACK, linestyle="--", label="log evidence, exact")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def kl_bars(found: Mapping[str, Sequence[Float[Tensor, " d"]]], *, ax: Axes) -> Axes:
    """KL of each number of the code, sorted: a bar for the mean over seeds, a dot for each seed."""
    width = 0.8 / len(found)
    hatches = ("", "//", "..", "xx", "--")
    for k, (name, seeds) in enumerate(found.items()):
        values = torch.stack([kl.detach().cpu().sort(descending=True).values for kl in seeds])
        at = [j + (k - (len(found) - 1) / 2) * width for j in range(values.shape[1])]
        style = {"color": CYCLE[k % 5], "hatch": hatches[k % 5], "edgecolor": "white"}
        ax.bar(at, values.mean(dim=0).tolist(), width, label=name, **style)
        for row in values.tolist():
            ax.plot(at, row, ".", color=BLACK, markersize=4)
    numbers = range(1, values.shape[1] + 1)
    ax.set_xticks(range(values.shape[1]), [str(n) for n in numbers])
    ax.set_xlabel("number of the code, the busiest first")
    ax.set_ylabel("KL, nats per picture")
    ax.legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _plane(ax: Axes) -> Axes:
    ax.set_aspect("equal")
    ax.set_xlabel("first number of the code")
    ax.set_ylabel("second number of the code")
    return ax
