"""Train the text GAN for a while, judge it, and judge the shipped one.

`python tests/bench_text_gan.py SEED ROUNDS`; by default the seed 0 and the rounds that are shipped.
"""

import sys
import tempfile
import time
from pathlib import Path

from llmvis_course.data.labels import NAMED_CHOICES
from llmvis_course.data.tokens import load_tokenizer
from llmvis_course.evaluate import Judge, format_table, score
from llmvis_course.pipeline.painted import PaintedByGAN
from llmvis_course.training.checkpoint import load_weights
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.weights.make_text_gan import STEPS, text_painter, train_text_gan

KINDS = ("single", "colour", "position")


def judged(painted: PaintedByGAN, *, n: int = 200) -> None:
    """What the judge finds, of `n` captions of each kind, seen and held out."""
    rng, judge = make_rng(1), Judge.pretrained()
    found = [
        score(
            lambda captions: painted.draw(captions, rng=rng), kind, split,
            judge=judge, n=n, rng=make_rng(2),
        )
        for split in ("seen", "held out")
        for kind in KINDS
    ]  # fmt: skip
    print(format_table(found))
    for s in found:
        print(f"{s.kind}, {s.split}: missed, of {s.n}: {s.missed}")


def main(seed: int = 0, steps: int = STEPS) -> None:
    tokenizer = load_tokenizer(TOKENIZER)
    with tempfile.TemporaryDirectory() as folder:
        path, start = Path(folder) / "gan.safetensors", time.perf_counter()
        for turn in train_text_gan(
            path, tokenizer, seed=seed, steps=steps, checkpoint=Path(folder) / "state.safetensors"
        ):
            if turn.step % 200 == 0:
                losses = f"critic {turn.discriminator:.3f}, painter {turn.generator:.3f}"
                print(f"{turn.step} rounds, {time.perf_counter() - start:.0f} s: {losses}")
        model = text_painter(tokenizer.get_vocab_size(), NAMED_CHOICES)
        record = load_weights(model, path)
        print(f"seed {seed}, trained for {time.perf_counter() - start:.0f} s; record {record}")
        judged(PaintedByGAN(model, tokenizer))
    print("the shipped one:")
    judged(PaintedByGAN.pretrained())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
