"""Numbers as bars and lines, and the article's flow chart."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from .palette import BLACK, BLUE, CYCLE, VERMILION, YELLOW

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
    """Named lines over common points, told apart by marker and dashes as well as by colour."""
    looks = zip(CYCLE, "osv^D", ("-", "--", ":", "-.", "-"), strict=True)
    for (name, values), (colour, marker, dashes) in zip(lines.items(), looks, strict=False):
        style = {"color": colour, "marker": marker, "markersize": 4, "linestyle": dashes}
        ax.plot(at, values, label=name, **style)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def word_bars(values: Sequence[float], words: Sequence[str], *, ax: Axes, y: str) -> Axes:
    """A bar for each word of a sentence, with its value above. Raises ValueError unless paired."""
    if len(values) != len(words):
        raise ValueError(f"found {len(values)} values for {len(words)} words; expected one each")
    bars = ax.bar(range(len(words)), values, color=BLUE)
    ax.bar_label(bars, fmt="%.1f", fontsize=8)
    ax.set_xticks(range(len(words)), words, rotation=30, ha="right")
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def seed_dots(found: Mapping[str, Sequence[float]], *, ax: Axes, x: str) -> Axes:
    """A row of dots for each name, one dot a seed, and a bar at their mean."""
    for row, values in enumerate(found.values()):
        mean = sum(values) / len(values)
        ax.plot(values, [row] * len(values), "o", color=BLUE, markersize=6, alpha=0.7)
        ax.plot([mean, mean], [row - 0.25, row + 0.25], color=BLACK)
    ax.set_yticks(range(len(found)), list(found))
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlabel(x)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def attention_map(weights: Float[Tensor, "n m"], words: Sequence[str], *, ax: Axes) -> Axes:
    """Who looks where: a row for each word that looks, a column for each that is looked at.

    The larger shares are written into their cells. Raises ValueError unless there is a word for
    every row and column.
    """
    if tuple(weights.shape) != (len(words), len(words)):
        raise ValueError(
            f"found weights of shape {tuple(weights.shape)} for {len(words)} words; expected square"
        )
    ax.imshow(weights.detach().cpu().numpy(), cmap="Blues", vmin=0, vmax=1)
    for row, column in (weights >= 0.2).nonzero().tolist():
        share = float(weights[row, column])
        colour = "white" if share > 0.5 else BLACK
        style = {"ha": "center", "va": "center", "fontsize": 7, "color": colour}
        ax.text(column, row, f"{100 * share:.0f}", **style)
    ax.set_xticks(range(len(words)), words, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(range(len(words)), words, fontsize=8)
    ax.set_xlabel("is looked at, % of a row")
    ax.set_ylabel("looks")
    return ax


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
