"""Train the text-to-image model that is shipped.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

import platform
import time
from pathlib import Path

import torch
from tqdm import tqdm

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.scenes import SceneMaker
from ..data.splits import Batch, training_batches
from ..data.tokens import encode, train_tokenizer
from ..models.flow import TextFlow
from ..training.checkpoint import (
    load_tensors,
    restore_training_state,
    save_tensors,
    training_state,
)
from ..training.fit import fit, warm_cosine
from ..training.precision import bfloat16, bfloat16_is_faster
from ..training.repro import AveragedModel, make_rng

STEPS, BATCH, RATE, DECAY = 4400, 128, 1.5e-3, 0.998
NO_CAPTION = 0.1  # share of captions replaced by an empty one, for guidance
CHECKPOINT_EVERY = 200


def make_tokenizer(path: Path, *, seed: int = 0) -> None:
    """Train the tokenizer on captions of training scenes."""
    maker = SceneMaker(make_glyphs(load_handwriting()))
    batches = training_batches(maker, BATCH, rng=make_rng(seed))
    captions = [caption for _ in range(60) for caption in next(batches).captions]
    path.parent.mkdir(parents=True, exist_ok=True)
    train_tokenizer(captions).save(str(path))


def make_drawer(
    path: Path, tokenizer, *, steps: int = STEPS, seed: int = 0, checkpoint: Path | None = None
) -> None:
    """Train for `steps` and write the averaged weights to `path` in float16."""
    checkpoint = checkpoint or Path(".checkpoints") / f"{path.stem}.safetensors"
    torch.manual_seed(seed)  # the starting weights
    model = TextFlow(tokenizer.get_vocab_size()).to(memory_format=torch.channels_last)
    average = AveragedModel(model, decay=DECAY)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    rng = make_rng(seed)
    batches = training_batches(SceneMaker(make_glyphs(load_handwriting())), BATCH, rng=rng)
    models = {"model": model, "average": average.model}

    def loss(batch: Batch) -> torch.Tensor:
        told = torch.rand(len(batch.captions), generator=rng) >= NO_CAPTION
        captions = [c if keep else "" for c, keep in zip(batch.captions, told, strict=True)]
        pictures = batch.pictures.to(memory_format=torch.channels_last)
        with bfloat16(record["bfloat16"]):
            return model.loss(pictures, *encode(tokenizer, captions), rng=rng)

    settings = {"steps": steps, "batch": BATCH, "rate": RATE, "seed": seed}
    record = settings | {"data": "scikit-learn digits, training split", "done": 0, "seconds": 0.0}
    if checkpoint.exists():
        state, record = load_tensors(checkpoint)
        if {key: record.get(key) for key in settings} != settings:
            raise ValueError(f"{checkpoint} is of another run: {record}; expected {settings}")
        restore_training_state(state, models, optimizer, rng)
        average.updates = record["done"]
    else:
        record["bfloat16"] = False
        record["bfloat16"] = _bfloat16_pays(loss, batches, rng)
    start = time.perf_counter() - record["seconds"]
    progress = tqdm(total=steps, initial=record["done"], desc=path.stem, unit="step")
    training = fit(
        loss, batches, optimizer, steps=steps, start=record["done"], schedule=warm_cosine
    )
    for at in training:
        average.update(model)
        progress.update()
        progress.set_postfix(loss=f"{at.loss:.4f}")
        record |= {"done": at.step, "seconds": time.perf_counter() - start}
        if at.step % CHECKPOINT_EVERY == 0 or at.step == steps:
            save_tensors(checkpoint, training_state(models, optimizer, rng), record)
    record |= {"threads": torch.get_num_threads(), "machine": platform.machine()}
    half = {name: value.half() for name, value in average.model.state_dict().items()}
    save_tensors(path, half, record)


def _bfloat16_pays(loss, batches, rng: torch.Generator) -> bool:
    """Try both on one batch, and leave chance as it was."""
    state = rng.get_state()
    batch = next(batches)
    pays = bfloat16_is_faster(lambda: loss(batch).backward())
    rng.set_state(state)
    return pays
