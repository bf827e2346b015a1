"""Exercises and their solutions: made from each other, run, and give nothing away."""

import ast
import re

import jupytext
import matplotlib
import nbformat
import pytest
from test_notebooks import ROOT, script

from llmvis_course.checks import QUESTIONS, Report

exercises = script("exercises")
TWINS = sorted((ROOT / "solutions" / "source").glob("*.py"))
KINDS = {
    "implement": "write it",
    "debug": "find and mend the bug",
    "predict": "predict",
    "experiment": "experiment",
}


def run(cells: list[str]) -> list[Report]:
    """Run cells one after the other as a notebook would, and collect what checks said."""
    matplotlib.use("Agg")
    scope, reports = {}, []
    for source in cells:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<cell>", "exec"), scope)
        if last:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope)
            reports += [value] if isinstance(value, Report) else []
    matplotlib.pyplot.close("all")
    return reports


def code_of(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to run in, and progress that is kept nowhere afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("llmvis_course.checks._kept", {})
    return tmp_path


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.stem)
def test_solutions_are_all_green(twin, here) -> None:
    reports = run(code_of(jupytext.read(twin)))
    assert [r.question for r in reports if not r.passed] == []
    expected = {name for name, q in QUESTIONS.items() if q.notebook == twin.stem}
    assert {report.question for report in reports} == expected
    stored = nbformat.read(exercises.stored_at(twin), as_version=4)
    shown = [
        o for c in stored.cells for o in c.get("outputs", []) if "text/plain" in o.get("data", {})
    ]
    green = [o for o in shown if o.data["text/plain"].startswith("✓")]
    assert len(green) == len(expected)


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.stem)
def test_untouched_exercises_run_and_are_answered_kindly(twin, here, capsys) -> None:
    stored = nbformat.read(exercises.exercise_at(twin), as_version=4)
    reports = run(code_of(stored))
    for report in reports:
        assert not report.passed
        if QUESTIONS[report.question].kind == "debug":  # the bug is one that the check knows
            assert report.misconception and report.kind not in ("raised", "stub"), report
        else:
            assert report.kind == "stub"
    assert len(reports) == sum(q.notebook == twin.stem for q in QUESTIONS.values())
    assert " 0 of " in capsys.readouterr().out
    assert not any(cell.get("outputs") for cell in stored.cells)


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.stem)
def test_no_solution_stands_in_an_exercise(twin) -> None:
    solution = jupytext.read(twin)
    given = nbformat.read(exercises.exercise_at(twin), as_version=4)
    text = "\n".join(cell.source for cell in given.cells)
    assert "SOLUTION" not in text and "# MEND" not in text
    lines = {line.strip() for line in text.splitlines()}
    hidden = 0
    for source in code_of(solution):
        for found in exercises.SOLUTION.findall(source + "\n"):
            assert found == "" or set(found) == {" "}  # the group is the indent
        mend = {
            line.split("# MEND", 1)[1].strip() for line in source.splitlines() if "# MEND" in line
        }
        for block in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, flags=re.S):
            for line in filter(None, map(str.strip, block.splitlines())):
                if line not in mend:
                    assert line not in lines, line
                    hidden += 1
    assert hidden >= 15


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.stem)
def test_every_exercise_has_a_card_a_task_three_hints_and_a_check(twin) -> None:
    cells = jupytext.read(twin).cells
    own = [q for q in QUESTIONS.values() if q.notebook == twin.stem]
    assert 4 <= len(own) <= 8
    assert {"implement", "debug", "experiment"} <= {q.kind for q in own}
    head = cells[1].source
    assert f"about {sum(q.minutes for q in own)}, for {len(own)} exercises" in head
    assert f"{sum(q.points for q in own)} points" in head
    headings = "".join(c.source for c in cells if "<!-- card: " in c.source)
    numbered = re.findall(r"## (\d+) · .*\n\n<!-- card: (\w+) -->", headings)
    assert numbered == [(str(q.place), q.name) for q in sorted(own, key=lambda q: q.place)]
    assert [q.place for q in sorted(own, key=lambda q: q.place)] == [*range(1, len(own) + 1)]
    for q in own:
        (place,) = [k for k, c in enumerate(cells) if f"<!-- card: {q.name} -->" in c.source]
        card = cells[place].source
        dots = ["●" * n + "○" * (m - n) for n, m in ((q.difficulty, 5), (q.importance, 3))]
        assert f"| {KINDS[q.kind]} | {dots[0]} | {dots[1]} | {q.minutes} | {q.points} |" in card
        assert [card.count(f"<summary>Hint {n}: ") for n in (1, 2, 3)] == [1, 1, 1]
        assert cells[place + 1].source.startswith(f"def {q.function}(")
        assert cells[place + 2].source == f'check("{q.name}", {q.function})'


def test_every_question_belongs_to_a_notebook() -> None:
    assert {q.notebook for q in QUESTIONS.values()} == {twin.stem for twin in TWINS}


def test_nothing_stored_is_stale() -> None:
    assert [twin.stem for twin in TWINS if exercises.stale(twin)] == []
    made = {twin.stem for twin in TWINS}
    for folder in ("solutions", "exercises"):
        assert {path.stem for path in (ROOT / folder).glob("*.ipynb")} == made


def test_a_changed_twin_or_exercise_is_noticed(tmp_path) -> None:
    twin = tmp_path / "solutions" / "source" / "a.py"
    twin.parent.mkdir(parents=True)
    (tmp_path / "exercises").mkdir()
    twin.write_text("# %%\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n")
    nbformat.write(jupytext.read(twin), exercises.stored_at(twin))
    assert exercises.stale(twin)  # no exercise yet
    exercises.store_exercise(twin)
    assert not exercises.stale(twin)
    changed = nbformat.read(exercises.exercise_at(twin), as_version=4)
    changed.cells[0].source += "\n# more"
    nbformat.write(changed, exercises.exercise_at(twin))
    assert exercises.stale(twin)
    exercises.store_exercise(twin)
    twin.write_text(twin.read_text().replace("return 1", "return 2"))
    assert exercises.stale(twin)


@pytest.mark.parametrize(
    "source, expected",
    [
        ("x = 1", "x = 1"),
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
            "def f():\n    raise NotImplementedError(\"Your code here: replace this line.\")",
        ),
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
            "    # MEND if x:\n    # MEND     return 2",
            "def f():\n    if x:\n        return 2",
        ),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "...  # Your code here."),
        ("a\n### BEGIN SOLUTION\nx\n### END SOLUTION\nb", "a\n...  # Your code here.\nb"),
    ],
)  # fmt: skip
def test_a_cell_loses_its_solution(source, expected) -> None:
    assert exercises.exercise_source(source) == expected
