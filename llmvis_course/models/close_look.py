r"""Where the ink of a picture lies, a close look at it there, and the way back.

Centre, height and slant are moments of the light, for real and for drawn pictures alike; no label
is used. A close look cuts the ink out, upright and at one size; `place_ink` lays ink where it
should stand. Both are spatial transformers (Jaderberg et al. 2015, arXiv:1506.02025). Left out on
purpose: several things in one picture, and paper that is not black.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LOOK = 16  # pixels, the side of a close look
WIDE = 2.3  # half its side, in standard deviations of the ink's rows


class Measures(NamedTuple):
    """How one thing stands in its picture. Pixels are counted from the middle of the first."""

    x: Float[Tensor, " b"]  # centre of mass, to the right
    y: Float[Tensor, " b"]  # downwards
    tall: Float[Tensor, " b"]  # standard deviation of its rows, pixels
    slant: Float[Tensor, " b"]  # as data/glyphs.py counts it: positive leans right
    colour: Float[Tensor, "b c"]  # 0..1, where the ink is strongest


def light_of(pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w"]:
    """The brightest channel, 0..1."""
    return (pictures.amax(dim=1) + 1) / 2


def measure(pictures: Float[Tensor, "b c h w"]) -> Measures:
    r"""Means, spread, slant $-\mathrm{cov}(x, y)/\mathrm{var}(y)$ and colour, weighted by light."""
    light = light_of(pictures)
    row, column = (torch.arange(n, device=light.device, dtype=light.dtype) for n in light.shape[1:])
    part = light / light.sum(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    x, y = (part.sum(dim=1) * column).sum(dim=1), (part.sum(dim=2) * row).sum(dim=1)
    dx, dy = column - x[:, None], row - y[:, None]
    variance = (part.sum(dim=2) * dy**2).sum(dim=1).clamp_min(0.5)
    covariance = torch.einsum("b h w, b h, b w -> b", part, dy, dx)
    hue = torch.einsum("b h w, b c h w -> b c", part, (pictures + 1) / 2)
    hue = hue / hue.amax(dim=1, keepdim=True).clamp_min(1e-6)
    colour = hue * light.amax(dim=(1, 2))[:, None]
    return Measures(x, y, variance.sqrt(), -covariance / variance, colour)


def measures_apart(mine: Measures, right: Measures) -> Float[Tensor, ""]:
    """How far two sets of measures lie apart, squared, in sum.

    A pixel of the centre counts as much as a tenth of height, of slant and of a colour.
    """
    apart = [mine.x - right.x, mine.y - right.y, 10 * (mine.slant - right.slant)]
    apart += [10 * (mine.tall / right.tall).log(), *(10 * (mine.colour - right.colour)).unbind(1)]
    return sum(far.square() for far in apart).mean()


def tents(at: Float[Tensor, " *i"], size: int) -> Float[Tensor, "*i pixels"]:
    """Weights of linear interpolation: how much each of `size` pixels counts at a position."""
    pixels = torch.arange(size, device=at.device, dtype=at.dtype)
    return (1 - (at[..., None] - pixels).abs()).clamp_min(0)


def close_look(pictures: Float[Tensor, "b c h w"], size: int = LOOK) -> Float[Tensor, "b 1 s s"]:
    """The light around each one's ink, 0..1: in the middle, upright, of one height, its peak 1.

    Where to look is taken as given: slopes go through what is seen only. Products of matrices in
    place of torch's `grid_sample`, which cannot be differentiated twice, as R1 must.
    """
    light, at = light_of(pictures), measure(pictures.detach())
    peak = light.detach().amax(dim=(1, 2)).clamp_min(0.1)
    steps = torch.linspace(-WIDE, WIDE, size, device=light.device, dtype=light.dtype)
    steps = steps * at.tall[:, None]
    rows = tents(at.y[:, None] + steps, light.shape[1])
    leaned = steps[:, None, :] - (at.slant[:, None] * steps)[:, :, None]  # of row i, column j
    columns = tents(at.x[:, None, None] + leaned, light.shape[2])
    found = torch.einsum("b i x, b i j x -> b i j", torch.bmm(rows, light), columns)
    return (found / peak[:, None, None])[:, None]


def place_ink(ink: Float[Tensor, "b 1 g g"], plan: Measures, size: int) -> Float[Tensor, "b 1 s s"]:
    r"""Lay ink, 0..1, on a sheet of `size` pixels so that it measures what `plan` says.

    A pixel $(\Delta x, \Delta y)$ off the planned centre asks for the ink at
    $(r(\Delta x + s\,\Delta y) - s_0 r \Delta y,\; r\,\Delta y)$ off the ink's own centre; $s$ is
    the planned slant, $s_0$ the ink's own, and $r$ the ratio of the ink's own height to the plan's.
    """
    own, pixels = measure(2 * ink.detach() - 1), torch.arange(size, device=ink.device)
    ratio = (own.tall / plan.tall)[:, None, None]
    dx, dy = pixels - plan.x[:, None, None], pixels[:, None] - plan.y[:, None, None]
    sheared = dx + (plan.slant - own.slant)[:, None, None] * dy
    there = torch.stack(
        [
            own.x[:, None, None] + ratio * sheared,
            (own.y[:, None, None] + ratio * dy).expand_as(sheared),
        ],
        dim=-1,
    )
    return F.grid_sample(ink, 2 * there / (ink.shape[-1] - 1) - 1, align_corners=True)
