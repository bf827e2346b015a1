"""Plots draw on the ax they are given, and what they are asked to show can be found on it."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.captions import parse
from llmvis_course.data.world import Scene, Thing

SAID = parse("a large red seven at the top left")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def texts(ax) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def pictures(n: int) -> torch.Tensor:
    return torch.linspace(-1, 1, n).view(n, 1, 1, 1).expand(n, 3, 32, 32)


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: viz.show_picture(pictures(1)[0], ax=ax, title="one"),
        lambda ax: viz.picture_grid(pictures(3), ["a", "b", "c"], ax=ax),
        lambda ax: viz.filmstrip(pictures(2), ["a", "b"], ax=ax),
        lambda ax: viz.word_maps(pictures(1)[0], ["a", "b"], torch.rand(2, 32, 32), ax=ax),
        lambda ax: viz.writing_maps(pictures(1)[0], ["a", "b"], torch.rand(2, 64), ax=ax),
        lambda ax: viz.verdict_table(SAID, SAID, ax=ax),
        lambda ax: viz.score_bars([1, 2, 3], of=3, ax=ax),
        lambda ax: viz.curves(
            [0.0, 1.0], {"a": [0.0, 1.0], "b": [1.0, 0.0]}, ax=ax, x="t", y="share"
        ),
        lambda ax: viz.errors({"digit": 0.9, "colour": 1.0}, ax=ax),
        lambda ax: viz.flow_chart(ax=ax),
        lambda ax: viz.attention_map(torch.eye(2), ["a", "b"], ax=ax),
        lambda ax: viz.heat_maps(pictures(2), torch.rand(2, 8, 8), ["a", "b"], ax=ax),
        lambda ax: viz.seed_dots({"with": [0.9, 0.8], "without": [0.7, 0.6]}, ax=ax, x="share"),
        lambda ax: viz.signed_map(torch.eye(3) - 0.5, ax=ax),
        lambda ax: viz.influence_map(torch.eye(3), ax=ax),
        lambda ax: viz.ways(torch.rand(5, 3, 2), ax=ax),
        lambda ax: viz.with_intervals([0.0], [0.5], [(0.4, 0.7)], ax=ax, x="w", y="share"),
    ],
)
def test_draws_on_the_ax_it_is_given_and_opens_no_other(ax, draw):
    assert draw(ax) is ax
    assert ax.has_data() or ax.tables or ax.texts
    assert len(plt.get_fignums()) == 1


def test_a_picture_by_hand():
    picture = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1).expand(3, 2, 2)
    assert_close(viz.as_array(picture)[0, 1].tolist(), [0.0, 0.5, 1.0])


def test_a_grid_marks_right_and_wrong_without_colour(ax):
    viz.picture_grid(pictures(2), ["good", "bad"], ax=ax, right=[True, False])
    assert texts(ax) == "✓ good\n✗ bad"


def test_a_grid_breaks_rows_at_its_columns(ax):
    viz.picture_grid(pictures(4), list("abcd"), ax=ax, columns=2)
    tops = [image.get_extent()[3] for image in ax.images]
    assert tops[0] == tops[1] < tops[2] == tops[3]


def test_frames_stand_from_left_to_right_in_order(ax):
    viz.filmstrip(pictures(3), ["a", "b", "c"], ax=ax)
    assert [image.get_array().mean() for image in ax.images] == pytest.approx([0, 0.5, 1])
    assert [image.get_extent()[0] for image in ax.images] == pytest.approx([0, 1.06, 2.12])


def test_a_word_map_is_brightest_where_the_look_is(ax):
    look = torch.zeros(32, 32)
    look[3, 5] = 1.0
    heat = viz.heat_over(-torch.ones(3, 32, 32), look)
    assert divmod(int(heat.sum(axis=2).argmax()), 32) == (3, 5)


def test_a_word_map_tells_the_mean_share(ax):
    viz.word_maps(pictures(1)[0], ["red"], torch.full((1, 32, 32), 0.25), ax=ax)
    assert "25 %" in texts(ax)


def test_bars_are_as_high_as_the_scores(ax):
    viz.score_bars([0, 2, 3], of=4, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == [0, 2, 3]
    assert ax.get_ylim() == (0, 4)


def test_errors_are_what_is_not_right_in_per_cent(ax):
    viz.errors({"digit": 0.9, "colour": 1.0}, ax=ax)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([10, 0])
    assert "10.0 %" in texts(ax) and ax.get_xlabel()


def test_curves_differ_by_marker_too_and_axes_are_named(ax):
    viz.curves([0.0, 1.0], {"a": [0.0, 1.0], "b": [1.0, 0.0]}, ax=ax, x="t", y="share")
    assert len({line.get_marker() for line in ax.lines}) == 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("t", "share")


def test_the_flow_chart_names_every_box_and_fills_the_one_that_is_here(ax):
    viz.flow_chart(ax=ax, here=3)
    assert all(name in texts(ax) for name, _, _ in viz.BOXES)
    filled = [patch.get_facecolor() != (1, 1, 1, 1) for patch in ax.patches[: len(viz.BOXES)]]
    assert filled == [k == 3 for k in range(len(viz.BOXES))]


def test_the_flow_chart_names_each_lesson_from_1_to_18_once():
    lessons = " ".join(lessons for _, _, lessons in viz.BOXES).split()
    assert sorted(lessons) == [f"{n:02d}" for n in range(1, 19)]


def test_compare_finds_the_one_attribute_that_differs():
    lines = viz.compare(SAID, parse("a large red nine at the top left"))
    assert [line.name for line in lines if not line.right] == ["digit"]
    assert ("digit", "seven", "nine", False) in lines


def test_compare_pairs_things_in_the_order_that_agrees_best():
    said = parse("a red seven and a blue two")
    assert all(line.right for line in viz.compare(said, parse("a blue two and a red seven")))


def test_compare_numbers_the_attributes_of_several_things():
    names = [line.name for line in viz.compare(parse("a red seven and a two"), Scene(()))]
    assert names == ["count", "digit 1", "colour 1", "digit 2"]


def test_compare_measures_the_relation():
    said = parse("a red seven above a blue two")
    seven, two = Thing(7, "red", x=16.0, y=24.0), Thing(2, "blue", x=16.0, y=8.0)
    assert viz.compare(said, Scene((two, seven)))[-1] == ("relation", "above", "below", False)


def test_compare_with_nothing_seen_counts_zero_and_sees_no_attribute():
    lines = viz.compare(SAID, Scene(()))
    assert not any(line.right for line in lines)
    assert {line.seen for line in lines} == {"0", "not seen"}


@pytest.mark.parametrize("caption", ["two red fives", "a red five above a blue two", "a five"])
def test_compare_agrees_with_the_scenes_own_rule_on_itself(caption):
    said = parse(caption)
    assert all(line.right for line in viz.compare(said, said) if line.name != "relation")


def test_refuses_what_does_not_match(ax):
    with pytest.raises(ValueError, match="found 1 titles for 2 pictures"):
        viz.picture_grid(pictures(2), ["a"], ax=ax)
    with pytest.raises(ValueError, match="found 3 words and 2 maps"):
        viz.word_maps(pictures(1)[0], ["a", "b", "c"], torch.rand(2, 32, 32), ax=ax)
    with pytest.raises(ValueError, match="here is 9"):
        viz.flow_chart(ax=ax, here=9)


def test_attention_map_names_rows_and_writes_large_shares(ax):
    viz.attention_map(torch.tensor([[0.9, 0.1], [0.35, 0.65]]), ["red", "seven"], ax=ax)
    assert texts(ax).split("\n") == ["90", "35", "65"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["red", "seven"]
    with pytest.raises(ValueError, match=r"shape \(2, 2\) for 3 words; expected square"):
        viz.attention_map(torch.eye(2), ["a", "b", "c"], ax=ax)


def test_an_influence_map_frames_what_counts(ax):
    heat = torch.zeros(10, 12)
    heat[2, 3], heat[4, 7] = 0.1, 1.0
    viz.influence_map(heat, ax=ax)
    (frame,) = ax.patches
    assert (frame.get_width(), frame.get_height(), frame.get_xy()) == (5, 3, (2.5, 1.5))


def test_dots_stand_at_their_values_and_the_bar_at_their_mean(ax):
    viz.seed_dots({"with": [0.9, 0.7], "without": [0.5]}, ax=ax, x="share right")
    dots, bar = ax.lines[:2]
    assert list(dots.get_xdata()) == [0.9, 0.7] and list(dots.get_ydata()) == [0, 0]
    assert bar.get_xdata() == pytest.approx([0.8, 0.8])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["with", "without"]


def test_ways_start_at_noise_and_end_at_data(ax):
    path = torch.tensor([[[1.0, 2.0]], [[0.5, 1.5]], [[0.0, 0.0]]])
    viz.ways(path, ax=ax)
    drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert drawn["noise, t = 1"] == [[1.0, 2.0]] and drawn["data, t = 0"] == [[0.0, 0.0]]
    assert [len(line.get_xydata()) for line in ax.lines] == [3, 1, 1]


def test_intervals_reach_from_low_to_high(ax):
    viz.with_intervals([1.0, 2.0], [0.5, 1.0], [(0.4, 0.7), (0.9, 1.0)], ax=ax, x="w", y="share")
    (bars,) = (c for c in ax.collections)
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    assert_close(ends, [[0.4, 0.7], [0.9, 1.0]], atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="found 1, 2, 1; expected as many"):
        viz.with_intervals([1.0], [0.5, 1.0], [(0.4, 0.7)], ax=ax, x="w", y="share")
