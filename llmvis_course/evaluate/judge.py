r"""The judge: what does a picture show, measured by something that never saw a generator?

Pieces of ink are found as connected components. Colour, place, size and lean are measured from
their pixels; the digit is told by a classifier trained on real handwriting alone. What cannot be
told is None, and None never fits a caption. Left out on purpose: things that touch or overlap.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import reduce
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from ..data.digits import load_handwriting
from ..data.glyphs import FILL, affine_sample, extent, make_glyphs, moments
from ..data.scenes import KINDS, SceneMaker, to_scenes
from ..data.world import (
    COLOURS,
    IMAGE_SIZE,
    LEANS,
    NAMED,
    SIZES,
    Scene,
    Thing,
    place_of,
    relation_of,
)
from ..models.cnn import CROP_SIZE, DigitClassifier
from ..training.checkpoint import load_weights
from ..weights import FOLDER

INK = 0.25  # the light, 0..1, from which a pixel counts as ink
SPECK = 2.5  # pieces with less ink than this many full pixels are dust
DARK = 0.08  # the mean light around all pieces, at most: the paper is black
SURE = 0.5  # the classifier's probability from which a digit is told
SOFT = 0.3  # pixels that the soft edge of a drawn digit adds to its height
HEIGHTS = (5.0, 18.0)  # pixels: outside, a piece is no digit
FILLED = 0.62  # the mean ink in a piece's upright box, at most: handwriting is strokes, not a disc
MIXED = 0.35  # how far a piece's pixels lie from its mean colour, at most: half red is not red
_LIMITS = (10.25, 12.75)  # pixels, between small, medium and large
_SLANT = 0.2  # half the slant of a leaning digit
_PALETTE = torch.tensor(list(COLOURS.values()))


class Pieces(NamedTuple):
    """The separate pieces of ink of a batch of pictures."""

    picture: Int[Tensor, " n"]  # which picture each is in
    ink: Float[Tensor, "n 32 32"]  # its light alone, 0..1
    colour: Float[Tensor, "n 3"]  # mean colour, weighted by light, brightest channel 1
    spread: Float[Tensor, " n"]  # mean distance of its brighter pixels' colours from that
    x: Float[Tensor, " n"]  # centre of its box, pixels from the left
    y: Float[Tensor, " n"]  # centre of its box, pixels from the top
    height: Float[Tensor, " n"]  # pixels
    slant: Float[Tensor, " n"]


class Verdict(NamedTuple):
    """The judge's answer about one picture."""

    right: bool
    seen: Scene
    missed: list[str]  # what the caption names and the picture lacks


class Judge:
    """Measures pictures. `Judge.pretrained("mnist")` is for scenes of MNIST's handwriting."""

    def __init__(self, classifier: DigitClassifier, record: dict | None = None) -> None:
        self.classifier = classifier.eval()
        self.record = record or {}

    @classmethod
    def pretrained(cls, source: str = "digits", folder: str | Path = FOLDER) -> "Judge":
        """Load the shipped judge of scikit-learn's ("digits") or MNIST's ("mnist") handwriting."""
        classifier = DigitClassifier()
        return cls(
            classifier, load_weights(classifier, Path(folder) / f"judge_{source}.safetensors")
        )

    @torch.no_grad()
    def look(self, pictures: Float[Tensor, "b c h w"]) -> list[Scene]:
        """What each picture shows, things from left to right; an empty scene where it shows none.

        Raises ValueError for another shape, or values that are not numbers in [-1, 1].
        """
        pieces = find_pieces(pictures)
        things: list[list[Thing]] = [[] for _ in pictures]
        if len(pieces.picture):
            crops = crop(pieces)
            sure, digit = self.classifier(crops).softmax(dim=1).max(dim=1)
            plausible = (sure >= SURE) & (filled(crops) <= FILLED)
            for i, row in enumerate(pieces.picture.tolist()):
                told = int(digit[i]) if plausible[i] else None
                things[row].append(_thing(pieces, i, told))
        return [left_to_right(found) for found in things]

    def verdict(self, picture: Float[Tensor, "3 32 32"], said: Scene) -> Verdict:
        """Does one picture show what a caption says?"""
        (seen,) = self.look(picture[None])
        missed = seen.misses(said)
        return Verdict(not missed, seen, missed)


def _thing(pieces: Pieces, i: int, digit: int | None) -> Thing:
    x, y, height, slant = (float(f[i]) for f in (pieces.x, pieces.y, pieces.height, pieces.slant))
    colour = nearest_colour(pieces.colour[i]) if pieces.spread[i] <= MIXED else None
    size = lean = None
    if HEIGHTS[0] <= height <= HEIGHTS[1]:
        size = list(SIZES)[sum(height > limit for limit in _LIMITS)]
        lean = list(LEANS)[(slant < -_SLANT) + 2 * (slant > _SLANT)]
    return Thing(digit, colour, size, place_of(x, y), lean, x, y)


def left_to_right(things: list[Thing]) -> Scene:
    """Seen things as a scene, with the relation of two."""
    things = sorted(things, key=lambda thing: thing.x)
    return Scene(tuple(things), relation_of(*things) if len(things) == 2 else None)


def nearest_colour(colour: Float[Tensor, " 3"]) -> str | None:
    """The nearest named colour, brightness aside; None when none is near."""
    distance = (_PALETTE / _PALETTE.amax(dim=1, keepdim=True) - colour).norm(dim=1)
    return list(COLOURS)[int(distance.argmin())] if distance.min() < 0.3 else None


def check_pictures(pictures: Tensor) -> None:
    """Raise ValueError unless these are finite RGB pictures of 32 x 32 in [-1, 1]."""
    if pictures.ndim != 4 or pictures.shape[1:] != (3, IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(
            f"found pictures of shape {tuple(pictures.shape)}; expected (b, 3, 32, 32)"
        )
    if not torch.isfinite(pictures).all():
        raise ValueError("found NaN or infinity in the pictures; expected numbers in [-1, 1]")
    low, high = (pictures.min().item(), pictures.max().item()) if len(pictures) else (0, 0)
    if low < -1.001 or high > 1.001:
        raise ValueError(f"found values from {low:.3g} to {high:.3g}; expected [-1, 1]")


def find_pieces(pictures: Tensor) -> Pieces:
    """Separate the ink of each picture into connected pieces, and measure them."""
    check_pictures(pictures)
    rgb = (pictures.float().cpu() + 1) / 2
    light = reduce(rgb, "b c h w -> b h w", "max")
    rows, masks = [], []
    for row, grey in enumerate(light.numpy()):
        for mask in _separate(grey):
            rows.append(row)
            masks.append(mask)
    row = torch.tensor(rows, dtype=torch.long)
    mask = torch.as_tensor(np.array(masks).reshape(-1, IMAGE_SIZE, IMAGE_SIZE)).float()
    ink = light[row] * mask
    colour = (rgb[row] * ink[:, None]).sum(dim=(2, 3))
    colour = colour / colour.amax(dim=1, keepdim=True).clamp_min(1e-6)
    (left, right), (top, bottom) = extent(ink.amax(dim=1)), extent(ink.amax(dim=2))
    scale = (IMAGE_SIZE - 1) / 2  # pixels per unit of -1..1
    x, y = ((a + b) / 2 * scale + IMAGE_SIZE / 2 for a, b in ((left, right), (top, bottom)))
    height = (bottom - top) * scale - SOFT
    spread = _spread(rgb[row], ink, colour)
    return Pieces(row, ink, colour, spread, x, y, height, moments(ink).slant)


def _spread(
    rgb: Float[Tensor, "n 3 32 32"], ink: Float[Tensor, "n 32 32"], colour: Float[Tensor, "n 3"]
) -> Float[Tensor, " n"]:
    """How far a piece's colours lie from their mean; pixels dimmer than half its peak are noise."""
    hue = rgb / rgb.amax(dim=1, keepdim=True).clamp_min(1e-6)
    far = (hue - colour[:, :, None, None]).norm(dim=1)
    bright = ink * (ink >= 0.5 * ink.amax(dim=(1, 2), keepdim=True))
    return (bright * far).sum(dim=(1, 2)) / bright.sum(dim=(1, 2)).clamp_min(1e-6)


def _separate(grey: np.ndarray) -> list[np.ndarray]:
    """The mask of each piece of ink of one picture; none where the paper is not dark."""
    eight = np.ones((3, 3), dtype=bool)
    labels, _ = ndimage.label(grey >= INK, eight)
    wide = ndimage.grey_dilation(labels, footprint=eight)  # with the soft edge around each piece
    labels = np.where(labels > 0, labels, wide)
    if (paper := grey[labels == 0]).size == 0 or paper.mean() > DARK:
        return []
    masks = [labels == k for k in range(1, labels.max() + 1)]
    masks = [mask for mask in masks if grey[mask].sum() >= SPECK]
    return _join_strokes(masks)


def _join_strokes(masks: list[np.ndarray]) -> list[np.ndarray]:
    """Handwriting may lift the pen: join a piece too low for a digit to what it nearly touches."""
    whole = [m for m in masks if np.ptp(np.nonzero(m)[0]) + 1 > HEIGHTS[0] + 2]
    for stroke in (m for m in masks if not any(m is w for w in whole)):
        near = ndimage.binary_dilation(stroke, iterations=2)
        touching = [i for i, other in enumerate(whole) if (near & other).any()]
        if touching:
            whole[touching[0]] = whole[touching[0]] | stroke
        else:
            whole.append(stroke)
    return whole


def crop(pieces: Pieces) -> Float[Tensor, "n 20 20"]:
    """Each piece upright, centred, of one height and brightness: what the classifier sees."""
    scale = (IMAGE_SIZE - 1) / 2
    x, y = (pieces.x - IMAGE_SIZE / 2) / scale, (pieces.y - IMAGE_SIZE / 2) / scale
    half = (pieces.height / 2 / scale / FILL).clamp_min(0.05)
    crops = affine_sample(pieces.ink, x, y, half, half, pieces.slant, CROP_SIZE)
    return crops / crops.amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)


def filled(crops: Float[Tensor, "n 20 20"]) -> Float[Tensor, " n"]:
    """The mean ink inside each crop's own box: 1 for a solid block, about 0.4 for handwriting."""
    (left, right), (top, bottom) = extent(crops.amax(dim=1)), extent(crops.amax(dim=2))
    return 4 * crops.mean(dim=(1, 2)) / ((right - left) * (bottom - top)).clamp_min(1e-6)


def own_error(
    judge: Judge, *, source: str = "digits", n: int = 2000, rng: torch.Generator
) -> dict[str, float]:
    """How often the judge is right about real held-out scenes: the share of things, by attribute.

    "count" is the share of pictures with the right number of things; "place" is of pictures of one
    thing, the only ones whose captions name it. Made of `n` scenes of each kind, drawn with
    handwriting that trained neither judge nor generator.
    """
    maker = SceneMaker(make_glyphs(load_handwriting(source, train=False)))
    asked, right = Counter(), Counter()
    for kind in KINDS:
        names = [name for name in NAMED if name != "place" or kind == "one"]
        layout = maker.sample(n, kind, rng=rng)
        for seen, real in zip(judge.look(maker.render(layout)), to_scenes(layout), strict=True):
            same = len(seen.things) == len(real.things)
            asked["count"] += 1
            right["count"] += same
            for one, found in _pair_by_place(real, seen) if same else ():
                asked.update(names)
                right.update(set(names) - set(found.misses(one)))
    return {name: right[name] / asked[name] for name in (*NAMED, "count")}


def distance(a: Thing, b: Thing) -> float:
    """How far apart the centres of two things lie, in pixels."""
    return ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5


def _pair_by_place(real: Scene, seen: Scene) -> list[tuple[Thing, Thing]]:
    """Each real thing with the nearest seen one."""
    return [(one, min(seen.things, key=lambda t: distance(one, t))) for one in real.things]
