"""Train a language model on 30 % of 9,216 captions to draw the other 70 %, and count exact matches.

A picture counts when all 16 of its tokens are those that the VQ-VAE gives to the true picture. The
VQ-VAE, too, sees the training pictures alone. A published notebook on a task of these counts
(lucidrains' DALLE-pytorch, examples, 2021) says 0.49. Beside it stands the share of pictures whose
scale, fill, texture, colour, shape, turn are right, told by the nearest of all 9,216 pictures.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from llmvis_course.data.rainbow import ATTRIBUTES, rainbow
from llmvis_course.data.tokens import encode, train_tokenizer
from llmvis_course.evaluate import wilson_interval
from llmvis_course.models.image_gpt import ImageGPT
from llmvis_course.models.vqvae import VQVAE, light_and_colour_vqvae
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.muon import muon_and_adamw
from llmvis_course.training.repro import make_rng

SHARE = 0.3  # of all captions, for training
JUDGED = 1000  # pictures whose attributes are looked up


class Found(NamedTuple):
    """What came of one run."""

    right: int  # unseen captions whose 16 tokens are all right
    n: int
    tokens: float  # share of single tokens that are right
    attributes: dict[str, float]  # share right, by attribute
    parameters: int  # of both models
    seconds: float  # of both trainings, by the clock
    computed: float  # seconds of a processor; less where others use the machine too


def index_batches(n: int, size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of numbers below `n`; each is seen once before any is seen twice."""
    while True:
        yield from torch.randperm(n, generator=rng).split(size)[: n // size]


def train_vqvae(pictures: Tensor, *, steps: int, seed: int) -> VQVAE:
    """4 x 4 tokens of a shape and a colour, from these pictures alone."""
    torch.manual_seed(seed)
    rng = make_rng(seed)
    model = light_and_colour_vqvae(shapes=256, colours=13, code=32, patch=8)
    ends = [model.encoder.net[1], model.decoder.net[-2]]
    optimizers = muon_and_adamw(model, besides=ends, muon=5e-3, adamw=3e-3)
    batches = (pictures[index] for index in index_batches(len(pictures), 64, rng))
    loss = {"schedule": warm_cosine, "steps": steps}
    for _ in fit(lambda x: model.loss(x, rng=rng), batches, optimizers, **loss):
        pass
    return model.eval()


def train_gpt(ids: Tensor, tokens: Tensor, sizes: tuple, *, steps: int, seed: int) -> ImageGPT:
    """A language model from these captions to these tokens."""
    torch.manual_seed(seed)
    words, slots = int(ids.max()) + 1, ids.shape[1]
    model = ImageGPT(words, sizes, side=4, slots=slots, width=96, depth=3, heads=3)
    batches = index_batches(len(ids), 64, make_rng(seed))
    optimizers = muon_and_adamw(model, muon=8e-3, adamw=4e-3)
    for _ in fit(
        lambda index: model.loss(ids[index], tokens[index]),
        batches,
        optimizers,
        steps=steps,
        schedule=warm_cosine,
    ):
        pass
    return model.eval()


def run(seed: int = 0, *, tokens_steps: int = 400, steps: int = 900) -> Found:
    """Train both on the training split, and draw every unseen caption greedily."""
    world = rainbow()
    order = torch.randperm(len(world.captions), generator=make_rng(seed))
    train, unseen = order.split([round(SHARE * len(order)), len(order) - round(SHARE * len(order))])
    start = time.perf_counter(), time.process_time()
    vqvae = train_vqvae(world.pictures[train], steps=tokens_steps, seed=seed)
    tokens = torch.cat([vqvae.encode(part) for part in world.pictures.split(512)])
    tokenizer = train_tokenizer([world.captions[k] for k in train.tolist()])
    ids = encode(tokenizer, world.captions).ids
    model = train_gpt(ids[train], tokens[train], vqvae.codebook.sizes, steps=steps, seed=seed)
    end = time.perf_counter(), time.process_time()
    drawn = [model.draw(part, rng=make_rng(seed), top_k=1) for part in ids[unseen].split(512)]
    same = torch.cat(drawn) == tokens[unseen].flatten(1)
    pictures = vqvae.decode(torch.cat(drawn)[:JUDGED].view(-1, 4, 4))
    nearest = torch.cdist(pictures.flatten(1), world.pictures.flatten(1)).argmin(dim=1)
    agree = world.attributes[nearest] == world.attributes[unseen[:JUDGED]]
    return Found(
        right=int(same.all(dim=1).sum()),
        n=len(unseen),
        tokens=same.float().mean().item(),
        attributes=dict(zip(ATTRIBUTES, agree.float().mean(dim=0).tolist(), strict=True)),
        parameters=sum(p.numel() for m in (vqvae, model) for p in m.parameters()),
        seconds=end[0] - start[0],
        computed=end[1] - start[1],
    )


def main(seed: int = 0) -> None:
    found = run(seed)
    low, high = wilson_interval(found.right, found.n)
    print(
        f"rainbow shapes, seed {seed}: {found.right} of {found.n} unseen captions exact "
        f"({found.right / found.n:.3f}, 95 % interval {low:.3f} to {high:.3f}), "
        f"{found.tokens:.4f} of tokens; {found.parameters / 1e6:.2f} M parameters, "
        f"{found.seconds:.0f} s of training, {found.computed:.0f} s of them computing"
    )
    print("attributes right:", {name: round(share, 3) for name, share in found.attributes.items()})


if __name__ == "__main__":
    main()
