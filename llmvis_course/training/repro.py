"""Chance, device and averaged weights."""

import copy

import torch
from torch import nn


def pick_device() -> torch.device:
    """The fastest device that is here: a CUDA GPU, Apple's, or the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def make_rng(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A source of chance that nothing else draws from."""
    return torch.Generator(device).manual_seed(seed)


class AveragedModel:
    r"""An exponential moving average of a model's weights, for sampling.

    $\bar\theta \leftarrow \beta\bar\theta + (1-\beta)\theta$ with $\beta = \min(\beta_{\max},
    (1 + n)/(10 + n))$ after $n$ updates, so that a short run is not held back by its start.
    """

    def __init__(self, model: nn.Module, *, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected 0 <= decay < 1")
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take one step towards the weights of `model`."""
        self.updates += 1
        beta = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, weight in zip(self.model.parameters(), model.parameters(), strict=True):
            average.lerp_(weight, 1 - beta)
        for average, value in zip(self.model.buffers(), model.buffers(), strict=True):
            average.copy_(value)
