r"""A painter: a code and a description to a picture of one thing.

It says apart what a thing looks like and where it stands (as in Yang et al. 2017,
arXiv:1703.01560), and is told by scales and shifts what to draw (FiLM: Perez et al. 2018,
arXiv:1709.07871). Left out on purpose: several things, and paper that is not black.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .close_look import Measures, place_ink
from .looking import GROUPS

SLOW = 0.2  # times what a linear map of all that is told says: its many weights move at once
LITTLE = -1.5  # what ink starts from, before the squashing: most of a picture is paper


class Told(nn.Module):
    r"""A convolution that is told something: $\mathrm{silu}((1 + \gamma)\,\hat h + \beta)$.

    $\hat h$ are the normalised features, and $(\gamma, \beta)$ a linear map of what is told, one
    pair a channel.
    """

    def __init__(self, c_in: int, c_out: int, told: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm = nn.GroupNorm(GROUPS, c_out, affine=False)
        self.told = nn.Linear(told, 2 * c_out)

    def forward(
        self, x: Float[Tensor, "b c_in h w"], told: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c_out h w"]:
        scale, shift = self.told(told)[:, :, None, None].chunk(2, dim=1)
        return F.silu((1 + scale) * self.norm(self.conv(x)) + shift)


class Painter(nn.Module):
    """A code and a description to a picture in [-1, 1].

    Together they say three things: the ink of a square, by convolutions on the way from 4 x 4 cells
    to 16 x 16; a colour; and where and how the square stands. That there is one thing on black
    paper need not be learned. Raises ValueError for widths that are no multiples of 8.
    """

    def __init__(
        self,
        said: int,
        *,
        code: int = 16,
        size: int = 32,
        channels: int = 3,
        widths: tuple[int, int, int] = (64, 32, 16),
    ) -> None:
        super().__init__()
        if any(width % GROUPS for width in widths):
            raise ValueError(f"found widths {widths}; expected multiples of {GROUPS}")
        self.code, self.size, told = code, size, code + said
        self.start = nn.Sequential(
            nn.Linear(told, widths[0] * 16), nn.Unflatten(1, (widths[0], 4, 4))
        )
        self.first = Told(widths[0], widths[1], told)
        self.second = Told(widths[1], widths[2], told)
        self.ink = nn.Conv2d(widths[2], 1, 3, padding=1)
        self.colour = nn.Linear(told, channels)
        self.stand = nn.Linear(told, 4)
        nn.init.constant_(self.ink.bias, LITTLE)

    def plan(self, told: Float[Tensor, "b d"]) -> Measures:
        """Where the thing is to stand, how, and its colour: all of it possible in a picture."""
        x, y, tall, slant = self.stand(told).unbind(dim=1)
        x, y = (self.size * axis.sigmoid() - 0.5 for axis in (x, y))
        colour = self.colour(told).sigmoid()
        return Measures(x, y, self.size / 10 * (0.5 * tall.tanh()).exp(), slant.tanh(), colour)

    def draw_ink(self, told: Float[Tensor, "b d"]) -> Float[Tensor, "b 1 16 16"]:
        """A thing by itself, upright, 0..1."""
        x = self.first(F.interpolate(self.start(told), scale_factor=2.0, mode="nearest"), told)
        x = self.second(F.interpolate(x, scale_factor=2.0, mode="nearest"), told)
        return 0.5 + 0.5 * self.ink(x).tanh()

    def forward(
        self, z: Float[Tensor, "b code"], said: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c h w"]:
        told = torch.cat([z, said], dim=1)
        plan, ink = self.plan(told), self.draw_ink(told)
        ink = place_ink(ink / ink.amax(dim=(2, 3), keepdim=True), plan, self.size)
        return 2 * ink * plan.colour[:, :, None, None] - 1
