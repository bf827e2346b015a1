import pytest
import torch
import torch.nn.functional as F

from llmvis_course.layers.conv import Layer, convolve, max_pool, receptive_field, windows

OPTIONS = [(1, 0), (1, 1), (2, 1), (3, 2)]  # stride, padding


@pytest.mark.parametrize("stride, padding", OPTIONS)
def test_convolution_parity_forward_and_gradient(rng, stride, padding) -> None:
    x = torch.randn(2, 3, 9, 11, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, generator=rng, dtype=torch.float64, requires_grad=True)
    mine = convolve(x, weight, bias, stride=stride, padding=padding)
    theirs = F.conv2d(x, weight, bias, stride=stride, padding=padding)
    torch.testing.assert_close(mine, theirs)
    pull = torch.randn(theirs.shape, generator=rng, dtype=torch.float64)
    for ours, other in zip(
        torch.autograd.grad((mine * pull).sum(), [x, weight, bias]),
        torch.autograd.grad((theirs * pull).sum(), [x, weight, bias]),
        strict=True,
    ):
        torch.testing.assert_close(ours, other)


@pytest.mark.parametrize("size, stride, padding", [(2, None, 0), (3, 2, 1), (3, 1, 0)])
def test_pooling_parity_forward_and_gradient(rng, size, stride, padding) -> None:
    x = torch.randn(2, 3, 8, 10, generator=rng, dtype=torch.float64, requires_grad=True)
    mine = max_pool(x, size, stride=stride, padding=padding)
    theirs = F.max_pool2d(x, size, stride=stride, padding=padding)
    torch.testing.assert_close(mine, theirs)
    ours, other = (torch.autograd.grad(y.square().sum(), x)[0] for y in (mine, theirs))
    torch.testing.assert_close(ours, other)


def test_by_hand() -> None:
    """A kernel that takes the right neighbour's value less its own finds where light begins."""
    x = torch.tensor([[[[0.0, 0.0, 5.0, 5.0]]]])
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1], weight[0, 0, 1, 2] = -1.0, 1.0
    found = convolve(x, weight, padding=1)
    torch.testing.assert_close(found, torch.tensor([[[[0.0, 5.0, 0.0, -5.0]]]]))


def test_windows_overlap_as_the_stride_says() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert windows(x, 2, stride=2)[0, 0, 1, 1].tolist() == [[10.0, 11.0], [14.0, 15.0]]
    assert windows(x, 3).shape == (1, 1, 2, 2, 3, 3)


def test_receptive_field_by_hand_and_by_gradient() -> None:
    """3, then stride 2, then 3 twice: 3 -> 4 -> 8 -> 12."""
    layers = [Layer(3), Layer(2, 2), Layer(3), Layer(3)]
    assert [receptive_field(layers[:k]) for k in range(5)] == [1, 3, 4, 8, 12]
    x = torch.zeros(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    y = x
    for layer in layers:  # kernels of ones, so that nothing cancels
        y = convolve(y, y.new_ones(1, 1, layer.size, layer.size), stride=layer.stride)
    (grad,) = torch.autograd.grad(y[0, 0, 7, 7], x)
    touched = grad[0, 0].abs() > 0
    assert touched.any(dim=0).sum() == touched.any(dim=1).sum() == 12


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="3 x 3 does not fit into 2 x 9"):
        windows(torch.zeros(1, 1, 2, 9), 3)
    with pytest.raises(ValueError, match="stride 0"):
        windows(torch.zeros(1, 1, 4, 4), 2, stride=0)
