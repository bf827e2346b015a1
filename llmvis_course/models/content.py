r"""Content extraction: which things a picture shows and where, in one look.

Features of several layers are fused in a pyramid (Lin et al. 2017, arXiv:1612.03144), and every
cell of the result answers for itself: is the centre of a thing near, where exactly, and what is it?
(As in FCOS: Tian et al. 2019, arXiv:1904.01355.) Left out on purpose: boxes, since things here are
told by their size in words, and several levels that answer, since sizes differ by less than two.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torchvision.ops import batched_nms

from .looking import GROUPS, convolutions

CELL = 4  # pixels along the side of a cell
APART = 4.0  # pixels: two answers nearer than this are about one thing


class Backbone(nn.Module):
    """Light to features of several layers: cells of 4 pixels, then 8, 16, ...; a width for each.

    Deeper cells see more of the picture, and know less well where it lies. `depth` is the number of
    convolutions before each halving.
    """

    def __init__(self, widths: Sequence[int], *, stem: int = 32, depth: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), *convolutions(4, stem, depth))
        self.levels = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), *convolutions(c_in, c_out, depth))
            for c_in, c_out in zip((stem, *widths), widths, strict=False)
        )

    def forward(self, light: Float[Tensor, "b 1 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        x, found = self.stem(light), []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


class Pyramid(nn.Module):
    r"""From the deepest layer back up: $P_l = S_l(L_l(C_l) + \mathrm{up}(M_{l+1}))$.

    $C_l$ are the features of layer $l$, $L_l$ is a 1 x 1 convolution that gives all layers one
    width, $M_l$ is the sum inside the brackets, up repeats every cell 2 x 2 times, and $S_l$ is a
    3 x 3 convolution. So the finest layer is told what only the deepest could see. `outputs` is how
    many layers are wanted, the finest first; by default all.
    """

    def __init__(self, widths: Sequence[int], width: int, *, outputs: int | None = None) -> None:
        super().__init__()
        wanted = widths[:outputs]
        self.lateral = nn.ModuleList(nn.Conv2d(c_in, width, 1) for c_in in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in wanted)

    def forward(self, levels: Sequence[Float[Tensor, "b _ _ _"]]) -> list[Float[Tensor, "b _ _ _"]]:
        """Fused features of the wanted layers, finest first."""
        above, found = None, []
        for features, lateral in reversed(list(zip(levels, self.lateral, strict=True))):
            here = lateral(features)
            if above is not None:
                here = here + F.interpolate(above, size=here.shape[-2:], mode="nearest")
            above = here
            found.append(here)
        return [smooth(m) for smooth, m in zip(self.smooth, reversed(found), strict=False)]


class Answers(NamedTuple):
    """What every cell says."""

    near: Float[Tensor, "b h w"]  # score: is the centre of a thing near?
    offset: Float[Tensor, "b 2 h w"]  # from the cell's centre to the thing's: right, down; in cells
    choices: list[Float[Tensor, "b _ h w"]]  # a score for every answer, one tensor a question


class ContentReader(nn.Module):
    """A picture to an answer in every cell of 4 x 4 pixels.

    `choices` is the number of answers to each question. The first, which digit, and where things
    are, is answered from the light alone: a network that saw colours too would learn that there are
    no yellow threes, where training has none (see models/looking.py).
    """

    def __init__(
        self,
        choices: Sequence[int],
        *,
        widths: Sequence[int] = (96, 96, 96),
        width: int = 64,
        depth: int = 2,
        fuse: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if len(choices) < 2 or any(w % GROUPS for w in (*widths, width)):
            raise ValueError(
                f"found widths {(*widths, width)} and {len(choices)} questions; expected multiples "
                f"of {GROUPS}, and at least 2 questions"
            )
        self.choices = tuple(choices)
        self.backbone = Backbone(widths, depth=depth)
        self.fuse = fuse or Pyramid(widths, width, outputs=1)
        self.shapes = nn.Sequential(nn.SiLU(), *convolutions(width, width))
        self.where = nn.Conv2d(width, 3, 1)
        self.digit = nn.Conv2d(width, choices[0], 1)
        self.colour = nn.Conv2d(3, width, CELL, stride=CELL)
        self.others = nn.Sequential(
            *convolutions(width, width), nn.Conv2d(width, sum(choices[1:]), 1)
        )

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Answers:
        light = 1 + pictures.amax(dim=1, keepdim=True)  # black paper is 0, as beyond the border
        shapes = self.shapes(self.fuse(self.backbone(light))[0])
        near, offset = self.where(shapes).split([1, 2], dim=1)
        others = self.others(shapes + self.colour(pictures)).split(self.choices[1:], dim=1)
        return Answers(near[:, 0], offset, [self.digit(shapes), *others])


def content_loss(
    said: Answers,
    near: Float[Tensor, "b h w"],
    offset: Float[Tensor, "b 2 h w"],
    choices: Int[Tensor, "b questions h w"],
) -> Float[Tensor, ""]:
    """Cross-entropies in nats plus distances of offsets in cells, per cell that is near a thing.

    All cells are asked whether a thing is near (`near` is 1 or 0); only those where one is are
    asked the rest (`choices` are -1 elsewhere). `data.labels.content_labels` says what is right.
    """
    there = near > 0
    found = F.binary_cross_entropy_with_logits(said.near, near, reduction="sum")
    distance = (said.offset - offset).abs().sum(dim=1)[there].sum()
    told = sum(
        F.cross_entropy(scores, right, ignore_index=-1, reduction="sum")
        for scores, right in zip(said.choices, choices.unbind(dim=1), strict=True)
    )
    return (found + distance + told) / there.sum().clamp_min(1)


def caption_content_loss(said: Answers, asked: Int[Tensor, "b questions"]) -> Float[Tensor, ""]:
    r"""What is missing in pictures of one thing, in nats a picture.

    $-\log\sigma(\max_i s_i) - \sum_q \sum_i a_i \log p^{(q)}_i(\mathrm{asked}_q)$, where $s_i$ is
    the score that a thing is near to cell $i$, $a = \mathrm{softmax}(s)$ is where to look, and
    $p^{(q)}_i$ are the answers there. Raises ValueError unless each question has an answer.
    """
    if asked.shape[1] != len(said.choices):
        raise ValueError(
            f"found {asked.shape[1]} answers; expected one to each of {len(said.choices)} questions"
        )
    look = said.near.detach().flatten(1).softmax(dim=1).view_as(said.near)
    loss = F.softplus(-said.near.amax(dim=(1, 2)))
    for scores, right in zip(said.choices, asked.unbind(dim=1), strict=True):
        everywhere = right[:, None, None].expand_as(look)
        missed = F.cross_entropy(scores, everywhere, reduction="none")
        loss = loss + (look * missed).sum(dim=(1, 2))
    return loss.mean()


class Found(NamedTuple):
    """The things of a batch of pictures, one row a thing."""

    picture: Int[Tensor, " n"]  # which picture it is in
    x: Float[Tensor, " n"]  # centre, pixels from the left
    y: Float[Tensor, " n"]  # centre, pixels from the top
    sure: Float[Tensor, " n"]  # probability that there is a thing, 0..1
    choices: Int[Tensor, "n questions"]


def find_things(said: Answers, *, sure: float = 0.5) -> Found:
    """Of all cells that are at least so `sure`, the surest of each thing.

    Several cells speak of one thing: a less sure one is dropped where its thing's centre lies
    within about `APART` pixels of a surer one's. torchvision does that with boxes; a box as wide as
    twice that overlaps its equal by a third when they are `APART` apart.
    """
    probability = said.near.sigmoid()
    picture, row, column = torch.where(probability >= sure)
    x, y = (
        CELL * (at + 0.5 + said.offset[picture, axis, row, column])
        for axis, at in enumerate((column, row))
    )
    probability = probability[picture, row, column]
    boxes = torch.stack([x - APART, y - APART, x + APART, y + APART], dim=1)
    kept = batched_nms(boxes, probability, picture, iou_threshold=1 / 3)
    kept = kept[picture[kept].argsort(stable=True)]
    picture, row, column = picture[kept], row[kept], column[kept]
    choices = [scores.argmax(dim=1)[picture, row, column] for scores in said.choices]
    return Found(picture, x[kept], y[kept], probability[kept], torch.stack(choices, dim=1))
