r"""Hints for a model that draws cell by cell: what lies around the next one, and what was asked.

Attention can find both, but has to learn first where to look. Handed over as a sum, they are there
from the first step. The cells above are what a PixelCNN's filter sees (van den Oord et al. 2016,
arXiv:1606.05328).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

WAYS = ((-1, -1), (-1, 0), (-1, 1), (-2, 0), (0, -2))
"""Rows down and columns right, from the next cell to those that are shown. (0, -1) is read anyway.
"""


class DrawingHints(nn.Module):
    """For each cell of a grid of `side` x `side`, cells written before it, and a caption's words.

    The caption comes in as the sum of its words' vectors, through two layers: which words there
    are, but not their order. What belongs to what is left to attention.
    """

    def __init__(self, side: int, width: int) -> None:
        super().__init__()
        self.around = nn.Linear(len(WAYS) * width, width, bias=False)
        self.said = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )
        row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        seen = []
        for down, right in WAYS:
            r, c = row + down, column + right
            inside = (r >= 0) & (c >= 0) & (c < side)
            seen.append(torch.where(inside, 1 + r * side + c, 0).flatten())  # 0: outside
        self.register_buffer("seen", torch.stack(seen, dim=1), persistent=False)

    def forward(
        self,
        words: Float[Tensor, "b m d"],
        mask: Bool[Tensor, "b m"],
        drawn: Float[Tensor, "b k d"],
        *,
        first: int = 0,
    ) -> Float[Tensor, "b n d"]:
        """Hints for cells `first` to `k`, the next one, where `k` are drawn.

        `mask` is True for a word of the caption.
        """
        cells = self.seen[first : drawn.shape[1] + 1]
        known = F.pad(drawn, (0, 0, 1, 0))[:, cells].flatten(2)
        said = self.said((words * mask[..., None]).sum(dim=1))
        return self.around(known) + said[:, None]
