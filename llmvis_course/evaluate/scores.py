r"""Scores: which share of captions was drawn with everything they name?

Six kinds of caption, as in GenEval (Ghosh et al. 2023, arXiv:2310.11513), each on combinations seen
in training, held out from it, and paraphrased. Beside every score stands the judge's own: its score
on real pictures of the same captions, which caps what a score can mean.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.captions import parse
from ..data.digits import load_handwriting
from ..data.glyphs import make_glyphs
from ..data.scenes import SceneMaker
from ..data.splits import CAPTION_KINDS, SPLITS, make_prompts, say_all
from ..data.world import Scene
from .judge import Judge

Draw = Callable[[list[str]], Tensor]
"""Captions to pictures (b, 3, 32, 32) in [-1, 1]."""
_AT_ONCE = 64  # pictures


class Score(NamedTuple):
    """The share of captions of one kind and split that were drawn right."""

    kind: str
    split: str
    right: int
    n: int
    low: float  # 95 % interval
    high: float
    real: float  # the judge's score on real pictures of the same captions
    missed: dict[str, int]  # how often each attribute was missed

    @property
    def share(self) -> float:
        return self.right / self.n


def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    r"""$\frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}$

    The 95 % interval by default. Wilson 1927, "Probable inference, the law of succession, and
    statistical inference".
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"found {right} right of {n}; expected 0 <= right <= n, and n > 0")
    p = right / n
    centre, spread = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - spread) / (1 + z**2 / n), (centre + spread) / (1 + z**2 / n)


class Paired(NamedTuple):
    """How much more often one of two systems is right about the same captions."""

    difference: float  # share of the second minus share of the first
    low: float  # 95 % interval
    high: float
    gained: int  # captions that only the second got right
    lost: int  # captions that only the first got right


def paired_difference(first: Sequence[bool], second: Sequence[bool], z: float = 1.96) -> Paired:
    r"""$\hat d \pm z\,\sqrt{(g + l) - (g - l)^2 / n} \,/\, n$ with $\hat d = (g - l) / n$.

    $g$ captions were gained and $l$ lost, of $n$; for the interval, half a caption is added to each
    of the four cells of the table, so that it does not collapse where nothing was lost. Agresti and
    Min 2005, "Simple improved confidence intervals for comparing matched proportions". Captions
    that both get right or both get wrong say nothing about which is better, and drop out.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"found {len(first)} and {len(second)} answers; expected as many, and one")
    gained = sum(b and not a for a, b in zip(first, second, strict=True))
    lost = sum(a and not b for a, b in zip(first, second, strict=True))
    g, lo, n = gained + 0.5, lost + 0.5, len(first) + 2
    middle, spread = (g - lo) / n, z * math.sqrt(g + lo - (g - lo) ** 2 / n) / n
    return Paired((gained - lost) / len(first), middle - spread, middle + spread, gained, lost)


def score(
    draw: Draw,
    kind: str,
    split: str,
    *,
    judge: Judge,
    n: int,
    rng: torch.Generator,
    source: str = "digits",
) -> Score:
    """Draw `n` captions of one kind and split, and count those with nothing missed."""
    maker = SceneMaker(make_glyphs(load_handwriting(source, train=False)))
    prompts = make_prompts(kind, split, n, maker=maker, rng=rng)
    missed: Counter[str] = Counter()
    right = 0
    for start in range(0, n, _AT_ONCE):
        items = prompts.items[start : start + _AT_ONCE]
        for seen, prompt in zip(
            judge.look(draw([prompt.caption for prompt in items])), items, strict=True
        ):
            lacks = seen.misses(prompt.said)
            right += not lacks
            missed.update(set(lacks))
    real = judge.look(maker.render(prompts.layout))
    fits = sum(seen.fits(prompt.said) for seen, prompt in zip(real, prompts.items, strict=True))
    return Score(kind, split, right, n, *wilson_interval(right, n), fits / n, dict(missed))


def describes(caption: str, scene: Scene) -> bool:
    """Whether a caption says all that can be said of a scene (see `say_all`), and nothing wrong."""
    try:
        said = parse(caption)
    except ValueError:
        return False
    all_said = say_all(scene)
    complete = all(
        set(one.named()) >= set(full.named())
        for one, full in zip(said.things, all_said.things, strict=False)
    )
    related = said.relation is not None or all_said.relation is None
    return complete and related and scene.fits(said)


def evaluate(
    draw: Draw,
    *,
    judge: Judge,
    n: int,
    rng: torch.Generator,
    kinds: tuple[str, ...] = CAPTION_KINDS,
    splits: tuple[str, ...] = SPLITS,
) -> Iterator[Score]:
    """Score every kind on every split, one after the other."""
    for split in splits:
        for kind in kinds:
            yield score(draw, kind, split, judge=judge, n=n, rng=rng)


def format_table(scores: list[Score]) -> str:
    """A Markdown table: per cent drawn right, 95 % interval, and the judge on real pictures."""
    lines = [
        "| caption | combinations | right | 95 % interval | n | judge on real pictures |",
        "|---|---|---|---|---|---|",
    ]
    for s in scores:
        lines.append(
            f"| {s.kind} | {s.split} | {100 * s.share:.1f} % | "
            f"{100 * s.low:.1f} to {100 * s.high:.1f} | {s.n} | {100 * s.real:.1f} % |"
        )
    return "\n".join(lines)
