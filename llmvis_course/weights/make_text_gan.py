"""Train the GAN that is shipped: captions of one thing, read by a small GPT-2, drawn at one go.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.labels import ASKED_CHOICES, asked_labels
from ..data.scenes import SceneMaker
from ..data.splits import training_batches
from ..data.tokens import encode
from ..models.game import NonSaturating
from ..models.picture_losses import copying_loss
from ..models.text_gan import (
    CaptionEncoder,
    Painter,
    TextGAN,
    small_critic,
    small_painter,
)
from ..training.checkpoint import load_weights
from ..training.fit import Progress, fit, warm_cosine
from ..training.play import Player, Turn, play
from ..training.repro import AveragedModel, make_rng
from ..training.resume import checkpoint_of, keep, show
from ..training.weighting import FixedWeights

STEPS, BATCH, DECAY = 700, 16, 0.99
READING_STEPS, READING_BATCH = 100, 64
COPYING_STEPS, COPYING_BATCH = 300, 32
CLIP = math.inf  # a sum over pixels has large gradients, and Adam does not mind
RATES = {"painter": 1e-3, "critic": 5e-4}
WEIGHTS = {"adversarial": 1.0, "content": 1.0, "copy": 0.01}
BETAS = (0.5, 0.99)


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


def teach_reading(
    encoder: CaptionEncoder,
    batches: Iterable[Captioned],
    *,
    steps: int = READING_STEPS,
    rate: float = 3e-3,
) -> float:
    """Teach the encoder to read, by asking what each caption names; returns the last loss, in nats.

    The article's GPT-2 could read before it met a picture; ours is fresh, and a painter who must
    first learn to read from what eyes say of its pictures takes ten times as long.
    """
    answer = nn.Linear(encoder.width, sum(ASKED_CHOICES))
    weights = [*encoder.parameters(), *answer.parameters()]
    loss = math.inf

    def ask(batch: Captioned) -> Tensor:
        scores = answer(encoder(batch.ids)).split(ASKED_CHOICES, dim=1)
        asked = zip(scores, batch.asked.unbind(dim=1), strict=True)
        return sum(F.cross_entropy(s, right, ignore_index=-1) for s, right in asked)

    for at in fit(ask, batches, torch.optim.Adam(weights, lr=rate, betas=(0.9, 0.99)), steps=steps):
        loss = at.loss
    return loss


def copying(
    painter: Painter, *, rng: torch.Generator, rate: float = 3e-3
) -> tuple[Callable[[Captioned], Tensor], torch.optim.Adam]:
    """The loss of copying real pictures from their captions, and what moves the painter on it.

    A fresh painter's ink is nowhere near handwriting, and whatever a critic or eyes then say of it
    means little: without these steps the game drives the ink out of the picture.
    """

    def loss(batch: Captioned) -> Tensor:
        z = torch.randn(len(batch.ids), painter.code, generator=rng)
        return copying_loss(painter(z, batch.ids), batch.pictures)

    return loss, torch.optim.Adam(painter.parameters(), lr=rate, betas=(0.9, 0.99))


def teach_copying(
    painter: Painter, batches: Iterable[Captioned], *, rng: torch.Generator, steps: int, **options
) -> float:
    """Let the painter copy for some steps (`options` are those of `copying`); the last loss."""
    loss, optimizer = copying(painter, rng=rng, **options)
    return [at.loss for at in fit(loss, batches, optimizer, steps=steps, clip=CLIP)][-1]


def teach(
    path: Path,
    painter: Painter,
    maker: SceneMaker,
    tokenizer: Tokenizer,
    *,
    seed: int,
    reading: int = READING_STEPS,
    steps: int = COPYING_STEPS,
) -> Iterator[Progress]:
    """What comes before the game: reading, then copying. Also goes on where it was cut off."""
    rng = make_rng(seed)
    loss, optimizer = copying(painter, rng=rng)

    def run(start: int) -> Iterator[Progress]:
        if start == 0:
            captions = captioned_batches(maker, tokenizer, READING_BATCH, rng=rng)
            teach_reading(painter.encoder, captions, steps=reading)
        pairs = captioned_batches(maker, tokenizer, COPYING_BATCH, rng=rng)
        return fit(loss, pairs, optimizer, steps=steps, start=start, clip=CLIP)

    return keep(
        run,
        [optimizer],
        model=painter,
        average=AveragedModel(painter, decay=0.9),
        rng=rng,
        settings={"steps": steps, "reading": reading, "seed": seed},
        path=path,
        checkpoint=path.with_name(f"{path.stem}_so_far.safetensors"),
        every=50,
    )


def new_text_gan(painter: Painter, *, eyes: nn.Module | None, penalty: float = 1.0) -> TextGAN:
    """A painter whose encoder can read, and a critic that has learned nothing but to read."""
    critic = small_critic(copy.deepcopy(painter.encoder))
    options = {"eyes": eyes, "penalty": penalty, "penalised": 8}
    gan = TextGAN(painter, critic, NonSaturating(), **options)
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
    lessons: Mapping[str, int] | None = None,
    checkpoint: Path | None = None,
    **options,
) -> Iterator[Turn]:
    """Teach, then play `steps` rounds, yielding after each; `options` are those of `keep`.

    `eyes` read what is drawn (models/content.py), and `lessons` are the steps that `teach` takes.
    """
    torch.manual_seed(seed)  # the starting weights
    painter = small_painter(tokenizer.get_vocab_size())
    maker = SceneMaker(make_glyphs(load_handwriting()))
    checkpoint = checkpoint or checkpoint_of(path)
    taught = checkpoint.with_name(f"{checkpoint.stem}_taught.safetensors")
    if not taught.exists():
        for _ in teach(taught, painter, maker, tokenizer, seed=seed, **(lessons or {})):
            pass
    load_weights(painter, taught)
    torch.manual_seed(seed + 1)  # the critic's starting weights, whether cut off before or not
    rng = make_rng(seed + 1)
    gan = new_text_gan(painter, eyes=eyes)
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
        checkpoint=checkpoint,
        **options,
    )


def make_text_gan(
    path: Path, tokenizer: Tokenizer, eyes: nn.Module, *, steps: int = STEPS, **options
) -> None:
    """Train, showing the time that is left."""
    show(train_text_gan(path, tokenizer, eyes, steps=steps, **options), steps, path.stem)
