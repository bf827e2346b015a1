"""Run a function once on one input, and write down what came of it as plain tensors.

This needs no question and no reference: it can run alone in another process, and its result can
travel as JSON (`Attempt.to_plain`).
"""

import dis
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor

MOST = 1_000_000  # numbers in a result; more is a mistake
DTYPES = {"float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"}
GRAD = "is a `.grad` None?"
ATTEMPTS = ("values", "stub", "raised", "none", "type")


@dataclass(frozen=True)
class Attempt:
    """What a function did with one input."""

    kind: str  # one of ATTEMPTS
    message: str = ""  # of what was raised, or what was returned in place of tensors
    values: tuple[Tensor, ...] = ()  # what was returned; numbers as tensors without axes
    numbers: tuple[bool, ...] = ()  # which of the values were plain numbers
    grads: tuple[Tensor, ...] = ()  # one for each argument asked for; zeros where none came
    changed: tuple[int, ...] = ()  # arguments that were changed, by place

    def to_plain(self) -> dict:
        """Lists, numbers and strings, for JSON."""
        plain = asdict(self)
        for field in ("values", "grads"):
            plain[field] = [tensor_to_plain(tensor) for tensor in getattr(self, field)]
        return plain

    @classmethod
    def from_plain(cls, plain: Any) -> "Attempt":
        """The way back. Raises ValueError for anything that `to_plain` does not write."""
        names = {"kind", "message", "values", "numbers", "grads", "changed"}
        if type(plain) is not dict or set(plain) != names:
            raise ValueError(f"expected an object with exactly {sorted(names)}")
        lists = ("values", "numbers", "grads", "changed")
        if plain["kind"] not in ATTEMPTS or type(plain["message"]) is not str:
            raise ValueError(f"expected a kind of {ATTEMPTS} and a message")
        if any(type(plain[name]) is not list for name in lists):
            raise ValueError(f"expected lists for {lists}")
        if any(type(n) is not bool for n in plain["numbers"]):
            raise ValueError("expected true or false for each of `numbers`")
        if any(type(n) is not int or n < 0 for n in plain["changed"]):
            raise ValueError("expected places for `changed`")
        if len(plain["numbers"]) != len(plain["values"]):
            raise ValueError("expected as many `numbers` as `values`")
        values, grads = (tuple(map(tensor_from_plain, plain[n])) for n in ("values", "grads"))
        return cls(
            plain["kind"], plain["message"][:2000], values, tuple(plain["numbers"]), grads,
            tuple(plain["changed"]),
        )  # fmt: skip


def tensor_to_plain(tensor: Tensor) -> dict:
    """Its type, shape and numbers in one list."""
    flat = tensor.detach().flatten()
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "data": flat.tolist(),
    }


def tensor_from_plain(plain: Any) -> Tensor:
    """The way back. Raises ValueError for anything else than a small tensor."""
    if type(plain) is not dict or set(plain) != {"dtype", "shape", "data"}:
        raise ValueError("expected an object with dtype, shape and data")
    dtype, shape, data = plain["dtype"], plain["shape"], plain["data"]
    if type(dtype) is not str or dtype not in DTYPES:
        raise ValueError(f"found dtype {str(dtype)[:40]!r}; expected one of {sorted(DTYPES)}")
    if type(shape) is not list or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("expected a shape of whole numbers")
    if type(data) is not list or len(data) > MOST or math.prod(shape) != len(data):
        raise ValueError("expected as many numbers as the shape says")
    if any(type(x) not in (int, float, bool) for x in data):
        raise ValueError("expected nothing but numbers")
    try:
        return torch.tensor(data, dtype=getattr(torch, dtype)).reshape(shape)
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"these numbers do not fit into {dtype}: {error}") from None


def arguments_to_plain(value: Any) -> Any:
    """Arguments of a case as lists and objects, for JSON."""
    if isinstance(value, Tensor):
        return {"tensor": tensor_to_plain(value)}
    if isinstance(value, tuple | list):
        return [arguments_to_plain(part) for part in value]
    return value


def arguments_from_plain(plain: Any) -> Any:
    """The way back; every list becomes a tuple."""
    if isinstance(plain, dict):
        return tensor_from_plain(plain["tensor"])
    if isinstance(plain, list):
        return tuple(arguments_from_plain(part) for part in plain)
    return plain


def attempt(
    function: Callable[..., Any], arguments: Sequence[Any], gradient: Sequence[int] = ()
) -> Attempt:
    r"""Call `function` on copies of the arguments, and take gradients of those named by place.

    The gradient is that of $\sum_i c_i y_i$ over all numbers $y_i$ returned, with fixed uneven
    $c_i$, so that an error cannot hide in a sum.
    """
    leaves = [_copy(a, place in gradient) for place, a in enumerate(arguments)]
    given = [_given(leaf) for leaf in leaves]
    try:
        with torch.enable_grad():
            returned = function(*given)
            values, numbers = _flatten(returned)
            grads = _gradients(values, [t for p in gradient for t in _tensors(leaves[p])])
    except _NotPlain as error:
        return Attempt("none" if error.args[0] is type(None) else "type", _called(error.args[0]))
    except (Exception, SystemExit) as error:
        if not_written(error):
            return Attempt("stub", _other_function(error, function))
        where = _where(error, function)
        what = f"{type(error).__name__}{where}: {str(error)[:500]}{_of_grad(error)}"
        return Attempt("raised", what)
    pairs = enumerate(zip(arguments, given, strict=True))
    changed = tuple(place for place, (a, b) in pairs if not _same(a, b))
    detached = tuple(value.detach().clone() for value in values)
    return Attempt("values", "", detached, tuple(numbers), tuple(grads), changed)


class _NotPlain(Exception):
    """A result that is no tensor, number or tuple of them."""


def _codes(error: BaseException) -> list[tuple[CodeType, int]]:
    """What was running when an error came up, outermost first, and in which line."""
    found, step = [], error.__traceback__
    while step is not None:
        found.append((step.tb_frame.f_code, step.tb_lineno))
        step = step.tb_next
    return found


def not_written(error: BaseException) -> bool:
    """Whether `raise NotImplementedError` stands in the code; torch has it for some types, too."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or not isinstance(error, NotImplementedError):
        return False
    return dis.opname[step.tb_frame.f_code.co_code[step.tb_lasti]] == "RAISE_VARARGS"


def _where(error: BaseException, function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    lines = [line for running, line in _codes(error) if running is code]
    return f" (line {lines[-1] - code.co_firstlineno + 1}, from `def` on)" if lines else ""


def _of_grad(error: BaseException) -> str:
    """Says so where the None that an error is about may be a `.grad`."""
    about_none = isinstance(error, AttributeError | TypeError) and "NoneType" in str(error)
    return f" ({GRAD})" if about_none and "grad" in _codes(error)[-1][0].co_names else ""


def _other_function(error: BaseException, function: Callable[..., Any]) -> str:
    """The name of the function that is not written yet, if it is not the answer itself."""
    last, _ = _codes(error)[-1]
    return "" if last is getattr(function, "__code__", last) else last.co_name


def _called(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _copy(value: Any, gradient: bool) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(gradient and value.is_floating_point())
    if isinstance(value, tuple | list):
        return tuple(_copy(part, gradient) for part in value)
    return value


def _given(value: Any) -> Any:
    """What the function gets to see: no leaves, so that changing them in place is noticed later."""
    if isinstance(value, Tensor):
        return value.clone()
    return tuple(map(_given, value)) if isinstance(value, tuple) else value


def _tensors(value: Any) -> list[Tensor]:
    """All that gradients can be taken of."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    return [t for part in value for t in _tensors(part)] if isinstance(value, tuple) else []


def gradients_of(argument: Any) -> int:
    """How many gradients `attempt` takes of an argument."""
    return len(_tensors(_copy(argument, False)))


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return before.shape == after.shape and bool(
            torch.allclose(before.double(), after.detach().double(), 0, 0, equal_nan=True)
        )
    if isinstance(before, tuple | list):
        return len(before) == len(after) and all(map(_same, before, after))
    return True


def _flatten(value: Any) -> tuple[list[Tensor], list[bool]]:
    if isinstance(value, Tensor) and value.layout is torch.strided:
        if value.numel() > MOST:
            raise ValueError(f"found a result of {value.numel():,} numbers; expected far fewer")
        return [value], [False]
    if isinstance(value, np.number | np.bool_):
        value = value.item()
    if isinstance(value, bool | int | float):
        kind = {bool: torch.bool, int: torch.int64}.get(type(value), torch.float64)
        return [torch.tensor(value, dtype=kind)], [True]
    if isinstance(value, tuple | list) and value and len(value) <= 100:
        parts = [_flatten(part) for part in value]
        return [v for vs, _ in parts for v in vs], [n for _, ns in parts for n in ns]
    raise _NotPlain(type(value))


def _gradients(values: Sequence[Tensor], leaves: Sequence[Tensor]) -> list[Tensor]:
    total = None
    for value in values:
        if value.is_floating_point() and value.requires_grad:
            uneven = torch.arange(1, value.numel() + 1, dtype=value.dtype).cos().view(value.shape)
            total = (value * uneven).sum() if total is None else total + (value * uneven).sum()
    if total is None or not leaves:
        return [torch.zeros_like(leaf) for leaf in leaves]
    grads = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)]
