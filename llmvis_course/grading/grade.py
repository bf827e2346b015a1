"""Grade what one student handed in: each question apart, and errors carried forward.

Here the right answers are, and here what comes back is compared; nothing of a learner's runs here.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..checks import QUESTIONS, Question, Report
from ..checks.attempt import Attempt, arguments_to_plain
from ..checks.judging import judge
from .book import Book
from .launch import Ended, Fault, Runner
from .lent import answer_ask
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
        ended = runner.run({"survey": cells, "functions": functions})
        found = next((m["found"] for m in ended.messages if "found" in m), None)
        if ended.lost or not _is_survey(found, functions):
            problems.append(f"{path.name} could not be read as Python. {ended.lost}".strip())
            continue
        for function, answer in found.items():
            if _rank(answer) >= _rank(answers.get(function, {})):
                answers[function] = {**answer, "cells": cells}
    return Survey(submission.student, answers, problems)


def _is_survey(found: Any, functions: list[str]) -> bool:
    """Whether this is what `answer.survey` makes; a process that read hostile code sent it."""
    if not isinstance(found, dict) or list(found) != functions:
        return False
    for answer in found.values():
        if set(answer) == {"missing"} and isinstance(answer["missing"], str):
            continue
        if set(answer) != {"code", "stub", "uses", "imports"}:
            return False
        texts = [answer["code"], *answer["uses"], *answer["imports"]]
        if not all(isinstance(text, str) for text in texts) or not isinstance(answer["stub"], bool):
            return False
    return True


def _rank(answer: dict) -> int:
    """A written answer counts more than a stub, and a stub more than none."""
    if "code" not in answer:
        return 0 if "missing" not in answer else 1
    return 2 if answer["stub"] else 3


def grade(
    runner: Runner, found: Survey, questions: Sequence[Question], *, seed: int, book: Book
) -> list[dict[str, Any]]:
    """The results of a student, a dict for each question; see `_result` for what is in it."""
    results: dict[str, dict[str, Any]] = {}
    for question in questions:
        answer = found.answers.get(question.function, {})
        if "code" not in answer:
            missing = answer.get("missing") or " ".join(found.problems)
            message = missing or f"There is no function `{question.function}`."
            results[question.name] = _result(_failed(question, "stub", message, seed))
            continue
        result = _graded(runner, question, answer, (), seed, book)
        wrong = tuple(
            other.function
            for other in map(QUESTIONS.__getitem__, question.uses)
            if other.function in answer["uses"] and not _is_right(results, other, found, seed)
        )
        if not result["report"]["passed"] and wrong:
            again = _graded(runner, question, answer, wrong, seed, book)
            result = again if again["report"]["passed"] else result
        results[question.name] = result
    return list(results.values())


def _is_right(results: dict[str, dict], question: Question, found: Survey, seed: int) -> bool:
    """Whether an earlier part is known to be right, in itself."""
    result = results.get(question.name)
    return result is not None and result["report"]["passed"] and not result["lent"]


def _graded(
    runner: Runner, question: Question, answer: dict, lent: tuple[str, ...], seed: int, book: Book
) -> dict[str, Any]:
    """The result for one answer: from the book, or else graded now and written into it."""
    key = book.key(question.name, answer["code"], lent)
    known = book.get(key)
    if known is None:
        report, printed = run_answer(runner, question, answer["cells"], lent, seed)
        known = _result(report, lent=lent, printed=printed, imports=answer["imports"])
        book.put(key, known)
    return {name: value for name, value in known.items() if name != "key"}


def run_answer(
    runner: Runner, question: Question, cells: list[str], lent: tuple[str, ...], seed: int
) -> tuple[Report, str]:
    """Run one answer elsewhere and judge it here; also returns what it printed."""
    cases = question.cases(seed)
    earlier = {q.function: q for q in QUESTIONS.values() if q.function in lent}
    job = {
        "cells": cells,
        "function": question.function,
        "given": {name: list(q.argument_names) for name, q in earlier.items()},
        "gradient": list(question.gradient_places),
        "cases": [arguments_to_plain(case.arguments) for case in cases],
    }
    references = {name: q.reference for name, q in earlier.items()}
    ended = runner.run(job, lambda asked: answer_ask(asked, references))
    printed = next((m["printed"] for m in ended.messages if "printed" in m), "")
    report = _judge(question, cases, ended, seed)
    return report, printed if isinstance(printed, str) else ""


def _judge(question: Question, cases: list, ended: Ended, seed: int) -> Report:
    plain = [m["attempt"] for m in ended.messages if "attempt" in m][: len(cases)]
    lost = ended.lost
    try:
        pairs = zip(plain, cases[: len(plain)], strict=True)
        attempts = [_checked(Attempt.from_plain(p), question, c) for p, c in pairs]
    except (ValueError, TypeError, RecursionError) as error:
        return _failed(question, "type", f"Your code sent back no result: {error}.", seed)
    if len(attempts) < len(cases) and not lost:
        lost = "Your code ended before it had answered."
    missing = len(cases) - len(attempts)
    attempts += [Attempt("raised", lost)] * missing
    try:
        report = judge(question, cases, attempts, seed=seed, explain=not missing)
    except Exception as error:
        raise Fault(f"the check of {question.name} broke: {error!r}") from error
    if lost and (report.passed or report.message.endswith(lost)):
        return replace(_failed(question, "raised", lost, seed), inputs=report.inputs)
    return report


def _checked(made: Attempt, question: Question, case: Any) -> Attempt:
    """Raises ValueError for gradients that do not belong to the arguments they were asked of."""
    if made.kind == "values":
        wanted = [case.arguments[place] for place in question.gradient_places]
        shapes = [t.shape for a in wanted for t in _floats(a)]
        if [g.shape for g in made.grads] != shapes:
            raise ValueError("found gradients of other shapes than the arguments")
        if not all(g.is_floating_point() for g in made.grads) or not made.values:
            raise ValueError("found gradients that are whole numbers, or no values")
        if any(place >= len(case.arguments) for place in made.changed):
            raise ValueError("found an argument changed that does not exist")
    return made


def _floats(value: Any) -> list:
    if isinstance(value, tuple | list):
        return [t for part in value for t in _floats(part)]
    is_float = getattr(value, "is_floating_point", None)
    return [value] if is_float is not None and is_float() else []


def _failed(question: Question, kind: str, message: str, seed: int) -> Report:
    return Report(
        question.name, question.notebook, question.function, False, 0, question.points, kind,
        message, covers=question.covers, seed=seed,
    )  # fmt: skip


def _result(
    report: Report, lent: Sequence[str] = (), printed: str = "", imports: Sequence[str] = ()
) -> dict[str, Any]:
    """What is kept of a question: the report without the seed, and what a person should know."""
    plain = report.to_json()
    plain.pop("seed")
    return {
        "report": plain,
        "text": str(report),  # the same for reading
        "lent": list(lent),  # functions whose right version was lent to this answer
        "printed": printed,
        "imports": list(imports),  # modules of the course that the answer uses
    }
