"""Look through what a student handed in for answers, before any is run.

Python is read in the jail, where `answer.survey` runs; what comes back is checked here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..checks import Question
from .launch import Runner
from .submission import Submission, read_cells


class Survey(NamedTuple):
    """Which answers a student handed in, before any is run."""

    student: str
    answers: dict[str, dict]  # by function: code, uses, imports, cells; or why it is missing
    problems: list[str]  # files that could not be read, and why


def survey(runner: Runner, submission: Submission, questions: Sequence[Question]) -> Survey:
    """Find the answers of a student in all files handed in; the last file that has one counts."""
    functions = list(dict.fromkeys(q.function for q in questions))
    answers: dict[str, dict] = {}
    problems: list[str] = []
    for path in submission.files:
        try:
            cells = read_cells(path)
        except ValueError as error:
            problems.append(f"{error}.")
            continue
        found, lost = look(runner, cells, functions)
        if found is None:
            problems.append(f"{path.name} could not be read as Python. {lost}".strip())
            continue
        for function, answer in found.items():
            if _rank(answer) >= _rank(answers.get(function, {})):
                answers[function] = {**answer, "cells": cells}
    return Survey(submission.student, answers, problems)


def look(
    runner: Runner, cells: list[str], functions: list[str], given: Sequence[str] = ()
) -> tuple[dict[str, dict] | None, str]:
    """What `answer.survey` finds, or None and why."""
    job = {"survey": cells, "functions": functions, "given": list(given)}
    ended = runner.run(job)
    found = next((m["found"] for m in ended.messages if "found" in m), None)
    good = not ended.lost and _is_survey(found, functions)
    return (found if good else None), ended.lost


def _is_survey(found: Any, functions: list[str]) -> bool:
    """Whether this is what `answer.survey` makes; a process that read hostile code sent it."""
    if not isinstance(found, dict) or list(found) != functions:
        return False
    return all(isinstance(answer, dict) and _is_answer(answer) for answer in found.values())


def _is_answer(answer: dict) -> bool:
    kinds = {"code": str, "stub": bool, "arguments": list, "uses": list, "imports": list}
    if set(answer) == {"missing"}:
        kinds = {"missing": str}
    if set(answer) != set(kinds) or not all(isinstance(answer[n], k) for n, k in kinds.items()):
        return False
    lists = [answer[name] for name, kind in kinds.items() if kind is list]
    return all(isinstance(text, str) for texts in lists for text in texts)


def _rank(answer: dict) -> int:
    """A written answer counts more than a stub, and a stub more than none."""
    if "code" not in answer:
        return 0 if "missing" not in answer else 1
    return 2 if answer["stub"] else 3
