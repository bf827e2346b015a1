"""Train the GAN that is shipped: captions of one thing, read by a small GPT-2, drawn at one go.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.labels import asked_labels
from ..data.scenes import SceneMaker
from ..data.splits import training_batches
from ..data.tokens import encode
from ..models.game import NonSaturating
from ..models.text_gan import (
    CaptionEncoder,
    TextGAN,
    small_critic,
    small_gpt2,
    small_painter,
)
from ..training.fit import warm_cosine
from ..training.play import Player, Turn, play
from ..training.repro import AveragedModel, make_rng
from ..training.resume import keep, show
from ..training.weighting import FixedWeights

STEPS, BATCH, DECAY = 1200, 32, 0.99
RATES = {"painter": 1e-3, "critic": 1e-3}
WEIGHTS = {"adversarial": 1.0, "content": 1.0}
BETAS = (0.0, 0.99)


class Captioned(NamedTuple):
    """Pictures of one thing each, and what their captions say."""

    pictures: Float[Tensor, "b 3 32 32"]
    ids: Int[Tensor, "b n"]
    asked: Int[Tensor, "b 5"]


def captioned_batches(
    maker: SceneMaker, tokenizer: Tokenizer, size: int, *, rng: torch.Generator
) -> Iterator[Captioned]:
    """Endless batches of fresh scenes of one thing, none of them held out."""
    for batch in training_batches(maker, size, rng=rng, shares={}):
        pictures = batch.pictures.to(memory_format=torch.channels_last)
        yield Captioned(pictures, encode(tokenizer, batch.captions).ids, asked_labels(batch.said))


def new_text_gan(vocabulary: int, *, eyes: nn.Module | None) -> TextGAN:
    """Both players, before they have learned anything."""
    critic = small_critic(CaptionEncoder(small_gpt2(vocabulary, width=64, depth=1)))
    options = {"eyes": eyes, "penalty": 0.3, "penalised": 8}
    gan = TextGAN(small_painter(vocabulary), critic, NonSaturating(), **options)
    return gan.to(memory_format=torch.channels_last)


def players(
    gan: TextGAN,
    *,
    rng: torch.Generator,
    weights: Mapping[str, float] = WEIGHTS,
    rates: Mapping[str, float] = RATES,
) -> tuple[Player, Player]:
    """The critic, then the painter, whose losses `weights` adds up."""
    weigh = FixedWeights(weights)

    def painter_loss(batch: Captioned) -> Tensor:
        return weigh(gan.generator_losses(*batch, rng=rng))

    def critic_loss(batch: Captioned) -> Tensor:
        return gan.discriminator_loss(batch.pictures, batch.ids, rng=rng)

    def adam(network: nn.Module, rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS)

    return (
        Player(critic_loss, adam(gan.discriminator, rates["critic"])),
        Player(painter_loss, adam(gan.generator, rates["painter"])),
    )


def train_text_gan(
    path: Path,
    tokenizer: Tokenizer,
    eyes: nn.Module,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    **options,
) -> Iterator[Turn]:
    """Train for `steps` rounds, yielding after each; `options` are those of `keep`.

    `eyes` read what is drawn (models/content.py).
    """
    torch.manual_seed(seed)  # the starting weights
    gan = new_text_gan(tokenizer.get_vocab_size(), eyes=eyes)
    maker, rng = SceneMaker(make_glyphs(load_handwriting())), make_rng(seed)
    sides = players(gan, rng=rng)

    def run(start: int) -> Iterator[Turn]:
        batches = captioned_batches(maker, tokenizer, batch, rng=rng)
        return play(*sides, batches, steps=steps, start=start, schedule=warm_cosine)

    return keep(
        run,
        [side.optimizer for side in sides],
        model=gan.generator,
        average=AveragedModel(gan.generator, decay=DECAY),
        besides={"critic": gan.discriminator},
        rng=rng,
        settings={"steps": steps, "batch": batch, "rates": RATES, "seed": seed},
        path=path,
        **options,
    )


def make_text_gan(
    path: Path, tokenizer: Tokenizer, eyes: nn.Module, *, steps: int = STEPS, **options
) -> None:
    """Train, showing the time that is left."""
    show(train_text_gan(path, tokenizer, eyes, steps=steps, **options), steps, path.stem)
