"""Grade what one student handed in: each question apart, and errors carried forward.

Here the right answers are, and here what comes back is compared; nothing of a learner's runs here.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from ..checks import QUESTIONS, Question, Report
from ..checks.attempt import Attempt, arguments_to_plain
from ..checks.judging import Worked, judge
from .book import Book
from .launch import Ended, Fault, Runner
from .lent import answer_ask
from .limits import Limits
from .look import Survey, look


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
        result = _graded(runner, question, found, {}, seed, book)
        earlier = [QUESTIONS[name] for name in question.uses]
        wrong = {
            q.function: found.answers.get(q.function, {}).get("arguments") or list(q.argument_names)
            for q in earlier
            if q.function in answer["uses"] and not _is_right(results.get(q.name))
        }
        if not result["report"]["passed"] and wrong:
            again = _graded(runner, question, found, wrong, seed, book)
            result = again if again["report"]["passed"] else result
        results[question.name] = result
    return list(results.values())


def _is_right(result: dict[str, Any] | None) -> bool:
    """Whether an earlier part is right in itself."""
    return result is not None and result["report"]["passed"] and not result["lent"]


def _graded(
    runner: Runner, question: Question, found: Survey, lent: dict[str, list[str]], seed: int,
    book: Book,
) -> dict[str, Any]:  # fmt: skip
    """The result for one answer: from the book, or else graded now and written into it."""
    answer = found.answers[question.function]
    key = book.key(question.name, answer["code"], tuple(lent))
    known = book.get(key)
    if known is None:
        code = answer["code"]
        if lent:
            functions = [question.function]
            without, _ = look(runner, answer["cells"], functions, list(lent))
            code = (without or {}).get(question.function, {}).get("code", code)
        report, printed = run_answer(runner, question, code, lent, seed)
        known = _result(report, lent=list(lent), printed=printed, imports=answer["imports"])
        book.put(key, known)
    return {name: value for name, value in known.items() if name != "key"}


def run_answer(
    runner: Runner, question: Question, code: str, lent: dict[str, list[str]], seed: int
) -> tuple[Report, str]:
    """Run one answer elsewhere and judge it here; also returns what it printed.

    `lent` names the functions that the course lends, and how the answer calls their arguments.
    """
    worked, cases = _asked(question, seed)
    job = {
        "code": code,
        "function": question.function,
        "given": lent,
        "gradient": list(question.gradient_places),
        "cases": cases,
    }
    references = {q.function: q.reference for q in QUESTIONS.values() if q.function in lent}
    ended = runner.run(job, lambda asked: answer_ask(asked, references))
    if ended.late:  # once more: something else may have kept this machine busy
        ended = runner.run(job, lambda asked: answer_ask(asked, references))
    printed = next((m["printed"] for m in ended.messages if "printed" in m), "")
    report = _judge(worked, ended, seed)
    return report, printed[: Limits.printed] if isinstance(printed, str) else ""


@cache
def _asked(question: Question, seed: int) -> tuple[Worked, list]:
    """A question's cases with what is right for them, and the cases as they travel: for a class."""
    cases = question.cases(seed)
    return Worked(question, cases), [arguments_to_plain(case.arguments) for case in cases]


def _judge(worked: Worked, ended: Ended, seed: int) -> Report:
    question, cases = worked.question, worked.cases
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
        report = judge(worked, attempts, seed=seed, explain=not missing)
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
