"""Digits on demand: a conditional GAN learns MNIST for three minutes, and is judged.

Label agreement by a classifier that learned from real digits alone, beside what it says of real
ones; and variety: the distance of features to real digits, beside that of real ones to other real
ones, and what a classifier learns from drawings alone. Minutes are of processor time on one thread.
Set LLMVIS_DATA to a folder with MNIST/raw.
"""

import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmvis_course.data.digits import load_handwriting
from llmvis_course.evaluate import Judge
from llmvis_course.evaluate.drawings import frechet_distance, read_digits
from llmvis_course.models.game import NonSaturating
from llmvis_course.models.gan import GAN, Discriminator, Generator
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.play import Player, play
from llmvis_course.training.repro import AveragedModel, make_rng

CODE, FEATURES, SAID = 32, 128, 32


class Digits(NamedTuple):
    """Pictures in [-1, 1], and what they show."""

    picture: Tensor  # (b, 1, 28, 28)
    label: Tensor  # (b)

    def batches(self, size: int, rng: torch.Generator) -> Iterator["Digits"]:
        while True:
            index = torch.randint(len(self.label), (size,), generator=rng)
            yield Digits(self.picture[index], self.label[index])


def load(*, train: bool) -> Digits:
    ink, label = load_handwriting("mnist", train=train)
    return Digits(2 * ink[:, None] - 1, label)


class Classifier(nn.Module):
    """Two strided convolutions and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for c_in, c_out in ((1, 16), (16, 32)):
            conv = nn.Conv2d(c_in, c_out, 3, stride=2, padding=1)
            layers += [conv, nn.BatchNorm2d(c_out), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU())
        self.scores = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.features(x))


def train_classifier(digits: Digits, *, steps: int = 900, seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    net = Classifier()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    batches = digits.batches(128, make_rng(seed))
    for _ in fit(
        lambda batch: F.cross_entropy(net(batch.picture), batch.label),
        batches,
        optimizer,
        steps=steps,
        schedule=warm_cosine,
    ):
        pass
    return net.eval()


@torch.no_grad()
def agreement(net: Classifier, digits: Digits) -> float:
    return (net(digits.picture).argmax(dim=1) == digits.label).float().mean().item()


def new_gan(reader: Classifier) -> GAN:
    """The generator also loses where `reader` does not see what was asked for."""

    def content(drawn: Tensor, label: Tensor) -> Tensor:
        return 0.3 * F.cross_entropy(reader(drawn), label)

    generator = Generator(CODE, embed=nn.Embedding(10, SAID), said=SAID)
    critic = Discriminator(features=FEATURES, embed=nn.Embedding(10, FEATURES))
    options = {"penalty": 0.3, "penalised": 16, "content": content}
    gan = GAN(generator, critic, NonSaturating(), code=CODE, **options)
    return gan.to(memory_format=torch.channels_last)


def train_gan(digits: Digits, *, seconds: float, seed: int) -> tuple[Generator, int]:
    """The averaged generator after some seconds, and the turns played; rates fall to a tenth.

    The reader of its content loss is trained first, in the same time; it judges nothing later.
    """
    start = time.process_time()
    reader = train_classifier(digits, steps=300, seed=100 + seed)
    torch.manual_seed(seed)
    gan, rng = new_gan(reader), make_rng(seed)
    average = AveragedModel(gan.generator, decay=0.995)
    sides = [
        Player(
            lambda batch, loss=loss: loss(*batch, rng=rng),
            torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.99)),
        )
        for loss, network, rate in (
            (gan.discriminator_loss, gan.discriminator, 1e-3),
            (gan.generator_loss, gan.generator, 2e-3),
        )
    ]

    def slower(_: float) -> float:  # the time that is left, not the turns, which nobody knows
        return max(0.1, 1 - 0.9 * (time.process_time() - start) / seconds)

    for _ in play(*sides, digits.batches(64, rng), steps=10**9, schedule=slower):
        average.update(gan.generator)
        if time.process_time() - start > seconds:
            break
    return average.model, average.updates


@torch.no_grad()
def drawings(generator: Generator, n: int, *, seed: int) -> Digits:
    """As many of each digit."""
    rng, label = make_rng(seed), torch.arange(n) % 10
    return Digits(generator(torch.randn(n, CODE, generator=rng), label), label)


def main(seed: int = 0, seconds: float = 180, *, n: int = 10_000) -> None:
    torch.set_num_threads(1)
    try:
        real, test = load(train=True), load(train=False)
    except FileNotFoundError as missing:
        print(f"no class-conditional GAN: {missing}")
        return
    net, judge = train_classifier(real), Judge.pretrained("mnist")
    generator, turns = train_gan(real, seconds=seconds, seed=seed)
    drawn = drawings(generator, n, seed=1000 + seed)
    print(f"class-conditional GAN on MNIST: {turns} turns in {seconds:g} s, seed {seed}")
    few = {"drawn": Digits(*(f[:1000] for f in drawn)), "real": Digits(*(f[:1000] for f in test))}
    for name, some in {"drawn": drawn, "real": test}.items():
        told = read_digits(judge, few[name].picture)
        right = sum(a == b for a, b in zip(told, few[name].label.tolist(), strict=True)) / len(told)
        print(f"  {name:5}: classifier agrees {agreement(net, some):.2%}, judge {right:.1%}")
    pick = torch.randperm(len(real.label), generator=make_rng(3))[:n]
    other = Digits(*(field[pick] for field in real))
    with torch.no_grad():
        features = [net.features(some.picture) for some in (test, drawn, other)]
    far, floor = (frechet_distance(features[0], each) for each in features[1:])
    print(f"  feature distance to real test digits: {far:.2f}; of real training digits {floor:.2f}")
    learned = [agreement(train_classifier(some, steps=600), test) for some in (drawn, other)]
    print(f"  classifier of {n} drawings on real ones {learned[0]:.2%}; of real {learned[1]:.2%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
