"""Judge what a function did: against the reference, and against known mistakes.

`judge` only reads plain results, so that the function may have run somewhere else.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .attempt import GRAD, Attempt, attempt, gradients_of
from .question import Case, Question
from .report import Report
from .showing import shown

LAZY = ("generator", "map", "zip", "filter")  # what yields its parts later
DTYPE = "Make new tensors with the dtype of the input, such as `x.new_zeros(...)`."
ERRORS = (
    (
        re.escape(GRAD),
        "`.grad` is None: only the tensor you started from, with `requires_grad=True`, gets one. "
        "Did your loop overwrite its name?",
    ),
    (
        r"must be Tensor, not (float|int)",
        "A plain number came in: use `math`, or make a tensor.",
    ),
    (r"selected index k out of range", "`topk` cannot choose more than there are."),
    (r"ZeroDivisionError", "What do you divide by, and when is it 0?"),
    (
        r"used in the graph|not require grad",
        "No way leads from the loss to what you take the slope by: is there a `detach` on it?",
    ),
    (r"dtype|scalar type", DTYPE),
    (
        r"(?i)\b(sizes?|shapes?|dimension|dim|indices|subscripts?|expand\w*|broadcast\w*)\b",
        "Print the shapes of what you combine, line by line.",
    ),
)
"""Patterns of what errors say, and what to look at then; the first one counts."""


def check_answer(question: Question, answer: Any, *, seed: int = 0) -> Report:
    """Run an answer here, and judge it."""
    cases = question.cases(seed)
    if not callable(answer):
        made = Attempt("type", type(answer).__name__)
        return _report(question, seed, "type", _not_a_function(question, made))
    attempts = [attempt(answer, case.arguments, question.gradient_places) for case in cases]
    return judge(question, cases, attempts, seed=seed)


def judge(
    question: Question,
    cases: Sequence[Case],
    attempts: Sequence[Attempt],
    *,
    seed: int = 0,
    explain: bool = True,
) -> Report:
    """Compare attempts, one for each case, with the reference; the smallest failing one is shown.

    `explain=False` does not look for known mistakes, which is faster.
    """
    if len(cases) != len(attempts):
        raise ValueError(f"found {len(attempts)} attempts; expected one for each of {len(cases)}")
    for place, (case, made) in enumerate(zip(cases, attempts, strict=True)):
        expected = attempt(question.reference, case.arguments, question.gradient_places)
        if expected.kind != "values":
            raise RuntimeError(f"the reference of {question.name} fails: {expected.message}")
        kind, message = _fault(question, case, expected, made)
        if kind == "right":
            continue
        known = _known_mistake(question, cases, attempts, place) if explain else None
        name, hint = "", _general_hint(question, kind, expected, made)
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
    if not all(_close(e, m, question.tolerance) for e, m in pairs):
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
    wrong = {name for name, e, m in pairs if not _close(e, m, question.tolerance)}
    return [name for name in question.gradient if name in wrong]


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _only_precision(e: Tensor, m: Tensor) -> bool:
    """Whether two types differ in precision only: judged by their numbers first."""
    return e.is_floating_point() and m.is_floating_point()


def _close(e: Tensor, m: Tensor, tolerance: float) -> bool:
    """Whether two tensors are the same, as far as their types can say."""
    if e.shape != m.shape:
        return False
    coarse = m.dtype in (torch.float32, torch.float16, torch.bfloat16) and m.dtype != e.dtype
    tolerance = max(tolerance, 1e-4) if coarse else tolerance
    return torch.allclose(m.double(), e.double(), tolerance, tolerance, equal_nan=True)


def _all_close(es: Sequence[Tensor], ms: Sequence[Tensor], tolerance: float) -> bool:
    return len(es) == len(ms) and all(map(_close, es, ms, [tolerance] * len(es)))


def _same(one: Attempt, other: Attempt, tolerance: float) -> bool:
    """Whether two functions did the same: values and gradients, or both an error."""
    if one.kind != "values" or other.kind != "values":
        return one.kind == other.kind == "raised"
    return (
        _all_close(one.values, other.values, tolerance)
        and all(a.dtype == b.dtype for a, b in zip(one.values, other.values, strict=True))
        and _all_close(one.grads, other.grads, tolerance)
    )


def _known_mistake(question, cases, attempts, place):
    """The misconception that does the same in every case, or None.

    In the failing case it must return what was found: an error alone proves nothing.
    """
    if attempts[place].kind == "stub" or all(made.kind != "values" for made in attempts):
        return None
    for known in question.misconceptions:
        theirs = (attempt(known.wrong, c.arguments, question.gradient_places) for c in cases)
        pairs = zip(theirs, attempts, strict=True)
        if all(_same(their, made, question.tolerance) for their, made in pairs):
            return known
    return None


def _general_hint(question: Question, kind: str, expected: Attempt, made: Attempt) -> str:
    """What to look at where the mistake is not a known one."""
    if kind == "raised":
        return _hint_for_error(question, made.message)
    if kind == "dtype" and any(
        e.dtype == torch.int64 != m.dtype for e, m in zip(expected.values, made.values, strict=True)
    ):
        divided = any(m.is_floating_point() for m in made.values)
        return f"Indices are whole numbers (int64){': `//`, not `/`' if divided else ''}."
    if kind == "gradient" and all(grad.abs().max() == 0 for grad in made.grads if grad.numel()):
        return (
            "No gradient passes at all: is there a `detach`, `no_grad`, `item` or `float` on "
            "the way, or a new tensor made of numbers?"
        )
    hints = {
        "shape": "Which axis is missing, or stands in another place?",
        "nan": "Which step divides by zero, takes the log of 0, or the exponential of much?",
        "wrong": "Work the smallest input out on paper, and compare line by line.",
        "gradient": "Some path from the input to the result is cut, or counted twice.",
        "dtype": DTYPE,
    }
    return hints.get(kind, "")


def _hint_for_error(question: Question, message: str) -> str:
    """What to look at after an error; empty where its own words have to do."""
    if "positional argument" in message:
        return f"It is called with {', '.join(question.argument_names)}, in this order."
    return next((hint for pattern, hint in ERRORS if re.search(pattern, message)), "")
