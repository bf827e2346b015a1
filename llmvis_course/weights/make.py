"""Make everything that is shipped again: `make weights`, in under an hour on two cores.

    python -m llmvis_course.weights.make                  # everything
    python -m llmvis_course.weights.make --only drawer

Killed half-way, it goes on from the last checkpoint. The MNIST judge needs MNIST's files (see
data/digits.py) and is left as it is where they are not.
"""

import argparse
from pathlib import Path

from ..data.digits import load_handwriting
from ..data.tokens import load_tokenizer
from . import FOLDER
from .make_drawer import make_drawer, make_tokenizer
from .make_judge import make_judge

PARTS = ("judges", "drawer")


def make_judges(folder: Path) -> None:
    """Train the judge of each handwriting that is here."""
    for source in ("digits", "mnist"):
        try:
            load_handwriting(source, train=False)
        except FileNotFoundError as error:
            print(f"the {source} judge stays as it is: {error}")
            continue
        make_judge(source, folder / f"judge_{source}.safetensors")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m llmvis_course.weights.make")
    parser.add_argument("--only", choices=PARTS, help="make one part")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where (%(default)s)")
    options = parser.parse_args(arguments)
    if options.only in (None, "judges"):
        make_judges(options.folder)
    if options.only in (None, "drawer"):
        tokenizer = options.folder / "tokenizer.json"
        make_tokenizer(tokenizer)
        make_drawer(options.folder / "drawer.safetensors", load_tokenizer(tokenizer))


if __name__ == "__main__":
    main()
