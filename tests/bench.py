"""How fast things are here: `make bench`. Times are never asserted, only printed.

Each row is the median of several runs after one to warm up.
"""

import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import KINDS, SceneMaker
from llmvis_course.data.splits import training_batches
from llmvis_course.evaluate import Judge
from llmvis_course.layers.attention import attention
from llmvis_course.layers.conv import convolve
from llmvis_course.layers.recurrent import GRUCell, unroll
from llmvis_course.models.gpt import from_gpt2
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


def compare(what: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Print how many times as long ours takes, both measured in turn."""
    taken = [[seconds(work, repeats=3) for work in (ours, theirs)] for _ in range(3)]
    mine, library = (min(column) for column in zip(*taken, strict=True))
    print(f"{what:42} {mine:8.4f} s, library {library:8.4f} s: {mine / library:5.2f} x")


def with_gradient(work: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], object]:
    """Forward and backward."""
    x = x.clone().requires_grad_()
    return lambda: torch.autograd.grad(work(x).square().sum(), x)


def compare_layers(rng: torch.Generator) -> None:
    """Our layers beside the library's, forward and backward, and writing with a cache."""
    x = torch.randn(64, 4, 64, 32, generator=rng)
    compare(
        "attention, 64 x 4 heads x 64 positions",
        with_gradient(lambda x: attention(x, x, x).values, x),
        with_gradient(lambda x: F.scaled_dot_product_attention(x, x, x), x),
    )
    x = torch.randn(64, 16, 128, generator=rng)
    cell, layer = GRUCell(128, 128), nn.GRU(128, 128, batch_first=True)
    compare(
        "GRU, 64 x 16 positions x 128",
        with_gradient(lambda x: unroll(cell, x).states, x),
        with_gradient(lambda x: layer(x)[0], x),
    )
    x, weight = torch.randn(64, 32, 16, 16, generator=rng), torch.randn(64, 32, 3, 3, generator=rng)
    compare(
        "convolution, 64 x 32 to 64 channels",
        with_gradient(lambda x: convolve(x, weight, padding=1), x),
        with_gradient(lambda x: F.conv2d(x, weight, padding=1), x),
    )
    config = GPT2Config(vocab_size=400, n_embd=128, n_layer=4, n_head=4, n_positions=256)
    config.bos_token_id = config.eos_token_id = None
    theirs = GPT2LMHeadModel(config).eval()
    mine, prompt = from_gpt2(theirs.state_dict(), heads=4), torch.ones(1, 1, dtype=torch.long)
    options = {"max_new_tokens": 100, "do_sample": False, "pad_token_id": 0}
    compare(
        "write 100 tokens, 4 blocks of width 128",
        lambda: mine.sample(prompt, 100, rng=rng, top_k=1),
        lambda: theirs.generate(prompt, **options),
    )


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
    print()
    compare_layers(rng)


if __name__ == "__main__":
    main()
