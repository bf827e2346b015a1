import pytest

from llmvis_course.data.captions import STYLES, parse, read, write
from llmvis_course.data.lexicon import FILLERS, PARAPHRASES, PHRASES, PLAIN
from llmvis_course.data.scenes import to_scenes
from llmvis_course.data.splits import (
    CAPTION_KINDS,
    SPLITS,
    held_out_in,
    in_training,
    make_prompts,
    say_all,
    training_batches,
)
from llmvis_course.data.world import Scene, Thing, plain
from llmvis_course.training.repro import make_rng


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", CAPTION_KINDS)
def test_every_prompt_parses_back_and_fits_its_scene(test_maker, rng, kind, split) -> None:
    prompts = make_prompts(kind, split, 300, maker=test_maker, rng=rng)
    scenes = to_scenes(prompts.layout)
    for prompt in prompts.items:
        assert parse(prompt.caption) == prompt.said, prompt.caption
        assert scenes[prompt.real].fits(prompt.said)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["one", "two", "many"])
def test_whole_scenes_survive_the_round_trip(maker, rng, kind, style) -> None:
    """Writing, then reading, is the identity: thousands of times, for all a caption can name."""
    for scene in to_scenes(maker.sample(1000, kind, rng=rng)):
        said = plain(scene)
        if len({t.place for t in said.things}) < len(said.things):
            said = Scene(tuple(Thing(t.digit, t.colour, t.size, None, t.lean) for t in said.things))
        caption = write(said, rng=rng, style=style)
        assert sorted(map(str, parse(caption).things)) == sorted(map(str, said.things)), caption
        assert parse(caption).relation == (said.relation if said.relation else None)


def test_captions_by_hand() -> None:
    seven = Thing(7, "red", "large", "top left")
    assert parse("a large red seven at the top left") == Scene((seven,))
    assert parse("Draw a big, CRIMSON 7 in the upper left corner!") == Scene((seven,))
    assert parse("three green fives") == Scene((Thing(5, "green"),) * 3)
    assert parse("a green three") == Scene((Thing(3, "green"),))
    assert parse("two threes") == Scene((Thing(3),) * 2)
    expected = Scene((Thing(7, "red"), Thing(3, "blue", "small")), "left of")
    assert parse("a red seven left of a small blue three") == expected
    assert parse("a red seven is to the left of a small blue three") == expected


def test_what_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match="not understood in 'a purple elephant': 'elephant'"):
        parse("a purple elephant")
    reading = read("a shiny red seven on a boat")
    assert reading.scene == Scene((Thing(7, "red"),))
    assert reading.unknown == ["shiny", "boat"]
    with pytest.raises(ValueError, match="does not say which digit"):
        parse("something red".replace("something", "a"))
    with pytest.raises(ValueError, match="'red' and 'blue' both name the colour"):
        parse("a red blue seven")
    with pytest.raises(ValueError, match="large digits do not fit"):
        parse("four large red twos")
    with pytest.raises(ValueError, match="2 relations"):
        parse("a one above a two above a three")


def test_writing_refuses() -> None:
    with pytest.raises(ValueError, match="unknown style 'poem'"):
        write(Scene((Thing(7),)), rng=make_rng(0), style="poem")
    with pytest.raises(ValueError, match="a thing without one"):
        write(Scene((Thing(colour="red"),)), rng=make_rng(0))


def test_the_lexicon_is_unambiguous_and_paraphrases_are_new() -> None:
    """No phrase has two meanings, and no word that carries a paraphrase is used in training."""
    plain_words = {
        word
        for kind, table in PLAIN.items()
        for phrases in (table.values() if isinstance(table, dict) else [table])
        for phrase in phrases
        for word in phrase.replace("{", " ").replace("}", " ").replace(",", " ").split()
    }
    for kind in ("colour", "size", "place", "lean", "relation", "plural", "count"):
        for value, phrases in PARAPHRASES[kind].items():
            for phrase in phrases:
                assert PHRASES[phrase][1] == value
                assert set(phrase.split()) - plain_words, phrase
    assert not set(PARAPHRASES["templates"]) & set(PLAIN["templates"])
    assert not FILLERS & set(PHRASES)


def test_splits_are_disjoint(maker, test_maker) -> None:
    """Training shows no held-out combination; every held-out prompt names one."""
    rng = make_rng(1)
    for kind in ("one", "two", "many"):
        layout = maker.sample(2000, kind, rng=rng, allow=in_training)
        for name, found in held_out_in(layout).items():
            assert not found.any(), name
        anything = maker.sample(2000, kind, rng=rng)
        assert 0.5 < in_training(anything).float().mean() < 0.95
    for kind in CAPTION_KINDS:
        held = make_prompts(kind, "held out", 200, maker=test_maker, rng=rng)
        assert not in_training(held.layout).any()
        seen = make_prompts(kind, "seen", 200, maker=test_maker, rng=rng)
        assert in_training(seen.layout).all()


def test_held_out_meanings_are_never_trained(maker, test_maker) -> None:
    """The (digit, colour) pairs of held-out captions are in no training caption or picture."""
    trained = set()
    batches = training_batches(maker, 128, rng=make_rng(2))
    for _ in range(30):
        batch = next(batches)
        for caption in batch.captions:
            trained |= {(t.digit, t.colour) for t in parse(caption).things if t.colour}
    held = make_prompts("colour", "held out", 300, maker=test_maker, rng=make_rng(3))
    assert len(trained) == 70
    assert not trained & {(p.said.things[0].digit, p.said.things[0].colour) for p in held.items}


def test_training_captions_describe_their_pictures(maker) -> None:
    batch = next(training_batches(maker, 64, rng=make_rng(0)))
    assert batch.pictures.shape == (64, 3, 32, 32)
    counts = [len(parse(caption).things) for caption in batch.captions]
    assert counts.count(1) == 23 and min(counts[23:]) == 2


def test_unknown_prompts_are_refused(test_maker, rng) -> None:
    with pytest.raises(ValueError, match="kind 'poetry'"):
        make_prompts("poetry", "seen", 1, maker=test_maker, rng=rng)


def test_saying_all_starts_at_the_left_or_above() -> None:
    three, five = Thing(3, "red", "small", "centre", "upright"), Thing(5, "blue", "large")
    said = say_all(Scene((five, three), "right of"))
    assert said == say_all(Scene((three, five), "left of"))
    assert said == Scene((Thing(3, "red", "small"), Thing(5, "blue", "large")), "left of")
    assert say_all(Scene((three,))) == Scene((three,))
    assert say_all(Scene((three, three), "above")).relation is None  # "two small red threes"
