r"""Two towers: pictures and captions become points of one space, and what belongs together meets.

Radford et al. 2021, arXiv:2103.00020 (CLIP). The picture tower is a Vision Transformer (ViT:
Dosovitskiy et al. 2021, arXiv:2010.11929): patches as tokens. A ViT by itself is a classifier of
pictures that has never met a word; the contrastive loss below is what joins it to language. Left
out on purpose: a causal text tower, since ours reads in both directions, and batches spread over
machines.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers.transformer import Block, TextEncoder
from .content import CELL, ContentReader

START_TEMPERATURE = 0.07
COLDEST = 0.01
"""The temperature goes no lower, as in the paper: similarities are multiplied by 100 at most."""


class Eyes:
    """What a content reader sees in each cell of a picture, for a tower that need not learn to see.

    Its weights are locked, and are no part of the tower: neither trained nor saved with it. (Zhai
    et al. 2022, arXiv:2111.07991, found that a locked picture tower reads best.)
    """

    def __init__(self, reader: ContentReader) -> None:
        self.reader = reader.eval().requires_grad_(False)
        self.width = reader.where.in_channels

    @torch.no_grad()
    def __call__(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d h//4 w//4"]:
        light = 1 + pictures.amax(dim=1, keepdim=True)  # black paper is 0
        return self.reader.fuse(self.reader.backbone(light))[0]


class PatchEncoder(nn.Module):
    """A Vision Transformer: a picture is cut into patches, and a Transformer reads them as words.

    Each patch of `patch` pixels a side is multiplied by one matrix. With `eyes`, which want patches
    of 4, each is also told what they see there. One more token, the same for every picture, looks
    at all patches and becomes the summary. Raises ValueError when patches do not fit.
    """

    def __init__(
        self,
        *,
        width: int = 96,
        depth: int = 2,
        heads: int = 4,
        patch: int = CELL,
        image_size: int = 32,
        eyes: Eyes | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch or (eyes is not None and patch != CELL):
            raise ValueError(
                f"patches of {patch} pixels do not fill {image_size}; expected a divisor, and "
                f"{CELL} with eyes"
            )
        self.patch = nn.Conv2d(3, width, patch, stride=patch)  # side by side, so no overlap
        self.eyes = eyes
        if eyes is not None:  # normalised, or what the eyes say would drown the colours
            self.seen = nn.Sequential(nn.GroupNorm(1, eyes.width), nn.Conv2d(eyes.width, width, 1))
        self.summary = nn.Parameter(torch.randn(width))
        self.place = nn.Parameter(0.3 * torch.randn((image_size // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads=heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        patches = self.patch(pictures)
        if self.eyes is not None:
            patches = patches + self.seen(self.eyes(pictures))
        x = rearrange(patches, "b d i j -> b (i j) d") + self.place
        x = torch.cat([self.summary.expand(len(x), 1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])


class TwoTowers(nn.Module):
    r"""A picture tower and a text tower, and the temperature $\tau$ that they learn with."""

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 96,
        depth: tuple[int, int] = (2, 2),  # blocks of the picture tower, of the text tower
        heads: int = 4,
        space: int = 64,  # dimensions of the common space
        eyes: Eyes | None = None,
    ) -> None:
        super().__init__()
        self.pictures = PatchEncoder(width=width, depth=depth[0], heads=heads, eyes=eyes)
        self.texts = TextEncoder(vocabulary, width=width, depth=depth[1], heads=heads)
        self.from_picture = nn.Linear(width, space, bias=False)
        self.from_text = nn.Linear(width, space, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(START_TEMPERATURE)))

    @property
    def scale(self) -> Float[Tensor, ""]:
        r"""$1 / \tau$, learned as its logarithm so that it stays above zero; 100 at most."""
        return self.log_scale.clamp(max=-math.log(COLDEST)).exp()

    def see(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Pictures as points on the unit sphere."""
        return F.normalize(self.from_picture(self.pictures(pictures)), dim=1)

    def read(self, ids: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Captions as points on the unit sphere: what their first token, [START], has gathered."""
        return F.normalize(self.from_text(self.texts(ids, mask)[:, 0]), dim=1)

    def forward(
        self,
        pictures: Float[Tensor, "b 3 h w"],
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, " b"]:
        r"""The alignment of each picture with its own caption: a cosine, -1 to 1."""
        return (self.see(pictures) * self.read(ids, mask)).sum(dim=1)

    def loss(
        self,
        pictures: Float[Tensor, "b 3 h w"],
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, ""]:
        """How badly each picture finds its caption, and each caption its picture, in nats."""
        return contrastive_loss(self.see(pictures), self.read(ids, mask), self.scale)


def contrastive_loss(
    pictures: Float[Tensor, "n d"],
    texts: Float[Tensor, "m d"],
    scale: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    r"""$-\frac{1}{2n} \sum_i \Big( \log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}}
    + \log \frac{e^{s_{ii}}}{\sum_j e^{s_{ji}}} \Big)$ with $s_{ij} = u_i \cdot w_j / \tau$.

    Row $i$ of `pictures`, $u_i$, belongs to row $i$ of `texts`, $w_i$; both have length 1, and
    `scale` is $1/\tau$. In nats; guessing scores $\log n$. Raises ValueError unless there are as
    many texts as pictures, and at least two. Figure 3 of the paper.
    """
    if pictures.shape != texts.shape or len(pictures) < 2:
        raise ValueError(
            f"found pictures of shape {tuple(pictures.shape)} and texts of {tuple(texts.shape)}; "
            "expected the same shape, and at least two of each, since one pair has no wrong answer"
        )
    similarity = scale * pictures @ texts.T
    own = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


def ranks(similarity: Float[Tensor, "n m"]) -> Int[Tensor, " n"]:
    """How many columns stand before a row's own, the diagonal; 0 is found first.

    Equal scores stand before it, so that a tower that says the same of everything finds nothing.
    Raises ValueError when rows and columns are not as many.
    """
    if len(similarity) != similarity.shape[1]:
        raise ValueError(f"found a table of {tuple(similarity.shape)}; expected a square one")
    return (similarity >= similarity.diagonal()[:, None]).sum(dim=1) - 1


def recall(similarity: Float[Tensor, "n m"], k: int = 1) -> float:
    """The share of rows whose own column is among the `k` best, 0 to 1.

    Raises ValueError unless 1 <= k <= n.
    """
    if not 1 <= k <= len(similarity):
        raise ValueError(f"k is {k}; expected 1 to {len(similarity)}, as many as there are to find")
    return (ranks(similarity) < k).float().mean().item()
