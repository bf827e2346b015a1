"""What a question is: the function asked for, inputs for it, and how it is usually got wrong.

Everything that travels is plain: arguments and results are tensors, numbers, None, and tuples of
them, so that an answer can run in one process and be judged in another.
"""

import inspect
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

KINDS = ("implement", "debug", "predict", "experiment")


@dataclass(frozen=True)
class Misconception:
    """A mistake that is recognised by what it computes."""

    name: str
    wrong: Callable[..., Any]  # called like the reference
    hint: str  # what to think about, not the answer


class Case(NamedTuple):
    """One input, and how large it is."""

    size: int  # 0 is the smallest
    arguments: tuple


@dataclass(frozen=True)
class Question:
    """One function that a learner writes. Raises ValueError for a card that makes no sense."""

    name: str  # what `check` is called with
    notebook: str  # the exercise notebook, such as "ex03_attention"
    place: int  # 1 is the first exercise of the notebook
    kind: str  # one of KINDS
    function: str  # the name that the learner gives to the answer
    points: int
    difficulty: int  # 1 to 5
    importance: int  # 1 to 3
    minutes: int
    reference: Callable[..., Any]
    draw: Callable[["torch.Generator", int], tuple]  # chance and size to arguments, in order
    misconceptions: tuple[Misconception, ...]
    covers: str  # what a pass means, and what it does not
    gradient: tuple[str, ...] = ()  # arguments whose gradients are compared too
    sizes: int = 4  # sizes 0, 1, ... are drawn, each `repeats` times
    repeats: int = 2
    tolerance: float = 1e-6  # relative and absolute
    uses: tuple[str, ...] = ()  # earlier questions whose functions an answer may call

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: found kind {self.kind!r}; expected one of {KINDS}")
        if not (1 <= self.difficulty <= 5 and 1 <= self.importance <= 3):
            raise ValueError(f"{self.name}: expected difficulty 1 to 5 and importance 1 to 3")
        if min(self.place, self.points, self.minutes, self.sizes, self.repeats) < 1:
            raise ValueError(
                f"{self.name}: expected a place, points, minutes, sizes and repeats of at least 1"
            )
        unknown = set(self.gradient) - set(self.argument_names)
        if unknown:
            raise ValueError(f"{self.name}: no argument is called {', '.join(sorted(unknown))}")

    @cached_property
    def argument_names(self) -> tuple[str, ...]:
        """The names that the reference gives to its arguments; an answer may choose others."""
        return tuple(inspect.signature(self.reference).parameters)

    @cached_property
    def gradient_places(self) -> tuple[int, ...]:
        """Which arguments, by place, gradients are taken of."""
        return tuple(self.argument_names.index(name) for name in self.gradient)

    def cases(self, seed: int) -> list[Case]:
        """The inputs that belong to a seed, from smallest to largest."""
        import torch

        rng = torch.Generator().manual_seed(zlib.crc32(f"{self.name} {seed}".encode()))
        every = [size for size in range(self.sizes) for _ in range(self.repeats)]
        return [Case(size, tuple(self.draw(rng, size))) for size in every]
