r"""The article's system, made to work: a GPT-2 reads a caption, a generator draws it, eyes check.

Text to image by a conditional GAN is due to Reed et al. 2016, arXiv:1605.05396. Two things are
added. The generator draws a thing apart from where it stands (Yang et al. 2017, arXiv:1703.01560),
told by scales and shifts what to draw (FiLM: Perez et al. 2018, arXiv:1709.07871). And a frozen
network reads the drawn picture: its cross-entropy on what the caption names is a *content loss*.
The game itself is in models/gan.py. Left out on purpose: attention from pixels to words, and
captions of several things.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .game import Game
from .gan import GAN, Discriminator
from .looking import GROUPS
from .picture_losses import caption_content_loss, copying_loss

if TYPE_CHECKING:
    from transformers import GPT2Model

PAD = 0  # the token that fills a row up, as in data/tokens.py
START = 0.1  # the spread of fresh weights; GPT-2's 0.02 suits a width of 768, not of 96
SLOW = 0.2  # times what a linear map of all that is told says: its many weights move at once


def small_gpt2(
    vocabulary: int, *, width: int = 96, depth: int = 2, longest: int = 32
) -> "GPT2Model":
    """A fresh GPT-2 of transformers, small enough to be trained here."""
    from transformers import GPT2Config, GPT2Model  # slow to import, so only when asked

    config = GPT2Config(
        vocab_size=vocabulary,
        n_embd=width,
        n_layer=depth,
        n_head=4,
        n_positions=longest,
        initializer_range=START,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    )
    return GPT2Model(config)


class CaptionEncoder(nn.Module):
    """Token ids to one vector a caption: the mean of a GPT-2's states over its tokens, normalised.

    Rows are filled up at the end with `pad`. Filling is left out of the mean, and a GPT-2 looks
    back only, so that a row's vector does not depend on how far it is filled. A mean of many
    words is faint, and most of it is the same for all captions: hence the normalisation.
    """

    def __init__(self, gpt2: "GPT2Model", *, pad: int = PAD) -> None:
        super().__init__()
        self.gpt2, self.pad = gpt2, pad
        self.width = gpt2.config.n_embd
        self.norm = nn.BatchNorm1d(self.width, affine=False)

    def forward(self, ids: Int[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Raises ValueError for an empty caption, or one longer than the GPT-2 can read."""
        if ids.shape[1] > self.gpt2.config.n_positions:
            raise ValueError(
                f"found {ids.shape[1]} tokens; expected at most {self.gpt2.config.n_positions}"
            )
        mask = ids != self.pad
        if not mask.any(dim=1).all():
            raise ValueError("found a caption without a token; expected at least one")
        states = self.gpt2(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        mask = mask[:, :, None]
        return self.norm((states * mask).sum(dim=1) / mask.sum(dim=1))


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


class Pose(NamedTuple):
    """Where a thing stands and how; lengths in units of half a picture."""

    x: Float[Tensor, " b"]  # of its centre, to the right
    y: Float[Tensor, " b"]  # downwards
    half: Float[Tensor, " b"]  # half the side of its square
    slant: Float[Tensor, " b"]  # as data/glyphs.py counts it: positive leans right


def place_ink(ink: Float[Tensor, "b 1 g g"], pose: Pose, size: int) -> Float[Tensor, "b 1 s s"]:
    r"""Lay a square of ink on black paper: each pixel asks where in the square its ink comes from.

    A pixel at $(X, Y)$ asks at $v = (Y - y)/h$ and $u = (X - x)/h + s\,v$, $h$ the half side and
    $s$ the slant. All four can be learned (Jaderberg et al. 2015, arXiv:1506.02025).
    """
    one, zero = torch.ones_like(pose.half), torch.zeros_like(pose.half)
    rows = [
        torch.stack([one, pose.slant, -pose.x - pose.slant * pose.y], dim=1),
        torch.stack([zero, one, -pose.y], dim=1),
    ]
    theta = torch.stack(rows, dim=1) / pose.half[:, None, None]
    grid = F.affine_grid(theta, [len(ink), 1, size, size], align_corners=False)
    return F.grid_sample(ink, grid, align_corners=False)


class Painter(nn.Module):
    """A code and a caption to a picture in [-1, 1]: a generator whose condition is a caption.

    Code and caption together say three things: the ink of a square of half the picture's side, by
    convolutions on the way from 4 x 4 cells; a colour; and where and how the square stands. (Yang
    et al. 2017, arXiv:1703.01560, draw each thing so.) That there is one thing on black paper it
    need not learn, and that sevens may stand anywhere in any colour follows. Raises ValueError for
    a size that is no multiple of 8, or widths that cannot be normalised in groups of 8.
    """

    def __init__(
        self,
        encoder: CaptionEncoder,
        *,
        code: int = 32,
        size: int = 32,
        channels: int = 3,
        widths: tuple[int, int, int] = (96, 64, 32),
    ) -> None:
        super().__init__()
        if size % 8 or any(width % GROUPS for width in widths):
            raise ValueError(
                f"found size {size} and widths {widths}; expected multiples of 8 and of {GROUPS}"
            )
        self.encoder, self.code, self.size = encoder, code, size
        told, side = code + encoder.width, size // 8
        self.start = nn.Sequential(
            nn.Linear(told, widths[0] * side * side), nn.Unflatten(1, (widths[0], side, side))
        )
        self.first = Told(widths[0], widths[1], told)
        self.second = Told(widths[1], widths[2], told)
        self.ink = nn.Conv2d(widths[2], 1, 3, padding=1)
        self.colour = nn.Linear(told, channels)
        self.pose = nn.Linear(told, 4)

    def stands(self, told: Float[Tensor, "b d"]) -> Pose:
        """Inside the picture, 10 to 21 pixels of 32 wide, upright or not."""
        x, y, half, slant = (SLOW * self.pose(told)).tanh().unbind(dim=1)
        return Pose(0.65 * x, 0.65 * y, 0.45 * (0.4 * half).exp(), 0.6 * slant)

    def forward(
        self, z: Float[Tensor, "b code"], ids: Int[Tensor, "b n"]
    ) -> Float[Tensor, "b c h w"]:
        told = torch.cat([z, self.encoder(ids)], dim=1)
        x = self.first(F.interpolate(self.start(told), scale_factor=2.0, mode="nearest"), told)
        x = self.second(F.interpolate(x, scale_factor=2.0, mode="nearest"), told)
        ink = place_ink(some_ink(self.ink(x)), self.stands(told), self.size)
        light = brightest_is_1(self.colour(told))
        return 2 * ink * light[:, :, None, None] - 1


def some_ink(said: Float[Tensor, "b 1 g g"]) -> Float[Tensor, "b 1 g g"]:
    """Any numbers to ink, 0..1 by a tanh; normalised first, so that about a fifth of it is dark.

    A fifth at 2 and the rest at -1/2 have mean 0 and deviation 1: they become 0.98 and 0.01.
    """
    return 0.5 + 0.5 * (1.6 * F.instance_norm(said) - 1.3).tanh()


def brightest_is_1(said: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    """Any numbers to 0..1 by a tanh, and the largest of each row to 1: nothing can hide."""
    light = 0.5 + 0.5 * said.tanh()
    return light / light.amax(dim=1, keepdim=True)


def small_painter(vocabulary: int) -> Painter:
    """The painter that is shipped, before it has learned anything."""
    return Painter(CaptionEncoder(small_gpt2(vocabulary)))


def small_critic(encoder: CaptionEncoder, *, size: int = 32, channels: int = 3) -> Discriminator:
    """A discriminator with a reader of its own: each player owns all its weights."""
    embed = nn.Sequential(encoder, nn.Linear(encoder.width, 128))
    return Discriminator(size=size, channels=channels, embed=embed)


class TextGAN(GAN):
    """A painter, a critic, the game between them, and frozen eyes that read what was drawn.

    Without `eyes` it is a conditional GAN as it stands in models/gan.py. The eyes are kept out of
    `parameters()` and `state_dict()`: they are no player.
    """

    def __init__(
        self,
        painter: Painter,
        critic: nn.Module,
        game: Game,
        *,
        eyes: nn.Module | None = None,
        penalty: float = 0.0,
        penalised: int | None = None,
    ) -> None:
        super().__init__(
            painter, critic, game, code=painter.code, penalty=penalty, penalised=penalised
        )
        self._eyes = [] if eyes is None else [eyes.eval().requires_grad_(False)]

    @property
    def eyes(self) -> nn.Module | None:
        return self._eyes[0] if self._eyes else None

    def generator_losses(
        self,
        x: Float[Tensor, "b c h w"],
        ids: Int[Tensor, "b n"],
        asked: Int[Tensor, "b questions"] | None = None,
        *,
        rng: torch.Generator,
    ) -> dict[str, Float[Tensor, ""]]:
        """"adversarial", the game's; "copy"; and with eyes "content": of the same drawn pictures.

        How much each counts is another's decision (training/weighting.py). Raises ValueError where
        there are eyes and nothing is asked.
        """  # fmt: skip
        if self.eyes is not None and asked is None:
            raise ValueError("found eyes and no `asked`; expected what each caption names")
        drawn = self.draw(len(x), ids, rng=rng)
        real = None
        if self.game.compares:
            with torch.no_grad():
                real = self.discriminator(x, ids)
        losses = {"adversarial": self.game.generator(real, self.discriminator(drawn, ids))}
        losses["copy"] = copying_loss(drawn, x)
        if self.eyes is not None:
            losses["content"] = caption_content_loss(self.eyes(drawn), asked)
        return losses
