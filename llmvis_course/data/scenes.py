r"""Scenes: real handwriting, coloured, sized, leaned and placed on a black 32 x 32 picture.

A batch of scenes is a `Layout`, a few tensors with one row a scene and one column a thing, so that
thousands are composed at once. Chance comes from a `torch.Generator` alone. Left out on purpose:
backgrounds, overlaps, and anything that would let a caption be right in two ways.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from .glyphs import FILL, GLYPH_SIZE, Glyphs, blur
from .world import COLOURS, IMAGE_SIZE, LEANS, MAX_THINGS, RELATIONS, SIZES, Scene, Thing, place_of

KINDS = ("one", "two", "many", "crowd")
"""One thing anywhere, two different things, two to four of the same thing, four different ones.

Nobody captions a crowd: it is for practice in looking, as it shows four digits for one picture's
work.
"""
GAP = 2.0  # pixels kept free between two things
_PALETTE = torch.tensor(list(COLOURS.values()))
_HEIGHTS = torch.tensor(list(SIZES.values()))
_SLANTS = torch.tensor(list(LEANS.values()))
_WAYS = torch.tensor(list(RELATIONS.values()), dtype=torch.float32)


class Layout(NamedTuple):
    """`b` scenes of up to `k` things; everything needed to draw them, and to say what they show."""

    present: Bool[Tensor, "b k"]
    digit: Int[Tensor, "b k"]
    colour: Int[Tensor, "b k"]  # index into COLOURS
    size: Int[Tensor, "b k"]  # index into SIZES
    lean: Int[Tensor, "b k"]  # index into LEANS
    glyph: Int[Tensor, "b k"]  # which handwriting
    height: Float[Tensor, "b k"]  # pixels
    slant: Float[Tensor, "b k"]
    light: Float[Tensor, "b k"]  # brightness, 0..1
    x: Float[Tensor, "b k"]  # centre, pixels from the left
    y: Float[Tensor, "b k"]  # centre, pixels from the top
    relation: Int[Tensor, " b"]  # index into RELATIONS, -1 where there are not two things

    def rows(self, index: Tensor) -> "Layout":
        """The scenes at `index` (numbers or a mask)."""
        return Layout(*(field[index] for field in self))


Allow = Callable[[Layout], Bool[Tensor, " b"]]
"""Says which scenes of a layout may be used; how splits keep combinations apart."""


class SceneMaker:
    """Composes scenes from one set of handwriting.

    >>> maker = SceneMaker(make_glyphs(load_handwriting()))
    >>> layout = maker.sample(8, "one", rng=torch.Generator().manual_seed(0))
    >>> pictures, scenes = maker.render(layout), to_scenes(layout)
    """

    def __init__(self, glyphs: Glyphs) -> None:
        missing = sorted(set(range(10)) - set(glyphs.label.tolist()))
        if missing:
            raise ValueError(f"no handwriting of {missing}; expected all ten digits")
        self.aspect = glyphs.aspect
        self.by_digit = [torch.where(glyphs.label == digit)[0] for digit in range(10)]
        shrink = (GLYPH_SIZE * FILL / height for height in SIZES.values())
        self.ink = torch.stack([blur(glyphs.ink, 0.35 * ratio) for ratio in shrink])

    def sample(
        self, n: int, kind: str, *, rng: torch.Generator, allow: Allow | None = None
    ) -> Layout:
        """Draw `n` scenes of one of `KINDS`, all of them allowed by `allow`."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of scene {kind!r}; expected one of {', '.join(KINDS)}")
        found, size = [], 0
        for _ in range(1000):
            layout = self._propose(max(16, n), kind, rng)
            layout = layout.rows(allow(layout)) if allow else layout
            found.append(layout)
            size += len(layout.x)
            if size >= n:
                return Layout(*(torch.cat(field)[:n] for field in zip(*found, strict=True)))
        raise ValueError(f"`allow` accepted {size} of {1000 * max(16, n)} scenes; cannot make {n}")

    def _propose(self, n: int, kind: str, rng: torch.Generator) -> Layout:
        def pick(high: int, k: int = MAX_THINGS) -> Tensor:
            return torch.randint(high, (n, k), generator=rng)

        def noise(k: int = MAX_THINGS) -> Tensor:  # -1..1
            return 2 * torch.rand(n, k, generator=rng) - 1

        digit, colour, size, lean = pick(10), pick(len(COLOURS)), pick(len(SIZES)), pick(len(LEANS))
        if kind == "many":  # the same digit, colour, size; each in its own handwriting and lean
            digit, colour, size = (
                field[:, :1].expand(-1, MAX_THINGS) for field in (digit, colour, size)
            )
        count = {"one": 1, "two": 2, "crowd": 4}.get(kind)
        count = torch.full((n,), count) if count else 2 + pick(3, 1)[:, 0]
        size = torch.where(count[:, None] > 2, size % 2, size)  # three large ones do not fit
        glyph = torch.empty_like(digit)
        for value, of_digit in enumerate(self.by_digit):
            here = digit == value
            index = torch.randint(len(of_digit), (int(here.sum()),), generator=rng)
            glyph[here] = of_digit[index]
        height = _HEIGHTS[size] + 0.4 * noise()
        slant = _SLANTS[lean] + 0.05 * noise()
        half_width = (self.aspect[glyph] + slant.abs()) * height / 2
        relation = torch.where(count == 2, pick(len(RELATIONS), 1)[:, 0], -1)
        x, y = _centres(count, half_width, height / 2, relation, rng)
        present = torch.arange(MAX_THINGS) < count[:, None]
        light = 1 - 0.15 * torch.rand(n, MAX_THINGS, generator=rng)
        return Layout(
            present, digit, colour, size, lean, glyph, height, slant, light, x, y, relation
        )

    def render(self, layout: Layout) -> Float[Tensor, "b 3 32 32"]:
        """Draw a layout: RGB in [-1, 1]."""
        scene, _, thing, ink = self._draw_things(layout)
        colour = _PALETTE[thing.colour] * thing.light[:, None]
        canvas = torch.zeros(len(layout.x), 3, IMAGE_SIZE, IMAGE_SIZE)
        canvas.index_add_(0, scene, einsum(ink, colour, "n h w, n c -> n c h w"))
        return canvas.clamp_(0, 1).mul_(2).sub_(1)

    def thing_map(self, layout: Layout, *, cell: int = 4) -> Int[Tensor, "b h w"]:
        """Which thing has most of the ink in each cell of `cell` pixels; -1 for nearly none."""
        scene, column, _, ink = self._draw_things(layout)
        side = IMAGE_SIZE // cell
        share = torch.zeros(len(layout.x), MAX_THINGS, side, side)
        share[scene, column] = avg_pool2d(ink[:, None], cell)[:, 0]
        most, whose = share.max(dim=1)
        return torch.where(most > 0.12, whose, -1)

    def digit_map(self, layout: Layout, *, cell: int = 4) -> Int[Tensor, "b h w"]:
        """Which digit lies in each cell of `cell` pixels; -1 for none."""
        return spread(layout.digit, self.thing_map(layout, cell=cell))

    def _draw_things(self, layout: Layout) -> tuple[Tensor, Tensor, Layout, Tensor]:
        """All things in one row: their scenes, their columns, themselves, and each one's ink."""
        scene, column = torch.where(layout.present)
        thing = Layout(*(f[scene, column] if f.ndim == 2 else f[scene] for f in layout))
        return scene, column, thing, _draw(self.ink[thing.size, thing.glyph], thing)


def spread(values: Int[Tensor, "b k"], whose: Int[Tensor, "b h w"]) -> Int[Tensor, "b h w"]:
    """In each cell, the value of the thing that `whose` names there; -1 where it names none."""
    found = values.gather(1, whose.clamp_min(0).flatten(1)).view_as(whose)
    return torch.where(whose >= 0, found, -1)


def _draw(ink: Float[Tensor, "n g g"], thing: Layout) -> Float[Tensor, "n 32 32"]:
    """Place glyphs on the canvas: for every pixel, where in the glyph does its ink come from?"""
    scale = 2 * FILL / thing.height  # glyph units (-1..1) per pixel
    pixel = torch.arange(IMAGE_SIZE) + 0.5
    v = (pixel - thing.y[:, None]) * scale[:, None]
    u = (pixel - thing.x[:, None]) * scale[:, None]
    grid_x = u[:, None, :] + thing.slant[:, None, None] * v[:, :, None]
    grid = torch.stack([grid_x, v[:, :, None].expand_as(grid_x)], dim=-1)
    drawn = grid_sample(ink[:, None], grid, align_corners=True)
    return rearrange(drawn, "n 1 h w -> n h w")


def _centres(
    count: Int[Tensor, " b"],
    half_width: Float[Tensor, "b k"],
    half_height: Float[Tensor, "b k"],
    relation: Int[Tensor, " b"],
    rng: torch.Generator,
) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Centres in pixels: one thing in one of nine places, two in a relation, more in quadrants."""
    n, half = len(count), torch.stack([half_width, half_height], dim=-1)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng)

    cell = torch.randint(9, (n,), generator=rng)
    one = 8.0 * (1 + torch.stack([cell % 3, cell // 3], dim=-1)) + 3 * uniform(n, 2) - 1.5
    centre = _inside(one, half[:, 0])[:, None].repeat(1, MAX_THINGS, 1)

    quadrant = uniform(n, MAX_THINGS).argsort(dim=1)
    low = 16.0 * torch.stack([quadrant % 2, quadrant // 2], dim=-1)
    free = (16 - 2 * half - GAP).clamp_min(0)
    many = low + half + GAP / 2 + free * uniform(n, MAX_THINGS, 2)
    many = torch.where(2 * half > 16 - GAP, low + 8, many)
    centre = torch.where(count[:, None, None] > 2, many, centre)

    two = _in_relation(half[:, :2], relation.clamp_min(0), uniform(n, 4))
    centre[:, :2] = torch.where(count[:, None, None] == 2, two, centre[:, :2])
    return centre[..., 0], centre[..., 1]


def _in_relation(
    half: Float[Tensor, "b 2 2"], relation: Int[Tensor, " b"], chance: Float[Tensor, "b 4"]
) -> Float[Tensor, "b 2 2"]:
    """Two centres, clearly apart along the relation's axis and nearer than that across it."""
    way = _WAYS[relation]
    upright = way[:, 1] != 0
    along = torch.where(upright[:, None], half[..., 1], half[..., 0])
    spare = (IMAGE_SIZE - 2 * along.sum(dim=1) - GAP).clamp_min(0)
    cut = (chance[:, :2].sort(dim=1).values * spare[:, None]).unbind(dim=1)
    first = along[:, 0] + cut[0]
    second = first + along.sum(dim=1) + GAP + (cut[1] - cut[0])
    across = (chance[:, 2] - 0.5) * 16 + IMAGE_SIZE / 2
    aside = (2 * chance[:, 3] - 1) * 0.6 * (second - first)
    sign = way.sum(dim=1)  # -1: the first thing comes first along the axis
    position = torch.stack([first, second], dim=1)
    position = torch.where(sign[:, None] < 0, position, IMAGE_SIZE - position)
    side = torch.stack([across - aside / 2, across + aside / 2], dim=1)
    pair = torch.stack([position, side], dim=-1)
    pair = torch.where(upright[:, None, None], pair.flip(-1), pair)
    return _inside(pair, half)


def _inside(centre: Float[Tensor, "*b 2"], half: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b 2"]:
    """Move a centre no more than needed for its thing to lie inside the picture."""
    return torch.minimum(torch.maximum(centre, half), IMAGE_SIZE - half)


def to_scenes(layout: Layout) -> list[Scene]:
    """Say in words what a layout shows."""
    colours, sizes, leans, relations = map(list, (COLOURS, SIZES, LEANS, RELATIONS))
    fields = [field.tolist() for field in layout]
    scenes = []
    for present, digit, colour, size, lean, _, _, _, _, x, y, relation in zip(*fields, strict=True):
        things = tuple(
            Thing(
                digit[k],
                colours[colour[k]],
                sizes[size[k]],
                place_of(x[k], y[k]),
                leans[lean[k]],
                x[k],
                y[k],
            )
            for k in range(sum(present))
        )
        scenes.append(Scene(things, relations[relation] if relation >= 0 else None))
    return scenes
