"""A training run that can be cut off at any moment, and goes on from there to the same result."""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .checkpoint import load_tensors, restore_training_state, save_tensors, training_state
from .fit import Progress, fit, warm_cosine
from .repro import AveragedModel


def checkpoint_of(path: Path) -> Path:
    """Where the state of the run that will write `path` is kept, unless somebody says otherwise."""
    return Path(".checkpoints") / f"{path.stem}.safetensors"


def fit_and_keep(
    loss: Callable[..., Tensor],
    batches: Iterable,
    optimizers: Sequence[torch.optim.Optimizer],
    *,
    model: nn.Module,
    average: AveragedModel,
    rng: torch.Generator,
    settings: dict,
    notes: dict | None = None,
    path: Path,
    checkpoint: Path | None = None,
    every: int = 200,
) -> Iterator[Progress]:
    """`fit` for `settings["steps"]` steps; at the end, averaged weights in float16 go to `path`.

    The state is kept in `checkpoint` (by default in `.checkpoints`) and found there again; all
    chance must come from `rng`. The record beside the weights holds `settings`, `notes` and the
    seconds it took. Raises ValueError when the checkpoint is of a run with other settings. Notes
    may differ: those of the checkpoint are then put into `notes`, where `loss` can read them.
    """
    checkpoint, notes = checkpoint or checkpoint_of(path), {} if notes is None else notes
    models, steps = {"model": model, "average": average.model}, settings["steps"]
    record = settings | notes | {"done": 0, "seconds": 0.0}
    if checkpoint.exists():
        state, record = load_tensors(checkpoint)
        if {key: record.get(key) for key in settings} != settings:
            raise ValueError(f"{checkpoint} is of another run: {record}; expected {settings}")
        restore_training_state(state, models, optimizers, rng)
        average.updates = record["done"]
        notes.update({name: record[name] for name in notes})
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


def show(training: Iterator[Progress], steps: int, what: str) -> None:
    """Run a training to its end, showing its loss and the time that is left."""
    with tqdm(total=steps, desc=what, unit="step") as bar:
        for at in training:
            bar.update(at.step - bar.n)
            bar.set_postfix(loss=f"{at.loss:.4f}")
