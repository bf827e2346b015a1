"""Train the text-to-image model that is shipped.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.labels import QUESTIONS, said_labels
from ..data.scenes import SceneMaker
from ..data.splits import Batch, training_batches
from ..data.tokens import encode, train_tokenizer
from ..layers.transformer import TextEncoder
from ..models.flow import TextFlow
from ..models.reader import CaptionReader
from ..training.fit import Progress, fit, warm_cosine
from ..training.muon import muon_and_adamw
from ..training.precision import bfloat16, bfloat16_pays
from ..training.repro import AveragedModel, make_rng
from ..training.resume import checkpoint_of, fit_and_keep, show

STEPS, BATCH, DECAY = 3000, 64, 0.999
RATES = {"muon": 3e-3, "adamw": 2e-3}
NO_CAPTION = 0.1  # share of captions replaced by an empty one, for guidance
SHARES = {"two": 0.5, "many": 0.25}  # what a batch shows beside single things
READING_STEPS, READING_BATCH = 200, 128


def make_tokenizer(path: Path, *, seed: int = 0) -> None:
    """Train the tokenizer on captions of training scenes."""
    maker = SceneMaker(make_glyphs(load_handwriting()))
    batches = training_batches(maker, BATCH, rng=make_rng(seed))
    captions = [caption for _ in range(60) for caption in next(batches).captions]
    path.parent.mkdir(parents=True, exist_ok=True)
    train_tokenizer(captions).save(str(path))


def make_drawer(path: Path, tokenizer: Tokenizer, *, steps: int = STEPS, **options) -> None:
    """Train, showing the time that is left; `options` are those of `train_drawer`."""
    show(train_drawer(path, tokenizer, steps=steps, **options), steps, path.stem)


def train_drawer(
    path: Path,
    tokenizer: Tokenizer,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    checkpoint: Path | None = None,
    checkpoint_every: int = 200,
    half: bool | None = None,
    new_model: Callable[[int], TextFlow] = TextFlow,
    shares: Mapping[str, float] = SHARES,
    rates: Mapping[str, float] = RATES,
    reading_steps: int = READING_STEPS,
) -> Iterator[Progress]:
    """Train for `steps`, yielding after each; at the end write averaged weights to `path`.

    The state is kept in `checkpoint` (by default in `.checkpoints`) and found there again. `half`
    says whether to compute in bfloat16; by default a short timing decides. `new_model` makes a
    fresh model for a vocabulary, and `shares` is what batches show beside single things. Raises
    ValueError when the checkpoint is of a run with other settings.
    """
    checkpoint = checkpoint or checkpoint_of(path)
    torch.manual_seed(seed)  # the starting weights
    model = new_model(tokenizer.get_vocab_size()).to(memory_format=torch.channels_last)
    maker, rng = SceneMaker(make_glyphs(load_handwriting())), make_rng(seed)
    if not checkpoint.exists():
        teach_reading(model.encoder, tokenizer, maker, rng=rng, steps=reading_steps)
    optimizers = muon_and_adamw(model, besides=model.unet.unlike_others(), **rates)
    batches = training_batches(maker, batch, rng=rng, shares=shares)
    notes = {"data": "scikit-learn digits, training split", "bfloat16": False}

    def plain_loss(batch: Batch) -> Tensor:
        told = torch.rand(len(batch.captions), generator=rng) >= NO_CAPTION
        captions = [c if keep else "" for c, keep in zip(batch.captions, told, strict=True)]
        pictures = batch.pictures.to(memory_format=torch.channels_last)
        return model.loss(pictures, *encode(tokenizer, captions), batch.digits, rng=rng)

    def loss(batch: Batch) -> Tensor:
        with bfloat16(notes["bfloat16"]):
            return plain_loss(batch)

    if not checkpoint.exists():
        notes["bfloat16"] = bfloat16_pays(plain_loss, batches, rng) if half is None else half
    yield from fit_and_keep(
        loss,
        batches,
        optimizers,
        model=model,
        average=AveragedModel(model, decay=DECAY),
        rng=rng,
        settings={"steps": steps, "batch": batch, "rates": dict(rates), "seed": seed},
        notes=notes,
        path=path,
        checkpoint=checkpoint,
        every=checkpoint_every,
    )


def teach_reading(
    encoder: TextEncoder,
    tokenizer: Tokenizer,
    maker: SceneMaker,
    *,
    rng: torch.Generator,
    steps: int = READING_STEPS,
) -> float:
    """Teach the encoder to read; returns which share of fresh captions it then reads rightly."""
    reader = CaptionReader(encoder, [question.choices for question in QUESTIONS])

    def ask(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        return *encode(tokenizer, batch.captions), said_labels(batch.said)

    batches = training_batches(maker, READING_BATCH, rng=rng)
    optimizers = muon_and_adamw(reader, besides=[reader.answer], **RATES)
    for _ in fit(
        lambda batch: reader.loss(*ask(batch)),
        batches,
        optimizers,
        steps=steps,
        schedule=warm_cosine,
    ):
        pass
    return reader.share_right(*ask(next(batches)))
