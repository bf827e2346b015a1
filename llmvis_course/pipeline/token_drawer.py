"""The language model that draws and reads, with all it needs: words, tokens of pictures, weights.

Draw with `TokenDrawer.pretrained().draw([...], rng=rng)`, and read with `.describe(pictures)`.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor

from ..data.tokens import END, START, decode, encode, load_tokenizer
from ..models.image_gpt import ImageGPT
from ..models.vqvae import VQVAE, light_and_colour_vqvae
from ..training.checkpoint import load_weights
from ..training.repro import make_rng
from ..weights import FOLDER

TEMPERATURE, GUIDANCE = 0.5, 2.5
"""Defaults of drawing, chosen on prompts of seen combinations."""


class TokenDrawer:
    """Captions to pictures and back, by way of one row of tokens."""

    def __init__(
        self, model: ImageGPT, vqvae: VQVAE, tokenizer: Tokenizer, record: dict | None = None
    ) -> None:
        if model.sizes != vqvae.codebook.sizes:
            raise ValueError(
                f"the language model writes tokens of {model.sizes} codes and the VQ-VAE reads "
                f"{vqvae.codebook.sizes}; expected the same"
            )
        self.model, self.vqvae, self.tokenizer = model.eval(), vqvae.eval(), tokenizer
        self.record = record or {}
        """What made the weights: data, seed, steps, scores."""

    @classmethod
    def pretrained(cls, folder: str | Path = FOLDER) -> "TokenDrawer":
        """Load the shipped weights, or others of the same shape from a folder."""
        tokenizer = load_tokenizer(Path(folder) / "tokenizer.json")
        vqvae = light_and_colour_vqvae(one_paper=True)
        load_weights(vqvae, Path(folder) / "vqvae.safetensors")
        model = ImageGPT(tokenizer.get_vocab_size(), vqvae.codebook.sizes, hints=True)
        return cls(
            model, vqvae, tokenizer, load_weights(model, Path(folder) / "image_gpt.safetensors")
        )

    def write(
        self,
        captions: Sequence[str],
        *,
        rng: torch.Generator,
        temperature: float = TEMPERATURE,
        guidance: float = GUIDANCE,
        top_k: int | None = None,
    ) -> Int[Tensor, "b n"]:
        """The tokens of a picture of each caption, row by row of its cells."""
        if isinstance(captions, str):
            raise ValueError(f"found one string, {captions!r}; expected a list of captions")
        ids = encode(self.tokenizer, list(captions), longest=self.model.slots).ids
        options = {"temperature": temperature, "guidance": guidance, "top_k": top_k}
        return self.model.draw(ids, rng=rng, **options)

    def draw(
        self,
        captions: Sequence[str],
        *,
        rng: torch.Generator,
        temperature: float = TEMPERATURE,
        guidance: float = GUIDANCE,
        top_k: int | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """A picture of each caption, in [-1, 1]."""
        options = {"temperature": temperature, "guidance": guidance, "top_k": top_k}
        return self.show(self.write(captions, rng=rng, **options))

    def show(self, tokens: Int[Tensor, "b n"]) -> Float[Tensor, "b 3 h w"]:
        """The pictures of tokens; those that are not written yet are paper."""
        missing = self.model.cells - tokens.shape[1]
        paper = self.vqvae.encode(-torch.ones(1, 3, 32, 32)).flatten(1)
        rest = paper[:, paper.shape[1] - missing :].expand(len(tokens), -1)
        side = self.model.side
        return self.vqvae.decode(torch.cat([tokens, rest], dim=1).view(-1, side, side))

    def describe(self, pictures: Float[Tensor, "b 3 32 32"]) -> list[str]:
        """The likeliest sentence, word by word, about each picture."""
        rng = make_rng(0)  # of which nothing is used: the likeliest word leaves no choice
        tokens = self.vqvae.encode(pictures)
        ids = self.model.say(tokens, start=START, end=END, rng=rng)
        return [decode(self.tokenizer, row) for row in ids]
