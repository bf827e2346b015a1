"""Checks: a learner's function against the course's own, with a hint that fits the mistake.

`check("attend", my_attend)` draws inputs from a seed, compares values and gradients, and answers
with a `Report`. What it cannot see, it says: see the report's `covers`. Importing this is light:
torch and the topics come in with the first check, or with the first look at `QUESTIONS`.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from .question import Misconception, Question
from .report import Report

if TYPE_CHECKING:
    QUESTIONS: dict[str, Question]

__all__ = [
    "QUESTIONS",
    "Misconception",
    "Question",
    "Report",
    "check",
    "keep_progress",
    "show_progress",
]

TOPICS = (
    "recurrent", "long_sequences", "attention", "masks", "next_token", "transformer", "sampling",
    "counting", "convolution", "features", "seeing", "gan", "divergence", "vae", "evidence",
    "fusing", "pairs", "flow", "walking", "weighting", "pulls", "saying", "rounds", "matching",
    "hearing", "codebook", "codes_in_use",
    "worth_of_codes", "captioning", "beams", "scores", "trying_again", "start",
)  # fmt: skip
"""Modules of this package, each with a `QUESTIONS` of its own, in the order of the notebooks."""

_kept: dict[str, str] = {}


def check(name: str, answer: Any, *, seed: int = 0) -> Report:
    """Compare a function with the course's own, on inputs drawn from `seed`, small ones first.

    Raises ValueError for a question that does not exist; whatever the function does is reported.
    """
    from .judging import check_answer

    report = check_answer(_question(name), answer, seed=seed)
    if "path" in _kept:
        from .progress import record

        record(report, _kept["path"])
    return report


def keep_progress(path: str | os.PathLike = "progress.json") -> None:
    """From now on let `check` note in this file what was tried and what passed."""
    _kept["path"] = os.path.abspath(path)


def show_progress(notebook: str) -> None:
    """Print what `keep_progress` has noted so far of one notebook's questions."""
    from .progress import read, table

    print(table(_all_questions(), read(_kept["path"]) if "path" in _kept else {}, notebook))


def _question(name: str) -> Question:
    questions = _all_questions()
    if name not in questions:
        raise ValueError(f"found {name!r}; expected one of {', '.join(questions)}")
    return questions[name]


def _all_questions() -> dict[str, Question]:
    if "QUESTIONS" not in globals():
        modules = [importlib.import_module(f".{topic}", __name__) for topic in TOPICS]
        globals()["QUESTIONS"] = {q.name: q for module in modules for q in module.QUESTIONS}
    return globals()["QUESTIONS"]


def __getattr__(name: str) -> Any:
    if name == "QUESTIONS":
        return _all_questions()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
