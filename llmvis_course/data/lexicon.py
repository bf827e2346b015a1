"""The words of the captions: one table to train on, and one of paraphrases that no training uses.

Each table says, for every value of every attribute, the phrases that may stand for it; `PHRASES`
turns both around for reading. A phrase stands for one value only, which the tests hold.
"""

from .world import COLOURS, DIGITS, LEANS, PLACES, RELATIONS, SIZES

_PLURALS = [word + ("es" if word.endswith("x") else "s") for word in DIGITS]

PLAIN: dict = {
    "digit": {i: [word] for i, word in enumerate(DIGITS)},
    "plural": {i: [word] for i, word in enumerate(_PLURALS)},
    "count": {2: ["two"], 3: ["three"], 4: ["four"]},
    "colour": {name: [name] for name in COLOURS},
    "size": {name: [name] for name in SIZES},
    "place": {name: [f"at the {name}", f"in the {name}"] for name in PLACES},
    "lean": {name: [name] for name in LEANS},
    "relation": {
        "left of": ["left of", "to the left of"],
        "right of": ["right of", "to the right of"],
        "above": ["above"],
        "below": ["below"],
    },
    "and": ["and"],
    "templates": [
        "a {size} {colour} {digit} {place}, {lean}",
        "a {size} {colour} {digit}, {lean}, {place}",
        "{place}, a {size} {colour} {digit}, {lean}",
        "a {colour} {size} {digit} {lean} {place}",
    ],
    "pair templates": [
        "a {size} {colour} {digit} {lean} {place}",
        "a {colour} {size} {digit} {lean} {place}",
    ],
    "many templates": [
        "{count} {size} {colour} {digit} {lean}",
        "there are {count} {size} {colour} {digit} {lean}",
        "{count} {colour} {size} {digit} {lean}",
    ],
}

_SIDES = {"left": "left-hand side", "right": "right-hand side"}
PARAPHRASES: dict = {
    "digit": {i: [str(i), f"digit {word}", f"number {i}"] for i, word in enumerate(DIGITS)},
    "plural": {i: [f"{i}s"] for i in range(10)},
    "count": {2: ["a pair of"], 3: ["a trio of"], 4: ["a quartet of"]},
    "colour": {
        "red": ["crimson", "scarlet"],
        "orange": ["tangerine", "amber"],
        "yellow": ["golden", "lemon"],
        "green": ["emerald", "leaf-green"],
        "cyan": ["turquoise", "aqua"],
        "blue": ["sapphire", "azure"],
        "purple": ["violet", "plum"],
        "white": ["snowy", "ivory"],
    },
    "size": {
        "small": ["tiny", "little"],
        "medium": ["mid-sized", "middling"],
        "large": ["big", "huge"],
    },
    "place": {
        "top left": ["in the upper left corner"],
        "top centre": ["along the upper edge"],
        "top right": ["in the upper right corner"],
        "centre left": [f"on the {_SIDES['left']}"],
        "centre": ["in the middle"],
        "centre right": [f"on the {_SIDES['right']}"],
        "bottom left": ["in the lower left corner"],
        "bottom centre": ["along the lower edge"],
        "bottom right": ["in the lower right corner"],
    },
    "lean": {
        "upright": ["standing straight"],
        "leaning left": ["slanting to the left", "tilted left"],
        "leaning right": ["slanting to the right", "tilted right"],
    },
    "relation": {
        "left of": ["on the left-hand side of"],
        "right of": ["on the right-hand side of"],
        "above": ["over", "higher than"],
        "below": ["under", "beneath"],
    },
    "and": ["together with", "next to"],
    "templates": [
        "draw a {digit}, {colour}, {size}, {place}, {lean}",
        "{lean}, {size}: a {digit}, {colour}, {place}",
        "{place} sits a {colour} {digit}, {size}, {lean}",
    ],
    "pair templates": [
        "some {size} {colour} {digit} {lean} {place}",
        "a {digit}, {colour}, {size}, {place}, {lean}",
    ],
    "many templates": [
        "draw {count} {digit}, {colour}, {size}, {lean}",
        "{colour} {size} {lean}: {count} {digit}",
    ],
}

_FILLERS = """
a an the at in on of to is are was there it its that with also sits draw please me picture image
showing show i want see some number digit digits corner side colour color coloured colored sized
which written hand-written handwritten
"""
FILLERS = frozenset(_FILLERS.split())
"""Words that may stand anywhere and say nothing."""

_EXTRA = {  # further ways to say things that a reader understands, and a writer never uses
    ("place", "centre"): ["at the center", "in the center", "center", "in the centre", "middle"],
    ("size", "medium"): ["medium-sized", "middle-sized"],
    ("size", "small"): ["small-sized"],
    ("size", "large"): ["large-sized"],
    ("lean", "leaning left"): ["leaning to the left", "left-leaning"],
    ("lean", "leaning right"): ["leaning to the right", "right-leaning"],
    ("lean", "upright"): ["straight"],
    ("relation", "left of"): ["on the left of"],
    ("relation", "right of"): ["on the right of"],
    ("relation", "above"): ["on top of"],
    ("relation", "below"): ["underneath"],
    ("and", "and"): ["and a", "beside"],
}


def _phrases() -> dict[str, tuple[str, object]]:
    """Every phrase and the one thing it stands for."""
    table: dict[str, tuple[str, object]] = {}

    def add(phrase: str, kind: str, value: object) -> None:
        meaning = (kind, value)
        if table.setdefault(phrase, meaning) != meaning:
            raise ValueError(f"{phrase!r} stands for {table[phrase]} and for {meaning}")

    for words in (PLAIN, PARAPHRASES):
        for kind in ("digit", "plural", "colour", "size", "place", "lean", "relation"):
            for value, phrases in words[kind].items():
                for phrase in phrases:
                    add(phrase, kind, value)
        for phrase in words["and"]:
            add(phrase, "and", "and")
    for (kind, value), phrases in _EXTRA.items():
        for phrase in phrases:
            add(phrase, kind, value)
    for place in PLACES:
        for phrase in (
            place,
            f"{place} corner",
            f"at the {place} corner",
            f"in the {place} corner",
        ):
            if place not in RELATIONS:
                add(phrase, "place", place)
                add(phrase.replace("centre", "center"), "place", place)
    for count, phrases in PARAPHRASES["count"].items():
        for phrase in phrases:
            add(phrase, "count", count)
    return table


PHRASES = _phrases()
"""phrase -> (kind, value)"""
