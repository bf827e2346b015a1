"""Pictures and plots. Every function draws on the `ax` it is given and returns it.

Colours are from the palette of Okabe and Ito (2008), which colour-blind readers can tell apart, and
viridis; nothing is said by colour alone. Nothing in the package imports this file but `widgets`.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import permutations, zip_longest
from typing import NamedTuple

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from .data.world import DIGITS, Scene, Thing, relation_of

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PINK = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#666666"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PINK)

BOXES = (  # of the article's flow chart: its name, what this course does there, lessons
    ("text input", "a sentence", "01"),
    ("text description", "read it, say it\nas tokens and vectors", "02 03 04"),
    ("image generator", "walk from noise\nto a picture", "07 08 11 12 13"),
    ("content extraction", "look: what does\nthe picture show?", "05 06"),
    ("text-image fusion", "words steer pixels;\ncompare seen and asked", "09"),
    ("adaptive adjustment", "something missing?\ndraw again, keep the better", "10 14"),
    ("image output", "a picture, and\nwhat was judged", "15 16 17 18"),
)
"""The boxes in order; `flow_chart` draws them, and notebook 00 runs them one by one."""


# --- pictures ----------------------------------------------------------------------------------


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
    texts = [textwrap.fill(mark + title, 24) for mark, title in zip(marks, titles, strict=True)]
    height = 1.08 + 0.12 * max(text.count("\n") + 1 for text in texts)
    for k, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        left, top = 1.1 * (k % columns), height * (k // columns)
        _tile(as_array(picture), left, top, ax=ax)
        ax.text(left + 0.5, top + 1.03, text, ha="center", va="top", fontsize=8, color=colours[k])
    rows = -(-len(titles) // columns)
    return _frame(ax, width=1.1 * min(columns, len(titles)) - 0.1, height=height * rows)


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
    for k, word in enumerate(words):
        left, top = 1.1 * (k % columns), 1.32 * (k // columns)
        _tile(heat_over(picture, looks[k]), left, top, ax=ax)
        text = f"{word}  {100 * float(looks[k].mean()):.0f} %"
        ax.text(left + 0.5, top + 1.04, text, ha="center", va="top", fontsize=9)
    rows = -(-len(words) // columns)
    return _frame(ax, width=1.1 * min(columns, len(words)) - 0.1, height=1.32 * rows)


def heat_over(picture: Float[Tensor, "3 h w"], look: Float[Tensor, "h w"]) -> np.ndarray:
    """A viridis map of where pixels looked at one word, with the picture's ink laid over it."""
    low, high = float(look.min()), float(look.max())
    share = (look - low) / max(high - low, 1e-9)
    heat = matplotlib.colormaps["viridis"](share.cpu().numpy())[..., :3]
    ink = as_array(picture).max(axis=2, keepdims=True)
    return heat + 0.6 * ink * (1 - heat)


# --- the judge ---------------------------------------------------------------------------------


def in_words(scene: Scene) -> str:
    """A scene as plain words, with gaps for what is not known."""
    things = [_thing_in_words(thing) for thing in scene.things]
    if scene.relation is not None and len(things) == 2:
        return f"{things[0]} {scene.relation} {things[1]}"
    return " and ".join(things) or "nothing"


def _thing_in_words(thing: Thing) -> str:
    said = thing.named()
    digit = DIGITS[said["digit"]] if "digit" in said else "thing"
    words = [said[name] for name in ("size", "colour") if name in said] + [digit]
    return ", ".join([" ".join(words), *(said[name] for name in ("place", "lean") if name in said)])


class Compared(NamedTuple):
    """One line of a verdict."""

    name: str  # "count", "relation" or an attribute, numbered where there are several things
    asked: str
    seen: str
    right: bool


def compare(said: Scene, seen: Scene) -> list[Compared]:
    """Line up what was asked with what was seen, at the pairing of things that agrees best."""

    def line(name: str, asked: object, found: object) -> Compared:
        return Compared(name, _value(asked, name), _value(found, name), asked == found)

    def misses(order: tuple[Thing, ...]) -> int:
        pairs = zip(order, said.things, strict=False)
        relation = said.relation is not None and _relation(order) != said.relation
        return sum(len(one.misses(asked)) for one, asked in pairs) + relation

    order = min(permutations(seen.things), key=misses)
    lines = [line("count", len(said.things), len(order))]
    pairs = zip_longest(said.things, order[: len(said.things)], fillvalue=Thing())
    for k, (asked, one) in enumerate(pairs, start=1):
        which = f" {k}" if len(said.things) > 1 else ""
        for name, value in asked.named().items():
            lines.append(line(name + which, value, one.named().get(name)))
    if said.relation is not None:
        lines.append(line("relation", said.relation, _relation(order)))
    return lines


def _relation(things: tuple[Thing, ...]) -> str | None:
    located = len(things) == 2 and all(None not in (thing.x, thing.y) for thing in things)
    return relation_of(*things) if located else None


def _value(value: object, name: str) -> str:
    if value is None:
        return "not seen"
    return DIGITS[value] if name.startswith("digit") else str(value)


def verdict_table(said: Scene, seen: Scene, *, ax: Axes) -> Axes:
    """What was asked beside what was seen, a line an attribute; a cross marks what is missing."""
    lines = compare(said, seen)
    text = [(*line[:3], "✓ right" if line.right else "✗ missing") for line in lines]
    table = ax.table(
        text, colLabels=("", "asked", "seen", ""), bbox=(0, 0, 1, 1), cellLoc="left", edges="B"
    )
    table.auto_set_font_size(False)
    table.set_fontsize(10)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("#BBBBBB")
        if row == 0 or column == 0:
            cell.get_text().set_color(GREY)
        elif column == 3:
            cell.get_text().set_color(BLUE if lines[row - 1].right else VERMILION)
    ax.set_axis_off()
    return ax


def score_bars(scores: Sequence[int], *, of: int, ax: Axes, title: str = "") -> Axes:
    """A bar for each score, out of `of`."""
    ax.bar(range(len(scores)), scores, color=BLUE)
    ax.set_ylim(0, of)
    ax.set_ylabel(f"right, of {of}")
    ax.set_title(title, fontsize=10, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def errors(right: Mapping[str, float], *, ax: Axes) -> Axes:
    """A bar for each share of right answers, as per cent wrong, with its number."""
    wrong = [100 * (1 - share) for share in right.values()]
    bars = ax.barh(list(right), wrong, color=BLUE)
    ax.bar_label(bars, fmt="%.1f %%", padding=3, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, max(1.0, 1.2 * max(wrong)))
    ax.set_xlabel("wrong, % of real things")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def curves(
    at: Sequence[float], lines: Mapping[str, Sequence[float]], *, ax: Axes, x: str, y: str
) -> Axes:
    """Named lines over common points, told apart by marker as well as by colour."""
    for (name, values), colour, marker in zip(lines.items(), CYCLE, "osv^D", strict=False):
        ax.plot(at, values, color=colour, marker=marker, markersize=4, label=name)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


# --- the flow chart ----------------------------------------------------------------------------


def flow_chart(*, ax: Axes, here: int | None = None) -> Axes:
    """The article's flow chart with its seven `BOXES`; `here` fills one of them."""
    if here is not None and not 0 <= here < len(BOXES):
        raise ValueError(f"here is {here}; expected a box from 0 to {len(BOXES) - 1}")
    corners = [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1), (0, 2)]
    corners = [(2.9 * column, 1.7 * row) for column, row in corners]
    for k, ((name, does, lessons), (left, top)) in enumerate(zip(BOXES, corners, strict=True)):
        style = {"facecolor": YELLOW if k == here else "white", "edgecolor": BLUE, "linewidth": 1.5}
        ax.add_patch(FancyBboxPatch((left, top), 2.3, 1.1, boxstyle="round,pad=0.05", **style))
        ax.text(left + 1.15, top + 0.16, name, ha="center", va="center", fontsize=10, weight="bold")
        ax.text(left + 1.15, top + 0.54, does, ha="center", va="center", fontsize=8.5)
        label = f"lessons {lessons}" if " " in lessons else f"lesson {lessons}"
        ax.text(left + 1.15, top + 0.95, label, ha="center", va="center", fontsize=8, color=BLUE)
    ways = [(2.35, 0.55, 2.85, 0.55), (5.25, 0.55, 5.75, 0.55), (6.95, 1.15, 6.95, 1.65)]
    ways += [(5.75, 2.25, 5.25, 2.25), (2.85, 2.25, 2.35, 2.25), (1.15, 2.85, 1.15, 3.35)]
    for way in ways:
        _arrow(way[:2], way[2:], BLACK, ax=ax)
    ax.plot([1.6, 1.6, 6.3], [1.65, 1.4, 1.4], color=VERMILION, linestyle="--", linewidth=1.5)
    _arrow((6.3, 1.4), (6.3, 1.15), VERMILION, ax=ax)
    ax.text(2.62, 1.36, "draw again", color=VERMILION, fontsize=9, ha="center", va="bottom")
    ax.set_xlim(-0.1, 8.25)
    ax.set_ylim(4.6, -0.1)
    ax.set_axis_off()
    return ax


def _arrow(start: tuple[float, float], end: tuple[float, float], colour: str, *, ax: Axes) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)


# --- small parts -------------------------------------------------------------------------------


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
