"""A training run that can be cut off at any moment, and goes on from there to the same result."""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoint import load_tensors, restore_training_state, save_tensors, training_state
from .fit import Progress, fit, warm_cosine
from .repro import AveragedModel


def fit_and_keep(
    loss: Callable[..., Tensor],
    batches: Iterable,
    optimizers: Sequence[torch.optim.Optimizer],
    *,
    model: nn.Module,
    average: AveragedModel,
    rng: torch.Generator,
    settings: dict,
    path: Path,
    checkpoint: Path | None = None,
    every: int = 200,
) -> Iterator[Progress]:
    """`fit` for `settings["steps"]` steps; at the end, averaged weights in float16 go to `path`.

    The state is kept in `checkpoint` (by default in `.checkpoints`) and found there again; all
    chance must come from `rng`. The record beside the weights holds `settings` and the seconds it
    took. Raises ValueError when the checkpoint is of a run with other settings.
    """
    checkpoint = checkpoint or Path(".checkpoints") / f"{path.stem}.safetensors"
    models, steps = {"model": model, "average": average.model}, settings["steps"]
    record = settings | {"done": 0, "seconds": 0.0}
    if checkpoint.exists():
        state, record = load_tensors(checkpoint)
        if {key: record.get(key) for key in settings} != settings:
            raise ValueError(f"{checkpoint} is of another run: {record}; expected {settings}")
        restore_training_state(state, models, optimizers, rng)
        average.updates = record["done"]
    start = time.perf_counter() - record["seconds"]
    for at in fit(
        loss, batches, optimizers, steps=steps, start=record["done"], schedule=warm_cosine
    ):
        average.update(model)
        record |= {"done": at.step, "seconds": round(time.perf_counter() - start, 1)}
        if at.step % every == 0 or at.step == steps:
            save_tensors(checkpoint, training_state(models, optimizers, rng), record)
        yield at
    record |= {"threads": torch.get_num_threads(), "machine": platform.machine()}
    save_tensors(path, {k: v.half() for k, v in average.model.state_dict().items()}, record)
