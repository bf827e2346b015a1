"""Pictures on a plot: one, a grid, the frames of a path, and maps of which word was looked at."""

import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .palette import BLACK, BLUE, GREY, VERMILION


def as_array(picture: Float[Tensor, "3 h w"]) -> np.ndarray:
    """A picture in [-1, 1] as rows, columns and colours in [0, 1]: what matplotlib shows."""
    return ((picture.detach().cpu().clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()


def show_picture(picture: Float[Tensor, "3 h w"], *, ax: Axes, title: str = "") -> Axes:
    """One picture with hard pixel edges."""
    ax.imshow(as_array(picture), interpolation="nearest")
    ax.set_title(textwrap.fill(title, 30), fontsize=9)
    ax.set_axis_off()
    return ax


def picture_grid(
    pictures: Float[Tensor, "b 3 h w"],
    titles: Sequence[str],
    *,
    ax: Axes,
    columns: int = 4,
    right: Sequence[bool] | None = None,
) -> Axes:
    """Pictures in rows, each with a title below; `right` puts the judge's mark in front of it."""
    _expect_one_each(titles, pictures, "titles")
    marks = [""] * len(titles) if right is None else ["✓ " if ok else "✗ " for ok in right]
    colours = (
        [BLACK] * len(titles) if right is None else [BLUE if ok else VERMILION for ok in right]
    )
    wide = _letters_in_a_tile(ax, columns=columns, rows=-(-len(titles) // columns))
    texts = [textwrap.fill(mark + title, wide) for mark, title in zip(marks, titles, strict=True)]
    height = 1.08 + 0.12 * max(text.count("\n") + 1 for text in texts)
    arrays = [as_array(picture) for picture in pictures]
    style = {"below": 1.03, "fontsize": 8}
    return _grid(arrays, texts, colours, ax=ax, columns=columns, height=height, **style)


def _letters_in_a_tile(ax: Axes, *, columns: int, rows: int) -> int:
    """How many letters fit below a picture: 14 an inch, and three lines of them below each."""
    inches = [side / ax.figure.dpi for side in (ax.bbox.width, ax.bbox.height)]
    tile = min(inches[0] / columns, 1.1 * inches[1] / (1.4 * rows))
    return max(12, int(14 * tile))


def filmstrip(
    frames: Float[Tensor, "n 3 h w"], labels: Sequence[str], *, ax: Axes, title: str = ""
) -> Axes:
    """Frames from left to right, each with a label below."""
    _expect_one_each(labels, frames, "labels")
    for k, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        _tile(as_array(frame), 1.06 * k, 0.0, ax=ax)
        ax.text(1.06 * k + 0.5, 1.05, label, ha="center", va="top", fontsize=8)
    ax.set_title(title, fontsize=10)
    return _frame(ax, width=1.06 * len(labels) - 0.06, height=1.25)


def word_maps(
    picture: Float[Tensor, "3 h w"],
    words: Sequence[str],
    looks: Float[Tensor, "m h w"],
    *,
    ax: Axes,
    columns: int = 6,
) -> Axes:
    """For every word, where pixels looked at it more than they do on average, over the picture.

    Each map is scaled to its own range, so compare places within a map, not maps with each other;
    the number behind a word is its mean share of all looks.
    """
    if len(words) > len(looks):
        raise ValueError(f"found {len(words)} words and {len(looks)} maps; expected a map a word")
    labels = [
        f"{word}  {100 * float(look.mean()):.0f} %"
        for word, look in zip(words, looks, strict=False)
    ]
    return _maps([picture] * len(labels), labels, looks, ax=ax, columns=columns)


def writing_maps(
    picture: Float[Tensor, "3 h w"],
    words: Sequence[str],
    looks: Float[Tensor, "n m"],
    *,
    ax: Axes,
    columns: int = 8,
) -> Axes:
    """For every word that was written about a picture, where in it the writer looked just before.

    `looks` has a row a word, and in it a share for each cell of the picture, row by row.
    """
    if len(words) != len(looks):
        raise ValueError(f"found {len(words)} words and {len(looks)} looks; expected one a word")
    side = int(looks.shape[1] ** 0.5)
    maps = rearrange(looks, "n (h w) -> n 1 h w", h=side)
    maps = F.interpolate(maps, size=picture.shape[-2:], mode="bilinear")[:, 0]
    return _maps([picture] * len(words), words, maps, ax=ax, columns=columns)


def heat_maps(
    pictures: Float[Tensor, "b 3 h w"],
    looks: Float[Tensor, "b i j"],
    titles: Sequence[str],
    *,
    ax: Axes,
    columns: int = 6,
) -> Axes:
    """Each picture's ink over its own map of heat; every map is scaled to its own range."""
    _expect_one_each(titles, pictures, "titles")
    _expect_one_each(titles, looks, "titles")
    maps = F.interpolate(looks[:, None], size=pictures.shape[-2:], mode="bilinear")[:, 0]
    return _maps(pictures, titles, maps, ax=ax, columns=columns)


def _maps(
    pictures: Sequence[Tensor] | Tensor,
    labels: Sequence[str],
    looks: Tensor,
    *,
    ax: Axes,
    columns: int,
) -> Axes:
    """A picture and a label for each map; maps beyond the last label are left out."""
    arrays = [heat_over(*pair) for pair in zip(pictures, looks, strict=False)]
    style = {"height": 1.32, "below": 1.04, "fontsize": 9}
    return _grid(arrays, labels, [BLACK] * len(labels), ax=ax, columns=columns, **style)


def heat_over(picture: Float[Tensor, "3 h w"], look: Float[Tensor, "h w"]) -> np.ndarray:
    """A viridis map of where pixels looked at one word, with the picture's ink laid over it."""
    low, high = float(look.min()), float(look.max())
    share = (look - low) / max(high - low, 1e-9)
    heat = matplotlib.colormaps["viridis"](share.cpu().numpy())[..., :3]
    ink = as_array(picture).max(axis=2, keepdims=True)
    return heat + 0.6 * ink * (1 - heat)


def _grid(
    arrays: Sequence[np.ndarray],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    ax: Axes,
    columns: int,
    height: float,
    below: float,
    fontsize: int,
) -> Axes:
    """Tiles in rows of a `height`, each with a text `below` its top."""
    for k, (array, text, colour) in enumerate(zip(arrays, texts, colours, strict=True)):
        left, top = 1.1 * (k % columns), height * (k // columns)
        _tile(array, left, top, ax=ax)
        style = {"ha": "center", "va": "top", "fontsize": fontsize, "color": colour}
        ax.text(left + 0.5, top + below, text, **style)
    rows = -(-len(texts) // columns)
    return _frame(ax, width=1.1 * min(columns, len(texts)) - 0.1, height=height * rows)


def _tile(array: np.ndarray, left: float, top: float, *, ax: Axes) -> None:
    """One picture in the unit square whose upper left corner is (left, top); y grows downwards."""
    ax.imshow(array, extent=(left, left + 1, top + 1, top), interpolation="nearest")
    ax.add_patch(Rectangle((left, top), 1, 1, fill=False, edgecolor=GREY, linewidth=0.5))


def _frame(ax: Axes, *, width: float, height: float) -> Axes:
    ax.set_xlim(-0.02, width + 0.02)
    ax.set_ylim(height, -0.02)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _expect_one_each(names: Sequence[str], pictures: Tensor, what: str) -> None:
    if len(names) != len(pictures):
        raise ValueError(
            f"found {len(names)} {what} for {len(pictures)} pictures; expected as many"
        )
