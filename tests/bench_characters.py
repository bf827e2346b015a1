"""Our GPT and transformers' GPT-2 learn to write characters, side by side: loss and seconds.

The setting is nanoGPT's for a laptop (Karpathy 2022): 4 blocks of width 128, context 64, batches of
12, 2,000 steps; but for the learning rate, which is three times as large. The text is this
repository's own.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from llmvis_course.models.gpt import GPT
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.repro import make_rng


def own_text() -> Tensor:
    """The README and the notebooks of this repository, as numbers of characters."""
    root = Path(__file__).parent.parent
    files = [root / "README.md", *sorted((root / "notebooks" / "source").glob("*.py"))]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    number = {character: k for k, character in enumerate(sorted(set(text)))}
    return torch.tensor([number[character] for character in text])


def cuts(text: Tensor, length: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of 12 pieces of the text, each of `length` characters and the next."""
    while True:
        starts = torch.randint(len(text) - length, (12, 1), generator=rng)
        yield text[starts + torch.arange(length + 1)]


def main(steps: int = 2000, length: int = 64) -> None:
    text = own_text()
    train, test = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    sizes = {"n_embd": 128, "n_layer": 4, "n_head": 4, "n_positions": length}
    dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    torch.manual_seed(0)
    vocabulary = int(text.max()) + 1
    mine = GPT(vocabulary, context=length)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **sizes, **dropout))
    losses = {
        "ours": (mine, mine.loss),
        "transformers": (
            theirs,
            lambda ids: F.cross_entropy(theirs(ids[:, :-1]).logits.mT, ids[:, 1:]),
        ),
    }
    for name, (model, loss) in losses.items():
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
        batches, start = cuts(train, length, make_rng(1)), time.perf_counter()
        for _ in fit(loss, batches, optimizer, steps=steps, schedule=warm_cosine):
            pass
        taken, held_out = time.perf_counter() - start, cuts(test, length, make_rng(2))
        with torch.no_grad():
            found = sum(loss(next(held_out)).item() for _ in range(50)) / 50
        print(f"{steps} steps, {name:13} {taken:8.1f} s, {found:.3f} nats on new text")


if __name__ == "__main__":
    main()
