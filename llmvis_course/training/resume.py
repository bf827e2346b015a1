"""A training run that can be cut off at any moment, and goes on from there to the same result."""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .checkpoint import load_tensors, restore_training_state, save_tensors, training_state
from .fit import Progress, fit, warm_cosine
from .repro import AveragedModel

Told = TypeVar("Told")  # what a step of the training tells: at least its number, `step`


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
    settings: dict,
    **options,
) -> Iterator[Progress]:
    """`fit` for `settings["steps"]` steps, kept by `keep`, whose `options` they are."""

    def run(start: int) -> Iterator[Progress]:
        steps = settings["steps"]
        return fit(loss, batches, optimizers, steps=steps, start=start, schedule=warm_cosine)

    return keep(run, optimizers, model=model, average=average, settings=settings, **options)


def keep(
    run: Callable[[int], Iterator[Told]],
    optimizers: Sequence[torch.optim.Optimizer],
    *,
    model: nn.Module,
    average: AveragedModel,
    rng: torch.Generator,
    settings: dict,
    besides: Mapping[str, nn.Module] | None = None,
    notes: dict | None = None,
    path: Path,
    checkpoint: Path | None = None,
    every: int = 200,
) -> Iterator[Told]:
    """Run `run(steps done)` to its end; then averaged weights of `model` go to `path` in float16.

    The state is kept in `checkpoint` (by default in `.checkpoints`) and found there again: that of
    the model, its average, the models `besides` it, the optimizers, and of `rng`, which all chance
    must come from. The record beside the weights holds `settings`, `notes` and the seconds it took.
    Raises ValueError when the checkpoint is of a run with other settings. Notes may differ: those
    of the checkpoint are then put into `notes`, where `run` can read them.
    """
    checkpoint, notes = checkpoint or checkpoint_of(path), {} if notes is None else notes
    models = {"model": model, "average": average.model} | dict(besides or {})
    record = settings | notes | {"done": 0, "seconds": 0.0}
    if checkpoint.exists():
        state, record = load_tensors(checkpoint)
        if {key: record.get(key) for key in settings} != settings:
            raise ValueError(f"{checkpoint} is of another run: {record}; expected {settings}")
        restore_training_state(state, models, optimizers, rng)
        average.updates = record["done"]
        notes.update({name: record[name] for name in notes})
    start = time.perf_counter() - record["seconds"]
    for at in run(record["done"]):
        average.update(model)
        record |= {"done": at.step, "seconds": round(time.perf_counter() - start, 1)}
        if at.step % every == 0 or at.step == settings["steps"]:
            save_tensors(checkpoint, training_state(models, optimizers, rng), record)
        yield at
    record |= {"threads": torch.get_num_threads(), "machine": platform.machine()}
    save_tensors(path, {k: v.half() for k, v in average.model.state_dict().items()}, record)


def show(training: Iterator[Told], steps: int, what: str) -> None:
    """Run a training to its end, showing what each step tells and the time that is left."""
    with tqdm(total=steps, desc=what, unit="step") as bar:
        for at in training:
            bar.update(at.step - bar.n)
            told = {k: f"{v:.4f}" for k, v in at._asdict().items() if k not in ("step", "steps")}
            bar.set_postfix(told)
