"""The training loop, as a generator: nothing happens until it is iterated."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Progress(NamedTuple):
    """What one step of training tells."""

    step: int  # steps done, from 1
    steps: int  # steps in all
    loss: float
    gradient: float  # norm before clipping


def fit(
    loss: Callable[..., Tensor],
    batches: Iterable,
    optimizers: torch.optim.Optimizer | Sequence[torch.optim.Optimizer],
    *,
    steps: int,
    start: int = 0,
    clip: float = 1.0,
    schedule: Callable[[float], float] | None = None,
) -> Iterator[Progress]:
    """Take `steps` gradient steps on `loss(batch)`, yielding after each.

    Several optimizers each move the weights they were given. `schedule` maps the share of training
    done, 0 to 1, to a factor on all learning rates. `start` continues a run: that many steps are
    already done.
    """
    if isinstance(optimizers, torch.optim.Optimizer):
        optimizers = [optimizers]
    weights = [p for optimizer in optimizers for p in weights_of(optimizer)]
    for step, batch in zip(range(start, steps), batches, strict=False):
        set_rates(optimizers, schedule(step / steps) if schedule else 1.0)
        value = loss(batch)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, clip)
        for optimizer in optimizers:
            optimizer.step()
        yield Progress(step + 1, steps, value.item(), norm.item())


def weights_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All that an optimizer moves."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def set_rates(optimizers: Sequence[torch.optim.Optimizer], factor: float) -> None:
    """Set each learning rate to the one it began with, times `factor`."""
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def warm_cosine(done: float, *, warm: float = 0.02, low: float = 0.02) -> float:
    """A learning-rate factor: up in a line over `warm`, then down half a cosine to `low`."""
    if done < warm:
        return max(done / warm, 1e-3)
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))
