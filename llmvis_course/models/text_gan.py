r"""The article's system, made to work: a GPT-2 reads a caption, a generator draws it, eyes check.

Text to image by a conditional GAN is due to Reed et al. 2016, arXiv:1605.05396. Two things are
added. What the caption says reaches every layer of the generator as a scale and a shift (FiLM:
Perez et al. 2018, arXiv:1709.07871). And a frozen network reads the drawn picture: its
cross-entropy on what the caption names is a *content loss*, as a frozen classifier's was for class
labels (Odena et al. 2017, arXiv:1610.09585, though there the two are one network). The game itself
is in models/gan.py. Left out on purpose: attention from pixels to words, and captions of several
things.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .content import Answers
from .game import Game
from .gan import GAN, Discriminator
from .looking import GROUPS

if TYPE_CHECKING:
    from transformers import GPT2Model

PAD = 0  # the token that fills a row up, as in data/tokens.py
PAPER = -1.5  # what the last layer says at first: tanh makes it -0.9, nearly black


def small_gpt2(vocabulary: int, *, width: int = 96, depth: int = 2, longest: int = 32):
    """A fresh GPT-2 of transformers, small enough to be trained here."""
    from transformers import GPT2Config, GPT2Model  # slow to import, so only when asked

    nothing = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    size = {"n_embd": width, "n_layer": depth, "n_head": 4, "n_positions": longest}
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"), None)
    return GPT2Model(GPT2Config(vocab_size=vocabulary, use_cache=False, **size, **nothing, **ends))


class CaptionEncoder(nn.Module):
    """Token ids to one vector a caption: the state of a GPT-2 at the last token.

    A GPT-2 looks back only, so that the last token is the one that has seen all. Rows are filled up
    at the end with `pad`; a row's vector does not depend on how far.
    """

    def __init__(self, gpt2: "GPT2Model", *, pad: int = PAD) -> None:
        super().__init__()
        self.gpt2, self.pad = gpt2, pad
        self.width = gpt2.config.n_embd

    def forward(self, ids: Int[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Raises ValueError for an empty caption, or one longer than the GPT-2 can read."""
        if ids.shape[1] > self.gpt2.config.n_positions:
            raise ValueError(
                f"found {ids.shape[1]} tokens; expected at most {self.gpt2.config.n_positions}"
            )
        real = ids != self.pad
        last = ids.shape[1] - 1 - real.flip(1).long().argmax(dim=1)
        if not real.any(dim=1).all():
            raise ValueError("found a caption without a token; expected at least one")
        states = self.gpt2(input_ids=ids, attention_mask=real.long()).last_hidden_state
        return states[torch.arange(len(ids), device=ids.device), last]


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
    """A code and a caption to a picture in [-1, 1]: a generator whose condition is a caption.

    Code and caption together make a small picture of `size // 8` pixels, and steer every
    convolution of its way up. The last doubling only sorts channels into pixels. Raises ValueError
    for a size that is no multiple of 8, or widths that cannot be normalised in groups of 8.
    """

    def __init__(
        self,
        encoder: CaptionEncoder,
        *,
        code: int = 32,
        size: int = 32,
        channels: int = 3,
        widths: tuple[int, int, int] = (128, 96, 48),
    ) -> None:
        super().__init__()
        if size % 8 or any(width % GROUPS for width in widths):
            raise ValueError(
                f"found size {size} and widths {widths}; expected multiples of 8 and of {GROUPS}"
            )
        self.encoder, self.code = encoder, code
        told, side = code + encoder.width, size // 8
        self.start = nn.Sequential(
            nn.Linear(told, widths[0] * side * side), nn.Unflatten(1, (widths[0], side, side))
        )
        self.middle = nn.ModuleList(
            [Told(widths[0], widths[1], told), Told(widths[1], widths[1], told)]
        )
        self.fine = nn.ModuleList(
            [Told(widths[1], widths[2], told), Told(widths[2], widths[2], told)]
        )
        self.out = nn.Sequential(
            nn.Conv2d(widths[2], 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()
        )
        nn.init.constant_(self.out[0].bias, PAPER)

    def forward(
        self, z: Float[Tensor, "b code"], ids: Int[Tensor, "b n"]
    ) -> Float[Tensor, "b c h w"]:
        told = torch.cat([z, self.encoder(ids)], dim=1)
        x = self.start(told)
        for first, second in (self.middle, self.fine):
            x = first(F.interpolate(x, scale_factor=2.0, mode="nearest"), told)
            x = x + second(x, told)
        return self.out(x)


def small_painter(vocabulary: int) -> Painter:
    """The painter that is shipped, before it has learned anything."""
    return Painter(CaptionEncoder(small_gpt2(vocabulary)))


def small_critic(encoder: CaptionEncoder, *, size: int = 32, channels: int = 3) -> Discriminator:
    """A discriminator with a reader of its own: each player owns all its weights."""
    embed = nn.Sequential(encoder, nn.Linear(encoder.width, 128))
    return Discriminator(size=size, channels=channels, embed=embed)


def caption_content_loss(
    said: Answers, asked: Int[Tensor, "b questions"]
) -> Float[Tensor, ""]:
    r"""What frozen eyes miss of one thing that a caption names, in nats a picture.

    $\sum_i a_i \bigl(-\log\sigma(s_i) - \sum_q \log p_i^{(q)}(\mathrm{asked}_q)\bigr)
    - \tfrac14 \sum_{i\ \mathrm{far}} \log(1 - \sigma(s_i))$, with $s_i$ the score that a thing is
    near to cell $i$: where the thing should be it is, what is read off it is right, and elsewhere
    is nothing. Where a place is named, $a$ is even over the 4 cells at its middle, and all cells
    further than 2 from them are far. Otherwise $a = \mathrm{softmax}(s)$, where the eyes look, held
    fixed, and none is far. `asked` has an answer a question of the eyes, and last the place, row by
    row of three; -1 is not asked.
    """
    if asked.shape[1] != len(said.choices) + 1:
        raise ValueError(
            f"found {asked.shape[1]} answers; expected one for each of the eyes' "
            f"{len(said.choices)} questions, and the place"
        )
    near, place = said.near, asked[:, -1]
    middle, far = _cells(near.shape[1:], place)
    free = near.detach().flatten(1).softmax(dim=1).view_as(near)
    look = torch.where((place < 0)[:, None, None], free, middle / 4)
    loss = F.softplus(-near)
    for scores, right in zip(said.choices, asked.unbind(dim=1), strict=False):
        everywhere = right[:, None, None].expand_as(near)
        loss = loss + F.cross_entropy(scores, everywhere, ignore_index=-1, reduction="none")
    return ((look * loss).sum() + (far * F.softplus(near)).sum() / 4) / len(asked)


def _cells(
    shape: torch.Size, place: Int[Tensor, " b"]
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """The 4 cells at the middle of each place, and those far from it; none where place is -1.

    Places are a quarter of a picture apart: on 8 x 8 cells their middles are corners of cells.
    """
    height, width = (torch.arange(side, device=place.device) + 0.5 for side in shape)
    row, column = (2.0 + 2 * index for index in (place // 3, place % 3))
    distance = torch.maximum(
        (height[:, None] - row[:, None, None]).abs(), (width - column[:, None, None]).abs()
    )
    named = (place >= 0)[:, None, None]
    return ((distance < 1) & named).float(), ((distance > 2) & named).float()


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
        """"adversarial", the game's; and with eyes "content", of the same drawn pictures.

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
        if self.eyes is not None:
            losses["content"] = caption_content_loss(self.eyes(drawn), asked)
        return losses
