r"""The article's system, made to work: a GPT-2 reads, a painter draws, a critic compares.

Text to image by a conditional GAN is due to Reed et al. 2016, arXiv:1605.05396, as is much of what
stands here: the network that reads is trained first and then left alone, and the critic must also
refuse real pictures with wrong captions. The game itself is in models/gan.py, the painter in
models/painter.py. Left out on purpose: attention from pixels to words, and several things.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .close_look import LOOK, close_look, measure, measures_apart
from .game import Game
from .gan import GAN, looking_layers
from .painter import Painter

if TYPE_CHECKING:
    from transformers import GPT2Model

PAD = 0  # the token that fills a row up, as in data/tokens.py
START = 0.1  # the spread of fresh weights; GPT-2's 0.02 suits a width of 768, not of 64
HEARD = 3.0  # how loudly a description counts in what the critic says


def small_gpt2(
    vocabulary: int, *, width: int = 64, depth: int = 2, longest: int = 64
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


class CaptionReader(nn.Module):
    """Token ids to a description: an answer to each question.

    `choices` is the number of answers to each question; the last answer stands for "not said".
    """

    def __init__(self, encoder: CaptionEncoder, choices: Sequence[int]) -> None:
        super().__init__()
        if not choices or min(choices) < 2:
            raise ValueError(f"found choices {tuple(choices)}; expected at least 2 a question")
        self.encoder, self.choices = encoder, tuple(choices)
        self.answer = nn.Linear(encoder.width, sum(choices))

    @property
    def said(self) -> int:
        """How many numbers a description has; "not said" is none of them."""
        return sum(self.choices) - len(self.choices)

    def forward(self, ids: Int[Tensor, "b n"]) -> list[Float[Tensor, "b _"]]:
        """A score for every answer, one tensor a question."""
        return list(self.answer(self.encoder(ids)).split(self.choices, dim=1))

    def loss(
        self, ids: Int[Tensor, "b n"], answers: Int[Tensor, "b questions"]
    ) -> Float[Tensor, ""]:
        """The cross-entropy of all questions together, in nats a caption."""
        asked = zip(self(ids), answers.unbind(dim=1), strict=True)
        return sum(F.cross_entropy(scores, right) for scores, right in asked)

    @torch.no_grad()
    def read(self, ids: Int[Tensor, "b n"]) -> Int[Tensor, "b questions"]:
        """The likeliest answer to each question."""
        return torch.stack([scores.argmax(dim=1) for scores in self(ids)], dim=1)

    @torch.no_grad()
    def describe(self, ids: Int[Tensor, "b n"], *, rng: torch.Generator) -> Float[Tensor, "b d"]:
        """1 for the likeliest answer to each question and 0 for the others, side by side.

        What a caption leaves open, chance decides.
        """
        found = []
        for answer, choices in zip(self.read(ids).unbind(dim=1), self.choices, strict=True):
            said = choices - 1  # answers, without "not said"
            chance = torch.randint(said, (len(ids),), generator=rng, device=rng.device)
            answer = torch.where(answer == said, chance.to(answer), answer)
            found.append(F.one_hot(answer, said))
        return torch.cat(found, dim=1).float()


class Look(nn.Module):
    r"""One look at a picture: $s(x, y) = w \cdot \phi(x) + e(y) \cdot \phi(x)$.

    Is it real, and does it fit the description $y$? (Miyato and Koyama 2018, arXiv:1802.05637.)
    $\phi$ halves the picture twice.
    """

    def __init__(self, said: int, *, channels: int, size: int, width: int, features: int) -> None:
        super().__init__()
        self.see = looking_layers(channels, width, features, size=size)
        self.real, self.fits = nn.Linear(features, 1), nn.Linear(said, features)

    def forward(
        self, x: Float[Tensor, "b c h w"], said: Float[Tensor, "b d"]
    ) -> Float[Tensor, " b"]:
        seen = self.see(x)
        fits = (self.fits(said) * seen).sum(dim=1) / seen.shape[1] ** 0.5
        return self.real(seen)[:, 0] + HEARD * fits


class Critic(nn.Module):
    """A picture to two logits: of a close look at its ink, and of a look at all from afar.

    Each look plays its own game, so that the one that is easier to win does not drown the other.
    """

    def __init__(self, said: int, *, size: int = 32, channels: int = 3, width: int = 32) -> None:
        super().__init__()
        far = {"channels": channels, "size": size // 2, "width": width // 2}
        self.near = Look(said, channels=1, size=LOOK, width=width, features=4 * width)
        self.far = Look(said, features=2 * width, **far)

    def forward(
        self, x: Float[Tensor, "b c h w"], said: Float[Tensor, "b d"]
    ) -> Float[Tensor, " two_b"]:
        """The two logits of the first picture, then those of the second, and so on."""
        looks = self.near(close_look(x), said), self.far(F.avg_pool2d(x, 2), said)
        return torch.stack(looks, dim=1).flatten()


class TextGAN(GAN):
    r"""A GAN of descriptions: the critic must also refuse what does not fit, and plans must be met.

    $L_D = -\mathbb E[\log D(x, y)] - \mathbb E[\log(1 - D(G(z, y), y))]
    - m\,\mathbb E[\log(1 - D(x, y'))]$, $m$ being `mismatch` and $y'$ the description of the next
    picture. (Reed et al. 2016, algorithm 1, for games of these logarithms; half a batch is enough.)
    $L_G$ is the game's, plus `measured` times a content loss: how far the plan of each drawing
    lies from what is measured on the real picture of its caption. `content` is any other.
    """

    def __init__(
        self,
        painter: Painter,
        critic: nn.Module,
        game: Game,
        *,
        mismatch: float = 0.5,
        measured: float = 0.02,
        penalty: float = 0.3,
        penalised: int | None = 8,
        content: Callable[..., Tensor] | None = None,
    ) -> None:
        super().__init__(
            painter, critic, game, code=painter.code, penalty=penalty, penalised=penalised,
            content=content,
        )  # fmt: skip
        if min(mismatch, measured) < 0:
            raise ValueError(f"found weights {mismatch} and {measured}; expected at least 0")
        self.mismatch, self.measured = mismatch, measured

    def discriminator_loss(
        self,
        x: Float[Tensor, "b c h w"],
        condition: Float[Tensor, "b d"],
        *,
        rng: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The game's on all, R1, and what does not fit."""
        loss = super().discriminator_loss(x, condition, rng=rng)
        if not self.mismatch:
            return loss
        half = (len(x) + 1) // 2
        wrong = self.discriminator(x[:half], condition.roll(-1, dims=0)[:half])
        return loss + self.mismatch * F.softplus(wrong).mean()

    def generator_loss(
        self,
        x: Float[Tensor, "b c h w"],
        condition: Float[Tensor, "b d"],
        *,
        rng: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The game's, and the content loss."""
        loss = super().generator_loss(x, condition, rng=rng)
        if not self.measured:
            return loss
        return loss + self.measured * planning_loss(self.generator, x, condition, rng=rng)


def planning_loss(
    painter: Painter,
    x: Float[Tensor, "b c h w"],
    said: Float[Tensor, "b d"],
    *,
    rng: torch.Generator,
) -> Float[Tensor, ""]:
    """How far plans, for new codes, lie from what is measured on real pictures of the same."""
    z = torch.randn(len(x), painter.code, generator=rng, device=rng.device).to(said)
    return measures_apart(painter.plan(torch.cat([z, said], dim=1)), measure(x))


class TextPainter(nn.Module):
    """What is shipped: a reader, and a painter who is told what was read."""

    def __init__(self, reader: CaptionReader, painter: Painter) -> None:
        super().__init__()
        self.reader, self.painter = reader, painter

    def forward(self, ids: Int[Tensor, "b n"], *, rng: torch.Generator) -> Float[Tensor, "b c h w"]:
        said = self.reader.describe(ids, rng=rng)
        z = torch.randn(len(ids), self.painter.code, generator=rng, device=rng.device).to(said)
        return self.painter(z, said)


def text_painter(vocabulary: int, choices: Sequence[int]) -> TextPainter:
    """The one that is shipped, before it has learned anything."""
    reader = CaptionReader(CaptionEncoder(small_gpt2(vocabulary)), choices)
    return TextPainter(reader, Painter(reader.said))
