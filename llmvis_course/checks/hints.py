"""What to look at where a mistake is not a known one: from errors, and from how results differ."""

import re
from itertools import permutations

import torch

from .attempt import GRAD, Attempt
from .question import Question

DTYPE = "Make new tensors with the dtype of the input: `x.new_zeros(...)`, or `.to(x.dtype)`."
ERRORS = (
    (
        re.escape(GRAD),
        "`.grad` is None: only the tensor you started from, with `requires_grad=True`, gets one. "
        "Did your loop overwrite its name? For a tensor that was given to you, take "
        "`torch.autograd.grad(loss, tensor)`.",
    ),
    (
        r"must be Tensor, not (float|int)",
        "A plain number came in: use `math`, or make a tensor.",
    ),
    (r"selected index k out of range", "`topk` cannot choose more than there are."),
    (r"ZeroDivisionError", "What do you divide by, and when is it 0?"),
    (
        r"math domain error|nonnegative input|positive input",
        "A root or a logarithm of a number below zero. Print what goes into it.",
    ),
    (
        r"OverflowError",
        "A number has grown beyond all bounds. Do you go up where you should go down?",
    ),
    (r"bitwise_xor|for \^", "`^` is no power in Python: write `**`."),
    (
        r"modified by an inplace operation",
        "`x += y` overwrites a tensor that the gradient still needs: write `x = x + y`.",
    ),
    (
        r"torch\.return_types\.(max|min|sort|topk|median)",
        "With `dim=`, this gives values and places: take `.values`.",
    ),
    (
        r"used in the graph|not require grad",
        "No way leads from the loss to what you take the slope by: is there a `detach` on it?",
    ),
    (
        r"graph a second time",
        "The first gradient threw away what the next one needs (the caller takes one too): "
        "`retain_graph=True` keeps it.",
    ),
    (
        r"Boolean value of Tensor .* ambiguous",
        "`not`, `and`, `or` and `if` want one truth. For each of many: `~`, `&` and `|`.",
    ),
    (
        r"bool tensor|NotImplementedError.*(floating|not implemented for)",
        "Truths and whole numbers cannot do that: make numbers of them first, with `.double()`.",
    ),
    (
        r"same number of dimensions as input",
        "`gather` wants places with as many axes as the table: `places[:, None]`.",
    ),
    (r"dtype|scalar type", DTYPE),
    (
        r"(?i)\b(sizes?|shapes?|dimensions?|dim|indices|subscripts?|expand\w*|broadcast\w*)\b",
        "Print the shapes of what you combine, line by line.",
    ),
)
"""Patterns of what errors say, and what to look at then; the first one counts."""
NEAR = 1e-3  # a relative difference that a wrong formula hardly makes
MEASURED, FIFTH = 1e-3, 0.2  # the tolerance of what is measured; how far off is on the way


def general_hint(question: Question, kind: str, expected: Attempt, made: Attempt) -> str:
    """What to look at; empty where the report's other words have to do."""
    if kind == "raised":
        return _of_error(question, made.message)
    if kind == "type" and made.kind == "values":
        return _of_number_of_results(expected, made)
    if kind in ("wrong", "shape") and _in_another_order(question, expected, made):
        return "These are the right results, in another order."
    if kind == "dtype":
        return _of_dtype(expected, made)
    if kind == "shape" and any(
        e.dim() == 0 < m.dim() for e, m in zip(expected.values, made.values, strict=True)
    ):
        return "A number without axes is asked for. Which axis is still to be summed or taken off?"
    if kind == "wrong" and question.tolerance >= MEASURED and _on_the_way(expected, made):
        return "On the way, but not near enough: more draws, more steps, or a finer search?"
    if kind == "wrong" and question.kind == "experiment":
        return (
            "Print the parts of your measurement for the smallest input. Is each what the task "
            "says? (With more draws or steps, chance disturbs less.)"
        )
    if kind == "wrong" and _rounded(expected, made):
        return "The right numbers, rounded. Return them as they are."
    if kind == "wrong" and _near(expected, made):
        return "Very near. Is a constant cut short, or something added that should be 0?"
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
    }
    return hints.get(kind, "")


def _of_error(question: Question, message: str) -> str:
    if "positional argument" in message:
        return f"It is called with {', '.join(question.argument_names)}, in this order."
    return next((hint for pattern, hint in ERRORS if re.search(pattern, message)), "")


def _of_number_of_results(expected: Attempt, made: Attempt) -> str:
    """Several results for one tensor, or one tensor for several results."""
    wanted = len(expected.values)
    if wanted > 1:
        one = len(made.values) == 1 and made.values[0].shape == (wanted,)
        return "One tensor is one value. Return them one by one: `return a, b`." if one else ""
    if all(made.numbers):
        return "`torch.tensor(...)` makes a tensor of numbers."
    if close(expected.values[0], made.values[0], 1e-6):
        return "The first of them is what is asked for: return it alone."
    return (
        "`torch.stack(...)` makes one tensor of many; of values and places, such as "
        "`min(dim=1)` gives, take one."
    )


def _on_the_way(expected: Attempt, made: Attempt) -> bool:
    """Whether every number has the right sign and is at most a fifth too large or too small."""
    pairs = zip(expected.values, made.values, strict=True)
    return all(torch.allclose(m.double(), e.double(), rtol=FIFTH, atol=0.0) for e, m in pairs)


def _of_dtype(expected: Attempt, made: Attempt) -> str:
    both = zip(expected.values, made.values, expected.numbers, strict=True)
    e, m = next((e, m) for e, m, number in both if not number and e.dtype != m.dtype)
    if e.dtype == torch.int64:
        return f"Indices are whole numbers (int64){': `//`, not `/`' * m.is_floating_point()}."
    if e.dtype == torch.bool:
        return "Truths are asked for, True or False: what a comparison gives, or `.bool()` makes."
    return DTYPE


def _in_another_order(question: Question, expected: Attempt, made: Attempt) -> bool:
    es, ms = expected.values, made.values
    if not 2 <= len(es) == len(ms) <= 4:
        return False
    return any(
        all(close(e, ms[place], question.tolerance) for e, place in zip(es, order, strict=True))
        for order in permutations(range(len(ms)))
    )


def _rounded(expected: Attempt, made: Attempt) -> bool:
    return any(
        all(
            close(e.double().round(decimals=digits), m.double(), 1e-7)
            for e, m in zip(expected.values, made.values, strict=True)
        )
        for digits in range(6)
    )


def _near(expected: Attempt, made: Attempt) -> bool:
    pairs = zip(expected.values, made.values, strict=True)
    return all(torch.allclose(m.double(), e.double(), NEAR, 1e-6) for e, m in pairs)


def close(e: torch.Tensor, m: torch.Tensor, tolerance: float) -> bool:
    """Whether two tensors are the same, as far as their types can say."""
    if e.shape != m.shape:
        return False
    coarse = m.dtype in (torch.float32, torch.float16, torch.bfloat16) and m.dtype != e.dtype
    tolerance = max(tolerance, 1e-4) if coarse else tolerance
    return torch.allclose(m.double(), e.double(), tolerance, tolerance, equal_nan=True)
