"""Tables of a whole class: points, common misconceptions, and what other tools import.

The gradebook has the columns of nbgrader's own CSV export. `results.json` is what Gradescope reads
of an autograder, one file for each student.
"""

import csv
import io
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from .book import write_whole
from .feedback import notes, plain, total

Class = dict[str, list[dict[str, Any]]]  # results by student
NBGRADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip


def write_tables(out: Path, results: Class) -> None:
    """Write everything about the class under `out`."""
    write_whole(out / "class.csv", class_table(results))
    write_whole(out / "misconceptions.md", misconceptions(results))
    write_whole(out / "gradebook.csv", gradebook(results))
    for student, graded in results.items():
        text = json.dumps(gradescope(graded), indent=1, ensure_ascii=False) + "\n"
        write_whole(out / "gradescope" / student / "results.json", text)


def _csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def class_table(results: Class) -> str:
    """A row for each student: the points of each question, their sum, and of how many."""
    questions = [r["report"]["question"] for r in next(iter(results.values()), [])]
    rows: list[list[Any]] = [["student", *questions, "points", "out_of"]]
    for student, graded in sorted(results.items()):
        rows.append([student, *(r["report"]["points"] for r in graded), *total(graded)])
    return _csv(rows)


def misconceptions(results: Class) -> str:
    """What a class got wrong: for each question, how many students in which way, in Markdown."""
    ways: dict[str, Counter] = defaultdict(Counter)
    for graded in results.values():
        for result in graded:
            report = result["report"]
            way = report["misconception"] or f"({report['kind']})"
            ways[report["question"]]["" if report["passed"] else way] += 1
    lines = ["# What the class got wrong", "", f"{len(results)} students.", ""]
    lines += ["In brackets: a mistake that is not a known one.", ""]
    lines += ["| question | right | how it was wrong | students |", "|---|---|---|---|"]
    for question, found in ways.items():
        right, first = found.pop("", 0), True
        for way, n in found.most_common() or [("", 0)]:
            name, share = (question, f"{right}") if first else ("", "")
            lines.append(f"| {name} | {share} | {plain(way)} | {n or ''} |")
            first = False
    return "\n".join(lines) + "\n"


def gradebook(results: Class) -> str:
    """A row for each exercise notebook and student, with nbgrader's columns."""
    rows: list[list[Any]] = [list(NBGRADER)]
    for student, graded in sorted(results.items()):
        by_notebook = defaultdict(list)
        for result in graded:
            by_notebook[result["report"]["notebook"]].append(result)
        for notebook, part in sorted(by_notebook.items()):
            points, out_of = total(part)
            row = dict.fromkeys(NBGRADER, "") | {
                "assignment": notebook, "student_id": student, "raw_score": float(points),
                "late_submission_penalty": 0.0, "score": float(points), "max_score": float(out_of),
            }  # fmt: skip
            rows.append(list(row.values()))
    rows[1:] = sorted(rows[1:], key=lambda row: (row[0], row[3]))
    return _csv(rows)


def gradescope(graded: list[dict[str, Any]]) -> dict[str, Any]:
    """What Gradescope reads for one student."""
    tests = []
    for result in graded:
        report = result["report"]
        tests.append(
            {
                "name": f"{report['notebook']}: {report['question']}",
                "score": report["points"],
                "max_score": report["out_of"],
                "status": "passed" if report["passed"] else "failed",
                "output": "\n\n".join([result["text"], *notes(result)]),
                "output_format": "text",
                "visibility": "visible",
                "tags": [report["misconception"]] if report["misconception"] else [],
            }
        )
    return {"score": total(graded)[0], "visibility": "visible", "tests": tests}
