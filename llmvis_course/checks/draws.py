"""Chance for the inputs of questions: float64, from one generator."""

import torch
from torch import Tensor


def normal(rng: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def uniform(rng: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Numbers between `low` and `high`."""
    return low + (high - low) * torch.rand(shape, generator=rng, dtype=torch.float64)


def whole(rng: torch.Generator, low: int, high: int) -> int:
    """One whole number from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (), generator=rng))


def real_places(rng: torch.Generator, b: int, m: int) -> Tensor:
    """Which of `m` places are real: one to all of them, padding at the end; (b, m)."""
    lengths = torch.randint(1, m + 1, (b, 1), generator=rng)
    return torch.arange(m) < lengths
