"""Take the cells of a notebook apart into statements: what each gives a name to, and what it needs.

Cells may be deleted, moved or broken, and metadata may be gone: what counts is the name of a
function. Deep nesting can end Python's own parser, so this runs inside the jail.
"""

import ast
import re
import symtable
from collections.abc import Sequence
from dataclasses import dataclass, field

HARMLESS_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")  # the cell below them is Python
TOO_DEEP = "is nested too deeply for Python to read"


@dataclass(frozen=True)
class Statement:
    """One statement of a cell's outermost level."""

    cell: int  # counted from 1
    node: ast.stmt
    binds: frozenset[str]  # names that exist after it
    needs: frozenset[str]  # names that it, or a function in it, looks up
    lines: tuple[str, ...] = ()  # of the cell

    @property
    def is_definition(self) -> bool:
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @property
    def code(self) -> str:
        """As it was written, so that lines can be counted; shared lines are split."""
        places = [d.lineno for d in getattr(self.node, "decorator_list", [])]
        text = "\n".join(self.lines[min([self.node.lineno, *places]) - 1 : self.node.end_lineno])
        try:
            same = [ast.dump(node) for node in ast.parse(text).body] == [ast.dump(self.node)]
        except SyntaxError:
            same = False
        return text if same else ast.unparse(self.node)


@dataclass
class Notebook:
    """What could be read of a notebook's code."""

    statements: list[Statement] = field(default_factory=list)
    broken: dict[int, tuple[str, str]] = field(default_factory=dict)  # cell: why, and its text

    @classmethod
    def read(cls, cells: Sequence[str]) -> "Notebook":
        book = cls()
        for number, text in enumerate(cells, start=1):
            try:
                nodes, lines = _parse(text)
                book.statements += [_statement(number, node, lines) for node in nodes]
            except (SyntaxError, ValueError) as error:
                line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
                reason = getattr(error, "msg", None) or str(error)
                book.broken[number] = f"code cell {number}{line}: {reason}", text
            except (RecursionError, MemoryError):
                book.broken[number] = f"code cell {number} {TOO_DEEP}", text
        return book

    def find(self, function: str, given: Sequence[str] = ()) -> list[Statement]:
        """The statements that define `function`, what is needed first; [] where it is missing.

        Names in `given` come from elsewhere.
        """
        chosen: list[Statement] = []
        visited = set(given)

        def visit(name: str) -> None:
            if name in visited:
                return
            visited.add(name)
            for statement in self._binding(name):
                if statement in chosen:
                    continue
                for needed in sorted(statement.needs):
                    visit(needed)
                if statement not in chosen:
                    chosen.append(statement)

        visit(function)
        if not chosen:
            return []
        modules = [(s, getattr(s.node, "module", "")) for s in self.statements]
        future = [s for s, module in modules if module == "__future__"]
        stars = [s for s in self.statements if "*" in s.binds]
        return future + stars + [s for s in chosen if s not in future]

    def _binding(self, name: str) -> list[Statement]:
        """The statements that give a name its value: the last written definition, if there is one.

        A definition that is still the untouched stub counts only where there is no other.
        """
        found = [s for s in self.statements if name in s.binds]
        definitions = [s for s in found if s.is_definition]
        written = [s for s in definitions if not is_stub(s.node)]
        return (written or definitions)[-1:] or found

    def why_missing(self, function: str) -> str:
        """Why there is no such function, in a sentence."""
        for reason, text in self.broken.values():
            if re.search(rf"\b{re.escape(function)}\b", text):
                return f"The cell with `{function}` is not Python: {reason}."
        return f"There is no function `{function}` in what was handed in."


def _parse(text: str) -> tuple[list[ast.stmt], tuple[str, ...]]:
    """The statements of a cell, and its lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        nodes = ast.parse(text).body
    except SyntaxError:
        text = _without_magics(text)
        nodes = ast.parse(text).body
    return nodes, tuple(text.split("\n"))


def _without_magics(text: str) -> str:
    """A cell without the lines that only IPython understands."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(HARMLESS_MAGICS):
        return ""
    lines = [re.sub(r"^(\s*)([%!?].*|[\w.]+\?{1,2}\s*)$", r"\1pass", line) for line in lines]
    return "\n".join(re.sub(r"^(\s*\w+\s*=\s*)[%!].*$", r"\1None", line) for line in lines)


def _statement(cell: int, node: ast.stmt, lines: tuple[str, ...]) -> Statement:
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return Statement(cell, node, frozenset("*"), frozenset(), lines)
    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    tables, needs = [top], set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        needs |= {s.get_name() for s in table.get_symbols() if s.is_global() or table is top}
    binds = {
        s.get_name()
        for s in top.get_symbols()
        if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
    return Statement(cell, node, frozenset(binds), frozenset(needs), lines)


def is_stub(node: ast.AST) -> bool:
    """Whether a definition does nothing yet."""
    body = list(getattr(node, "body", []))
    while body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body.pop(0)  # a docstring, or "..."
    if len(body) == 1 and isinstance(body[0], ast.Raise):
        return "NotImplementedError" in ast.dump(body[0])
    return not body or len(body) == 1 and isinstance(body[0], ast.Pass)
