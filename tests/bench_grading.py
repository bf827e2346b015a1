"""How long it takes to grade a large class, of which one in twenty is hostile.

python tests/bench_grading.py        # 1,000 students
python tests/bench_grading.py 100

Every student hands in the whole notebook on attention, in code of their own, so that no result can
be used twice. The aim: 1,000 within three minutes on two cores.
"""

import ast
import csv
import sys
import tempfile
import time
from pathlib import Path

from handed_in import FAILS, SET_UP, hand_in

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading.__main__ import main as grade

NOTEBOOK = "ex03_attention"
RIGHT = Path(__file__).parent / "right_answers" / "attention.py"


def answers(student: int) -> list[str]:
    """A cell for each question of the notebook, in code that no other student has."""
    functions = {q.function for q in QUESTIONS.values() if q.notebook == NOTEBOOK}
    cells = []
    for node in ast.parse(RIGHT.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            node.body.insert(0, ast.parse(f"student = {student}").body[0])
            cells.append(ast.unparse(node))
    return cells


def fill(folder: Path, n: int, hostile_every: int) -> dict[str, int]:
    """Hand in for `n` students; returns the points each has earned."""
    whole = sum(q.points for q in QUESTIONS.values() if q.notebook == NOTEBOOK)
    hostile = list(FAILS.values())
    earned = {}
    for student in range(n):
        name, cells = f"student{student:04d}", answers(student)
        earned[name] = whole
        if student % hostile_every == hostile_every - 1:
            attack = hostile[student // hostile_every % len(hostile)]
            cells = [c for c in cells if not c.startswith("def attend(")]
            cells.append(attack + f"\nstudent = {student}\n")
            earned[name] -= QUESTIONS["attend"].points
        hand_in(folder, name, SET_UP, *cells)
    return earned


def run(n: int, hostile_every: int) -> float:
    """Grade a class of `n`, compare with what was earned, and return the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        work, out = Path(folder) / "submissions", Path(folder) / "grades"
        earned = fill(work, n, hostile_every)
        start = time.perf_counter()
        line = [str(work), "--out", str(out), "--only", NOTEBOOK, "--workers", "2"]
        if grade(line) != 0:
            raise SystemExit("not everything could be graded here")
        seconds = time.perf_counter() - start
        with open(out / "class.csv", encoding="utf-8", newline="") as file:
            found = {row["student"]: int(row["points"]) for row in csv.DictReader(file)}
        wrong = {name: (points, found[name]) for name, points in earned.items()}
        wrong = {name: pair for name, pair in wrong.items() if pair[0] != pair[1]}
        print(f"{n} students, {n // hostile_every} of them hostile: {seconds:.1f} s")
        if wrong:
            raise SystemExit(f"earned and given points differ: {wrong}")
    return seconds


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    few = max(20, n // 10)
    start_up = run(2, hostile_every=n + 1)
    each = (run(few, hostile_every=n + 1) - start_up) / (few - 2)
    questions = sum(q.notebook == NOTEBOOK for q in QUESTIONS.values())
    print(f"start-up {start_up:.1f} s; then {each:.3f} s a right submission of {questions} answers")
    seconds = run(n, hostile_every=20)
    per_thousand = start_up + 1000 * (seconds - start_up) / n
    print(f"at that rate {per_thousand:.0f} s for 1,000; the aim is 180 s")


if __name__ == "__main__":
    main()
