"""Inputs and results as short texts and small tables, for a person to compare."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .attempt import Attempt
from .question import Case, Question

ROWS, COLUMNS = 6, 6  # numbers shown of a table
DIGITS = (4, 6)  # of a number; more only where fewer look the same
GRID = 16  # rows and columns of a picture


def shown(question: Question, case: Case, expected: Attempt, made: Attempt, kind: str) -> dict:
    """The input and both results, as texts, and as grids where a picture says more."""
    if kind == "stub":
        return {}
    names = question.argument_names
    inputs = "\n".join(
        f"{name} = {_brief(value)}" for name, value in zip(names, case.arguments, strict=True)
    )
    texts = {"inputs": inputs}
    if made.kind != "values" or kind == "changed":
        return texts
    es, ms = expected.values, made.values
    if kind == "gradient":
        es, ms = expected.grads, made.grads
    numbers = kind in ("wrong", "gradient")
    both = _compared(es, ms, DIGITS[-1] if numbers else DIGITS[0])
    if numbers and both[0] == both[1]:
        places = _largest_difference(es, ms)
        both = tuple(f"{text}\n{more}" for text, more in zip(both, places, strict=True))
    texts |= dict(zip(("expected", "found"), both, strict=True))
    if kind in ("wrong", "nan", "gradient") and len(es) == 1 and es[0].dim() > 1:
        texts |= {"expected_grid": _grid(es[0]), "found_grid": _grid(ms[0])}
    return texts


def _compared(es: Sequence[Tensor], ms: Sequence[Tensor], most: int) -> tuple[str, str]:
    """Both results, with as many digits (`most` or fewer) as it takes to see where they differ."""
    for digits in [n for n in DIGITS if n <= most]:
        expected, found = ("\n".join(_text(t, digits) for t in tensors) for tensors in (es, ms))
        if expected != found:
            break
    return expected, found


def _largest_difference(es: Sequence[Tensor], ms: Sequence[Tensor]) -> tuple[str, str]:
    """The two numbers that differ most, each with its place, for tables too large to be shown."""
    gaps = [(e.double() - m.double()).abs().nan_to_num() for e, m in zip(es, ms, strict=True)]
    which = max(range(len(gaps)), key=lambda n: gaps[n].max().item() if gaps[n].numel() else 0)
    place = tuple(n.item() for n in torch.unravel_index(gaps[which].argmax(), gaps[which].shape))
    at = f"at {list(place)}: " if place else ""
    return tuple(f"{at}{_number(tensors[which][place].item(), 9)}" for tensors in (es, ms))


def _table_of(tensor: Tensor) -> Tensor:
    """The first table of a tensor of any number of axes."""
    while tensor.dim() > 2:
        tensor = tensor[0]
    return tensor


def _text(tensor: Tensor, digits: int = DIGITS[0]) -> str:
    """A tensor for reading: its first table, rounded."""
    if tensor.dim() == 0:
        return _number(tensor.item(), digits)
    table = torch.atleast_2d(_table_of(tensor))
    rows = [
        "  ".join(f"{_number(x, digits):>8}" for x in row[:COLUMNS].tolist())
        for row in table[:ROWS]
    ]
    cut = "  ..." if table.shape[1] > COLUMNS else ""
    more = (
        ["..."] if len(table) > ROWS or tensor.dim() > 2 and tensor.shape[:-2].numel() > 1 else []
    )
    return "\n".join([f"shape {tuple(tensor.shape)}", *(row + cut for row in rows), *more])


def _number(x: float | int | bool, digits: int = DIGITS[0]) -> str:
    return f"{x:.{digits}g}" if isinstance(x, float) else str(x)


def _brief(value: Any) -> str:
    """An argument on one line where it is small, and its first table where it is not."""
    if isinstance(value, Tensor):
        if value.numel() <= 8:
            flat = value.tolist()
            return f"{_rounded(flat)}" + (f"  (shape {tuple(value.shape)})" if value.dim() else "")
        return "\n    ".join(_text(value).splitlines())
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))})"
    return _number(value) if isinstance(value, int | float) else str(value)


def _rounded(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_rounded, value))}]"
    return _number(value)


def _grid(tensor: Tensor) -> tuple[tuple[float, ...], ...]:
    table = torch.atleast_2d(_table_of(tensor))[:GRID, :GRID]
    return tuple(tuple(float(f"{x:.4g}") for x in row) for row in table.double().tolist())
