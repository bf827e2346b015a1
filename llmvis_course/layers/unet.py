r"""A small U-Net that looks at words: from a noisy picture, a time and a caption to a velocity.

Ronneberger et al. 2015, arXiv:1505.04597, for the shape; Rombach et al. 2022, arXiv:2112.10752, for
cross-attention to text. By default words come in through attention alone: a summary of the caption,
the same for every pixel, says "red, blue, seven, three" and leaves out which belongs to which.
Where captions name one thing, that is no loss (see `summarise` of `UNet`). Left out on purpose:
dropout, and work at full resolution (pixels enter and leave as patches of 2 x 2).
"""

import math
from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .attention import MultiHeadAttention, padding_mask

LOUDNESS = 8.0
"""What is read from the words is multiplied by about a caption's number of words.

Fresh attention takes a mean, in which one word of eight is faint; digits were then learned last.
"""


class Words(NamedTuple):
    """An encoded caption."""

    vectors: Float[Tensor, "b m d"]
    mask: Bool[Tensor, "b m"]  # True for a word, False for padding


def summary(words: Words) -> Float[Tensor, "b d"]:
    """One vector for a whole caption: the mean of its words, padding left out.

    Raises ValueError for a caption without a word.
    """
    counted = words.mask.sum(dim=1, keepdim=True)
    if not counted.all():
        raise ValueError("found a caption that is all padding; expected at least one word in each")
    return (words.vectors * words.mask[..., None]).sum(dim=1) / counted


Looks = list[Tensor]
"""One entry a cross-attention, (b, heads, pixels, words): which pixel looked at which word."""


def time_features(t: Float[Tensor, " b"], width: int) -> Float[Tensor, "b width"]:
    r"""$(\cos 2\pi f_i t, \sin 2\pi f_i t)$, the $f_i$ from 1/4 to 32 in equal ratios."""
    exponent = torch.linspace(-2, 5, width // 2, device=t.device, dtype=t.dtype)
    angle = 2 * math.pi * t[:, None] * 2.0**exponent
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions added to the input; a scale and a shift between them tell the time."""

    def __init__(self, channels: int, *, time_width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(time_width, 2 * channels)
        nn.init.zeros_(self.conv_2.weight)  # starts as the identity, so that depth does no harm
        nn.init.zeros_(self.conv_2.bias)

    def forward(
        self, x: Float[Tensor, "b c h w"], time: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c h w"]:
        h = self.conv_1(F.silu(self.norm_1(x)))
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        return x + self.conv_2(F.silu(self.norm_2(h) * (1 + scale) + shift))


class WordAttention(nn.Module):
    """Every pixel looks at every other pixel, then at every word, then thinks.

    `fuse`, when given, joins pixels and words instead (see layers/fusion.py).
    """

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        heads: int,
        text_width: int,
        fuse: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.place = nn.Parameter(0.5 * torch.randn(size * size, channels))
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(channels) for _ in range(3))
        self.pixels = MultiHeadAttention(channels, heads=heads)
        if fuse is None:
            self.words = MultiHeadAttention(channels, heads=heads, context_width=text_width)
        self.fuse = fuse
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(
        self, x: Float[Tensor, "b c h w"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b c h w"]:
        """`looks`, when given, collects the weights of this block's cross-attention."""
        pixel = rearrange(x, "b c h w -> b (h w) c") + self.place
        pixel = pixel + self.pixels(self.norm_1(pixel)).values
        join = self._look if self.fuse is None else self.fuse
        pixel = join(pixel, words, looks)
        pixel = pixel + self.mlp(self.norm_3(pixel))
        return rearrange(pixel, "b (h w) c -> b c h w", h=x.shape[2])

    def _look(
        self, pixel: Float[Tensor, "b n c"], words: Words, looks: Looks | None
    ) -> Float[Tensor, "b n c"]:
        looked = self.words(self.norm_2(pixel), words.vectors, padding_mask(words.mask))
        if looks is not None:
            looks.append(looked.weights)
        return pixel + LOUDNESS * looked.values


NewFuse = Callable[..., nn.Module]
"""Makes what joins pixels and words, from the number of channels and a `text_width`."""


class Thinking(nn.Module):
    """Convolve, then look at the words: `depth` times, at one size of picture.

    Without `reads` it only convolves.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        depth: int,
        time_width: int,
        heads: int,
        text_width: int,
        new_fuse: NewFuse | None = None,
        reads: bool = True,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, time_width=time_width) for _ in range(depth)
        )
        self.readers = nn.ModuleList(
            WordAttention(
                channels,
                size,
                heads=heads,
                text_width=text_width,
                fuse=new_fuse(channels, text_width=text_width) if new_fuse else None,
            )
            for _ in range(depth if reads else 0)
        )

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        time: Float[Tensor, "b d"],
        words: Words,
        looks: Looks | None = None,
    ) -> Float[Tensor, "b c h w"]:
        for block, reader in zip_longest(self.blocks, self.readers):
            x = block(x, time)
            x = x if reader is None else reader(x, words, looks)
        return x


class Thought(NamedTuple):
    """What the network has made of a noisy picture, before it draws."""

    fine: Float[Tensor, "b c1 2*h 2*w"]  # the short cut: what was seen, but no word
    coarse: Float[Tensor, "b c2 h w"]  # what words and picture say together
    time: Float[Tensor, "b d"]


class UNet(nn.Module):
    """From 2 x 2 patches at 16 x 16 by way of 8 x 8 to 4 x 4, and back by short cuts.

    A cell of the 4 x 4 is as large as a digit, so there a word for a whole digit has one cell to
    speak to; at 8 x 8 words reach its parts. Words come in by `LOUDNESS` times cross-attention, or
    by what `new_fuse` makes, such as a class of layers/fusion.py.

    With `summarise`, the mean of a caption's words goes where the time goes, to every block (as in
    SDXL, Podell et al. 2023, arXiv:2307.01952), and only the 4 x 4 looks at single words. That
    takes half the time, and captions of one thing lose nothing by it.
    """

    def __init__(
        self,
        *,
        channels: tuple[int, int] = (64, 128),
        text_width: int = 128,
        heads: int = 4,
        image_size: int = 32,
        new_fuse: NewFuse | None = None,
        summarise: bool = False,
    ) -> None:
        super().__init__()
        c1, c2 = channels
        self.time_features = time = 2 * c1
        self.time = _two_layers(self.time_features, time)
        self.summary = None
        if summarise:
            self.summary = nn.Sequential(nn.LayerNorm(text_width), *_two_layers(text_width, time))
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, c1, 3, padding=1))
        self.down = ResidualBlock(c1, time_width=time)
        self.shrink = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        options = {"time_width": time, "heads": heads, "text_width": text_width}
        options["new_fuse"] = new_fuse
        at_8 = {"reads": not summarise, **options}
        self.before = Thinking(c2, image_size // 4, depth=1, **at_8)
        self.shrink_again = nn.Conv2d(c2, c2, 3, stride=2, padding=1)
        self.deep = Thinking(c2, image_size // 8, depth=2, **options)
        self.grow_again = nn.Sequential(nn.Conv2d(c2, 4 * c2, 1), nn.PixelShuffle(2))
        self.after = Thinking(c2, image_size // 4, depth=2, **at_8)
        self.names = nn.Sequential(nn.GroupNorm(8, c2), nn.SiLU(), nn.Conv2d(c2, 10, 1))
        self.grow = nn.Conv2d(c2, c1, 1)
        self.up = ResidualBlock(c1, time_width=time)
        self.norm = nn.GroupNorm(8, c1)
        self.out = nn.Sequential(nn.Conv2d(c1, 12, 3, padding=1), nn.PixelShuffle(2))
        nn.init.zeros_(self.out[0].weight)  # starts with plain black paper
        nn.init.zeros_(self.out[0].bias)

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        t: Float[Tensor, " b"],
        words: Words,
        looks: Looks | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        return self.draw(self.think(x, t, words, looks))

    def think(
        self,
        x: Float[Tensor, "b 3 h w"],
        t: Float[Tensor, " b"],
        words: Words,
        looks: Looks | None = None,
    ) -> Thought:
        """Look at the picture and at the words."""
        told = self.time(time_features(t, self.time_features))
        if self.summary is not None:
            told = told + self.summary(summary(words))
        time = F.silu(told)
        fine = self.down(self.stem(x), time)
        h = self.before(self.shrink(fine), time, words, looks)
        h = h + self.grow_again(self.deep(self.shrink_again(h), time, words, looks))
        return Thought(fine, self.after(h, time, words, looks), time)

    def draw(self, thought: Thought) -> Float[Tensor, "b 3 h w"]:
        """Turn a thought into pixels."""
        rough = F.interpolate(self.grow(thought.coarse), scale_factor=2.0, mode="nearest")
        return self.out(F.silu(self.norm(self.up(thought.fine + rough, thought.time))))

    def unlike_others(self) -> list[nn.Module]:
        """What Muon is not for: the first and last layers, and those that tell the time.

        The latter would take a fifth of its time, and have no rare directions to learn.
        """
        tellers = [module.time for module in self.modules() if hasattr(module, "time")]
        return [self.stem, self.out, *tellers, *filter(None, [self.summary])]

    def name(self, thought: Thought) -> Float[Tensor, "b 10 h w"]:
        """For every cell of 4 x 4 pixels, a score for each digit that may come to lie there."""
        return self.names(thought.coarse)


def _two_layers(width: int, to: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, to), nn.SiLU(), nn.Linear(to, to))
