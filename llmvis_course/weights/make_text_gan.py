"""Train the GAN that is shipped: captions of one thing, read by a small GPT-2, drawn at one go.

Three lessons: reading, from captions alone; planning, from measured pictures; then the game.
Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..data.captions import write
from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.labels import NAMED_CHOICES, said_labels
from ..data.scenes import SceneMaker, to_scenes
from ..data.splits import in_training, say_all, training_batches
from ..data.tokens import encode
from ..data.world import Scene
from ..evaluate import Judge, score
from ..models.game import NonSaturating
from ..models.painter import Painter
from ..models.text_gan import (
    CaptionReader,
    Critic,
    TextGAN,
    TextPainter,
    planning_loss,
    text_painter,
)
from ..pipeline.painted import PaintedByGAN
from ..training.checkpoint import load_tensors, save_tensors
from ..training.fit import fit, warm_cosine
from ..training.play import Player, Turn, play
from ..training.repro import AveragedModel, make_rng
from ..training.resume import checkpoint_of, keep, show

STEPS, BATCH, DECAY = 1000, 32, 0.995
READING_STEPS, READING_BATCH, READING_RATE = 250, 64, 5e-3
FORGETS = 0.5  # weight decay of the reader: that no three was ever yellow need not be learned
PLANNING_STEPS, PLANNING_RATE = 300, 2e-2
RATE, BETAS = 2e-3, (0.5, 0.99)
SEEDS = (0, 1, 2)  # of the trainings whose logs are kept; the first one is shipped
LOOKS, LOOKED_AT = 100, 100  # rounds between two looks of the judge, and captions at each


class Captions(NamedTuple):
    """Captions of one thing each, and the answers they give."""

    ids: Int[Tensor, "b n"]
    answers: Int[Tensor, "b 5"]


class Described(NamedTuple):
    """Pictures of one thing each, and what was read in a caption that says all of it."""

    pictures: Float[Tensor, "b 3 32 32"]
    said: Float[Tensor, "b d"]


def answers_of(said: list[Scene]) -> Int[Tensor, "b 5"]:
    """What captions of one thing say: numbers of answers, the last for "not said"."""
    return said_labels(said)[:, 0, : len(NAMED_CHOICES)]


def captions(
    maker: SceneMaker, tokenizer: Tokenizer, size: int, *, rng: torch.Generator
) -> Iterator[Captions]:
    """Endless batches to learn reading from, some of which leave out what could be said."""
    for batch in training_batches(maker, size, rng=rng, shares={}):
        yield Captions(encode(tokenizer, batch.captions).ids, answers_of(batch.said))


def described(
    maker: SceneMaker,
    tokenizer: Tokenizer,
    reader: CaptionReader,
    size: int,
    *,
    rng: torch.Generator,
) -> Iterator[Described]:
    """Endless batches of fresh scenes of one thing, none of them held out."""
    while True:
        layout = maker.sample(size, "one", rng=rng, allow=in_training)
        ids = encode(tokenizer, [write(say_all(scene), rng=rng) for scene in to_scenes(layout)]).ids
        yield Described(maker.render(layout), reader.describe(ids, rng=rng))


def teach_reading(
    reader: CaptionReader, batches: Iterable[Captions], *, steps: int = READING_STEPS
) -> list[float]:
    """Teach a reader by asking what captions name, then freeze it; returns its losses, in nats.

    The article's GPT-2 could read before it met a picture; ours is fresh. Reed et al. 2016 train
    the network that reads beforehand, too.
    """
    optimizer = torch.optim.AdamW(
        reader.parameters(), lr=READING_RATE, betas=(0.9, 0.99), weight_decay=FORGETS
    )
    reader.train().requires_grad_(True)
    training = fit(
        lambda batch: reader.loss(*batch), batches, optimizer, steps=steps, schedule=warm_cosine
    )
    losses = [at.loss for at in training]
    reader.eval().requires_grad_(False)
    return losses


def teach_planning(
    painter: Painter,
    batches: Iterable[Described],
    *,
    rng: torch.Generator,
    steps: int = PLANNING_STEPS,
) -> list[float]:
    """Teach where things stand, how, and their colours, from what is measured on real pictures."""
    planning = [*painter.stand.parameters(), *painter.colour.parameters()]
    training = fit(
        lambda batch: planning_loss(painter, *batch, rng=rng),
        batches,
        torch.optim.Adam(planning, lr=PLANNING_RATE, betas=(0.9, 0.99)),
        steps=steps,
        schedule=warm_cosine,
    )
    return [at.loss for at in training]


def new_text_gan(painter: Painter, said: int, **options) -> TextGAN:
    """A painter against a fresh critic; `options` are those of `TextGAN`."""
    channels = painter.colour.out_features
    return TextGAN(painter, Critic(said, channels=channels), NonSaturating(), **options)


def players(gan: TextGAN, *, rng: torch.Generator, rate: float = RATE) -> tuple[Player, Player]:
    """The critic, then the painter."""

    def player(loss: Callable[..., Tensor], network: nn.Module) -> Player:
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS)
        return Player(lambda batch: loss(*batch, rng=rng), optimizer)

    return (
        player(gan.discriminator_loss, gan.discriminator),
        player(gan.generator_loss, gan.generator),
    )


def train_text_gan(
    path: Path,
    tokenizer: Tokenizer,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    lessons: tuple[int, int] = (READING_STEPS, PLANNING_STEPS),
    judge: Judge | None = None,
    checkpoint: Path | None = None,
    **options,
) -> Iterator[Turn]:
    """Teach reading and planning, then play `steps` rounds, yielding after each.

    With a `judge`, every `LOOKS` rounds what he says of the averaged painter is noted beside both
    losses: the share of held-out captions that are drawn right. `options` are those of `keep`.
    """
    torch.manual_seed(seed)  # the starting weights
    model, rng = text_painter(tokenizer.get_vocab_size(), NAMED_CHOICES), make_rng(seed)
    gan = new_text_gan(model.painter, model.reader.said)
    maker = SceneMaker(make_glyphs(load_handwriting()))
    pairs = described(maker, tokenizer, model.reader, batch, rng=rng)
    checkpoint = checkpoint or checkpoint_of(path)
    if not checkpoint.exists():
        texts = captions(maker, tokenizer, READING_BATCH, rng=rng)
        teach_reading(model.reader, texts, steps=lessons[0])
        teach_planning(model.painter, pairs, rng=rng, steps=lessons[1])
    sides, average = players(gan, rng=rng), AveragedModel(model.eval(), decay=DECAY)
    notes = {"log": []}

    def run(start: int) -> Iterator[Turn]:
        for turn in play(*sides, pairs, steps=steps, start=start, schedule=warm_cosine):
            if judge is not None and turn.step % LOOKS == 0:
                right = drawn_right(average.model, tokenizer, judge, n=LOOKED_AT)
                losses = round(turn.discriminator, 4), round(turn.generator, 4)
                notes["log"].append([turn.step, *losses, right])
            yield turn

    return keep(
        run,
        [side.optimizer for side in sides],
        model=model,
        average=average,
        besides={"critic": gan.discriminator},
        rng=rng,
        settings={"steps": steps, "batch": batch, "rate": RATE, "seed": seed},
        notes=notes,
        path=path,
        checkpoint=checkpoint,
        **options,
    )


def drawn_right(model: TextPainter, tokenizer: Tokenizer, judge: Judge, *, n: int) -> float:
    """The share of `n` held-out captions of one thing that the judge finds drawn right."""
    painted, rng = PaintedByGAN(model, tokenizer), make_rng(1)
    return score(
        lambda captions: painted.draw(captions, rng=rng), "single", "held out",
        judge=judge, n=n, rng=make_rng(2),
    ).share  # fmt: skip


def make_text_gan(path: Path, tokenizer: Tokenizer, judge: Judge, *, steps: int = STEPS) -> None:
    """Train with every seed, ship the first, and put all logs into its record."""
    logs = []
    for seed in SEEDS:
        to = path if seed == SEEDS[0] else checkpoint_of(path).with_name(f"seed_{seed}.safetensors")
        training = train_text_gan(
            to, tokenizer, steps=steps, seed=seed, judge=judge,
            checkpoint=checkpoint_of(path).with_name(f"{path.stem}_{seed}.safetensors"),
        )  # fmt: skip
        show(training, steps, f"{path.stem}, seed {seed}")
        logs.append(load_tensors(to)[1].pop("log"))
    tensors, record = load_tensors(path)
    save_tensors(path, tensors, record | {"log": logs, "seeds": list(SEEDS)})
