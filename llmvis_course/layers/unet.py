r"""A small U-Net that looks at words: from a noisy picture, a time and a caption to a velocity.

Ronneberger et al. 2015, arXiv:1505.04597, for the shape; Rombach et al. 2022, arXiv:2112.10752, for
cross-attention to text; Podell et al. 2023, arXiv:2307.01952, for adding the text's gist to the
time, which tells the convolutions early in training what is wanted. Left out on purpose: dropout,
and work at full resolution (pixels enter and leave as patches of 2 x 2).
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .attention import MultiHeadAttention


class Words(NamedTuple):
    """An encoded caption."""

    vectors: Float[Tensor, "b m d"]
    mask: Bool[Tensor, "b m"]  # True for a word, False for padding


Looks = list[Tensor]
"""One entry a cross-attention, (b, heads, pixels, words): which pixel looked at which word."""


def time_features(t: Float[Tensor, " b"], width: int) -> Float[Tensor, "b width"]:
    r"""$(\cos 2\pi f_i t, \sin 2\pi f_i t)$, the $f_i$ from 1/4 to 32 in equal ratios."""
    exponent = torch.linspace(-2, 5, width // 2, device=t.device, dtype=t.dtype)
    angle = 2 * math.pi * t[:, None] * 2.0**exponent
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def all_words(words: Words) -> Float[Tensor, "b d"]:
    """The sum of a caption's vectors: its gist, without which word belongs to which.

    A mean would make every word fainter the longer the caption; digits were then learned last.
    """
    return (words.vectors * words.mask[:, :, None]).sum(dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions added to the input; a scale and a shift between them tell time and gist."""

    def __init__(self, c_in: int, c_out: int, *, time_width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(8, c_in), nn.GroupNorm(8, c_out)
        self.conv_1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.time = nn.Linear(time_width, 2 * c_out)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv_2.weight)  # starts as the identity, so that depth does no harm
        nn.init.zeros_(self.conv_2.bias)

    def forward(
        self, x: Float[Tensor, "b c h w"], time: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c2 h w"]:
        h = self.conv_1(F.silu(self.norm_1(x)))
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_2(F.silu(self.norm_2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class WordAttention(nn.Module):
    """Every pixel looks at every word (first, if asked, at every other pixel), then thinks."""

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        heads: int,
        text_width: int,
        look_around: bool = False,
    ) -> None:
        super().__init__()
        self.place = nn.Parameter(0.5 * torch.randn(size * size, channels))
        self.norm_1 = nn.LayerNorm(channels) if look_around else None
        self.norm_2, self.norm_3 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.pixels = MultiHeadAttention(channels, heads=heads) if look_around else None
        self.words = MultiHeadAttention(channels, heads=heads, context_width=text_width)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(
        self, x: Float[Tensor, "b c h w"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b c h w"]:
        """`looks`, when given, collects the weights of this block's cross-attention."""
        pixel = rearrange(x, "b c h w -> b (h w) c") + self.place
        if self.pixels is not None:
            pixel = pixel + self.pixels(self.norm_1(pixel)).values
        looked = self.words(self.norm_2(pixel), words.vectors, words.mask)
        if looks is not None:
            looks.append(looked.weights)
        pixel = pixel + looked.values
        pixel = pixel + self.mlp(self.norm_3(pixel))
        return rearrange(pixel, "b (h w) c -> b c h w", h=x.shape[2])


class UNet(nn.Module):
    """From 2 x 2 patches at 16 x 16 down to 8 x 8 and back, with a short cut at each size."""

    def __init__(
        self,
        *,
        channels: tuple[int, int] = (64, 128),
        text_width: int = 128,
        heads: int = 4,
        image_size: int = 32,
    ) -> None:
        super().__init__()
        c1, c2 = channels
        half, quarter = image_size // 2, image_size // 4
        attend = {"heads": heads, "text_width": text_width}
        t = self.time_width = 2 * c1
        self.time = nn.Sequential(nn.Linear(t, t), nn.SiLU(), nn.Linear(t, t))
        self.gist = nn.Linear(text_width, t)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, c1, 3, padding=1))

        self.down_1 = ResidualBlock(c1, c1, time_width=t)
        self.down_1_words = WordAttention(c1, half, **attend)
        self.shrink = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        self.down_2 = ResidualBlock(c2, c2, time_width=t)
        self.down_2_words = WordAttention(c2, quarter, look_around=True, **attend)

        self.middle = ResidualBlock(c2, c2, time_width=t)
        self.middle_words = WordAttention(c2, quarter, look_around=True, **attend)

        self.up_2 = ResidualBlock(2 * c2, c2, time_width=t)
        self.up_2_words = WordAttention(c2, quarter, look_around=True, **attend)
        self.grow = nn.Conv2d(c2, c1, 3, padding=1)
        self.up_1 = ResidualBlock(2 * c1, c1, time_width=t)
        self.up_1_words = WordAttention(c1, half, **attend)
        self.last = ResidualBlock(c1, c1, time_width=t)
        self.norm = nn.GroupNorm(8, c1)
        self.out = nn.Sequential(nn.Conv2d(c1, 12, 3, padding=1), nn.PixelShuffle(2))
        nn.init.zeros_(self.out[0].weight)
        nn.init.zeros_(self.out[0].bias)

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        t: Float[Tensor, " b"],
        words: Words,
        looks: Looks | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        time = self.time(time_features(t, self.time_width)) + self.gist(all_words(words))
        time = F.silu(time)
        h1 = self.down_1_words(self.down_1(self.stem(x), time), words, looks)
        h2 = self.down_2_words(self.down_2(self.shrink(h1), time), words, looks)
        h = self.middle_words(self.middle(h2, time), words, looks)
        h = self.up_2_words(self.up_2(torch.cat([h, h2], dim=1), time), words, looks)
        h = self.grow(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.up_1_words(self.up_1(torch.cat([h, h1], dim=1), time), words, looks)
        return self.out(F.silu(self.norm(self.last(h, time))))
