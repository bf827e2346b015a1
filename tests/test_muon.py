import pytest
import torch
from torch import nn

from llmvis_course.training.fit import fit
from llmvis_course.training.muon import Muon, orthogonalize, split_weights


def test_orthogonalize_by_hand() -> None:
    """A diagonal matrix keeps its axes and signs, and every entry comes near one in size."""
    found = orthogonalize(torch.diag(torch.tensor([3.0, -1.0, 0.5])))
    torch.testing.assert_close(found, torch.diag(found.diagonal()), atol=1e-5, rtol=0)
    assert (found.diagonal() * torch.tensor([1, -1, 1]) - 1).abs().max() < 0.35


def test_orthogonalize_keeps_its_promise() -> None:
    """Each singular value of a diagonal matrix is on its own; together they have norm one."""
    small = torch.linspace(0.003, 0.3, 300, dtype=torch.float64)
    rest = (1 - small.square()).sqrt()
    for values in torch.stack([small, rest], dim=1)[::20]:
        found = orthogonalize(torch.diag(values)).diagonal()
        assert found.min() > 0.68 and found.max() < 1.21


@pytest.mark.parametrize("shape", [(12, 20), (20, 12)])
def test_orthogonalize_against_the_decomposition(rng, shape) -> None:
    matrix = torch.randn(shape, generator=rng)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalize(matrix)
    # in the axes of the decomposition it is nearly the identity
    inside = u.T @ found @ vh.T
    torch.testing.assert_close(inside, torch.eye(12), atol=0.4, rtol=0)
    assert (inside - torch.diag(inside.diagonal())).abs().max() < 1e-4


def test_one_step_by_hand() -> None:
    """Gradient diag(1, 1): any average of it points the same way, so only size and decay count."""
    weight = nn.Parameter(torch.eye(2))
    weight.grad = torch.eye(2)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    size = orthogonalize(torch.eye(2))[0, 0].item()
    expected = 0.95 - 0.1 * 0.2 * 2**0.5 * size
    torch.testing.assert_close(weight.detach(), expected * torch.eye(2))


def test_parity_with_torch(rng) -> None:
    """torch's own Muon computes in bfloat16, so it agrees to about a hundredth of a step."""
    if not hasattr(torch.optim, "Muon"):
        pytest.skip(f"torch {torch.__version__} has no Muon; it came with 2.9")
    start = torch.randn(6, 10, generator=rng)
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    ours = Muon([mine], lr=0.1, weight_decay=0.1)
    other = torch.optim.Muon(
        [theirs], lr=0.1, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        mine.grad = torch.randn(6, 10, generator=rng)
        theirs.grad = mine.grad.clone()
        ours.step()
        other.step()
    assert (mine - start).abs().mean() > 0.02
    torch.testing.assert_close(mine, theirs, atol=0.01, rtol=0)


def test_convolutions_are_matrices_with_a_row_a_channel(rng) -> None:
    kernel = nn.Parameter(torch.randn(4, 3, 2, 2, generator=rng))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    kernel.grad = torch.randn(4, 3, 2, 2, generator=rng)
    matrix.grad = kernel.grad.flatten(1).clone()
    for parameter in (kernel, matrix):
        Muon([parameter]).step()
    torch.testing.assert_close(kernel.flatten(1), matrix)


def test_split_and_learn(rng) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
    )
    split = split_weights(model, besides=[model[4]])
    assert [tuple(p.shape) for p in split.matrices] == [(16, 6), (16, 16)]
    assert len(split.matrices) + len(split.others) == len(list(model.parameters()))
    x = torch.randn(64, 6, generator=rng)
    y = (x[:, :1] * x[:, 1:2]).sign()
    optimizers = [Muon(split.matrices, lr=0.02), torch.optim.AdamW(split.others, lr=0.02)]
    losses = [
        at.loss
        for at in fit(lambda b: (model(b) - y).square().mean(), [x] * 150, optimizers, steps=150)
    ]
    assert losses[-1] < 0.3 * losses[0]


def test_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(5,\); expected 2 axes"):
        Muon([nn.Parameter(torch.zeros(5))])
