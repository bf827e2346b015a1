"""The course's own exercises, handed in: solutions earn all points, untouched exercises none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading import jail
from llmvis_course.grading.book import Book
from llmvis_course.grading.forking import Forking
from llmvis_course.grading.grade import grade
from llmvis_course.grading.limits import Limits
from llmvis_course.grading.look import survey
from llmvis_course.grading.submission import Submission

ROOT = Path(__file__).parent.parent
MISSING = jail.why_not()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "a jail is possible")


@pytest.fixture(scope="module")
def runner() -> Iterator[Forking]:
    with Forking(Limits(), hide=jail.hidden_folders()) as found:
        yield found


def results(runner: Forking, files: list[Path], folder: Path) -> dict[str, dict]:
    """What is found of the questions whose functions are in these files."""
    every = list(QUESTIONS.values())
    found = survey(runner, Submission("ann", files), every)
    assert not found.problems
    here = [q for q in every if "code" in found.answers[q.function]]
    book = Book(folder / "book", checks="c", seed=11, limits="l")
    graded = grade(runner, found, here, seed=11, book=book)
    return {result["report"]["question"]: result for result in graded}


def test_every_right_answer_passes_in_jail(runner, tmp_path) -> None:
    found = results(runner, sorted((ROOT / "tests" / "right_answers").glob("*.py")), tmp_path)
    assert set(found) == set(QUESTIONS)
    assert [r["text"] for r in found.values() if not r["report"]["passed"]] == []


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "solutions").glob("*.ipynb")))
def test_a_solution_earns_all_points(runner, tmp_path, name) -> None:
    found = results(runner, [ROOT / "solutions" / f"{name}.ipynb"], tmp_path)
    assert set(found) == {q.name for q in QUESTIONS.values() if q.notebook == name}
    assert [r["text"] for r in found.values() if not r["report"]["passed"]] == []


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "exercises").glob("*.ipynb")))
def test_an_untouched_exercise_earns_none(runner, tmp_path, name) -> None:
    found = results(runner, [ROOT / "exercises" / f"{name}.ipynb"], tmp_path)
    assert set(found) == {q.name for q in QUESTIONS.values() if q.notebook == name}
    passed = {n for n, r in found.items() if r["report"]["passed"]}
    assert passed == set()
