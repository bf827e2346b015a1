"""Train a small model to draw one digit from text for some five minutes, and judge it.

`python tests/bench_drawing.py 0 1 2` does so for three seeds, one after the other. It goes on where
it was interrupted; the checkpoint lies in `.checkpoints`.
"""

import sys
from pathlib import Path

from torch import Tensor

from llmvis_course.data.tokens import load_tokenizer
from llmvis_course.evaluate import Judge, format_table, score
from llmvis_course.models.flow import TextFlow
from llmvis_course.pipeline import TextToImage
from llmvis_course.training.checkpoint import load_weights
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.weights.make_drawer import train_drawer


def small_model(vocabulary: int) -> TextFlow:
    """A text-to-image model of a quarter of the shipped one's size, for captions of one thing."""
    return TextFlow(vocabulary, channels=(32, 64), text_width=64, summarise=True)


DRAWING = {
    "steps": 1200,  # within five minutes on two cores
    "batch": 64,
    "rates": {"muon": 5e-3, "adamw": 3e-3},
    "new_model": small_model,
    "shares": {},  # one digit a picture
    "reading_steps": 100,
    "checkpoint_every": 100,
}


def main(seed: int = 0, *, n: int = 400, guidance: float = 3.0) -> None:
    """Train on scenes of one digit, then judge `n` captions of held-out combinations.

    "single" names all five attributes of the digit, "colour" and "position" one beside the digit.
    """
    tokenizer, folder = load_tokenizer(TOKENIZER), Path(".checkpoints")
    path, checkpoint = (folder / f"bench_{seed}{end}.safetensors" for end in ("_weights", ""))
    for _ in train_drawer(path, tokenizer, seed=seed, checkpoint=checkpoint, **DRAWING):
        pass
    model = small_model(tokenizer.get_vocab_size())
    record = load_weights(model, path)
    print(f"trained for {record['done']} steps in {record['seconds']:.0f} s, seed {seed}")
    system, judge = TextToImage(model, tokenizer), Judge.pretrained()
    rng, chance = make_rng(1000 + seed), make_rng(2000 + seed)

    def draw(captions: list[str]) -> Tensor:
        return system.draw(captions, rng=rng, guidance=guidance)

    kinds = ("single", "colour", "position")
    found = [score(draw, kind, "held out", judge=judge, n=n, rng=chance) for kind in kinds]
    print(format_table(found))


if __name__ == "__main__":
    for seed in [int(said) for said in sys.argv[1:]] or [0]:
        main(seed)
