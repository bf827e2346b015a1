"""The trained GAN behind one call: captions of one thing in, pictures out, in one look each.

Left out on purpose: several things, and rewriting paraphrases (pipeline/text_to_image.py has it).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import read
from ..data.labels import NAMED_CHOICES
from ..data.tokens import encode, load_tokenizer
from ..models.text_gan import TextPainter, text_painter
from ..training.checkpoint import load_weights
from ..weights import FOLDER


class PaintedByGAN:
    """A reader and a painter with their tokenizer.

    >>> pictures = PaintedByGAN.pretrained().draw(["a red seven"], rng=make_rng(0))
    """

    def __init__(
        self, model: TextPainter, tokenizer: Tokenizer, *, record: dict | None = None
    ) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.record = record or {}
        """What made the weights: seed, rounds, and the logs of three trainings."""

    @classmethod
    def pretrained(cls, folder: str | Path = FOLDER) -> "PaintedByGAN":
        """Load the shipped one."""
        tokenizer = load_tokenizer(Path(folder) / "tokenizer.json")
        model = text_painter(tokenizer.get_vocab_size(), NAMED_CHOICES)
        record = load_weights(model, Path(folder) / "text_gan.safetensors")
        return cls(model, tokenizer, record=record)

    @torch.no_grad()
    def draw(self, captions: Sequence[str], *, rng: torch.Generator) -> Float[Tensor, "b 3 32 32"]:
        """Draw one picture a caption, in [-1, 1]. What a caption leaves open, chance decides.

        Raises ValueError for one string in place of a list, for a caption that is too long, and
        for one that does not speak of exactly one digit: this painter has never seen any other.
        """
        if isinstance(captions, str):
            raise ValueError(f"found one string, {captions!r}; expected a list of captions")
        for caption in captions:
            things = read(caption).scene.things
            if len(things) != 1 or things[0].digit is None:
                raise ValueError(
                    f"{caption!r} does not name exactly one digit, as is expected here"
                )
        where = next(self.model.parameters()).device
        longest = self.model.reader.encoder.gpt2.config.n_positions
        ids = encode(self.tokenizer, list(captions), longest=longest).ids.to(where)
        return self.model(ids, rng=rng).contiguous()
