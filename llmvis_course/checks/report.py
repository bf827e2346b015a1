"""What a check says: passed or not, why, and the smallest input that shows it."""

import html
import textwrap
from dataclasses import asdict, dataclass

KINDS = {
    "right": "right",
    "stub": "not written yet",
    "raised": "raises an error",
    "none": "returns nothing",
    "type": "returns something else than was asked for",
    "shape": "wrong shape",
    "dtype": "wrong type of numbers",
    "changed": "changes its input",
    "nan": "returns NaN or infinity",
    "wrong": "wrong numbers",
    "gradient": "right numbers, wrong gradient",
}
"""Each way a check can end, in words."""
WIDTH = 90  # characters a line
RED, BLUE = "213, 94, 0", "0, 114, 178"  # negative and positive: told apart by the colour-blind


@dataclass(frozen=True)
class Report:
    """The result of one check: strings, numbers and lists only, so that it can be stored."""

    question: str
    notebook: str
    function: str
    passed: bool
    points: int
    out_of: int
    kind: str  # one of KINDS
    message: str  # what was found, in a sentence
    hint: str = ""
    misconception: str = ""  # the name of a known mistake that computes the same
    covers: str = ""
    seed: int = 0
    inputs: str = ""  # the smallest failing input
    expected: str = ""
    found: str = ""
    expected_grid: tuple[tuple[float, ...], ...] = ()  # for the picture; empty where none helps
    found_grid: tuple[tuple[float, ...], ...] = ()

    def to_json(self) -> dict:
        """Everything as plain objects for `json.dumps`."""
        return asdict(self)

    def __str__(self) -> str:
        points = f"{self.points} of {self.out_of} point{'s' if self.out_of != 1 else ''}"
        if self.passed:
            return f"✓ {self.question}: right, {points}.\n{_filled(f'Checked: {self.covers}')}"
        lines = [f"✗ {self.question}: {KINDS[self.kind]}, {points}.", _filled(self.message)]
        if self.hint:
            name = f"Looks like: {self.misconception}. " if self.misconception else ""
            lines.append(_filled(name + self.hint))
        if self.inputs:
            lines += ["", "The smallest input that shows it:", _indent(self.inputs)]
        if self.expected:
            lines += ["", side_by_side(self.expected, self.found)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The text, and beneath it what was expected and found as two coloured tables."""
        text = f"<pre>{html.escape(str(self))}</pre>"
        if not self.expected_grid or not self.found_grid:
            return text
        numbers = [abs(x) for row in (*self.expected_grid, *self.found_grid) for x in row]
        largest = max([x for x in numbers if x < float("inf")], default=0.0) or 1.0
        tables = [
            f"<td style='text-align:left'>{name}<br>{_table(grid, largest)}</td>"
            for name, grid in (("expected", self.expected_grid), ("found", self.found_grid))
        ]
        return f"{text}<table><tr>{''.join(tables)}</tr></table>"


def side_by_side(expected: str, found: str) -> str:
    """Two texts in columns, with an arrow where a line differs."""
    left, right = expected.splitlines(), found.splitlines()
    height = max(len(left), len(right))
    left += [""] * (height - len(left))
    right += [""] * (height - len(right))
    width = max([len("expected"), *map(len, left)])
    lines = [f"  {'expected':{width}}   found"]
    for a, b in zip(left, right, strict=True):
        lines.append(f"  {a:{width}} {'|' if a == b else '≠'} {b}".rstrip())
    return "\n".join(lines)


def _filled(text: str) -> str:
    """A paragraph in lines that fit."""
    lines = text.splitlines() or [""]
    return "\n".join(
        textwrap.fill(
            line, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
        for line in lines
    )


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _table(grid: tuple[tuple[float, ...], ...], largest: float) -> str:
    """Numbers as cells: blue above zero, orange below, stronger where they are larger."""
    rows = []
    for row in grid:
        cells = []
        for x in row:
            finite = abs(x) < float("inf")
            strength = round(min(1.0, abs(x) / largest), 2) if finite else 1.0
            colour = f"rgba({BLUE if x > 0 else RED}, {strength})" if finite else "rgb(0,0,0)"
            cells.append(f"<td title='{x:.4g}' style='background:{colour};padding:8px'></td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"
