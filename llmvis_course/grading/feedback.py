"""What a student is told: one page of Markdown, and the same as JSON."""

import html
import json
import re
from pathlib import Path
from typing import Any

from .book import write_whole
from .submission import Submission

WAYS = {"lent": "Graded together with the course's own {names}, since that part was not right yet."}


def total(results: list[dict[str, Any]]) -> tuple[int, int]:
    """Points, and how many there are."""
    reports = [r["report"] for r in results]
    return sum(r["points"] for r in reports), sum(r["out_of"] for r in reports)


def plain(text: str) -> str:
    """A name inside of a line of Markdown, as it stands."""
    return re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", html.escape(_printable(text))).replace("\n", " ")


def fenced(text: str) -> str:
    """Text as a block that nothing inside of it can end."""
    text = _printable(text)
    longest = max([len(run) for run in re.findall("`+", text)], default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _printable(text: str) -> str:
    """Without what would steer a terminal or turn the direction of writing."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def page(student: str, results: list[dict[str, Any]], problems: list[str]) -> str:
    """The feedback of one student, in Markdown."""
    points, out_of = total(results)
    lines = [f"# {plain(student)}: {points} of {out_of} points", ""]
    lines += [f"- {plain(problem)}" for problem in problems] + [""] * bool(problems)
    lines += ["| question | notebook | points |", "|---|---|---|"]
    for result in results:
        r = result["report"]
        mark = "✓" if r["passed"] else "✗"
        lines.append(
            f"| {mark} {r['question']} | {r['notebook']} | {r['points']} of {r['out_of']} |"
        )
    for result in results:
        lines += ["", f"## {result['report']['question']}", "", fenced(result["text"])]
        lines += [f"\n{note}" for note in notes(result)]
        if result["printed"].strip():
            lines += ["", "It printed:", "", fenced(result["printed"].rstrip())]
    return "\n".join(lines) + "\n"


def notes(result: dict[str, Any]) -> list[str]:
    """What a person should know about a result, beside the report."""
    names = ", ".join(f"`{name}`" for name in result["lent"])
    found = [WAYS["lent"].format(names=names)] if names else []
    if result["imports"]:
        modules = ", ".join(f"`{plain(name)}`" for name in result["imports"])
        found.append(f"This answer uses the course's own {modules}: was that the task?")
    return found


def write_student(
    out: Path, submission: Submission, results: list[dict[str, Any]], problems: list[str]
) -> None:
    """Write `students/NAME.json` and `feedback/NAME.md`."""
    points, out_of = total(results)
    record = {
        "student": submission.student,
        "files": [path.name for path in submission.files],
        "points": points,
        "out_of": out_of,
        "problems": problems,
        "questions": results,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_whole(out / "students" / f"{submission.student}.json", text)
    text = page(submission.student, results, problems)
    write_whole(out / "feedback" / f"{submission.student}.md", text)
