"""The words and things of the course's small world, and one type for all it says about a picture.

A `Scene` is used three times: complete, it is what a picture shows; partial, it is what a caption
says; measured, it is what the judge saw. A picture is right when what was seen *fits* what was
said.
"""

from dataclasses import dataclass
from itertools import permutations

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = {  # red, green, blue in 0..1
    "red": (0.92, 0.12, 0.14),
    "orange": (1.00, 0.52, 0.00),
    "yellow": (1.00, 0.92, 0.10),
    "green": (0.10, 0.70, 0.20),
    "cyan": (0.10, 0.88, 0.92),
    "blue": (0.16, 0.32, 1.00),
    "purple": (0.66, 0.20, 0.86),
    "white": (1.00, 1.00, 1.00),
}
SIZES = {"small": 9.0, "medium": 11.5, "large": 14.0}  # height in pixels
"""A small digit is not lower than the scans of scikit-learn, whose characters have 8 rows."""
ROWS = ("top", "centre", "bottom")
PLACES = tuple(
    "centre" if row == column == "centre" else f"{row} {column}"
    for row in ROWS
    for column in ("left", "centre", "right")
)
LEANS = {"upright": 0.0, "leaning left": -0.4, "leaning right": 0.4}  # slant, see data/glyphs.py
RELATIONS = {  # the way from the second thing to the first: right, down
    "left of": (-1, 0),
    "right of": (1, 0),
    "above": (0, -1),
    "below": (0, 1),
}
REVERSED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""The same relation, told from the other thing's side."""
IMAGE_SIZE = 32  # pixels
MAX_THINGS = 4
NAMED = ("digit", "colour", "size", "place", "lean")
"""The attributes a caption can name."""
_ALLOWED = dict(zip(NAMED, (range(10), COLOURS, SIZES, PLACES, LEANS), strict=True))


@dataclass(frozen=True)
class Thing:
    """One digit. An attribute that is None is not said, or could not be seen."""

    digit: int | None = None
    colour: str | None = None
    size: str | None = None
    place: str | None = None
    lean: str | None = None
    x: float | None = None  # centre in pixels from the left; None in a caption
    y: float | None = None  # centre in pixels from the top

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            found = getattr(self, name)
            if found is not None and found not in allowed:
                expected = ", ".join(map(str, allowed))
                raise ValueError(f"no such {name}: {found!r}; expected one of {expected}")

    def named(self) -> dict[str, int | str]:
        """The attributes that are said, in a fixed order."""
        return {name: getattr(self, name) for name in NAMED if getattr(self, name) is not None}

    def misses(self, said: "Thing") -> list[str]:
        """The names of the attributes that `said` names and this thing does not have."""
        return [name for name, value in said.named().items() if getattr(self, name) != value]


@dataclass(frozen=True)
class Scene:
    """One to four things and, for two, how the first lies to the second."""

    things: tuple[Thing, ...]
    relation: str | None = None

    def __post_init__(self) -> None:
        if self.relation is not None and self.relation not in RELATIONS:
            expected = ", ".join(RELATIONS)
            raise ValueError(f"no such relation: {self.relation!r}; expected one of {expected}")

    def check(self) -> "Scene":
        """Return the scene, or raise ValueError saying why no picture can show it."""
        if not 1 <= len(self.things) <= MAX_THINGS:
            raise ValueError(f"found {len(self.things)} digits; a scene holds 1 to {MAX_THINGS}")
        if len(self.things) > 2 and any(thing.size == "large" for thing in self.things):
            raise ValueError(f"{len(self.things)} large digits do not fit in one picture; two do")
        if self.relation is not None and len(self.things) != 2:
            raise ValueError(f"{self.relation!r} needs two digits, found {len(self.things)}")
        places = [thing.place for thing in self.things if thing.place]
        if len(set(places)) < len(places):
            raise ValueError(f"two digits cannot share one place: {', '.join(places)}")
        return self

    def fits(self, said: "Scene") -> bool:
        """Whether this scene has everything that `said` says, and no thing more."""
        return not self.misses(said)

    def misses(self, said: "Scene") -> list[str]:
        """What `said` names and this scene lacks, at the best pairing of things; [] if it fits."""
        if len(self.things) != len(said.things):
            return ["count"]
        return self._misses_in(said, self.paired_with(said))

    def paired_with(self, said: "Scene") -> tuple[Thing, ...]:
        """The things in the order that misses least of what as many things of `said` say."""
        return min(permutations(self.things), key=lambda order: len(self._misses_in(said, order)))

    def _misses_in(self, said: "Scene", order: tuple[Thing, ...]) -> list[str]:
        missed = [
            name for seen, one in zip(order, said.things, strict=True) for name in seen.misses(one)
        ]
        if said.relation is not None and relation_of(*order) != said.relation:
            missed.append("relation")
        return missed


def relation_of(first: Thing, second: Thing) -> str:
    """How `first` lies to `second`, by the longer of the two distances between their centres."""
    if None in (first.x, first.y, second.x, second.y):
        raise ValueError("a relation needs things with a centre; a caption's things have none")
    dx, dy = first.x - second.x, first.y - second.y
    return max(RELATIONS, key=lambda name: RELATIONS[name][0] * dx + RELATIONS[name][1] * dy)


def place_of(x: float, y: float) -> str:
    """Which of the nine places a centre in pixels lies in; they meet at 12 and 20 pixels."""
    column, row = ((value >= 12) + (value >= 20) for value in (x, y))
    return PLACES[3 * row + column]


def plain(scene: Scene) -> Scene:
    """The scene without centres: only what a caption can say."""
    things = tuple(Thing(**thing.named()) for thing in scene.things)
    return Scene(things, scene.relation)
