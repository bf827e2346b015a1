r"""Questions on recurrent cells: one step, a gated step, and reading a whole sequence.

Elman 1990 (RNN); Cho et al. 2014, arXiv:1406.1078 (GRU, in torch's form). The weights come as plain
tensors, laid out as in `nn.Linear`: one row for each number of the result.
"""

import torch
from torch import nn

from ..layers.recurrent import GRUCell, RNNCell
from ..layers.recurrent import unroll as unroll_cell
from .draws import normal
from .question import Misconception, Question


def _filled(cell, w, u, b, c):
    """A cell of the course with these weights, so that gradients reach them."""
    module = cell(w.shape[1], u.shape[1])
    weights = _weights_of("", w, u, b, c)
    return lambda *inputs: torch.func.functional_call(module, weights, inputs)


def _weights_of(where, w, u, b, c):
    names = ("input.weight", "state.weight", "input.bias", "state.bias")
    return {where + name: value for name, value in zip(names, (w, u, b, c), strict=True)}


def rnn_step(x, h, w, u, b):
    r"""$\tanh(W x + U h + b)$ for a batch of inputs (b, i) and states (b, d)."""
    return _filled(RNNCell, w, u, b, torch.zeros_like(b))(x, h)


def _draw_step(rng, size):
    n, i, d = [(1, 1, 1), (1, 2, 2), (2, 3, 3), (3, 4, 2), (2, 2, 5)][size]
    return normal(rng, n, i), normal(rng, n, d), *_weights(rng, i, d)


def _weights(rng, i, d):
    return normal(rng, d, i), normal(rng, d, d), normal(rng, d)


RNN_STEP = Question(
    name="rnn_step",
    notebook="ex02_recurrent_networks",
    place=1,
    kind="implement",
    function="rnn_step",
    points=2,
    difficulty=1,
    importance=3,
    minutes=8,
    reference=rnn_step,
    draw=_draw_step,
    sizes=5,
    gradient=("x", "h", "w", "u", "b"),
    covers="one step, its values and its gradients by all five arguments, in float64, for equal "
    "and unequal numbers of inputs and states; nothing about long sequences.",
    misconceptions=(
        Misconception(
            "no tanh",
            lambda x, h, w, u, b: x @ w.T + h @ u.T + b,
            "What keeps a state between -1 and 1, however many words are read?",
        ),
        Misconception(
            "sigmoid for tanh",
            lambda x, h, w, u, b: (x @ w.T + h @ u.T + b).sigmoid(),
            "A sigmoid never gives a negative number. The state here may be negative.",
        ),
        Misconception(
            "weights not transposed",
            lambda x, h, w, u, b: (x @ w + h @ u + b).tanh(),
            "A row of w belongs to one number of the result, a row of x to one example.",
        ),
        Misconception(
            "bias forgotten",
            lambda x, h, w, u, b: (x @ w.T + h @ u.T).tanh(),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "state forgotten",
            lambda x, h, w, u, b: (x @ w.T + b).tanh(),
            "Without the old state, what does this network remember?",
        ),
        Misconception(
            "a tanh for each part",
            lambda x, h, w, u, b: (x @ w.T).tanh() + (h @ u.T).tanh() + b,
            "First add everything up, then bend it once.",
        ),
        Misconception(
            "input and state swapped",
            lambda x, h, w, u, b: (h @ w.T + x @ u.T + b).tanh(),
            "w is for the input, u for the state.",
        ),
    ),
)


def gru_step(x, h, w, u, b, c):
    r"""$h' = (1 - z) \odot \tilde h + z \odot h$; reset, update and proposal stacked in that order.

    $\tilde h = \tanh(W x + b + r \odot (U h + c))$ with the rows of the proposal.
    """
    return _filled(GRUCell, w, u, b, c)(x, h)


def _draw_gru(rng, size):
    n, i, d = [(1, 1, 1), (1, 2, 2), (2, 3, 2), (3, 2, 4)][size]
    return (
        normal(rng, n, i), normal(rng, n, d), normal(rng, 3 * d, i), normal(rng, 3 * d, d),
        normal(rng, 3 * d), normal(rng, 3 * d),
    )  # fmt: skip


def _gru_with(mix=lambda z, new, h: (1 - z) * new + z * h, order=(0, 1, 2), reset="product",
              bend=torch.tanh):  # fmt: skip
    """A GRU with one thing done in another way."""

    def wrong(x, h, w, u, b, c):
        given, kept = (x @ w.T + b).chunk(3, 1), (h @ u.T + c).chunk(3, 1)
        r, z = ((given[k] + kept[k]).sigmoid() for k in order[:2])
        inside = {"product": r * kept[2], "none": kept[2]}.get(reset)
        if reset == "state":  # U (r * h), the form of the first paper
            inside = (r * h) @ u.chunk(3)[2].T + c.chunk(3)[2]
        if reset == "no bias":
            inside = r * (kept[2] - c.chunk(3)[2]) + c.chunk(3)[2]
        return mix(z, bend(given[2] + inside), h)

    return wrong


GRU_STEP = Question(
    name="gru_step",
    notebook="ex02_recurrent_networks",
    place=3,
    kind="debug",
    function="gru_step",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=gru_step,
    draw=_draw_gru,
    gradient=("x", "h", "w", "u", "b", "c"),
    covers="one step and its gradients by all six arguments, in float64; not the starting weights.",
    misconceptions=(
        Misconception(
            "update gate the wrong way round",
            _gru_with(mix=lambda z, new, h: z * new + (1 - z) * h),
            "With z = 1 the old state should come through unchanged. What does yours do?",
        ),
        Misconception(
            "reset and update gate swapped",
            _gru_with(order=(1, 0, 2)),
            "In which order are the three maps stacked?",
        ),
        Misconception(
            "reset gate before the product",
            _gru_with(reset="state"),
            "That is the first paper's form. Here the gate acts on U h + c, after the product.",
        ),
        Misconception(
            "reset gate forgotten",
            _gru_with(reset="none"),
            "What can make the proposal ignore the old state?",
        ),
        Misconception(
            "second bias outside the reset gate",
            _gru_with(reset="no bias"),
            "The gate scales all of U h + c, the bias c as well.",
        ),
        Misconception(
            "sigmoid for tanh",
            _gru_with(bend=torch.sigmoid),
            "Gates are shares, so they take a sigmoid. A proposal may be negative.",
        ),
        Misconception(
            "no share taken from the proposal",
            _gru_with(mix=lambda z, new, h: new + z * h),
            "Two shares that add up to one: what is the share of the proposal?",
        ),
    ),
)


def read_sequence(x, w, u, b):
    r"""$h_t = \tanh(W x_t + U h_{t-1} + b)$ for all $t$, from $h_0 = 0$: states (b, n, d)."""
    reader = _Reader(RNNCell(w.shape[1], u.shape[1]))
    return torch.func.functional_call(reader, _weights_of("cell.", w, u, b, 0 * b), (x,))


class _Reader(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        return unroll_cell(self.cell, x).states


def _draw_sequence(rng, size):
    b, n, i, d = [(1, 2, 1, 1), (1, 3, 2, 2), (2, 3, 2, 3), (3, 5, 3, 2)][size]
    return normal(rng, b, n, i), *_weights(rng, i, d)


def _read_with(order=list, state=lambda h: h, finish=lambda hs: torch.stack(hs, 1)):
    """Reading with one thing done in another way."""

    def wrong(x, w, u, b):
        h = x.new_zeros(len(x), len(b))
        found = [h]
        for x_t in order(x.unbind(1)):
            h = (x_t @ w.T + state(h) @ u.T + b).tanh()
            found.append(h)
        return finish(found)

    return wrong


def _reads(**how):
    return _read_with(**{"finish": lambda hs: torch.stack(hs[1:], 1), **how})


READ_SEQUENCE = Question(
    name="read_sequence",
    notebook="ex02_recurrent_networks",
    place=2,
    kind="implement",
    function="read_sequence",
    points=3,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=read_sequence,
    draw=_draw_sequence,
    gradient=("x", "w", "u", "b"),
    uses=("rnn_step",),
    covers="the states and, through time, their gradients by all arguments, in float64, for 2 to 5 "
    "positions; not speed.",
    misconceptions=(
        Misconception(
            "only the last state",
            _reads(finish=lambda hs: hs[-1]),
            "Every state is asked for: collect them in a list as you read.",
        ),
        Misconception(
            "positions and batch swapped",
            _reads(finish=lambda hs: torch.stack(hs[1:], 0)),
            "The batch comes first. Which argument of torch.stack says where the new axis goes?",
        ),
        Misconception(
            "read from right to left",
            _reads(order=lambda xs: xs[::-1]),
            "Which word is read first?",
        ),
        Misconception(
            "state not carried on",
            _reads(state=torch.zeros_like),
            "Each step should start from the state of the step before. Which does yours use?",
        ),
        Misconception(
            "the starting state counted too",
            _read_with(),
            "One state for each position that was read; the zeros were there before.",
        ),
        Misconception(
            "time cut off from the gradient",
            _reads(state=lambda h: h.detach()),
            "The numbers are right. What stops the gradient between two steps?",
        ),
    ),
)

QUESTIONS = (RNN_STEP, GRU_STEP, READ_SEQUENCE)
