"""Lend an answer the course's own version of an earlier part, without showing it.

A later question is graded again with right earlier parts. The right part stays where the checks
are: the answer sends the arguments there and gets the result, and in the backward pass it sends the
gradient of the result and gets the gradient of the arguments.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..checks.attempt import arguments_from_plain, arguments_to_plain, tensor_from_plain
from .channel import Channel

MOST_NUMBERS = 10_000  # in the tensors of one call: a lent part must not be made to work hard
LARGEST = 4096  # of a whole number, which may be a size


class Lent:
    """Stands in for a function of the learner's that was wrong."""

    def __init__(self, channel: Channel, name: str, arguments: list[str]) -> None:
        self.channel, self.name, self.arguments = channel, name, arguments

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Names of arguments are the learner's own, so they travel by place."""
        for name in self.arguments[len(arguments) :]:
            if name not in named:
                break
            arguments += (named.pop(name),)
        if named:
            raise TypeError(f"{self.name} got arguments it does not know: {', '.join(named)}")
        shape, tensors = _take_apart(list(arguments))
        places: list[Any] = []
        results = _Asked.apply(self, shape, places, torch.is_grad_enabled(), *tensors)
        return _put_together(places[0], iter(results))

    def ask(self, **question: Any) -> Any:
        """Ask the other end. Raises RuntimeError where it could not do it."""
        self.channel.send({"ask": {"name": self.name, **question}})
        reply = self.channel.receive()
        if "raised" in reply:
            raise RuntimeError(reply["raised"])
        return reply["result"]


class _Asked(torch.autograd.Function):
    """A call that is answered elsewhere, as a step that gradients pass."""

    @staticmethod
    def forward(ctx, lent, shape, places, grad, *tensors):
        arguments = arguments_to_plain(_put_together(shape, iter(tensors)))
        ctx.lent, ctx.arguments = lent, arguments
        ctx.set_materialize_grads(True)
        form, results = _take_apart(arguments_from_plain(lent.ask(arguments=arguments)))
        places.append(form)
        ctx.mark_non_differentiable(*[t for t in results if not t.is_floating_point()])
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads):
        plain = arguments_to_plain(tuple(grads))
        found = ctx.lent.ask(arguments=ctx.arguments, gradients=plain)
        return None, None, None, None, *map(tensor_from_plain, found)


def answer_ask(asked: Any, references: dict[str, Callable[..., Any]]) -> dict:
    """The other end: compute what was asked, or say why not. Trusts nothing in `asked`."""
    try:
        reference = references[asked["name"]]
        arguments = arguments_from_plain(asked["arguments"])
        _, tensors = _take_apart(arguments)
        if sum(t.numel() for t in tensors) > MOST_NUMBERS or not _small(arguments):
            raise ValueError("found larger arguments than the course's own part is lent for")
        if "gradients" not in asked:
            with torch.no_grad():
                return {"result": arguments_to_plain(reference(*arguments))}
        leaves = [t.requires_grad_(t.is_floating_point()) for t in tensors]
        with torch.enable_grad():
            _, results = _take_apart(reference(*arguments))
        grads = arguments_from_plain(asked["gradients"])
        pairs = [(r, g) for r, g in zip(results, grads, strict=True) if r.requires_grad]
        wanted = [t for t in leaves if t.requires_grad]
        outputs, given = [r for r, _ in pairs], [g for _, g in pairs]
        found = iter(torch.autograd.grad(outputs, wanted, given, allow_unused=True))
        every = [next(found) if t.requires_grad else None for t in leaves]
        pairs = zip(leaves, every, strict=True)
        every = [torch.zeros_like(t) if g is None else g for t, g in pairs]
        return {"result": [arguments_to_plain(g)["tensor"] for g in every]}
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {str(error)[:500]}"}


def _small(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_small, value))
    return isinstance(value, Tensor) or not isinstance(value, int | float) or abs(value) <= LARGEST


def _take_apart(value: Any) -> tuple[Any, list[Tensor]]:
    """The form of nested tuples, with the tensors out of them in order."""
    if isinstance(value, Tensor):
        return _Tensor, [value]
    if isinstance(value, tuple | list):
        parts = [_take_apart(part) for part in value]
        return tuple(form for form, _ in parts), [t for _, tensors in parts for t in tensors]
    return value, []


def _put_together(form: Any, tensors: Iterator[Tensor]) -> Any:
    if form is _Tensor:
        return next(tensors)
    if isinstance(form, tuple):
        return tuple(_put_together(part, tensors) for part in form)
    return form


class _Tensor:
    """Where a tensor was."""
