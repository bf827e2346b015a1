r"""One language model that writes captions and pictures: caption and picture tokens in one row.

Ramesh et al. 2021, arXiv:2102.12092 (a caption, then the picture, token by token) and Chen et al.
2020, "Generative pretraining from pixels". A marker in front says which comes first:

* `[DRAW] words [PAD] ... | picture` reads a caption and draws it;
* `[READ] [PAD] ... | picture | [START] words` draws from nothing, and says what a picture shows.

The second order is also what guidance needs, a picture without a caption. Left out on purpose:
dropout, and any network but the GPT of models/gpt.py.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..layers.attention import Past
from ..layers.grid_positions import GridPositions
from ..layers.hints import DrawingHints
from ..layers.quantize import check_tokens, join, split
from .gpt import GPT, Read
from .language import choose

NAMING = 0.3
"""How much naming the digits counts beside drawing them."""


class PartsEmbedding(nn.Module):
    """A vector for each word; for a picture token, the sum of one for each of its parts.

    Multiplying by `weight` then scores every word and every code of each part: a table of
    `words + sum(sizes)` rows, however many tokens the parts make together. With one part it is an
    ordinary embedding.
    """

    def __init__(self, words: int, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.words, self.sizes = words, tuple(sizes)
        self.weight = nn.Parameter(0.02 * torch.randn(words + sum(sizes), width))

    def forward(self, ids: Int[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        rest, start, found = (ids - self.words).clamp_min(0), len(self.weight), 0
        for size in reversed(self.sizes):
            start -= size
            found = found + F.embedding(start + rest % size, self.weight)
            rest = rest // size
        word = F.embedding(ids.clamp_max(self.words - 1), self.weight)
        return torch.where((ids >= self.words)[..., None], found, word)

    def parts(self, logits: Float[Tensor, "*b v"]) -> list[Float[Tensor, "*b _"]]:
        """The scores of each part's codes."""
        return list(logits[..., self.words :].split(self.sizes, dim=-1))


class ImageGPT(nn.Module):
    """A GPT over `words` word ids and picture tokens of a grid of `side` x `side`.

    `sizes` says how many codes each part of a picture token has (`VQVAE.codebook.sizes`). A caption
    has at most `slots` tokens, [START] and [END] included; `pad` is the id that fills the rest.
    With `hints`, the place of each cell is told what lies above it and what was asked for.
    """

    def __init__(
        self,
        words: int,
        sizes: Sequence[int],
        *,
        side: int = 8,
        slots: int = 16,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        pad: int = 0,
        hints: bool = False,
    ) -> None:
        super().__init__()
        if words < 1 or not sizes or min(sizes) < 2:
            raise ValueError(
                f"found {words} words and parts of {tuple(sizes)} codes; expected at least one "
                "word, and parts of at least 2"
            )
        self.words, self.sizes, self.side, self.slots, self.pad = words, sizes, side, slots, pad
        self.draws, self.reads = words, words + 1  # the two markers
        self.cells, self.codes = side * side, math.prod(sizes)
        self.gpt = GPT(
            words + 2 + sum(sizes),
            width=width,
            depth=depth,
            heads=heads,
            context=2 * slots + self.cells,
            positions=GridPositions(slots, side, slots, width, heads=heads),
        )
        self.gpt.token = PartsEmbedding(words + 2, sizes, width)
        self.hints = DrawingHints(side, width) if hints else None
        self.names = nn.Linear(width, 10)

    # --- one row of tokens ---------------------------------------------------------------------

    def caption(self, ids: Int[Tensor, "b m"]) -> Int[Tensor, "b slots"]:
        """The start of a row that draws: [DRAW] in place of [START], and padded.

        Raises ValueError for a caption that is too long, or ids that are no words.
        """
        if not 1 <= ids.shape[1] <= self.slots:
            raise ValueError(f"found captions of {ids.shape[1]} tokens; expected 1 to {self.slots}")
        check_tokens(ids, self.words)
        row = F.pad(ids, (0, self.slots - ids.shape[1]), value=self.pad)
        row[:, 0] = self.draws
        return row

    def no_caption(self, b: int) -> Int[Tensor, "b slots"]:
        """The start of a row that reads: [READ], and padding."""
        row = torch.full((b, self.slots), self.pad, device=self.gpt.token.weight.device)
        row[:, 0] = self.reads
        return row

    def picture(self, tokens: Int[Tensor, " b *grid"]) -> Int[Tensor, "b n"]:
        """Picture tokens row by row, as ids. Raises ValueError for a number that no code has."""
        check_tokens(tokens, self.codes)
        return tokens.flatten(1) + self.words + 2

    def forward(self, row: Int[Tensor, "b n"], past: list[Past] | None = None) -> Read:
        """Read a row from its beginning; what `past` holds was read before, and is not again."""
        done = past[0].k.shape[2] if past else 0
        before, end = self.slots - 1, min(row.shape[1], self.slots + self.cells - 1)
        first = max(done, before)  # the place that the first hint is given in
        if self.hints is None or end <= first:
            return self.gpt(row[:, done:], past)
        caption, drawn = row[:, : self.slots], row[:, self.slots : end]
        said = (caption < self.words) & (caption != self.pad)
        token = self.gpt.token
        hints = self.hints(token(caption), said, token(drawn), first=first - before)
        return self.gpt(row[:, done:], past, F.pad(hints, (0, 0, first - done, row.shape[1] - end)))

    # --- learning ------------------------------------------------------------------------------

    def loss(
        self,
        ids: Int[Tensor, "b m"],
        tokens: Int[Tensor, "b h w"],
        digits: Int[Tensor, "b h w"] | None = None,
        *,
        reads: bool = False,
        picture_weight: float = 7.0,
    ) -> Float[Tensor, ""]:
        r"""$(L_{\text{words}} + w L_{\text{picture}}) / (1 + w)$, each in nats per token.

        `ids` are whole captions, from [START] to [END]; `reads` puts the picture first. The weight
        is 7 in Ramesh et al. 2021, where pictures matter most. With `digits`, which digit lies in
        each cell (-1 for none), each is also named before it is drawn. Raises ValueError for a
        grid of another size.
        """
        if tokens[0].numel() != self.cells:
            raise ValueError(f"found {tokens[0].numel()} tokens a picture; expected {self.cells}")
        caption, picture = self.caption(ids), self.picture(tokens)
        if reads:
            row = torch.cat([self.no_caption(len(ids)), picture, ids], dim=1)
            asked = slice(self.slots + self.cells, row.shape[1] - 1)
        else:
            row, asked = torch.cat([caption, picture], dim=1), slice(0, ids.shape[1] - 1)
        read = self(row[:, :-1])
        logits = read.logits.float()
        words = F.cross_entropy(
            logits[:, asked, : self.words].flatten(0, 1),
            ids[:, 1:].masked_fill(ids[:, 1:] == self.pad, -100).flatten(),
            ignore_index=-100,
        )
        drawn = self.picture_log_p(logits, tokens).mean()
        loss = (words - picture_weight * drawn) / (1 + picture_weight)
        if digits is None or not (digits >= 0).any():
            return loss
        names = self.names(read.vectors[:, self.slots - 1 :][:, : self.cells]).float()
        wrong = F.cross_entropy(names.flatten(0, 1), digits.flatten(), ignore_index=-1)
        return loss + NAMING * wrong

    def picture_log_p(
        self, logits: Float[Tensor, "b m v"], tokens: Int[Tensor, "b h w"]
    ) -> Float[Tensor, "b n"]:
        r"""$\sum_j \log p(\text{part}_j \mid \text{all before})$, for each token of a picture.

        `logits` are those of a whole row, in either order. Given all before, the parts of one token
        are taken to be independent: each has a softmax of its own.
        """
        here = logits[:, self.slots - 1 : self.slots - 1 + self.cells]
        each = zip(self.gpt.token.parts(here), split(tokens.flatten(1), self.sizes), strict=True)
        found = [-F.cross_entropy(s.flatten(0, 1), k.flatten(), reduction="none") for s, k in each]
        return torch.stack(found).sum(dim=0).view(len(tokens), self.cells)

    # --- drawing and saying --------------------------------------------------------------------

    @torch.no_grad()
    def draw(
        self,
        ids: Int[Tensor, "b m"],
        *,
        rng: torch.Generator,
        guidance: float = 1.0,
        n: int | None = None,
        given: Int[Tensor, "b k"] | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        cache: bool = True,
    ) -> Int[Tensor, "b n"]:
        r"""Draw captions: the first `n` tokens of each picture (all of them unless said).

        Each token's scores are $w\,l(\text{caption}) + (1 - w)\,l(\text{none})$ with $w$ =
        `guidance`: 1 is the plain model, 0 ignores the caption (Ho and Salimans 2022,
        arXiv:2207.12598). `given` tokens come first, and are kept. How a token is chosen from its
        scores is said as for `choose`.
        """
        n = self.cells if n is None else n
        drawn = ids.new_zeros(len(ids), 0) if given is None else given
        if not drawn.shape[1] <= n <= self.cells:
            raise ValueError(f"n is {n}; expected {drawn.shape[1]} to {self.cells} tokens")
        guided = guidance != 1
        start = torch.cat([self.caption(ids), self.no_caption(len(ids))][: 1 + guided])
        past = None
        while drawn.shape[1] < n:
            row = torch.cat([start, self.picture(drawn).repeat(1 + guided, 1)], dim=1)
            read = self(row, past)
            past = read.past if cache else None
            scores = self.gpt.token.parts(read.logits[:, -1].float())
            if guided:
                pairs = [part.log_softmax(dim=-1).chunk(2) for part in scores]
                scores = [guidance * told + (1 - guidance) * not_told for told, not_told in pairs]
            options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
            chosen = [choose(part, rng=rng, **options) for part in scores]
            drawn = torch.cat([drawn, join(chosen, self.sizes)], dim=1)
        return drawn

    def say(
        self,
        tokens: Int[Tensor, "b h w"],
        *,
        start: int,
        end: int,
        rng: torch.Generator,
        top_k: int | None = 1,
    ) -> Int[Tensor, "b m"]:
        """Write a caption of each picture, from [START] on; after [END] there is only padding.

        `top_k` = 1 takes the likeliest word every time.
        """
        first = torch.full((len(tokens), 1), start, device=tokens.device)
        row = torch.cat([self.no_caption(len(tokens)), self.picture(tokens), first], dim=1)
        return torch.cat([first, self._write(row, end, rng, top_k)], dim=1)

    def invent(
        self, b: int, *, start: int, end: int, rng: torch.Generator, top_k: int | None = None
    ) -> Int[Tensor, "b m"]:
        """Write `b` captions about nothing, to be drawn."""
        row = torch.full((b, 1), self.draws, device=self.gpt.token.weight.device)
        return torch.cat([row - self.draws + start, self._write(row, end, rng, top_k)], dim=1)

    @torch.no_grad()
    def _write(self, row: Tensor, end: int, rng: torch.Generator, top_k: int | None) -> Tensor:
        """Words after a row of tokens, until every sentence has come to its [END]."""
        start, past = row.shape[1], None
        ended = torch.zeros_like(row[:, :1], dtype=torch.bool)
        while row.shape[1] < start + self.slots - 1 and not ended.all():
            read = self(row, past)
            word = choose(read.logits[:, -1, : self.words].float(), rng=rng, top_k=top_k)
            word, past = word.masked_fill(ended, self.pad), read.past
            row, ended = torch.cat([row, word], dim=1), ended | (word == end)
        return row[:, start:]
