import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmvis_course.layers.conv import (
    Layer,
    as_matrix,
    convolve,
    influence,
    max_pool,
    mean_pool,
    output_size,
    receptive_field,
    windows,
)

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


def test_mean_pooling_parity_forward_and_gradient(rng) -> None:
    x = torch.randn(2, 3, 9, 10, generator=rng, dtype=torch.float64, requires_grad=True)
    for stride in (None, 2):
        mine, theirs = mean_pool(x, 3, stride=stride), F.avg_pool2d(x, 3, stride=stride)
        torch.testing.assert_close(mine, theirs)
        ours, other = (torch.autograd.grad(y.square().sum(), x)[0] for y in (mine, theirs))
        torch.testing.assert_close(ours, other)


@pytest.mark.parametrize("stride, padding", OPTIONS)
def test_as_a_matrix_forward_and_back(rng, stride, padding) -> None:
    """Gradients go back through the transpose, which is torch's transposed convolution."""
    x = torch.randn(2, 3, 7, 9, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, generator=rng, dtype=torch.float64)
    matrix = as_matrix(weight, 7, 9, stride=stride, padding=padding)
    y = F.conv2d(x, weight, stride=stride, padding=padding)
    torch.testing.assert_close(x.flatten(1) @ matrix.T, y.flatten(1))
    pull = torch.randn(y.shape, generator=rng, dtype=torch.float64)
    (grad,) = torch.autograd.grad((y * pull).sum(), x)
    torch.testing.assert_close(pull.flatten(1) @ matrix, grad.flatten(1))


def test_a_matrix_by_hand() -> None:
    """The difference of neighbours, over four pixels in a row."""
    difference = torch.zeros(1, 1, 3, 3)
    difference[0, 0, 1] = torch.tensor([0.0, -1.0, 1.0])
    expected = [[-1, 1, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1], [0, 0, 0, -1]]
    assert as_matrix(difference, 1, 4, padding=1).tolist() == expected


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


@pytest.mark.parametrize("side, left", [(28, 1), (32, 2), (64, 4)])
def test_output_size_of_four_poolings(side, left) -> None:
    """What an article's discriminator leaves of pictures; it counts on 4."""
    layers = [Layer(3, padding=1), Layer(2, 2)] * 4
    assert output_size(side, layers) == left
    modules = [nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(2)] * 4
    assert nn.Sequential(*modules)(torch.zeros(1, 1, side, side)).shape[-1] == left


@pytest.mark.parametrize("layer", [Layer(3, 2, 1), Layer(5, 3), Layer(1), Layer(4, 2, 2)])
@pytest.mark.parametrize("side", [9, 12])
def test_output_size_parity(layer, side) -> None:
    theirs = F.conv2d(
        torch.zeros(1, 1, side, side), torch.zeros(1, 1, layer.size, layer.size), None, *layer[1:]
    )
    assert output_size(side, [layer]) == theirs.shape[-1]


def test_influence_by_hand() -> None:
    """Two channels that are summed with weights 2 and -3: 5 in all, at one pixel."""
    x = torch.zeros(1, 2, 3, 3, requires_grad=True)
    weight = torch.tensor([2.0, -3.0]).view(1, 2, 1, 1)
    found = influence(convolve(x, weight), x, (0, 2))
    expected = torch.zeros(1, 3, 3)
    expected[0, 0, 2] = 5
    torch.testing.assert_close(found, expected)


def test_influence_covers_the_receptive_field_of_real_layers(rng) -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    x = torch.randn(1, 1, 40, 40, generator=rng, requires_grad=True)
    touched = influence(net(x), x, (7, 7))[0] > 0
    layers = [Layer(3), Layer(2, 2), Layer(3), Layer(3)]
    assert touched.any(dim=0).sum() == touched.any(dim=1).sum() == receptive_field(layers)


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="a window of 3 does not fit into 1 places"):
        output_size(4, [Layer(3), Layer(2, 2), Layer(3)])
    with pytest.raises(ValueError, match="without gradients"):
        influence(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), (0, 0))
    with pytest.raises(ValueError, match="3 x 3 does not fit into 2 x 9"):
        windows(torch.zeros(1, 1, 2, 9), 3)
    with pytest.raises(ValueError, match="stride 0"):
        windows(torch.zeros(1, 1, 4, 4), 2, stride=0)
