r"""What a drawn picture may be told besides "not real": what it misses, and how a real one looks.

A frozen network (models/content.py) reads the picture: its cross-entropy on what a caption names is
a *content loss*. And a real picture of the same caption can be copied. Left out on purpose: several
things, and distances between features.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from .content import Answers

BLURS = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}  # side in pixels, and how much it counts
SLACK = 0.4  # cells of 4 pixels that a centre may be off: things do not stand exactly in places


def caption_content_loss(said: Answers, asked: Int[Tensor, "b questions"]) -> Float[Tensor, ""]:
    r"""What frozen eyes miss of one thing that a caption names, in nats a picture.

    Where do they look? $a = \mathrm{softmax}(s)$ over all cells, $s_i$ the score that a thing is
    near to cell $i$. There they read $p_i^{(q)}$, the answers to question $q$, and $c_i$, where the
    thing's centre is, in cells. The loss is
    $-\log\sigma(\max_i s_i) - \sum_q \sum_i a_i \log p_i^{(q)}(\mathrm{asked}_q)
    + \max(0, \lVert \sum_i a_i c_i - c \rVert_1 - \mathrm{slack})$:
    something is there, what is read off it is right, and it stands where it should, $c$ being the
    middle of the named place. `asked` has an answer a question of the eyes, and last the place, row
    by row of three; -1 is not asked.
    """
    if asked.shape[1] != len(said.choices) + 1:
        raise ValueError(
            f"found {asked.shape[1]} answers; expected one for each of the eyes' "
            f"{len(said.choices)} questions, and the place"
        )
    near, place = said.near, asked[:, -1]
    look = near.flatten(1).softmax(dim=1).view_as(near)
    loss = F.softplus(-near.amax(dim=(1, 2)))
    for scores, right in zip(said.choices, asked.unbind(dim=1), strict=False):
        everywhere = right[:, None, None].expand_as(near)
        missed = F.cross_entropy(scores, everywhere, ignore_index=-1, reduction="none")
        loss = loss + (look.detach() * missed).sum(dim=(1, 2))
    off = (_centre(said.offset, look) - _middle(place)).abs()
    return (loss + torch.where(place < 0, 0, (off - SLACK).clamp_min(0).sum(dim=1))).mean()


def _centre(offset: Float[Tensor, "b 2 h w"], look: Float[Tensor, "b h w"]) -> Float[Tensor, "b 2"]:
    """Where the eyes say the thing's centre is, in cells from the left and from the top."""
    height, width = (torch.arange(n, device=look.device) + 0.5 for n in look.shape[1:])
    cells = torch.stack(torch.meshgrid(width, height, indexing="xy"))
    return (look[:, None] * (cells + offset)).sum(dim=(2, 3))


def _middle(place: Int[Tensor, " b"]) -> Float[Tensor, "b 2"]:
    """Places are 2 cells of 4 pixels apart, the first 2 cells from the border."""
    return 2.0 + 2 * torch.stack([place % 3, place // 3], dim=1)


def copying_loss(
    drawn: Float[Tensor, "b c h w"], real: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    r"""$\sum_k w_k k^2 \lVert A_k(\hat x) - A_k(x)\rVert^2$, $A_k$ the mean of each $k \times k$.

    From afar first: ink that stands at another place still meets it in a mean over 8 pixels, where
    pixels would not touch. A caption leaves much open, and the best copy of all that it may mean is
    blurred; that is for the critic to mend, as in Isola et al. 2017, arXiv:1611.07004.
    """
    loss = drawn.new_zeros(())
    for k, weight in BLURS.items():
        apart = F.avg_pool2d(drawn, k) - F.avg_pool2d(real, k)
        loss = loss + weight * k**2 * apart.square().flatten(1).sum(dim=1).mean()
    return loss
