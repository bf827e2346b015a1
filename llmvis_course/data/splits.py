"""What is trained on and what is tested on, kept apart in three ways, and the six kinds of prompt.

* Handwriting: test scenes are drawn with characters that no training scene uses (data/digits.py).
* Held-out combinations: some pairs of attributes never meet in training, such as yellow and three.
* Paraphrases: words and orders of words that no training caption uses (data/lexicon.py).

The kinds follow GenEval (Ghosh et al. 2023, arXiv:2310.11513): single object, colour, position,
two objects, counting, attribute binding.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .captions import write
from .scenes import Allow, Layout, SceneMaker, to_scenes
from .world import COLOURS, NAMED, REVERSED, Scene, Thing

CAPTION_KINDS = ("single", "colour", "position", "two objects", "counting", "binding")
SPLITS = ("seen", "held out", "paraphrased")

HELD_OUT_COLOURS = tuple((digit, (3 * digit + 1) % len(COLOURS)) for digit in range(10))
"""(digit, colour) pairs that no training picture shows."""
HELD_OUT_PLACES = tuple((digit, (4 * digit + 2) % 9) for digit in range(10))
"""(digit, place) pairs that no training picture of one thing shows."""
HELD_OUT_PAIRS = tuple((digit, (digit + 5) % 10) for digit in range(5))
"""Two digits that never share a training picture, such as zero and five."""
HELD_OUT_COUNTS = tuple((digit, 2 + digit % 3) for digit in range(10))
"""(digit, count) pairs that no training picture shows, such as two zeros."""


class Prompt(NamedTuple):
    """A caption, what it says, and a real scene that it describes."""

    caption: str
    said: Scene
    real: int  # row of the layout it was written from


class Prompts(NamedTuple):
    """Prompts of one kind, and the real scenes behind them."""

    items: list[Prompt]
    layout: Layout

    @property
    def captions(self) -> list[str]:
        return [prompt.caption for prompt in self.items]


def _table(pairs: tuple[tuple[int, int], ...], columns: int) -> Bool[Tensor, "10 columns"]:
    table = torch.zeros(10, columns, dtype=torch.bool)
    for row, column in pairs:
        table[row, column] = True
    return table


_COLOUR = _table(HELD_OUT_COLOURS, len(COLOURS))
_PLACE = _table(HELD_OUT_PLACES, 9)
_PAIR = _table(HELD_OUT_PAIRS, 10) | _table(HELD_OUT_PAIRS, 10).T
_COUNT = _table(HELD_OUT_COUNTS, 5)


def held_out_in(layout: Layout) -> dict[str, Bool[Tensor, " b"]]:
    """For each family of held-out combinations, which scenes contain one."""
    count = layout.present.sum(dim=1)
    column, row = ((axis[:, 0] >= 12).long() + (axis[:, 0] >= 20) for axis in (layout.x, layout.y))
    first, second = layout.digit[:, 0], layout.digit[:, 1]
    same = (layout.digit == first[:, None]).logical_or(~layout.present).all(dim=1)
    return {
        "colour": (_COLOUR[layout.digit, layout.colour] & layout.present).any(dim=1),
        "place": _PLACE[first, 3 * row + column] & (count == 1),
        "pair": _PAIR[first, second] & (count == 2),
        "count": _COUNT[first, count] & (count > 1) & same,
    }


def in_training(layout: Layout) -> Bool[Tensor, " b"]:
    """Which scenes hold no held-out combination: the only ones that training may use."""
    return ~torch.stack(list(held_out_in(layout).values())).any(dim=0)


_FAMILIES = {  # the combinations that each kind of caption can name
    "single": ("colour", "place"),
    "colour": ("colour",),
    "position": ("place",),
    "two objects": ("colour", "pair"),
    "counting": ("count",),
    "binding": ("colour",),
}
_NAMES = {  # what each kind of caption says of every thing
    "single": NAMED,
    "colour": ("digit", "colour"),
    "position": ("digit", "place"),
    "two objects": ("digit", "colour"),
    "counting": ("digit", "colour"),
    "binding": ("digit", "colour", "size"),
}
_SCENE_KIND = {"two objects": "two", "counting": "many", "binding": "two"}


def say(scene: Scene, names: tuple[str, ...], relation: bool) -> Scene:
    """The part of a scene that a caption naming only `names` says."""
    things = tuple(
        Thing(**{name: getattr(thing, name) for name in names}) for thing in scene.things
    )
    return Scene(things, scene.relation if relation else None)


def make_prompts(
    kind: str, split: str, n: int, *, maker: SceneMaker, rng: torch.Generator
) -> Prompts:
    """Draw `n` prompts of one kind and split, from scenes of `maker` (give it test handwriting)."""
    if kind not in CAPTION_KINDS or split not in SPLITS:
        raise ValueError(
            f"no prompts of kind {kind!r}, split {split!r}; expected kinds {CAPTION_KINDS} "
            f"and splits {SPLITS}"
        )

    def allow(layout: Layout) -> Bool[Tensor, " b"]:
        if split != "held out":
            return in_training(layout)
        families = held_out_in(layout)
        return torch.stack([families[name] for name in _FAMILIES[kind]]).any(dim=0)

    layout = maker.sample(n, _SCENE_KIND.get(kind, "one"), rng=rng, allow=allow)
    style = "paraphrase" if split == "paraphrased" else "plain"
    said = [say(scene, _NAMES[kind], kind == "two objects") for scene in to_scenes(layout)]
    items = [Prompt(write(scene, rng=rng, style=style), scene, i) for i, scene in enumerate(said)]
    return Prompts(items, layout)


class Batch(NamedTuple):
    """Pictures and their captions."""

    pictures: Float[Tensor, "b 3 32 32"]
    captions: list[str]
    said: list[Scene]  # what each caption says
    digits: Int[Tensor, "b 8 8"]  # which digit lies in each cell of 4 x 4 pixels, -1 for none


SHARES = {"two": 0.4, "many": 0.25}
"""Which part of a training batch shows two things, or several of a kind; the rest show one."""


def mixture(
    maker: SceneMaker,
    size: int,
    shares: Mapping[str, float],
    *,
    rng: torch.Generator,
    allow: Allow = in_training,
) -> Layout:
    """Scenes that training may use; `shares` says which part is of another kind than "one"."""
    several = {kind: int(size * share) for kind, share in shares.items()}
    counts = {"one": size - sum(several.values())} | several
    layouts = [maker.sample(n, kind, rng=rng, allow=allow) for kind, n in counts.items() if n]
    return Layout(*(torch.cat(field) for field in zip(*layouts, strict=True)))


def training_batches(
    maker: SceneMaker,
    size: int,
    *,
    rng: torch.Generator,
    shares: Mapping[str, float] = SHARES,
) -> Iterator[Batch]:
    """Endless batches of fresh scenes, none held out, with captions that name some or all of them.

    `shares` is the mixture of each batch.
    """
    while True:
        layout = mixture(maker, size, shares, rng=rng)
        said = [_some(scene, rng) for scene in to_scenes(layout)]
        captions = [write(scene, rng=rng) for scene in said]
        yield Batch(maker.render(layout), captions, said, maker.digit_map(layout))


def say_all(scene: Scene) -> Scene:
    """Everything that a caption can say of a scene, what lies left or above said first."""
    if len(scene.things) == 1:
        return say(scene, NAMED, False)
    alike = len({(thing.digit, thing.colour, thing.size) for thing in scene.things}) == 1
    if scene.relation in ("right of", "below"):
        scene = Scene(scene.things[::-1], REVERSED[scene.relation])
    return say(scene, ("digit", "colour", "size"), scene.relation is not None and not alike)


def _some(scene: Scene, rng: torch.Generator) -> Scene:
    """Leave out some attributes: always names the digit, and mostly all that can be said."""
    chance = torch.rand(len(NAMED) + 2, generator=rng).tolist()
    names = ["digit"] + [n for n, c in zip(NAMED[1:], chance[2:], strict=False) if c < 0.6]
    if chance[0] < 0.7:
        names = list(NAMED)
    if len(scene.things) > 1:  # where each of several stands is said by a relation alone
        names = [name for name in names if name not in ("place", "lean")]
    alike = len({thing.digit for thing in scene.things}) == 1
    return say(scene, tuple(names), len(scene.things) == 2 and chance[1] < 0.5 and not alike)
