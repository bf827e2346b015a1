r"""Where did it look? Heat over a picture for one score of a network, and the cover that tests it.

Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
localization", arXiv:1610.02391. Left out on purpose: guided back-propagation, which their later
critics found to draw edges whatever the network knows (Adebayo et al. 2018, arXiv:1810.03292).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def grad_cam(
    features: Float[Tensor, "b c h w"], scores: Float[Tensor, " b"]
) -> Float[Tensor, "b h w"]:
    r"""$\mathrm{ReLU}\big(\sum_k \alpha_k A^k\big)$ with
    $\alpha_k = \frac{1}{hw} \sum_{ij} \partial y / \partial A^k_{ij}$ (their equations 1 and 2).

    $A^k$ are the channels of `features`, $y$ the one score of each picture that is to be explained.
    Scores must come from `features`, picture by picture. Raises ValueError when they do not.
    """
    grad = None
    if scores.requires_grad and features.requires_grad:
        (grad,) = torch.autograd.grad(scores.sum(), features, retain_graph=True, allow_unused=True)
    if grad is None:
        raise ValueError("the scores do not depend on these features; expected features on the way")
    alpha = grad.mean(dim=(2, 3), keepdim=True)
    return (alpha * features).sum(dim=1).relu().detach()


def enlarge(heat: Float[Tensor, "b h w"], size: int) -> Float[Tensor, "b size size"]:
    """Heat for every pixel, between the cells' centres in straight lines."""
    return F.interpolate(heat[:, None], size=(size, size), mode="bilinear")[:, 0]


def share_inside(heat: Float[Tensor, "b h w"], mask: Float[Tensor, "b h w"]) -> Float[Tensor, " b"]:
    """Which part of each picture's heat lies inside a mask of zeros and ones; NaN without heat."""
    return (heat * mask).sum(dim=(1, 2)) / heat.sum(dim=(1, 2))


def hottest(heat: Float[Tensor, "b h w"]) -> Int[Tensor, "b 2"]:
    """Row and column of the hottest place."""
    place = heat.flatten(1).argmax(dim=1)
    return torch.stack([place // heat.shape[2], place % heat.shape[2]], dim=1)


def cover(
    pictures: Float[Tensor, "b 3 h w"], places: Int[Tensor, "b 2"], *, side: int
) -> Float[Tensor, "b 3 h w"]:
    """Paint a square black, `side` pixels wide, around a (row, column) of each picture."""
    if side < 1:
        raise ValueError(f"found a side of {side} pixels; expected at least 1")
    inside = []
    for n, at in zip(pictures.shape[-2:], places.unbind(dim=1), strict=True):
        from_first = torch.arange(n, device=at.device) - at[:, None] + side // 2
        inside.append((from_first >= 0) & (from_first < side))
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return torch.where(square, -1.0, pictures)
