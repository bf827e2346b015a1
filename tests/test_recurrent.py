import pytest
import torch
from torch import nn

from llmvis_course.layers.recurrent import GRUCell, LSTMCell, Memory, RNNCell, unroll
from llmvis_course.training.fit import fit

PAIRS = [(RNNCell, nn.RNN), (GRUCell, nn.GRU), (LSTMCell, nn.LSTM)]


def same_weights(cell, theirs) -> None:
    """Give torch's layer the weights of our cell."""
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(cell.input.weight)
        theirs.bias_ih_l0.copy_(cell.input.bias)
        theirs.weight_hh_l0.copy_(cell.state.weight)
        theirs.bias_hh_l0.copy_(cell.state.bias)


@pytest.mark.parametrize("ours, torchs", PAIRS)
def test_parity_with_torch_forward_and_gradient(rng, ours, torchs) -> None:
    cell = ours(3, 5).double()
    theirs = torchs(3, 5, batch_first=True, dtype=torch.float64)
    same_weights(cell, theirs)
    x = torch.randn(2, 7, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    mine, last = unroll(cell, x)
    found, end = theirs(x)
    torch.testing.assert_close(mine, found)
    if isinstance(last, Memory):
        torch.testing.assert_close(last.c, end[1][0])
        last, end = last.h, end[0]
    torch.testing.assert_close(last, end[0])
    weigh = torch.randn(2, 7, 5, generator=rng, dtype=torch.float64)
    wrt_mine = torch.autograd.grad((mine * weigh).sum(), [x, *cell.parameters()])
    order = [theirs.weight_ih_l0, theirs.bias_ih_l0, theirs.weight_hh_l0, theirs.bias_hh_l0]
    wrt_theirs = torch.autograd.grad((found * weigh).sum(), [x, *order])
    torch.testing.assert_close(wrt_mine, wrt_theirs)


def test_rnn_by_hand() -> None:
    """W = 1, U = 2, no bias, inputs 1 and 0: tanh(1), then tanh(2 tanh(1))."""
    cell = RNNCell(1, 1)
    with torch.no_grad():
        for weight, value in zip(cell.parameters(), (1.0, 0.0, 2.0, 0.0), strict=True):
            weight.fill_(value)
    one = torch.tanh(torch.tensor(1.0))
    found = unroll(cell, torch.tensor([[[1.0], [0.0]]])).states
    torch.testing.assert_close(found, torch.stack([one, torch.tanh(2 * one)]).view(1, 2, 1))


@pytest.mark.parametrize("ours", [RNNCell, GRUCell, LSTMCell])
def test_gradient_through_time_against_finite_differences(rng, ours) -> None:
    cell = ours(2, 3).double()
    x = torch.randn(1, 4, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: unroll(cell, x).states, x)


@pytest.mark.parametrize("ours", [RNNCell, GRUCell, LSTMCell])
def test_reads_from_left_to_right_and_goes_on_where_it_was(rng, ours) -> None:
    cell, x = ours(3, 4), torch.randn(2, 6, 3, generator=rng)
    whole = unroll(cell, x)
    first = unroll(cell, x[:, :2])
    rest = unroll(cell, x[:, 2:], first.last)
    torch.testing.assert_close(torch.cat([first.states, rest.states], dim=1), whole.states)
    changed = x.clone()
    changed[:, 3] += 1
    other = unroll(cell, changed).states
    torch.testing.assert_close(other[:, :3], whole.states[:, :3], rtol=0, atol=0)
    assert (other[:, 3:] - whole.states[:, 3:]).abs().amax(dim=(0, 2)).min() > 1e-5


def test_keep_cuts_the_gradient_but_not_the_states(rng) -> None:
    cell, x = LSTMCell(2, 3), torch.randn(1, 5, 2, generator=rng, requires_grad=True)
    cut = unroll(cell, x, keep=torch.Tensor.detach).states
    torch.testing.assert_close(cut, unroll(cell, x).states)
    (grad,) = torch.autograd.grad(cut[:, -1].sum(), x)
    assert (grad[:, :-1] == 0).all() and grad[:, -1].abs().sum() > 0


def test_a_gated_cell_learns_to_remember(rng) -> None:
    """The first of ten bits must be told at the end."""
    torch.manual_seed(0)
    cell, head = GRUCell(1, 16), nn.Linear(16, 1)
    x = torch.randint(2, (64, 10, 1), generator=rng).float()
    weights = [*cell.parameters(), *head.parameters()]

    def loss(x):
        told = head(unroll(cell, x).states[:, -1])
        return nn.functional.binary_cross_entropy_with_logits(told, x[:, 0])

    training = fit(loss, [x] * 150, torch.optim.Adam(weights, lr=0.02), steps=150)
    losses = [at.loss for at in training]
    assert losses[0] > 0.6 and losses[-1] < 0.1


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="no positions; expected at least one"):
        unroll(RNNCell(2, 3), torch.zeros(1, 0, 2))
    with pytest.raises(ValueError, match="0 inputs and width 3"):
        GRUCell(0, 3)
