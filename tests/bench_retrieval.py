"""What the shipped towers find among 1,000 pairs, on combinations seen in training and held out."""

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker
from llmvis_course.data.splits import in_training
from llmvis_course.evaluate.retrieval import Retrieval, distinct_pairs, score_retrieval
from llmvis_course.training.repro import make_rng

ALLOWED = {"seen": in_training, "held out": lambda layout: ~in_training(layout)}


def main(*, n: int = 1000, seeds: int = 3) -> None:
    """Test handwriting; every caption means something else."""
    retrieval = Retrieval.pretrained()
    maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
    print(f"towers: {retrieval.record['done']} steps in {retrieval.record['seconds']:.0f} s")
    print(f"{'combinations':14}{'k':>3}{'picture to caption':>22}{'caption to picture':>22}")
    for name, allow in ALLOWED.items():
        for k in (1, 5):
            pairs = (
                distinct_pairs(maker, n, rng=make_rng(100 + seed), allow=allow)
                for seed in range(seeds)
            )
            found = [score_retrieval(retrieval, one, k=k) for one in pairs]
            means = [100 * sum(shares) / seeds for shares in zip(*found, strict=True)]
            print(f"{name:14}{k:3}" + "".join(f"{mean:20.1f} %" for mean in means))


if __name__ == "__main__":
    main()
