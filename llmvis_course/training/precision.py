"""Half the bits where that is faster: a choice by measurement, not by belief."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

Batch = TypeVar("Batch")


def bfloat16(enabled: bool) -> torch.autocast:
    """A context in which convolutions and matrix products on the processor use bfloat16."""
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled)


def bfloat16_is_faster(work: Callable[[], object], *, repeats: int = 3) -> bool:
    """Time `work` with and without `bfloat16` in turn, and compare the best of each.

    The best of several is the least disturbed by whatever else the machine is doing. A processor
    without instructions for bfloat16 takes ten times as long: there the first round is enough.
    """
    best = {False: float("inf"), True: float("inf")}
    for _ in range(repeats + 1):  # the first round warms up too
        for enabled in best:
            start = time.perf_counter()
            with bfloat16(enabled):
                work()
            best[enabled] = min(best[enabled], time.perf_counter() - start)
        if best[True] > 4 * best[False]:
            break
    return best[True] < 0.9 * best[False]


def bfloat16_pays(
    loss: Callable[[Batch], Tensor], batches: Iterator[Batch], rng: torch.Generator
) -> bool:
    """Whether a step of training is faster in `bfloat16`; leaves chance as it was.

    `loss` must not choose its own bits: a context inside another one counts.
    """
    state = rng.get_state()
    batch = next(batches)
    pays = bfloat16_is_faster(lambda: loss(batch).backward())
    rng.set_state(state)
    return pays
