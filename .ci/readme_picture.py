"""Draw notebooks/images/readme.png: captions that nobody picked, drawn once each, and judged.

Run as `make picture`. Two captions of each of the six kinds are written from random scenes, half
of them of held-out combinations, with one fixed seed. Whatever comes out is shown, crosses too.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker
from llmvis_course.data.splits import CAPTION_KINDS, make_prompts
from llmvis_course.evaluate import Judge
from llmvis_course.pipeline import TextToImage
from llmvis_course.training.repro import make_rng
from llmvis_course.viz import picture_grid

PATH = Path(__file__).parents[1] / "notebooks" / "images" / "readme.png"


def main() -> None:
    rng = make_rng(0)
    maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
    prompts = [
        make_prompts(kind, split, 1, maker=maker, rng=rng).items[0]
        for split in ("seen", "held out")
        for kind in CAPTION_KINDS
    ]
    captions = [prompt.caption for prompt in prompts]
    pictures = TextToImage.pretrained().draw(captions, rng=rng)
    judge = Judge.pretrained()
    right = [judge.verdict(p, q.said).right for p, q in zip(pictures, prompts, strict=True)]
    figure, ax = plt.subplots(figsize=(10, 4.4))
    picture_grid(pictures, captions, ax=ax, columns=6, right=right)
    PATH.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PATH, dpi=110, bbox_inches="tight")
    print(f"{PATH}: {sum(right)} of {len(right)} right")
    for caption, ok in zip(captions, right, strict=True):
        print("right" if ok else "wrong", caption, sep="  ")


if __name__ == "__main__":
    main()
