r"""The article's system, made to work: a GPT-2 reads, a painter draws, a critic compares.

Text to image by a conditional GAN is due to Reed et al. 2016, arXiv:1605.05396, as is most of what
stands here: the network that reads is trained first and then left alone, and the critic must also
refuse real pictures with wrong captions. The game itself is in models/gan.py, the painter in
models/painter.py. Left out on purpose: attention from pixels to words, and several things.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .close_look import LOOK, close_look
from .gan import GAN

if TYPE_CHECKING:
    from transformers import GPT2Model

PAD = 0  # the token that fills a row up, as in data/tokens.py
START = 0.1  # the spread of fresh weights; GPT-2's 0.02 suits a width of 768, not of 64


def small_gpt2(
    vocabulary: int, *, width: int = 64, depth: int = 2, longest: int = 32
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
    """Token ids to a description: for each question, a probability for every answer.

    `choices` is the number of answers to each question; the last answer stands for "not said".
    """

    def __init__(self, encoder: CaptionEncoder, choices: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.choices = encoder, tuple(choices)
        self.answer = nn.Linear(encoder.width, sum(choices))

    @property
    def said(self) -> int:
        """How many numbers a description has: "not said" is none of them."""
        return sum(self.choices) - len(self.choices)

    def loss(
        self, ids: Int[Tensor, "b n"], answers: Int[Tensor, "b questions"]
    ) -> Float[Tensor, ""]:
        """The cross-entropy of all questions together, in nats a caption."""
        scores = self.answer(self.encoder(ids)).split(self.choices, dim=1)
        asked = zip(scores, answers.unbind(dim=1), strict=True)
        return sum(F.cross_entropy(s, right) for s, right in asked)

    @torch.no_grad()
    def read(self, ids: Int[Tensor, "b n"]) -> Int[Tensor, "b questions"]:
        """The likeliest answer to each question."""
        scores = self.answer(self.encoder(ids)).split(self.choices, dim=1)
        return torch.stack([s.argmax(dim=1) for s in scores], dim=1)

    @torch.no_grad()
    def describe(self, ids: Int[Tensor, "b n"], *, rng: torch.Generator) -> Float[Tensor, "b d"]:
        r"""$p_q(\mathrm{answer}) + p_q(\text{not said})\,u_q$, all questions $q$ side by side.

        $u_q$ is one answer drawn at random: what a caption leaves open, chance decides.
        """
        found = []
        for scores in self.answer(self.encoder(ids)).split(self.choices, dim=1):
            *answers, open_ = scores.softmax(dim=1).split([scores.shape[1] - 1, 1], dim=1)
            drawn = torch.randint(scores.shape[1] - 1, (len(ids),), generator=rng)
            filled = F.one_hot(drawn, scores.shape[1] - 1).to(open_)
            found.append(answers[0] + open_ * filled)
        return torch.cat(found, dim=1)


def _look(channels: int, size: int, width: int, features: int) -> nn.Sequential:
    """Halved twice, then a vector; as the discriminator of models/gan.py."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * (size // 4) ** 2, features),
        nn.LeakyReLU(0.2),
    )


class Critic(nn.Module):
    r"""Pictures to logits, by two looks: a close one at the ink, and one at the whole from afar.

    With features $\phi$ of both looks, $s(x, y) = w \cdot \phi(x) + e(y) \cdot \phi(x)$: is it
    real, and does it fit the description $y$? (Miyato and Koyama 2018, arXiv:1802.05637.)
    """

    def __init__(
        self, said: int, *, size: int = 32, channels: int = 3, width: int = 32, features: int = 128
    ) -> None:
        super().__init__()
        self.near = _look(1, LOOK, width, features)
        self.far = _look(channels, size // 2, width // 2, features // 2)
        self.scores = nn.ModuleList([nn.Linear(features, 1), nn.Linear(features // 2, 1)])
        self.embeds = nn.ModuleList([nn.Linear(said, features), nn.Linear(said, features // 2)])

    def forward(
        self, x: Float[Tensor, "b c h w"], said: Float[Tensor, "b d"]
    ) -> Float[Tensor, "two_b"]:
        logits = []
        for seen, score, embed in zip(
            (self.near(close_look(x)), self.far(F.avg_pool2d(x, 2))), self.scores, self.embeds
        ):
            fits = (embed(said) * seen).sum(dim=1)
            logits.append(score(seen)[:, 0] + 3 * fits / seen.shape[1] ** 0.5)
        return torch.stack(logits, dim=1)


class TextGAN(GAN):
    """A GAN whose critic must also refuse real pictures with another's description."""

    def discriminator_loss(self, x, condition=None, *, rng):
        return super().discriminator_loss(x, condition, rng=rng)
