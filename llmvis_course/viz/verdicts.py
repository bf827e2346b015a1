"""What was asked beside what was seen."""

from itertools import permutations, zip_longest
from typing import NamedTuple

from matplotlib.axes import Axes

from ..data.world import DIGITS, Scene, Thing, relation_of
from .palette import BLUE, GREY, VERMILION


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
