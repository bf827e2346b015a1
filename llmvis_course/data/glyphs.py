r"""Handwriting made comparable: upright, cropped, and ready to be drawn at any size.

How far a character leans is its slant, $s = \mathrm{cov}(x, y) / \mathrm{var}(y)$ over its ink,
with $y$ pointing up: the horizontal shift per unit of height. Shearing every character by $-s$
makes it upright; shearing it again by a chosen amount then *is* its lean. (LeCun et al. 1998,
"Gradient-based learning applied to document recognition", deslant their digits in the same way.)
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from .digits import Handwriting

GLYPH_SIZE = 28
FILL = 0.8
"""The part of a glyph's square that the character's height fills; the rest is margin."""
MAX_ASPECT = 0.7
"""Width over height, at most: a wider character is squeezed."""


class Moments(NamedTuple):
    """Centre and slant of some ink; positions in units of half a picture, -1 to 1."""

    x: Float[Tensor, " b"]  # to the right
    y: Float[Tensor, " b"]  # downwards, as pixels count
    slant: Float[Tensor, " b"]  # positive leans right


class Glyphs(NamedTuple):
    """Upright characters, their height filling `FILL` of a square, peak ink 1."""

    ink: Float[Tensor, "b g g"]
    label: Int[Tensor, " b"]
    aspect: Float[Tensor, " b"]  # width over height


def moments(ink: Float[Tensor, "b h w"]) -> Moments:
    r"""First moments and slant $\mathrm{cov}(x, y)/\mathrm{var}(y)$, $y$ up, weighted by ink."""
    h, w = ink.shape[1:]
    y = torch.linspace(-1, 1, h, dtype=ink.dtype, device=ink.device)[:, None]
    x = torch.linspace(-1, 1, w, dtype=ink.dtype, device=ink.device)[None, :]
    weight = ink / ink.sum(dim=(1, 2), keepdim=True).clamp_min(1e-8)
    mean_x, mean_y = ((weight * axis).sum(dim=(1, 2)) for axis in (x, y))
    dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
    covariance, variance = (weight * dx * dy).sum(dim=(1, 2)), (weight * dy**2).sum(dim=(1, 2))
    return Moments(mean_x, mean_y, -covariance / variance.clamp_min(1e-8) * (w - 1) / (h - 1))


def affine_sample(
    ink: Float[Tensor, "b h w"],
    x: Float[Tensor, " b"],
    y: Float[Tensor, " b"],
    width: Float[Tensor, " b"],
    height: Float[Tensor, " b"],
    slant: Float[Tensor, " b"],
    size: int,
) -> Float[Tensor, "b size size"]:
    """Cut the window centred on (x, y) of the given half-width and half-height, sheared upright."""
    zero = torch.zeros_like(x)
    theta = torch.stack(
        [torch.stack([width, -slant * height, x], 1), torch.stack([zero, height, y], 1)], 1
    )
    grid = F.affine_grid(theta, [len(ink), 1, size, size], align_corners=True)
    return F.grid_sample(ink[:, None], grid, align_corners=True)[:, 0]


def extent(profile: Float[Tensor, "b n"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """First and last place, in -1..1, where a profile crosses a quarter of its peak."""
    n = profile.shape[1]
    level = 0.25 * profile.amax(dim=1, keepdim=True).clamp_min(1e-8)
    above = (profile >= level).float()
    rows = torch.arange(len(profile), device=profile.device)

    def first(profile: Tensor, above: Tensor) -> Tensor:
        i = above.argmax(dim=1)
        here, before = profile[rows, i], profile[rows, (i - 1).clamp_min(0)]
        part = ((here - level[:, 0]) / (here - before).clamp_min(1e-8)).clamp(0, 1)
        return i - torch.where(i > 0, part, torch.zeros_like(part))

    low, high = first(profile, above), n - 1 - first(profile.flip(1), above.flip(1))
    return 2 * low / (n - 1) - 1, 2 * high / (n - 1) - 1


def make_glyphs(handwriting: Handwriting) -> Glyphs:
    """Deslant, crop, squeeze and centre each character of `handwriting`."""
    ink = F.pad(handwriting.ink, (2, 2, 2, 2))
    ink = F.interpolate(ink[:, None], size=64, mode="bicubic", align_corners=True)[:, 0].clamp(0, 1)
    one = torch.ones(len(ink))
    m = moments(ink)
    upright = affine_sample(ink, m.x, m.y, one, one, m.slant, 64)
    left, right = extent(upright.amax(dim=1))
    top, bottom = extent(upright.amax(dim=2))
    height = (bottom - top) / 2
    aspect = ((right - left) / (bottom - top)).clamp(max=MAX_ASPECT)
    width = (right - left) / (2 * aspect)  # so that the character spans `aspect` of the window
    glyph = affine_sample(
        upright,
        (left + right) / 2,
        (top + bottom) / 2,
        width / FILL,
        height / FILL,
        0 * one,
        GLYPH_SIZE,
    )
    glyph = affine_sample(glyph, 0 * one, 0 * one, one, one, moments(glyph).slant, GLYPH_SIZE)
    return Glyphs(glyph / glyph.amax(dim=(1, 2), keepdim=True), handwriting.label, aspect)


def blur(ink: Float[Tensor, "b h w"], sigma: float) -> Float[Tensor, "b h w"]:
    """Gaussian blur, its peak brought back to 1: keeps thin strokes when a glyph is drawn small."""
    radius = max(1, int(3 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=ink.dtype, device=ink.device)
    kernel = torch.exp(-0.5 * (offset / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    soft = F.conv2d(ink[:, None], kernel, padding=(radius, 0))
    soft = F.conv2d(soft, rearrange(kernel, "o i k l -> o i l k"), padding=(0, radius))[:, 0]
    return soft / soft.amax(dim=(1, 2), keepdim=True).clamp_min(1e-8)


def vary(glyphs: Glyphs, *, copies: int, rng: torch.Generator, bend: float = 0.07) -> Glyphs:
    """More handwriting from little: all characters, and `copies` of each, bent, thinned, thickened.

    Each point moves by a smooth random amount, about `bend` of half a glyph (elastic distortion:
    Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document
    analysis").
    """
    varied = [_bend(glyphs, bend, rng) for _ in range(copies)]
    return Glyphs(*(torch.cat(field) for field in zip(glyphs, *varied, strict=True)))


def _bend(glyphs: Glyphs, bend: float, rng: torch.Generator) -> Glyphs:
    n, side = len(glyphs.ink), glyphs.ink.shape[-1]
    coarse = bend * torch.randn(n, 2, 4, 4, generator=rng)
    shift = F.interpolate(coarse, size=side, mode="bicubic", align_corners=True)
    still = torch.eye(2, 3).expand(n, -1, -1)
    where = F.affine_grid(still, [n, 1, side, side], align_corners=True)
    grid = where + rearrange(shift, "n two h w -> n h w two")
    ink = F.grid_sample(glyphs.ink[:, None], grid, align_corners=True)[:, 0]
    ink = (ink / ink.amax(dim=(1, 2), keepdim=True)).clamp(0, 1)
    power = 2.0 ** (1.2 * torch.rand(n, 1, 1, generator=rng) - 0.6)
    return glyphs._replace(ink=ink**power)
