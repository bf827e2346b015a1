import pytest
import torch

from llmvis_course.data.digits import Handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import KINDS, SceneMaker, to_scenes
from llmvis_course.data.world import Scene, Thing, place_of, plain, relation_of
from llmvis_course.training.repro import make_rng


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_gives_the_same_pictures(maker, kind) -> None:
    first, second = (maker.render(maker.sample(20, kind, rng=make_rng(3))) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    other = maker.render(maker.sample(20, kind, rng=make_rng(4)))
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "kind, counts", [("one", {1}), ("two", {2}), ("many", {2, 3, 4}), ("crowd", {4})]
)
def test_kinds_have_their_number_of_things(maker, rng, kind, counts) -> None:
    scenes = to_scenes(maker.sample(300, kind, rng=rng))
    assert {len(scene.things) for scene in scenes} == counts
    for scene in scenes:
        plain(scene).check()
        if kind == "many":
            assert len({(t.digit, t.colour, t.size) for t in scene.things}) == 1
        if len(scene.things) == 2:
            assert relation_of(*scene.things) == scene.relation


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_off_and_nothing_touches(maker, rng, kind) -> None:
    layout = maker.sample(500, kind, rng=rng)
    pictures = maker.render(layout)
    assert pictures.min() == -1 and pictures.max() <= 1
    alone = [
        maker.render(layout._replace(present=layout.present & (torch.arange(4) == k)))
        for k in range(4)
    ]
    ink = torch.stack([((p + 1) / 2).amax(dim=1) for p in alone])  # k b h w
    overlap = (ink > 0.3).sum(dim=0) > 1
    assert overlap.flatten(1).any(dim=1).float().mean() < 0.01
    border = torch.cat([ink[..., 0, :], ink[..., -1, :], ink[..., 0], ink[..., -1]], dim=-1)
    assert (border > 0.7).flatten(2).any(dim=2).float().mean() < 0.02


def test_a_red_thing_is_red_and_where_it_should_be(maker, rng) -> None:
    layout = maker.sample(400, "one", rng=rng)
    pictures, scenes = maker.render(layout), to_scenes(layout)
    for picture, scene in zip(pictures, scenes, strict=True):
        ink = (picture + 1) / 2
        weight = ink.amax(dim=0)
        rows = (weight.sum(dim=1) * (torch.arange(32) + 0.5)).sum() / weight.sum()
        assert abs(rows - scene.things[0].y) < 2.5
        if scene.things[0].colour == "red":
            assert ink[0].sum() > 5 * ink[1:].sum(dim=(1, 2)).max()


def test_impossible_requests_are_refused(maker, rng) -> None:
    with pytest.raises(ValueError, match="'five'; expected one of one, two, many, crowd"):
        maker.sample(1, "five", rng=rng)
    with pytest.raises(ValueError, match="accepted 0 of"):
        maker.sample(4, "one", rng=rng, allow=lambda layout: torch.zeros(len(layout.x)).bool())
    with pytest.raises(ValueError, match=r"no handwriting of \[1, 2"):
        SceneMaker(make_glyphs(Handwriting(torch.rand(2, 8, 8), torch.tensor([0, 0]))))
    with pytest.raises(ValueError, match="no such colour: 'pink'; expected one of red"):
        Thing(3, colour="pink")
    with pytest.raises(ValueError, match="no such relation: 'behind'"):
        Scene((Thing(1), Thing(2)), "behind")
    with pytest.raises(ValueError, match="large digits do not fit"):
        Scene((Thing(3, size="large"),) * 3).check()
    with pytest.raises(ValueError, match="found 5 digits; a scene holds 1 to 4"):
        Scene((Thing(3),) * 5).check()
    with pytest.raises(ValueError, match="cannot share one place"):
        Scene((Thing(3, place="centre"), Thing(4, place="centre"))).check()


def test_fits_by_hand() -> None:
    seven = Thing(7, "red", "large", "top left", "upright", 8.0, 8.0)
    three = Thing(3, "blue", "small", "centre", "upright", 16.0, 14.0)
    scene = Scene((seven, three), "left of")
    assert scene.fits(Scene((Thing(3), Thing(7, "red"))))  # the order does not matter
    assert scene.fits(Scene((Thing(7), Thing(3)), "left of"))
    assert scene.fits(Scene((Thing(3), Thing(7)), "right of"))
    assert scene.misses(Scene((Thing(3), Thing(7)), "left of")) == ["relation"]
    assert scene.misses(Scene((Thing(7, "blue"), Thing(3, "red")))) == ["colour", "colour"]
    assert scene.misses(Scene((Thing(7),))) == ["count"]
    assert not Scene(()).fits(Scene((Thing(7),)))


def test_places_and_relations_by_hand() -> None:
    assert place_of(5.0, 5.0) == "top left"
    assert place_of(16.0, 16.0) == "centre"
    assert place_of(27.0, 13.0) == "centre right"
    assert relation_of(Thing(1, x=5.0, y=10.0), Thing(2, x=20.0, y=14.0)) == "left of"
    assert relation_of(Thing(1, x=9.0, y=25.0), Thing(2, x=14.0, y=10.0)) == "below"
    with pytest.raises(ValueError, match="needs things with a centre"):
        relation_of(Thing(1), Thing(2))
