"""Where did it look? Heat by hand, against class activation maps, and the cover."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from llmvis_course.models.grad_cam import cover, enlarge, grad_cam, hottest, share_inside


def test_by_hand() -> None:
    """Two channels; the score is 8 times the mean of the first less 4 times that of the second."""
    features = torch.tensor(
        [[[[1.0, 0.0], [2.0, 0.0]], [[1.0, 3.0], [0.0, 0.0]]]], requires_grad=True
    )
    score = 8 * features[:, 0].mean(dim=(1, 2)) - 4 * features[:, 1].mean(dim=(1, 2))
    # alpha is 8/4 and -4/4; the upper right, 0 - 3, is cut off at 0
    assert_close(grad_cam(features, score), torch.tensor([[[1.0, 0.0], [4.0, 0.0]]]))


def test_parity_with_class_activation_maps(rng) -> None:
    """After a mean over places and a linear layer it is CAM (Zhou et al. 2016), up to a factor."""
    features = torch.randn(3, 5, 4, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    linear = nn.Linear(5, 2).double()
    score = linear(features.mean(dim=(2, 3)))[:, 1]
    cam = torch.einsum("k,bkhw->bhw", linear.weight[1], features).relu() / 16
    assert_close(grad_cam(features, score), cam.detach())


def test_heat_is_never_negative_and_pictures_do_not_mix(rng) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(36, 1)).double()
    features = torch.randn(2, 3, 5, 5, generator=rng, dtype=torch.float64, requires_grad=True)
    both = grad_cam(features, net(features)[:, 0])
    second = features[1:]
    alone = grad_cam(second, net(second)[:, 0])
    assert both.min() >= 0 and both.max() > 0
    assert_close(both[1:], alone)


def test_share_and_hottest_by_hand() -> None:
    heat = torch.tensor([[[1.0, 0.0], [3.0, 0.0]]])
    mask = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]])
    assert_close(share_inside(heat, mask), torch.tensor([0.75]))
    assert hottest(heat).tolist() == [[1, 0]]
    assert enlarge(heat, 8).shape == (1, 8, 8)
    assert hottest(enlarge(heat, 8))[0, 0] >= 6


@pytest.mark.parametrize("side", [1, 4, 7])
def test_cover_paints_a_square_and_nothing_else(side) -> None:
    pictures = torch.ones(2, 3, 16, 16)
    painted = cover(pictures, torch.tensor([[8, 8], [0, 15]]), side=side)
    black = painted == -1
    assert black[0].sum() == 3 * side**2 and black[0, :, 8, 8].all()
    assert 0 < black[1].sum() <= 3 * side**2 and black[1, :, 0, 15].all()
    assert (painted[~black] == 1).all() and (pictures == 1).all()


def test_it_refuses() -> None:
    features = torch.zeros(1, 2, 2, 2, requires_grad=True)
    with pytest.raises(ValueError, match="do not depend on these features"):
        grad_cam(features, torch.zeros(1))
    with pytest.raises(ValueError, match="do not depend on these features"):
        grad_cam(features, torch.zeros(1, requires_grad=True) * 2)
    with pytest.raises(ValueError, match="side of 0 pixels"):
        cover(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, dtype=torch.long), side=0)
