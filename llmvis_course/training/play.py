"""Two players in turn, as a generator: nothing happens until it is iterated.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1. Left out on purpose: both players moving at
once, and anything that remembers earlier opponents.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .fit import set_rates, weights_of


class Player(NamedTuple):
    """One side of a game."""

    loss: Callable[..., Tensor]  # of a batch
    optimizer: torch.optim.Optimizer  # of this player's weights, and no others


class Turn(NamedTuple):
    """What one round of the game tells: both losses, as they were before each move."""

    step: int  # rounds done, from 1
    steps: int  # rounds in all
    discriminator: float
    generator: float


def play(
    discriminator: Player,
    generator: Player,
    batches: Iterable,
    *,
    steps: int,
    start: int = 0,
    moves: int = 1,
    schedule: Callable[[float], float] | None = None,
) -> Iterator[Turn]:
    """Let the discriminator move `moves` times and then the generator once, `steps` times over.

    Every move takes a batch, but the generator's, which is given the discriminator's last. A move
    touches the weights and the gradients of its own player only. `schedule` and `start` are as in
    `fit`. Raises ValueError when the two optimizers share a weight.
    """
    optimizers = discriminator.optimizer, generator.optimizer
    mine, theirs = ({id(p) for p in weights_of(optimizer)} for optimizer in optimizers)
    if mine & theirs:
        raise ValueError("found a weight that both players move; expected each to have its own")
    if moves < 1:
        raise ValueError(f"moves is {moves}; expected at least 1")
    batches = iter(batches)
    for step in range(start, steps):
        set_rates(optimizers, schedule(step / steps) if schedule else 1.0)
        for _ in range(moves):
            if (batch := next(batches, None)) is None:
                return
            judged = move(discriminator, batch)
        yield Turn(step + 1, steps, judged, move(generator, batch))


def move(player: Player, batch: object) -> float:
    """One gradient step of one player. The other's gradients stay as they were."""
    value = player.loss(batch)
    player.optimizer.zero_grad(set_to_none=True)
    value.backward(inputs=weights_of(player.optimizer))  # only these weights gather gradients
    player.optimizer.step()
    return value.item()
