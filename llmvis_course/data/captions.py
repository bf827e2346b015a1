"""A small grammar of captions: sentences written from scenes, and scenes read from sentences.

Every sentence that `write` makes, `parse` reads back to the same scene: captions are the course's
supervised labels, so a caption that could be read in two ways would be a wrong label. `style`
"plain" is what models are trained on; "paraphrase" says the same in words and orders that no
training caption uses.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import torch

from .lexicon import FILLERS, PARAPHRASES, PHRASES, PLAIN
from .world import DIGITS, NAMED, Scene, Thing

STYLES = ("plain", "paraphrase")
_COUNTS = {"two": 2, "three": 3, "four": 4, "2": 2, "3": 3, "4": 4}
_STOPS = frozenset(",.;:!?")
_LONGEST = max(len(phrase.split()) for phrase in PHRASES)


class Reading(NamedTuple):
    """What a reader made of a sentence."""

    scene: Scene  # what was understood
    unknown: list[str]  # the words that were not, in order


class _Mark(NamedTuple):
    """One phrase of a sentence and what it stands for."""

    kind: str  # an attribute, "relation", "and", "plural", or "count"
    value: object
    words: str


# --- reading -----------------------------------------------------------------------------------


def parse(caption: str) -> Scene:
    """Read a caption. Raises ValueError naming any word that is not known, or why it cannot be."""
    reading = read(caption)
    if reading.unknown:
        words = ", ".join(repr(word) for word in reading.unknown)
        raise ValueError(f"not understood in {caption!r}: {words}")
    if any(thing.digit is None for thing in reading.scene.things):
        raise ValueError(f"{caption!r} does not say which digit; expected {', '.join(DIGITS)}")
    return reading.scene.check()


def read(caption: str) -> Reading:
    """Read what can be understood of a caption. Raises ValueError where it contradicts itself."""
    marks, unknown = _scan(caption)
    groups: list[list[_Mark]] = [[]]
    relations = []
    for mark in marks:
        if mark.kind in ("relation", "and"):
            groups.append([])
        if mark.kind == "relation":
            relations.append(mark.value)
        elif mark.kind != "and":
            groups[-1].append(mark)
    things = [thing for group in groups if group for thing in _things(group)]
    if len(relations) > 1:
        raise ValueError(f"{caption!r} names {len(relations)} relations; expected one at most")
    relation = relations[0] if relations and len(things) == 2 else None
    return Reading(Scene(tuple(things), relation), unknown)


def _scan(caption: str) -> tuple[list[_Mark], list[str]]:
    """Split a sentence into known phrases, longest first, and the words that are in none.

    No phrase runs over a comma: "at the centre, right of" is a place and a relation.
    """
    words = re.findall(r"[a-z]+(?:-[a-z]+)*|\d+s?|[,.;:!?]|[^\sa-z\d\"'-]", caption.lower())
    marks, unknown, i = [], [], 0
    while i < len(words):
        for length in range(min(_LONGEST, len(words) - i), 0, -1):
            phrase = " ".join(words[i : i + length])
            if phrase in PHRASES:
                marks.append(_Mark(*PHRASES[phrase], phrase))
                i += length
                break
        else:
            if words[i] not in FILLERS and words[i] not in _STOPS:
                unknown.append(words[i])
            i += 1
    return _numbers_are_counts(marks), unknown


def _numbers_are_counts(marks: list[_Mark]) -> list[_Mark]:
    """In "three green fives" the first number counts; in "a green three" it is what is seen."""
    result = list(marks)
    for i, mark in enumerate(marks):
        if mark.kind == "plural":
            before = [j for j in range(i) if marks[j].kind == "digit" and marks[j].words in _COUNTS]
            if before:
                words = marks[before[-1]].words
                result[before[-1]] = _Mark("count", _COUNTS[words], words)
    return result


def _things(group: list[_Mark]) -> list[Thing]:
    """The things that one phrase between "and" or a relation speaks of."""
    found: dict[str, _Mark] = {}
    for mark in group:
        kind = "digit" if mark.kind == "plural" else mark.kind
        if kind in found and found[kind].value != mark.value:
            raise ValueError(
                f"{found[kind].words!r} and {mark.words!r} both name the {kind} of one thing; "
                "expected one (join two things with 'and')"
            )
        found[kind] = mark
    count = found.pop("count").value if "count" in found else 1
    thing = Thing(**{kind: mark.value for kind, mark in found.items()})
    return [thing] * count


# --- writing -----------------------------------------------------------------------------------


def write(scene: Scene, *, rng: torch.Generator, style: str = "plain") -> str:
    """Write one of the many captions that say what `scene` says.

    Raises ValueError for an unknown style, a thing without a digit, or a scene no picture can show.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; expected one of {', '.join(STYLES)}")
    scene.check()
    if any(thing.digit is None for thing in scene.things):
        raise ValueError("a caption names a digit for every thing; found a thing without one")
    words = PLAIN if style == "plain" else PARAPHRASES
    alike = {tuple(thing.named().items()) for thing in scene.things}
    if len(scene.things) > 1 and len(alike) == 1 and scene.relation is None:
        return _write_many(scene.things[0], len(scene.things), words, rng)
    templates = words["templates" if len(scene.things) == 1 else "pair templates"]
    phrases = [_fill(_choose(templates, rng), thing, words, rng) for thing in scene.things]
    if scene.relation is not None:
        comma = "," if scene.things[0].place or scene.things[0].lean else ""
        relation = _choose(words["relation"][scene.relation], rng)
        return f"{phrases[0]}{comma} {relation} {phrases[1]}"
    return f" {_choose(words['and'], rng)} ".join(phrases)


def _choose(options: Iterable[str], rng: torch.Generator) -> str:
    options = list(options)
    return options[int(torch.randint(len(options), (), generator=rng))]


def _said(thing: Thing, words: dict, rng: torch.Generator) -> dict[str, str]:
    """A phrase for each attribute that is named, and "" for the others."""
    return {
        name: _choose(words[name][getattr(thing, name)], rng)
        if getattr(thing, name) is not None
        else ""
        for name in NAMED
    }


def _fill(template: str, thing: Thing, words: dict, rng: torch.Generator, **extra: str) -> str:
    return _tidy(template.format(**(_said(thing, words, rng) | extra)))


def _write_many(thing: Thing, count: int, words: dict, rng: torch.Generator) -> str:
    plural = _choose(words["plural"][thing.digit], rng)
    number = _choose(words["count"][count], rng)
    template = _choose(words["many templates"], rng)
    return _fill(template, thing, words, rng, digit=plural, count=number)


def _tidy(text: str) -> str:
    """Mend spaces, commas and "a" before a vowel after a template is filled."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(\s*,)+", ",", text)
    text = re.sub(r",?\s*:", ":", text).strip(" ,:")
    return re.sub(r"\ba (?=(?!one)[aeiou]|8)", "an ", text)
