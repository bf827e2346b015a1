"""Judge what a function did: against the reference, and against known mistakes.

`judge` only reads plain results, so that the function may have run somewhere else.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from .attempt import Attempt, attempt, gradients_of
from .hints import close, general_hint
from .question import Case, Question
from .report import Report
from .showing import shown

LAZY = ("generator", "map", "zip", "filter")  # what yields its parts later


class Worked:
    """What the reference and the known mistakes make of cases: each is worked out once.

    A class is given the same cases, so that one of these serves all its answers.
    """

    def __init__(self, question: Question, cases: Sequence[Case]) -> None:
        self.question, self.cases = question, cases
        self._made: dict[tuple, Attempt] = {}

    def by(self, function: Callable[..., Any], place: int) -> Attempt:
        """What `function` makes of the case at `place`."""
        key = function, place
        if key not in self._made:
            case, places = self.cases[place], self.question.gradient_places
            self._made[key] = attempt(function, case.arguments, places)
        return self._made[key]


def check_answer(question: Question, answer: Any, *, seed: int = 0) -> Report:
    """Run an answer here, and judge it."""
    cases = question.cases(seed)
    if not callable(answer):
        made = Attempt("type", type(answer).__name__)
        return _report(question, seed, "type", _not_a_function(question, made))
    attempts = [attempt(answer, case.arguments, question.gradient_places) for case in cases]
    return judge(Worked(question, cases), attempts, seed=seed)


def judge(
    worked: Worked, attempts: Sequence[Attempt], *, seed: int = 0, explain: bool = True
) -> Report:
    """Compare attempts, one for each case, with the reference; the smallest failing one is shown.

    `explain=False` does not look for known mistakes, which is faster.
    """
    question, cases = worked.question, worked.cases
    if len(cases) != len(attempts):
        raise ValueError(f"found {len(attempts)} attempts; expected one for each of {len(cases)}")
    for place, (case, made) in enumerate(zip(cases, attempts, strict=True)):
        expected = worked.by(question.reference, place)
        if expected.kind != "values":
            raise RuntimeError(f"the reference of {question.name} fails: {expected.message}")
        kind, message = _fault(question, case, expected, made)
        if kind == "right":
            continue
        known = _known_mistake(worked, attempts, place) if explain else None
        name, hint = "", general_hint(question, kind, expected, made)
        if known:
            name, hint = known.name, known.hint
        return _report(
            question, seed, kind, message, hint=hint, misconception=name,
            **shown(question, case, expected, made, kind),
        )  # fmt: skip
    return _report(question, seed, "right", "")


def _report(question: Question, seed: int, kind: str, message: str, **more: Any) -> Report:
    passed = kind == "right"
    return Report(
        question.name, question.notebook, question.function, passed,
        question.points if passed else 0, question.points, kind, message,
        covers=question.covers, seed=seed, **more,
    )  # fmt: skip


def _not_a_function(question: Question, made: Attempt) -> str:
    return (
        f"check was given {_a(made.message)}; give it the function itself, without calling it: "
        f'check("{question.name}", {question.function}).'
    )


def _fault(question: Question, case: Case, expected: Attempt, made: Attempt) -> tuple[str, str]:
    """The first thing that is wrong with an attempt, in the order a person would look."""
    if made.kind == "stub" and made.message:
        return "stub", f"It calls {made.message}, which is not written yet."
    if made.kind == "stub":
        return "stub", "Replace the line `raise NotImplementedError(...)` with your own code."
    if made.kind == "raised":
        return "raised", f"Your function raised {made.message}"
    if made.kind == "none":
        return "none", "Your function returned None. Does it end with `return`?"
    wanted = "a number" if expected.numbers == (True,) else "a torch tensor"
    if len(expected.values) > 1:
        wanted = f"{len(expected.values)} values, as a tuple"
    if made.kind == "type":
        wanted = "a tuple or list of tensors" if made.message in LAZY else wanted
        return "type", f"Your function returned {_a(made.message)}; expected {wanted}."
    if made.changed:
        names = ", ".join(question.argument_names[p] for p in made.changed[:5])
        return "changed", f"Your function changed its input ({names}); work on new tensors."
    if len(made.values) != len(expected.values):
        values = f"{len(made.values)} value{'s' if len(made.values) != 1 else ''}"
        if len(made.values) == 1 and not made.numbers[0]:
            values = f"one tensor of shape {tuple(made.values[0].shape)}"
        return "type", f"Your function returned {values}; expected {wanted}."
    for e, m, plain in zip(expected.values, made.values, expected.numbers, strict=True):
        if e.shape != m.shape:
            shapes = f"shape {tuple(m.shape)}; expected {tuple(e.shape)}"
            return "shape", f"Your function returned {shapes}."
        if not plain and e.dtype != m.dtype and not _only_precision(e, m):
            return "dtype", f"Your function returned {m.dtype}; expected {e.dtype}."
    for e, m in zip(expected.values, made.values, strict=True):
        if m.is_floating_point() and not m.isfinite().all() and e.double().isfinite().all():
            return "nan", "Your function returned NaN or infinity where a number was expected."
    pairs = zip(expected.values, made.values, strict=True)
    if not all(close(e, m, question.tolerance) for e, m in pairs):
        return "wrong", "Your function returned other numbers than expected."
    for e, m, plain, number in zip(
        expected.values, made.values, expected.numbers, made.numbers, strict=True
    ):
        if not plain and e.dtype != m.dtype and not number:
            return "dtype", f"Your function returned {m.dtype} for inputs of {e.dtype}."
    if not _all_close(expected.grads, made.grads, question.tolerance):
        names = ", ".join(_wrong_gradients(question, case, expected, made))
        return "gradient", f"The numbers are right, but not their gradients by {names}."
    return "right", ""


def _wrong_gradients(question: Question, case: Case, expected: Attempt, made: Attempt):
    """The names of the arguments whose gradients differ."""
    counts = [gradients_of(case.arguments[place]) for place in question.gradient_places]
    if len(made.grads) != sum(counts):
        return question.gradient
    names = [name for name, n in zip(question.gradient, counts, strict=True) for _ in range(n)]
    pairs = zip(names, expected.grads, made.grads, strict=True)
    wrong = {name for name, e, m in pairs if not close(e, m, question.tolerance)}
    return [name for name in question.gradient if name in wrong]


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _only_precision(e: Tensor, m: Tensor) -> bool:
    """Whether two types differ in precision only: judged by their numbers first."""
    return e.is_floating_point() and m.is_floating_point()


def _all_close(es: Sequence[Tensor], ms: Sequence[Tensor], tolerance: float) -> bool:
    return len(es) == len(ms) and all(map(close, es, ms, [tolerance] * len(es)))


def _same(known: Attempt, made: Attempt, tolerance: float) -> bool:
    """Whether two functions did the same: values and gradients, or both an error."""
    if known.kind != "values" or made.kind != "values":
        return known.kind == made.kind == "raised"
    return (
        _all_close(known.values, made.values, tolerance)
        and all(
            number or a.dtype == b.dtype or _only_precision(a, b)
            for a, b, number in zip(known.values, made.values, known.numbers, strict=True)
        )
        and _all_close(known.grads, made.grads, tolerance)
    )


def _known_mistake(worked, attempts, place):
    """The misconception that does the same in every case, or None.

    In the failing case it must return what was found: an error alone proves nothing.
    """
    if attempts[place].kind == "stub" or all(made.kind != "values" for made in attempts):
        return None
    for known in worked.question.misconceptions:
        pairs = ((worked.by(known.wrong, p), made) for p, made in enumerate(attempts))
        if all(_same(their, made, worked.question.tolerance) for their, made in pairs):
            return known
    return None
