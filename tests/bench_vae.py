"""Two VAEs on MNIST with codes of 20 numbers, each trained for the same seconds, side by side.

The measure is that of most tutorials: binary cross-entropy of grey levels plus KL on the 10,000
test pictures, in nats per picture. (For greys it is no bound on a probability; see models/vae.py.)
The plain network is the tutorials': one hidden layer of 400 units each way, Adam, batches of 128.
Usage: LLMVIS_DATA=FOLDER python tests/bench_vae.py [SECONDS EACH]
"""

import math
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from llmvis_course.data.digits import load_handwriting
from llmvis_course.models.vae import VAE, Bernoulli
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.repro import make_rng

SECONDS = 150
CODE, PIXELS = 20, 28 * 28


def load(train: bool) -> Tensor:
    return 2 * load_handwriting("mnist", train=train).ink.flatten(1) - 1


def network(units: Sequence[int], act: type[nn.Module]) -> VAE:
    """Linear layers of `units` on the way down, and the same on the way back."""

    def layers(sizes: list[int]) -> nn.Sequential:
        parts = [[nn.Linear(a, b), act()] for a, b in zip(sizes, sizes[1:], strict=False)]
        return nn.Sequential(*sum(parts, [])[:-1])

    encoder = layers([PIXELS, *units, 2 * CODE])
    return VAE(encoder, layers([CODE, *reversed(units), PIXELS]), Bernoulli(), code=CODE)


def train(
    model: VAE,
    optimizers: torch.optim.Optimizer | Sequence[torch.optim.Optimizer],
    data: Tensor,
    *,
    seconds: float,
    batch: int,
    seed: int,
    schedule: Callable[[float], float] | None = None,
    clip: float = math.inf,
) -> tuple[int, float]:
    """Train until the time is up; the steps that were done, and the seconds."""
    rng, start = make_rng(seed), time.perf_counter()

    def batches():
        while time.perf_counter() - start < seconds:
            yield data[torch.randint(len(data), (batch,), generator=rng)]

    def rate(_: float) -> float:
        return schedule(min(1.0, (time.perf_counter() - start) / seconds)) if schedule else 1.0

    done = 0
    loss = lambda x: model.loss(x, rng=rng)  # noqa: E731
    for at in fit(loss, batches(), optimizers, steps=10**9, clip=clip, schedule=rate):
        done = at.step
    return done, time.perf_counter() - start


@torch.no_grad()
def measure(model: VAE, data: Tensor) -> float:
    rng = make_rng(0)
    parts = [model.elbo(x, rng=rng) for x in data.split(1000)]
    return torch.cat([kl - log_likelihood for log_likelihood, kl in parts]).mean().item()


def plain() -> tuple[VAE, dict]:
    """The tutorials' network and training."""
    model = network([400], nn.ReLU)
    return model, {"optimizers": torch.optim.Adam(model.parameters(), lr=1e-3), "batch": 128}


def ours() -> tuple[VAE, dict]:
    """One more layer each way, a smooth threshold, and learning rates that rise and fall."""
    model = network([512, 256], nn.SiLU)
    how = {"optimizers": torch.optim.Adam(model.parameters(), lr=3e-3, fused=True), "batch": 128}
    return model, how | {"schedule": warm_cosine, "clip": 1.0}


def main(seconds: float = SECONDS, seed: int = 0) -> None:
    try:
        data, test = load(train=True), load(train=False)
    except FileNotFoundError as missing:
        print(f"nothing measured: {missing}")
        return
    print(f"MNIST, codes of {CODE} numbers, {seconds:.0f} s each, seed {seed}")
    for name, make in (("plain, 400 units", plain), ("ours", ours)):
        torch.manual_seed(seed)
        model, how = make()
        steps, took = train(model, data=data, seconds=seconds, seed=seed, **how)
        epochs = steps * how["batch"] / len(data)
        weights = sum(p.numel() for p in model.parameters())
        print(
            f"{name:<18} {measure(model, test):6.1f} nats a test picture, {epochs:5.1f} epochs in "
            f"{took:.0f} s, {weights:,} weights"
        )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
