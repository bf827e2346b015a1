"""Train the language model that draws, and the tokens it draws with.

Interrupt it whenever you like: it goes on from its last checkpoint, to the same result.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor

from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.scenes import SceneMaker
from ..data.splits import Batch, mixture, training_batches
from ..data.tokens import encode
from ..models.image_gpt import ImageGPT
from ..models.vqvae import VQVAE, light_and_colour_vqvae
from ..training.checkpoint import load_weights
from ..training.fit import Progress
from ..training.muon import muon_and_adamw
from ..training.precision import bfloat16, bfloat16_pays
from ..training.repro import AveragedModel, make_rng
from ..training.resume import checkpoint_of, fit_and_keep, show

TOKENS_STEPS, TOKENS_BATCH = 600, 24
TOKENS_SHARES = {"two": 0.1, "many": 0.2, "crowd": 0.6}  # much ink: paper is soon learned
TOKENS_RATES = {"muon": 5e-3, "adamw": 3e-3}
STEPS, BATCH, DECAY = 2600, 24, 0.99
RATES = {"muon": 6e-3, "adamw": 3e-3}
SHARES = {"two": 0.1}  # what a batch shows beside single things
READS = 0.15  # share of batches in which the picture comes before its caption
WEIGHTS = {False: 7.0, True: 1.0}  # of a picture's tokens, where it is drawn, and where it is read


def pictures(
    maker: SceneMaker, size: int, *, rng: torch.Generator
) -> Iterator[Float[Tensor, "b 3 32 32"]]:
    """Endless batches of fresh scenes, none of them held out."""
    while True:
        yield maker.render(mixture(maker, size, TOKENS_SHARES, rng=rng))


def train_vqvae(
    path: Path,
    *,
    steps: int = TOKENS_STEPS,
    batch: int = TOKENS_BATCH,
    seed: int = 0,
    **options,
) -> Iterator[Progress]:
    """Train for `steps`, yielding after each; `options` are those of `fit_and_keep`."""
    torch.manual_seed(seed)  # the starting weights
    model, rng = light_and_colour_vqvae(one_paper=True), make_rng(seed)
    maker = SceneMaker(make_glyphs(load_handwriting()))
    ends = [model.encoder.net[1], model.decoder.net[-2]]  # the first layer, and the last
    return fit_and_keep(
        lambda x: model.loss(x, rng=rng),
        pictures(maker, batch, rng=rng),
        muon_and_adamw(model, besides=ends, **TOKENS_RATES),
        model=model,
        average=AveragedModel(model, decay=0.98),
        rng=rng,
        settings={
            "steps": steps,
            "batch": batch,
            "rates": TOKENS_RATES,
            "shares": TOKENS_SHARES,
            "seed": seed,
        },
        path=path,
        **options,
    )


class Pairs(NamedTuple):
    """Captions and pictures, both as tokens."""

    ids: Int[Tensor, "b n"]
    tokens: Int[Tensor, "b 8 8"]
    digits: Int[Tensor, "b 8 8"]  # which digit lies in each cell, -1 for none
    reads: bool  # the picture comes first


def pairs(
    batches: Iterator[Batch],
    vqvae: VQVAE,
    tokenizer: Tokenizer,
    *,
    rng: torch.Generator,
    reads: float = READS,
) -> Iterator[Pairs]:
    """Turn batches into tokens; a share `reads` of them is to be read, the others drawn."""
    for batch in batches:
        first = bool(torch.rand((), generator=rng) < reads)
        ids = encode(tokenizer, batch.captions).ids
        yield Pairs(ids, vqvae.encode(batch.pictures), batch.digits, first)


def train_image_gpt(
    path: Path,
    vqvae: Path,
    tokenizer: Tokenizer,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    checkpoint: Path | None = None,
    half: bool | None = None,
    shares: Mapping[str, float] = SHARES,
    **options,
) -> Iterator[Progress]:
    """Train for `steps` on tokens of the VQ-VAE at `vqvae`, yielding after each.

    `half` says whether to compute in bfloat16; by default a short timing decides. `shares` is what
    batches show beside single things; `options` are those of `fit_and_keep`.
    """
    checkpoint = checkpoint or checkpoint_of(path)
    eyes = light_and_colour_vqvae(one_paper=True).eval()
    load_weights(eyes, vqvae)
    torch.manual_seed(seed)  # the starting weights
    model = ImageGPT(tokenizer.get_vocab_size(), eyes.codebook.sizes, hints=True)
    rng = make_rng(seed)
    maker = SceneMaker(make_glyphs(load_handwriting()))
    batches = training_batches(maker, batch, rng=rng, shares=shares)
    told, notes = pairs(batches, eyes, tokenizer, rng=rng), {"bfloat16": False}

    def plain_loss(pair: Pairs) -> Tensor:
        ids, tokens, digits, reads = pair
        return model.loss(ids, tokens, digits, reads=reads, picture_weight=WEIGHTS[reads])

    def loss(pair: Pairs) -> Tensor:
        with bfloat16(notes["bfloat16"]):
            return plain_loss(pair)

    if not checkpoint.exists():
        notes["bfloat16"] = bfloat16_pays(plain_loss, told, rng) if half is None else half
    return fit_and_keep(
        loss,
        told,
        muon_and_adamw(model, besides=[model.names], **RATES),
        model=model,
        average=AveragedModel(model, decay=DECAY),
        rng=rng,
        settings={
            "steps": steps,
            "batch": batch,
            "rates": RATES,
            "shares": dict(shares),
            "reads": READS,
            "weights": list(WEIGHTS.values()),
            "seed": seed,
        },
        notes=notes,
        path=path,
        checkpoint=checkpoint,
        **options,
    )


def make_drawlm(folder: Path, tokenizer: Tokenizer) -> None:
    """Train both, showing the time that is left."""
    vqvae, gpt = folder / "vqvae.safetensors", folder / "image_gpt.safetensors"
    show(train_vqvae(vqvae), TOKENS_STEPS, vqvae.stem)
    show(train_image_gpt(gpt, vqvae, tokenizer), STEPS, gpt.stem)
