"""Make everything that is shipped again: `make weights`, in one to two hours on two cores.

    python -m llmvis_course.weights.make                  # everything
    python -m llmvis_course.weights.make --only drawer

Killed half-way, it goes on from the last checkpoint. The MNIST judge needs MNIST's files (see
data/digits.py) and is left as it is where they are not.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from ..data.digits import load_handwriting
from ..data.splits import CAPTION_KINDS, SPLITS
from ..data.tokens import load_tokenizer
from ..evaluate import Judge, evaluate
from ..pipeline import TextToImage
from ..training.checkpoint import load_tensors, save_tensors
from ..training.repro import make_rng
from . import FOLDER
from .make_clip import make_clip
from .make_content import make_content
from .make_drawer import make_drawer, make_tokenizer
from .make_drawlm import make_drawlm
from .make_judge import make_judge
from .make_text_gan import make_text_gan

PARTS = ("judges", "drawer", "scores", "content", "towers", "drawlm", "text_gan")
PROMPTS = {"seen": 100, "held out": 1000, "paraphrased": 200}
"""How many captions of each kind are scored; the sharpest question gets the most."""


def make_judges(folder: Path) -> None:
    """Train the judge of each handwriting that is here."""
    for source in ("digits", "mnist"):
        try:
            load_handwriting(source, train=False)
        except FileNotFoundError as error:
            print(f"the {source} judge stays as it is: {error}")
            continue
        make_judge(source, folder / f"judge_{source}.safetensors")


def record_scores(folder: Path, *, prompts: Mapping[str, int] = PROMPTS, seed: int = 100) -> None:
    """Score what the folder holds, and write the scores into the record of its weights.

    Each row is written as soon as it is known, and has chance of its own, so that a run that was
    cut off goes on with the rows that are missing.
    """
    system, judge = TextToImage.pretrained(folder), Judge.pretrained(folder=folder)
    path = folder / "drawer.safetensors"
    tensors, record = load_tensors(path)
    rows = [(split, kind) for split in SPLITS for kind in CAPTION_KINDS]
    done = {
        (s["split"], s["kind"]): s
        for s in record.get("scores", [])
        if s["n"] == prompts.get(s["split"])
    }
    for number, (split, kind) in enumerate(tqdm(rows, desc="scores", unit="row")):
        if (split, kind) not in done:
            rng = make_rng(seed + number)
            (found,) = evaluate(
                lambda captions, rng=rng: system.draw(captions, rng=rng),
                judge=judge,
                n=prompts[split],
                rng=make_rng(seed + 50 + number),
                kinds=(kind,),
                splits=(split,),
            )
            done[split, kind] = found._asdict()
            record["scores"] = [done[row] for row in rows if row in done]
            save_tensors(path, tensors, record)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m llmvis_course.weights.make")
    parser.add_argument("--only", choices=PARTS, help="make one part")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where (%(default)s)")
    options = parser.parse_args(arguments)
    if options.only in (None, "judges"):
        make_judges(options.folder)
    if options.only in (None, "content"):
        make_content(options.folder / "content.safetensors")
    tokenizer = options.folder / "tokenizer.json"
    if options.only in (None, "drawer"):
        make_tokenizer(tokenizer)
        make_drawer(options.folder / "drawer.safetensors", load_tokenizer(tokenizer))
    if options.only in (None, "towers"):
        path = options.folder / "towers.safetensors"
        make_clip(path, load_tokenizer(tokenizer), eyes=options.folder)
    if options.only in (None, "drawlm"):
        make_drawlm(options.folder, load_tokenizer(tokenizer))
    if options.only in (None, "text_gan"):
        path, judge = (
            options.folder / "text_gan.safetensors",
            Judge.pretrained(folder=options.folder),
        )
        make_text_gan(path, load_tokenizer(tokenizer), judge)
    if options.only in (None, "drawer", "scores"):
        record_scores(options.folder)


if __name__ == "__main__":
    main()
