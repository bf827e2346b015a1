import pytest
import torch

from llmvis_course.data.captions import parse
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import make_prompts
from llmvis_course.data.world import COLOURS, Scene, Thing, plain
from llmvis_course.evaluate import (
    Judge,
    describes,
    evaluate,
    format_table,
    own_error,
    paired_difference,
    score,
    wilson_interval,
)
from llmvis_course.evaluate.judge import find_pieces, nearest_colour
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import FOLDER


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.pretrained()


REQUIRED = {"colour": 0.99, "place": 0.99, "size": 0.99, "count": 0.99, "lean": 0.97}


def test_the_judge_is_right_about_real_held_out_scenes(judge) -> None:
    shares = own_error(judge, rng=make_rng(11))
    for name, required in (REQUIRED | {"digit": 0.96}).items():
        assert shares[name] >= required, shares


@pytest.mark.skipif(
    not (FOLDER / "judge_mnist.safetensors").exists(), reason="no MNIST judge is shipped"
)
def test_the_mnist_judge_is_right_about_real_held_out_scenes(real_data) -> None:
    shares = own_error(Judge.pretrained("mnist"), source="mnist", rng=make_rng(11))
    for name, required in (REQUIRED | {"digit": 0.985}).items():
        assert shares[name] >= required, shares


def test_its_measures_agree_with_how_the_scene_was_made(test_maker, rng) -> None:
    layout = test_maker.sample(300, "one", rng=rng)
    pieces = find_pieces(test_maker.render(layout))
    assert pieces.picture.tolist() == list(range(300))
    close = {"atol": 1.0, "rtol": 0.0}
    torch.testing.assert_close(pieces.height, layout.height[:, 0], **close)
    torch.testing.assert_close(pieces.y, layout.y[:, 0], **close)
    torch.testing.assert_close(pieces.slant, layout.slant[:, 0], atol=0.05, rtol=0.0)


def test_it_says_no_to_blank_noise_and_another_caption(judge, test_maker, rng) -> None:
    said = parse("a red seven")
    noise = torch.rand(20, 3, 32, 32, generator=rng) * 2 - 1
    for picture in (torch.full((3, 32, 32), -1.0), torch.ones(3, 32, 32), *noise):
        assert not judge.verdict(picture, said).right
    layout = test_maker.sample(100, "one", rng=rng)
    pictures, scenes = test_maker.render(layout), [plain(s) for s in to_scenes(layout)]
    right = wrong = 0
    for i, (picture, scene) in enumerate(zip(pictures, scenes, strict=True)):
        right += judge.verdict(picture, scene).right
        other = next(s for s in scenes[i:] + scenes[:i] if not scene.fits(s))
        verdict = judge.verdict(picture, other)
        wrong += not verdict.right
        assert verdict.right == (not verdict.missed)
    assert wrong == 100 and right >= 90


def test_each_attribute_can_be_missed(judge, test_maker, rng) -> None:
    """A caption that is wrong in one attribute alone is told so, by name."""
    layout = test_maker.sample(40, "one", rng=rng)
    for picture, scene in zip(test_maker.render(layout), to_scenes(layout), strict=True):
        thing = judge.look(picture[None])[0].things[0]
        for name, other in (("colour", "red"), ("size", "small"), ("lean", "upright")):
            if getattr(scene.things[0], name) != other:
                said = Scene((Thing(**(thing.named() | {name: other})),))
                assert judge.verdict(picture, said).missed == [name]


def test_moving_a_thing_changes_only_where_it_is(judge, test_maker, rng) -> None:
    """Rolled by whole pixels, and the same picture is judged the same twice.

    Where the border cuts the soft edge off a thing, its measured centre is up to a third wrong.
    """
    pictures = test_maker.render(test_maker.sample(60, "one", rng=rng))
    border = torch.ones(32, 32, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    for picture in pictures:
        (scene,), (again,) = judge.look(picture[None]), judge.look(picture[None])
        assert scene == again
        thing = scene.things[0]
        dx, dy = (4 if at < 16 else -4 for at in (thing.x, thing.y))
        other = judge.look(picture.roll((dy, dx), dims=(1, 2))[None])[0].things[0]
        off = 0.35 if picture[:, border].max() > -0.9 else 0.05
        for name in ("digit", "colour", "size", "lean"):
            assert getattr(other, name) == getattr(thing, name)
        assert (other.x - thing.x, other.y - thing.y) == pytest.approx((dx, dy), abs=off)


def test_pictures_judged_together_are_judged_alike_alone(judge, test_maker, rng) -> None:
    pictures = test_maker.render(test_maker.sample(12, "many", rng=rng))
    for picture, together in zip(pictures, judge.look(pictures), strict=True):
        (alone,) = judge.look(picture[None])
        assert [t.named() for t in alone.things] == [t.named() for t in together.things]


def test_a_thing_of_two_colours_has_none(judge, test_maker, rng) -> None:
    """Upper half red, lower half blue: the mean is near purple, and no pixel is."""
    layout = test_maker.sample(100, "one", rng=rng)
    ink = (test_maker.render(layout) + 1).amax(dim=1, keepdim=True) / 2
    upper = torch.arange(32)[None, None, :, None] < layout.y[:, :1, None, None]
    red, blue = (torch.tensor(COLOURS[name])[None, :, None, None] for name in ("red", "blue"))
    told = [s.things[0].colour for s in judge.look(2 * ink * torch.where(upper, red, blue) - 1)]
    assert told.count(None) >= 95


def test_a_solid_shape_is_no_digit(judge) -> None:
    y, x = (axis - 15.5 for axis in torch.meshgrid([torch.arange(32)] * 2, indexing="ij"))
    for shape in (x**2 + y**2 < 30, (x.abs() < 5) & (y.abs() < 5), (x.abs() < 3) & (y.abs() < 5)):
        (scene,) = judge.look(2 * shape.float().expand(1, 3, 32, 32) - 1)
        assert len(scene.things) == 1 and scene.things[0].digit is None


def test_darker_is_the_same_colour_and_grey_is_none() -> None:
    for name, rgb in COLOURS.items():
        colour = torch.tensor(rgb) * 0.5
        assert nearest_colour(colour / colour.max()) == name
    assert nearest_colour(torch.tensor([0.9, 1.0, 0.1])) in (None, "yellow")
    assert nearest_colour(torch.tensor([1.0, 0.3, 0.75])) is None


def test_it_refuses(judge) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 1, 28, 28\); expected \(b, 3, 32, 32\)"):
        judge.look(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match="from 0 to 255; expected"):
        picture = torch.zeros(1, 3, 32, 32)
        picture[0, 0, 0, 0] = 255
        judge.look(picture)
    with pytest.raises(ValueError, match="NaN"):
        judge.look(torch.full((1, 3, 32, 32), torch.nan))


def test_wilson_by_hand() -> None:
    """All of 10 right: from 10 / (10 + 1.96^2) to 1."""
    low, high = wilson_interval(10, 10)
    assert low == pytest.approx(10 / (10 + 1.96**2)) and high == pytest.approx(1.0)
    assert sum(wilson_interval(5, 10)) == pytest.approx(1.0)
    assert wilson_interval(500, 1000)[0] > wilson_interval(50, 100)[0]
    with pytest.raises(ValueError, match="3 right of 2"):
        wilson_interval(3, 2)


def test_paired_difference_by_hand() -> None:
    """Of four captions one is gained and none lost: (1.5 - 0.5) / 6, and a spread around it."""
    found = paired_difference([True, True, False, False], [True, True, True, False])
    assert (found.difference, found.gained, found.lost) == (0.25, 1, 0)
    assert (found.low + found.high) / 2 == pytest.approx(1 / 6)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * (2 - 1 / 6) ** 0.5 / 6)


def test_paired_difference_tells_more_than_two_intervals() -> None:
    """80 and 90 of 100: the intervals of the shares overlap, the difference excludes zero."""
    first, second = [k < 80 for k in range(100)], [k < 90 for k in range(100)]
    assert wilson_interval(80, 100)[1] > wilson_interval(90, 100)[0]
    assert paired_difference(first, second).low > 0
    backwards = paired_difference(second, first)
    assert backwards.high < 0 and (backwards.gained, backwards.lost) == (0, 10)
    with pytest.raises(ValueError, match="found 2 and 1 answers"):
        paired_difference([True, False], [True])


def test_a_perfect_painter_scores_as_the_judge_and_a_blind_one_nothing(judge) -> None:
    """`score` draws its prompts from its own chance, so a painter can cheat to show the cap."""
    maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
    for kind in ("single", "two objects", "counting"):
        cheat = make_prompts(kind, "held out", 64, maker=maker, rng=make_rng(5))
        perfect = score(
            lambda _, c=cheat: maker.render(c.layout), kind, "held out", judge=judge, n=64,
            rng=make_rng(5),
        )  # fmt: skip
        assert perfect.right / 64 == perfect.real >= 0.85
        blind = score(
            lambda captions: torch.full((len(captions), 3, 32, 32), -1.0), kind, "held out",
            judge=judge, n=64, rng=make_rng(5),
        )  # fmt: skip
        assert blind.right == 0 and blind.missed == {"count": 64}


def test_the_table_has_a_row_a_score(judge) -> None:
    scores = list(
        evaluate(
            lambda captions: torch.full((len(captions), 3, 32, 32), -1.0),
            judge=judge,
            n=4,
            rng=make_rng(0),
            kinds=("colour",),
        )  # fmt: skip
    )
    assert [s.split for s in scores] == ["seen", "held out", "paraphrased"]
    assert format_table(scores).count("0.0 %") >= 3


def test_a_description_must_be_complete_and_right(judge) -> None:
    scene = Scene(
        (
            Thing(3, "red", "small", "top left", "upright", 8.0, 8.0),
            Thing(5, "blue", "large", "centre right", "upright", 24.0, 16.0),
        ),
        "left of",
    )
    assert describes("a small red three left of a large blue five", scene)
    assert describes("a large blue five to the right of a small red three", scene)
    assert not describes("a small red three left of a blue five", scene)
    assert not describes("a small red three and a large blue five", scene)
    assert not describes("a small red three right of a large blue five", scene)
    assert not describes("a large red three left of a large blue five", scene)
    assert not describes("a small red three", scene)
    assert not describes("small of a a", scene)
