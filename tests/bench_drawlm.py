"""Judge the shipped language model: what it draws, what it reads, and what its tokens can show.

The last is a ceiling: real pictures of held-out handwriting, to tokens and back, then judged.
"""

from torch import Tensor

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import say_all
from llmvis_course.evaluate import Judge, describes, format_table, score, wilson_interval
from llmvis_course.pipeline import TokenDrawer
from llmvis_course.training.repro import make_rng

KINDS = ("single", "colour", "position", "two objects", "counting", "binding")


def main(seed: int = 0, *, n: int = 200) -> None:
    """Draw `n` captions of each kind, of seen and of held-out combinations; read `n` pictures."""
    drawer, judge = TokenDrawer.pretrained(), Judge.pretrained()
    rng, chance = make_rng(seed), make_rng(1000 + seed)

    def draw(captions: list[str]) -> Tensor:
        return drawer.draw(captions, rng=rng)

    found = [
        score(draw, kind, split, judge=judge, n=n, rng=chance)
        for split in ("seen", "held out")
        for kind in KINDS
    ]
    print(format_table(found))
    for s in found:
        print(f"{s.kind}, {s.split}: missed, of {s.n}: {s.missed}")
    maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
    layout = maker.sample(n, "one", rng=chance)
    scenes, pictures = to_scenes(layout), maker.render(layout)
    read = sum(map(describes, drawer.describe(pictures), scenes))
    low, high = wilson_interval(read, n)
    print(f"reads {read / n:.3f} of real single things ({low:.3f} to {high:.3f})")
    back = drawer.show(drawer.vqvae.encode(pictures).flatten(1))
    kept = sum(seen.fits(say_all(s)) for seen, s in zip(judge.look(back), scenes, strict=True))
    print(f"right after tokens and back: {kept / n:.3f} of real single things")


if __name__ == "__main__":
    main()
