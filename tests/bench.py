"""How fast things are here: `make bench`. Times are never asserted, only printed.

Each row is the median of several runs after one to warm up.
"""

import platform
import statistics
import time
from collections.abc import Callable

import torch

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import KINDS, SceneMaker
from llmvis_course.data.splits import training_batches
from llmvis_course.evaluate import Judge
from llmvis_course.pipeline import TextToImage
from llmvis_course.training.repro import make_rng


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The median time of `work`."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def row(what: str, n: int, taken: float, unit: str) -> None:
    print(f"{what:42} {taken:8.3f} s {n / taken:12,.0f} {unit} per second")


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads\n")
    rng, maker = make_rng(0), SceneMaker(make_glyphs(load_handwriting()))
    for kind in KINDS:
        taken = seconds(lambda k=kind: maker.render(maker.sample(5000, k, rng=rng)))
        row(f"compose and render 5000 scenes of {kind}", 5000, taken, "scenes")
    batches = training_batches(maker, 128, rng=rng)
    row("a training batch of 128, with captions", 128, seconds(lambda: next(batches)), "pairs")
    judge, pictures = Judge.pretrained(), maker.render(maker.sample(1000, "one", rng=rng))
    row("judge 1000 pictures of one thing", 1000, seconds(lambda: judge.look(pictures)), "pictures")
    system = TextToImage.pretrained()
    for n in (1, 64):
        captions = ["a large red seven at the top left"] * n
        taken = seconds(lambda c=captions: system.draw(c, rng=rng), repeats=3)
        row(f"draw {n} at a time", n, taken, "pictures")


if __name__ == "__main__":
    main()
