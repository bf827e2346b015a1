r"""Recurrent cells: read one vector at a time, and keep what matters in a state of fixed size.

Elman 1990, "Finding structure in time" (RNN); Hochreiter and Schmidhuber 1997, "Long short-term
memory" (LSTM, with the forget gate of Gers et al. 2000); Cho et al. 2014, arXiv:1406.1078 (GRU, in
torch's form, whose reset gate acts after the product). Left out on purpose: several layers, both
directions, dropout.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Memory(NamedTuple):
    """The state of an LSTM."""

    h: Float[Tensor, "b d"]  # what others see
    c: Float[Tensor, "b d"]  # what it keeps to itself


class Cell(nn.Module):
    """What the three cells share: two linear maps, one of the input and one of the state."""

    gates: int

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        if inputs < 1 or width < 1:
            raise ValueError(
                f"found {inputs} inputs and width {width}; expected at least 1 of each"
            )
        self.width = width
        self.input = nn.Linear(inputs, self.gates * width)
        self.state = nn.Linear(width, self.gates * width)
        for weight in self.parameters():  # as torch starts its own
            nn.init.uniform_(weight, -(width**-0.5), width**-0.5)

    def start(self, x: Float[Tensor, "b n i"]) -> Float[Tensor, "b d"]:
        """The state before anything was read."""
        return x.new_zeros(len(x), self.width)


class RNNCell(Cell):
    r"""$h_t = \tanh(W x_t + U h_{t-1} + b)$."""

    gates = 1

    def forward(self, x: Float[Tensor, "b i"], h: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return torch.tanh(self.input(x) + self.state(h))


class GRUCell(Cell):
    r"""A gated mixture of the old state and a new proposal.

    $r = \sigma(W_r x_t + U_r h_{t-1} + b_r)$, $z = \sigma(W_z x_t + U_z h_{t-1} + b_z)$,
    $\tilde h = \tanh(W x_t + b + r \odot (U h_{t-1} + b'))$,
    $h_t = (1 - z) \odot \tilde h + z \odot h_{t-1}$.
    """

    gates = 3

    def forward(self, x: Float[Tensor, "b i"], h: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        r_x, z_x, new_x = self.input(x).chunk(3, dim=1)
        r_h, z_h, new_h = self.state(h).chunk(3, dim=1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        return (1 - z) * torch.tanh(new_x + r * new_h) + z * h


class LSTMCell(Cell):
    r"""A state that is only scaled and added to, and gates that say when.

    With gates $i, f, o = \sigma(\cdot)$ and a proposal $g = \tanh(\cdot)$, each of
    $W x_t + U h_{t-1} + b$: $c_t = f \odot c_{t-1} + i \odot g$ and $h_t = o \odot \tanh c_t$.
    """

    gates = 4

    def start(self, x: Float[Tensor, "b n i"]) -> Memory:
        return Memory(super().start(x), super().start(x))

    def forward(self, x: Float[Tensor, "b i"], state: Memory) -> Memory:
        i, f, g, o = (self.input(x) + self.state(state.h)).chunk(4, dim=1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        return Memory(torch.sigmoid(o) * torch.tanh(c), c)


class Unrolled(NamedTuple):
    """What a cell said of a sequence, and the state it ended in."""

    states: Float[Tensor, "b n d"]
    last: Float[Tensor, "b d"] | Memory


def unroll(
    cell: Cell,
    x: Float[Tensor, "b n i"],
    state: Float[Tensor, "b d"] | Memory | None = None,
    *,
    keep: Callable[[Tensor], Tensor] | None = None,
) -> Unrolled:
    """Read a sequence from left to right, from `state` or from zeros.

    `keep`, when given, is applied to each state before the next step: `torch.Tensor.detach` cuts
    back-propagation through time off there. Raises ValueError for an empty sequence.
    """
    if x.shape[1] == 0:
        raise ValueError("found a sequence of no positions; expected at least one")
    state = cell.start(x) if state is None else state
    states = []
    for x_t in x.unbind(dim=1):
        if keep is not None:
            state = Memory(*map(keep, state)) if isinstance(state, Memory) else keep(state)
        state = cell(x_t, state)
        states.append(state.h if isinstance(state, Memory) else state)
    return Unrolled(torch.stack(states, dim=1), state)
