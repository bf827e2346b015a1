r"""A caption reader: what does each thing of a sentence look like?

Text-to-image models owe much to a text encoder that could read before it met a picture (Saharia et
al. 2022, arXiv:2205.11487). Ours learns to read by being asked: four questioners, one a thing, each
look at the encoded words and name the digit, colour, size, place, lean and relation. When that goes
right, "red" and "seven" of "a red seven" know of each other. Left out on purpose: large text, and
predicting hidden words, which is how such encoders learn where nobody can answer for them.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers.attention import MultiHeadAttention, padding_mask
from ..layers.transformer import TextEncoder


class CaptionReader(nn.Module):
    """An encoder, and questioners that look at what it encodes.

    `choices` is the number of answers to each question; every thing is asked every question.
    """

    def __init__(
        self, encoder: TextEncoder, choices: Sequence[int], *, things: int = 4, heads: int = 4
    ) -> None:
        super().__init__()
        width = encoder.token.embedding_dim
        self.encoder, self.choices = encoder, tuple(choices)
        self.questioner = nn.Parameter(torch.randn(things, width))
        self.look = MultiHeadAttention(width, heads=heads)
        self.norm = nn.LayerNorm(width)
        self.answer = nn.Linear(width, sum(choices))

    def forward(
        self, ids: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]
    ) -> list[Float[Tensor, "b things _"]]:
        """A score for every answer, one tensor a question."""
        words = self.encoder(ids, mask)
        who = self.questioner.expand(len(ids), -1, -1)
        found = self.norm(self.look(who, words, padding_mask(mask)).values)
        return list(self.answer(found).split(self.choices, dim=-1))

    def loss(
        self,
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
        answers: Int[Tensor, "b things questions"],
    ) -> Float[Tensor, ""]:
        """The cross-entropy of all questions together, in nats a thing."""
        asked = zip(self(ids, mask), answers.unbind(dim=-1), strict=True)
        return sum(F.cross_entropy(s.flatten(0, 1), right.flatten()) for s, right in asked)

    @torch.no_grad()
    def share_right(
        self,
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
        answers: Int[Tensor, "b things questions"],
    ) -> float:
        """How many captions have every answer for every thing right, 0 to 1."""
        found = torch.stack([scores.argmax(dim=-1) for scores in self(ids, mask)], dim=-1)
        return (found == answers).flatten(1).all(dim=1).float().mean().item()
