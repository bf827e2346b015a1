"""How long two cores take to grade a large class, of which one in twenty is hostile.

python tests/bench_grading.py        # 1,000 students
python tests/bench_grading.py 460    # each kind of hostile answer once

Every student hands in the whole notebook on attention, in code of their own, so that no answer is
found in the book of results: each of them runs in a child of its own. The first kinds of hostile
answer are the slowest, so that the rate of fewer than 460 students is too high for 1,000. The aim:
1,000 within three minutes on two cores.
"""

import ast
import csv
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from handed_in import FAILS, SET_UP, hand_in

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading.__main__ import main as grade
from llmvis_course.grading.pool import side_by_side

NOTEBOOK = "ex03_attention"
CORES = 2
GRADERS = side_by_side(CORES, 1000)  # each has started when it has graded once
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


class Took(NamedTuple):
    """What a run took, its start-up included."""

    seconds: float
    processor: float  # seconds of it, of all processes: two cores that are free share them


def run(n: int, hostile_every: int) -> Took:
    """Grade a class of `n`, and compare with what was earned."""
    with tempfile.TemporaryDirectory() as folder:
        work, out = Path(folder) / "submissions", Path(folder) / "grades"
        earned = fill(work, n, hostile_every)
        start, used = time.perf_counter(), sum(os.times()[:4])
        line = [str(work), "--out", str(out), "--only", NOTEBOOK, "--workers", str(CORES)]
        if grade(line) != 0:
            raise SystemExit("not everything could be graded here")
        took = Took(time.perf_counter() - start, sum(os.times()[:4]) - used)
        with open(out / "class.csv", encoding="utf-8", newline="") as file:
            found = {row["student"]: int(row["points"]) for row in csv.DictReader(file)}
    wrong = {name: (p, found[name]) for name, p in earned.items() if p != found[name]}
    if wrong:
        raise SystemExit(f"earned and given points differ: {wrong}")
    used = f"{took.seconds:.1f} s ({took.processor:.1f} s of processor), start-up included"
    print(f"measured: {n} students, {n // hostile_every} of them hostile: {used}")
    return took


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    few = max(20, n // 10)
    start_up = run(GRADERS, hostile_every=n + 1)
    right, whole = run(few, hostile_every=n + 1), run(n, hostile_every=20)
    questions = sum(q.notebook == NOTEBOOK for q in QUESTIONS.values())
    each = [(r - s) / (few - GRADERS) for r, s in zip(right, start_up, strict=True)]
    print(f"a right submission of {questions} answers: {each[0]:.3f} s ({each[1]:.3f} processor)")
    total = [s + 1000 * (w - s) / n for w, s in zip(whole, start_up, strict=True)]
    how = "measured" if n == 1000 else f"extrapolated from {n}"
    print(f"1,000 students, {how}: {total[0]:.0f} s ({total[1]:.0f} processor); the aim is 180 s")


if __name__ == "__main__":
    main()
