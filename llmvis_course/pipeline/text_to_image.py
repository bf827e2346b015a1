"""From a sentence to a picture: read it, say it plainly, and walk from noise to what it says.

Draw with `TextToImage.pretrained().draw([...], rng=rng)`.
"""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import Reading, read, write
from ..data.tokens import all_whole, encode, load_tokenizer, pieces
from ..data.world import DIGITS, IMAGE_SIZE
from ..layers.unet import Looks
from ..models.flow import Step, TextFlow, euler
from ..training.checkpoint import load_weights
from ..training.repro import make_rng
from ..weights import FOLDER

GUIDANCE, STEPS, SHIFT = 4.0, 20, 2.0
"""Of the sampler, chosen on prompts of seen combinations."""
AWAY = 1.5
"""How strongly a picture is led away from a caption it shall not show."""


class NotUnderstood(UserWarning):
    """Part of a sentence was drawn; the warning names the words that were not understood."""


class Trace(NamedTuple):
    """How a batch of pictures came about."""

    path: list[Step]  # one entry a step, from noise to the pictures
    words: list[list[str]]  # the tokens of each caption, as the model read them
    looks: Float[Tensor, "steps b m h w"]  # share of each pixel's look that went to each token

    @property
    def pictures(self) -> Float[Tensor, "b 3 h w"]:
        """The finished pictures, in [-1, 1]."""
        return self.path[-1].x.clamp(-1, 1)


class TextToImage:
    """The shipped system: a tokenizer and a text-to-image model."""

    def __init__(self, model: TextFlow, tokenizer: Tokenizer, record: dict | None = None) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.record = record or {}
        """What made the weights: data, seed, steps, scores."""

    @classmethod
    def pretrained(
        cls, folder: str | Path = FOLDER, *, device: torch.device | str = "cpu"
    ) -> "TextToImage":
        """Load the shipped weights, or others of the same shape from a folder."""
        tokenizer = load_tokenizer(Path(folder) / "tokenizer.json")
        model = TextFlow(tokenizer.get_vocab_size())
        record = load_weights(model, Path(folder) / "drawer.safetensors")
        return cls(model.to(device), tokenizer, record)

    def understand(self, caption: str) -> Reading:
        """Read a sentence; raises ValueError, with what was understood, when it cannot be drawn."""
        reading = read(caption)
        if not reading.scene.things or any(t.digit is None for t in reading.scene.things):
            said = [str(v) for thing in reading.scene.things for v in thing.named().values()]
            raise ValueError(
                f"cannot draw {caption!r}: it names no digit. "
                f"Understood: {', '.join(said) or 'nothing'}. "
                f"Not understood: {', '.join(reading.unknown) or 'nothing'}. "
                f"This world has the digits {DIGITS[0]} to {DIGITS[-1]}, in eight colours, three "
                "sizes and nine places."
            )
        reading.scene.check()
        return reading

    def plainly(self, caption: str) -> str:
        """The caption in words the model was trained on: itself, if it uses no others."""
        reading = self.understand(caption)
        if reading.unknown:
            warnings.warn(
                f"in {caption!r}, not understood: {', '.join(reading.unknown)}", NotUnderstood, 2
            )
        elif all_whole(self.tokenizer, caption):
            return caption
        return write(reading.scene, rng=make_rng(0))

    def draw(
        self,
        captions: list[str],
        *,
        rng: torch.Generator,
        guidance: float = GUIDANCE,
        steps: int = STEPS,
        rewrite: bool = True,
        avoid: Sequence[str] | None = None,
    ) -> Float[Tensor, "b 3 32 32"]:
        """Draw one picture a caption, in [-1, 1].

        With `rewrite`, a caption in other words is first said plainly (see `plainly`). Words that
        mean nothing here are named in a `NotUnderstood` warning; a caption without a digit, or
        of an impossible scene, raises ValueError. With `avoid`, guidance also leads away from
        another caption for each; it then takes half as long again.
        """
        *_, last = self.path(
            captions, rng=rng, guidance=guidance, steps=steps, rewrite=rewrite, avoid=avoid
        )
        return last.x.clamp(-1, 1)

    def path(
        self,
        captions: Sequence[str],
        *,
        rng: torch.Generator,
        guidance: float = GUIDANCE,
        steps: int = STEPS,
        rewrite: bool = True,
        avoid: Sequence[str] | None = None,
        looks: list[Looks] | None = None,
    ) -> Iterator[Step]:
        """Like `draw`, yielding every step on the way."""
        if steps < 1:
            raise ValueError(f"steps is {steps}; expected at least 1")
        if isinstance(captions, str):
            raise ValueError(f"found one string, {captions!r}; expected a list of captions")
        plain = [self.plainly(caption) if rewrite else caption for caption in captions]
        if avoid is not None and len(avoid) != len(plain):
            raise ValueError(
                f"found {len(avoid)} captions to avoid for {len(plain)} captions; expected as many"
            )
        device = next(self.model.parameters()).device
        away, others = (None, []) if avoid is None else (AWAY, list(avoid))
        tokens = encode(
            self.tokenizer, plain + [""] * len(plain) + others, longest=self.model.encoder.longest
        )
        with torch.no_grad():
            words = self.model.read(*(field.to(device) for field in tokens))
        noise = torch.randn(len(plain), 3, IMAGE_SIZE, IMAGE_SIZE, generator=rng, device=rng.device)
        velocity = torch.no_grad()(self.model.guided(words, guidance, looks, away=away))
        yield from euler(velocity, noise.to(device), steps=steps, shift=SHIFT)

    def trace(
        self,
        captions: list[str],
        *,
        rng: torch.Generator,
        guidance: float = GUIDANCE,
        steps: int = STEPS,
    ) -> Trace:
        """Draw, keeping every step and which pixel looked at which word."""
        looks: list[Looks] = []
        words = [pieces(self.tokenizer, self.plainly(caption)) for caption in captions]
        with warnings.catch_warnings():  # said once, above
            warnings.simplefilter("ignore", NotUnderstood)
            path = list(self.path(captions, rng=rng, guidance=guidance, steps=steps, looks=looks))
        return Trace(path, words, torch.stack([_mean_look(step) for step in looks]))


def _mean_look(looks: Looks) -> Float[Tensor, "b m 32 32"]:
    """One map a word: the mean over heads and over the attentions of one step."""
    maps = []
    for weights in looks:
        side = int(weights.shape[2] ** 0.5)
        word = reduce(weights, "b heads n m -> b m n", "mean")
        word = rearrange(word, "b m (h w) -> b m h w", h=side)
        maps.append(F.interpolate(word, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear"))
    return torch.stack(maps).mean(dim=0)
