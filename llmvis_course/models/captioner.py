r"""Picture in, sentence out: a network that looks, and one that writes while looking.

Vinyals et al. 2015, arXiv:1411.4555, for a captioner of two networks; Xu et al. 2015,
arXiv:1502.03044, for attention over the picture while writing, with a recurrent network; Vaswani et
al. 2017, arXiv:1706.03762, for the Transformer decoder. A decoder gives
$p(y_t \mid y_1 \dots y_{t-1}, \text{picture})$: without the earlier words or without the picture it
would be no captioner. Left out on purpose: hard attention, and training the encoder with
the words: models/looking.py teaches it before.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers.attention import MultiHeadAttention, Past
from ..layers.positions import LearnedPositions, NoPositions
from ..layers.recurrent import GRUCell
from ..layers.transformer import two_layers
from .beam import Found, beam_search
from .language import check_sequences, next_token_loss
from .looking import PictureEncoder


class Said(NamedTuple):
    """What a decoder makes of the tokens it was given."""

    logits: Float[Tensor, "b n v"]  # a score for each token that may come next
    state: Any  # what it needs to go on
    looks: Float[Tensor, "b n m"]  # for each token, how it looked at the m cells of the picture


class Listening(NamedTuple):
    """The state of a recurrent decoder."""

    picture: Past
    h: Float[Tensor, "b d"]
    seen: Float[Tensor, "b d"]  # what it saw when it last looked


class RecurrentDecoder(nn.Module):
    """A GRU that reads the last word and what it last saw, then looks again before it speaks."""

    def __init__(self, vocabulary: int, *, width: int = 128) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.cell = GRUCell(2 * width, width)
        self.look = MultiHeadAttention(width, heads=1)
        self.speak = nn.Sequential(
            nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, vocabulary)
        )

    def start(self, features: Float[Tensor, "b m d"]) -> Listening:
        nothing = features.new_zeros(len(features), self.cell.width)
        return Listening(self.look.remember(features), nothing, features.mean(dim=1))

    def forward(self, ids: Int[Tensor, "b n"], state: Listening) -> Said:
        picture, h, seen = state
        logits, looks = [], []
        for word in self.token(ids).unbind(dim=1):
            h = self.cell(torch.cat([word, seen], dim=1), h)
            looked = self.look.look(h[:, None], picture)
            seen = looked.values[:, 0]
            logits.append(self.speak(torch.cat([h, seen], dim=1)))
            looks.append(looked.weights[:, 0, 0])
        return Said(
            torch.stack(logits, dim=1), Listening(picture, h, seen), torch.stack(looks, dim=1)
        )


class Remembering(NamedTuple):
    """The state of a Transformer decoder."""

    pictures: list[Past]  # what each block looks at; one entry a block, as below
    past: list[Past]  # the words so far


class DecoderBlock(nn.Module):
    """Look back at the words, look at the picture, think."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(width) for _ in range(3))
        self.words = MultiHeadAttention(width, heads=heads)
        self.picture = MultiHeadAttention(width, heads=heads)
        self.mlp = two_layers(width)

    def extend(
        self,
        x: Float[Tensor, "b n d"],
        picture: Past,
        past: Past | None,
        positions: NoPositions,
    ) -> tuple[Float[Tensor, "b n d"], Past, Float[Tensor, "b heads n m"]]:
        """Read on from `past`: the new vectors, the longer past, and how each looked at what."""
        found, past = self.words.extend(self.norm_1(x), past, positions)
        x = x + found.values
        looked = self.picture.look(self.norm_2(x), picture)
        x = x + looked.values
        return x + self.mlp(self.norm_3(x)), past, looked.weights


class TransformerDecoder(nn.Module):
    """Blocks of a Transformer whose words look back at words and across at the picture."""

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
        longest: int = 32,
    ) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.positions = LearnedPositions(longest, width, std=0.3)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads=heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.speak = nn.Linear(width, vocabulary)

    def start(self, features: Float[Tensor, "b m d"]) -> Remembering:
        return Remembering([block.picture.remember(features) for block in self.blocks], [])

    def forward(self, ids: Int[Tensor, "b n"], state: Remembering) -> Said:
        pictures, past = state
        at = past[0].k.shape[2] if past else 0
        x = self.positions.add(self.token(ids), at)
        kept, looks = [], []
        for k, block in enumerate(self.blocks):
            before = past[k] if past else None
            x, own, weights = block.extend(x, pictures[k], before, self.positions)
            kept.append(own)
            looks.append(weights.mean(dim=1))
        return Said(
            self.speak(self.norm(x)),
            Remembering(pictures, kept),
            torch.stack(looks).mean(dim=0),
        )


def writing_loss(
    decoder: RecurrentDecoder | TransformerDecoder,
    features: Float[Tensor, "b m d"],
    ids: Int[Tensor, "b n"],
    mask: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """How badly a decoder guesses each next word about pictures that were encoded before."""
    check_sequences(ids, least=2, what="sentences")
    said = decoder(ids[:, :-1], decoder.start(features))
    return next_token_loss(said.logits, ids[:, 1:], mask[:, 1:])


class Captioner(nn.Module):
    """An encoder that looks and a decoder that writes; the decoders above are interchangeable."""

    def __init__(
        self, encoder: PictureEncoder, decoder: RecurrentDecoder | TransformerDecoder
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, pictures: Float[Tensor, "b 3 h w"], ids: Int[Tensor, "b n"]) -> Said:
        """Score every next word of the sentences `ids` about `pictures`."""
        check_sequences(ids, least=1, what="sentences")
        return self.decoder(ids, self.decoder.start(self.encoder(pictures)))

    def loss(
        self,
        pictures: Float[Tensor, "b 3 h w"],
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, ""]:
        """How badly each next word is guessed from the words before and the picture, in nats."""
        return writing_loss(self.decoder, self.encoder(pictures), ids, mask)

    @torch.no_grad()
    def describe(
        self,
        pictures: Float[Tensor, "b 3 h w"],
        *,
        start: int,
        end: int,
        beams: int = 1,
        longest: int = 30,
    ) -> Found:
        """Write a sentence about each picture, with `beams` beginnings in mind (1 is greedy)."""
        state = self.decoder.start(self.encoder(pictures))

        def read(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            said = self.decoder(ids.to(pictures.device), state)
            return said.logits[:, -1], said.state

        return beam_search(
            read, state, len(pictures), start=start, end=end, beams=beams, longest=longest
        )
