"""Work that is never lost: weights and whole training states, as safetensors.

A file is written whole under another name and then renamed, so that being killed at any moment
leaves the last good file. No pickles: reading a file cannot run code.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def save_tensors(path: str | Path, tensors: dict[str, Tensor], record: dict) -> None:
    """Write tensors and a JSON `record` of what they are."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(contiguous, unfinished, metadata={"record": json.dumps(record)})
    unfinished.chmod(0o644)  # the library writes files that only their owner may read
    os.replace(unfinished, path)


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `save_tensors` wrote. Raises ValueError naming a missing or damaged file."""
    try:
        with safe_open(str(path), framework="pt") as file:
            record = json.loads((file.metadata() or {}).get("record", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, record  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error


def load_weights(model: nn.Module, path: str | Path) -> dict:
    """Fill a model's weights from a file of any float type, and return the file's record.

    Raises ValueError naming the tensors that are missing, unexpected or of another shape.
    """
    tensors, record = load_tensors(path)
    expected = model.state_dict()
    wrong = sorted(set(expected) ^ set(tensors)) or [
        f"{name}: {tuple(tensors[name].shape)}, expected {tuple(value.shape)}"
        for name, value in expected.items()
        if tensors[name].shape != value.shape
    ]
    if wrong:
        raise ValueError(f"{path} does not fit this model: {'; '.join(wrong[:5])}")
    model.load_state_dict({name: tensors[name].to(value.dtype) for name, value in expected.items()})
    return record


def training_state(
    models: dict[str, nn.Module],
    optimizers: Sequence[torch.optim.Optimizer],
    rng: torch.Generator,
) -> dict[str, Tensor]:
    """Everything that the next step depends on, as named tensors."""
    state = {
        f"{name}.{key}": value
        for name, model in models.items()
        for key, value in model.state_dict().items()
    }
    for which, optimizer in enumerate(optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{which}.{index}.{key}": v for key, v in values.items()}
    return state | {"rng": rng.get_state()}


def restore_training_state(
    state: dict[str, Tensor],
    models: dict[str, nn.Module],
    optimizers: Sequence[torch.optim.Optimizer],
    rng: torch.Generator,
) -> None:
    """Put back what `training_state` took."""
    for name, model in models.items():
        own = {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
        model.load_state_dict(own)
    for which, optimizer in enumerate(optimizers):
        inner: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            if key.startswith(f"optimizer.{which}."):
                *_, index, field = key.split(".")
                inner.setdefault(int(index), {})[field] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": inner, "param_groups": groups})
    rng.set_state(state["rng"].to(torch.uint8))
