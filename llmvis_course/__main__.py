"""Draw a sentence and judge the drawing, or score the system.

python -m llmvis_course "a large red seven at the top left" --out picture.png
python -m llmvis_course --evaluate
"""

import argparse
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when it was drawn or scored, 2 when the sentence cannot be drawn."""
    parser = argparse.ArgumentParser(prog="python -m llmvis_course", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("caption", nargs="?", help="what to draw")
    parser.add_argument("--out", type=Path, default=Path("picture.png"), help="where (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another picture")
    parser.add_argument("--guidance", type=float, help="1: plain model; more: closer to the text")
    parser.add_argument("--steps", type=int, help="more: slower, and closer to the exact path")
    parser.add_argument("--evaluate", action="store_true", help="print the table of scores")
    parser.add_argument("--prompts", type=int, default=100, help="per row (%(default)s)")
    options = parser.parse_args(arguments)
    if (options.caption is None) == (not options.evaluate):
        parser.error('expected a caption such as "a red seven", or --evaluate')
    chosen = {k: v for k in ("guidance", "steps") if (v := getattr(options, k)) is not None}
    try:
        if options.evaluate:
            evaluate(options.prompts, options.seed, **chosen)
        else:
            draw(options.caption, options.out, options.seed, **chosen)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def draw(caption: str, out: Path, seed: int, **chosen: float | int) -> None:
    """Draw `caption` to a PNG file, and print the verdict."""
    from .evaluate import Judge
    from .pipeline import TextToImage
    from .training.repro import make_rng

    system = TextToImage.pretrained()
    reading = system.understand(caption)
    picture = system.draw([caption], rng=make_rng(seed), **chosen)
    save_picture(picture[0], out)
    verdict = Judge.pretrained().verdict(picture[0], reading.scene)
    print(f"understood: {system.plainly(caption)}")
    if reading.unknown:
        print(f"not understood: {', '.join(reading.unknown)}")
    print(f"seen:       {describe(verdict.seen)}")
    print("verdict:    " + ("right" if verdict.right else f"wrong: {', '.join(verdict.missed)}"))
    print(f"written:    {out}")


def evaluate(prompts: int, seed: int, **chosen: float | int) -> None:
    """Print the table of scores, and the judge's own error under it."""
    from .evaluate import Judge, evaluate, format_table, own_error
    from .pipeline import TextToImage
    from .training.repro import make_rng

    system, judge, rng = TextToImage.pretrained(), Judge.pretrained(), make_rng(seed)
    scores = []
    for score in evaluate(
        lambda captions: system.draw(captions, rng=rng, **chosen),
        judge=judge, n=prompts, rng=make_rng(seed + 1),
    ):  # fmt: skip
        scores.append(score)
        print(f"{score.kind}, {score.split}: {score.right} of {score.n}", file=sys.stderr)
    print(format_table(scores))
    print("\nThe judge itself, on real held-out handwriting, is right about:")
    shares = own_error(judge, n=500, rng=make_rng(seed + 2))
    print(", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()))


def describe(scene) -> str:
    """What was seen, in words; "?" for what could not be told."""
    from .data.world import DIGITS, NAMED

    def word(name: str, value: object) -> str:
        return "?" if value is None else DIGITS[value] if name == "digit" else str(value)

    things = [
        " ".join(word(name, getattr(thing, name)) for name in NAMED) for thing in scene.things
    ]
    return "; ".join(things) or "nothing"


def save_picture(picture, out: Path, *, zoom: int = 8) -> None:
    """Write a picture in [-1, 1] as a PNG `zoom` times as large: whole, then renamed."""
    from torchvision.transforms.functional import to_pil_image

    image = to_pil_image((picture.cpu() + 1) / 2)
    image = image.resize((image.width * zoom, image.height * zoom), resample=0)
    unfinished = out.with_name(out.name + ".unfinished")
    image.save(unfinished, format="PNG")
    os.replace(unfinished, out)


if __name__ == "__main__":
    sys.exit(main())
