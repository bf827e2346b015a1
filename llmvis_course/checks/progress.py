"""What a learner has tried and passed, in one small file of their own.

The file is written whole and then renamed, so that a run that is cut off never leaves half of one.
"""

import json
import os
from pathlib import Path

from .question import Question
from .report import Report

FILE = "progress.json"


def read(path: str | os.PathLike) -> dict[str, dict]:
    """What was recorded, by question; empty where there is no file, or none that can be read."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: entry for name, entry in found.items() if _whole(entry)}


def _whole(entry: object) -> bool:
    """Whether an entry is as `record` writes it."""
    return (
        isinstance(entry, dict)
        and set(entry) == {"passed", "tries"}
        and isinstance(entry["passed"], bool)
        and isinstance(entry["tries"], int)
    )


def record(report: Report, path: str | os.PathLike) -> None:
    """Note one check; what has passed once stays passed. An untouched stub is no try."""
    kept = read(path)
    before = kept.get(report.question, {"passed": False, "tries": 0})
    tries = before["tries"] + (report.kind != "stub")
    kept[report.question] = {"passed": before["passed"] or report.passed, "tries": tries}
    unfinished = Path(path).with_suffix(f".{os.getpid()}.unfinished")
    unfinished.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def table(questions: dict[str, Question], kept: dict[str, dict], notebook: str = "") -> str:
    """A line for each question of a notebook, or of all, in the order of its exercises."""
    lines = []
    for name in sorted({q.notebook for q in questions.values() if notebook in ("", q.notebook)}):
        own = sorted((q for q in questions.values() if q.notebook == name), key=lambda q: q.place)
        passed = [q for q in own if kept.get(q.name, {}).get("passed")]
        points, most = (sum(q.points for q in some) for some in (passed, own))
        bar = "█" * len(passed) + "░" * (len(own) - len(passed))
        lines.append(f"{name:24} {bar:8} {points:2} of {most} points")
        lines += [f"  {_mark(q, kept)} {q.name:22} {q.points}" for q in own]
    return "\n".join(lines)


def _mark(question: Question, kept: dict[str, dict]) -> str:
    entry = kept.get(question.name)
    return "·" if not entry or not entry["tries"] else "✓" if entry["passed"] else "✗"
