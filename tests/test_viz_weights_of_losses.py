"""Walks and trade-offs show where they were asked to."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

from llmvis_course import viz

ENDS = {"a": (-1.0, 0.0), "b": (1.0, 0.0)}
WALKS = {
    "one": torch.tensor([[0.0, 1.0], [0.0, 0.5], [0.25, 0.0]]),
    "two": torch.tensor([[0.0, 1.0], [-1.0, 0.0]]),
}


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def labelled(ax) -> dict:
    return {line.get_label(): line.get_xydata().tolist() for line in ax.lines}


def test_a_walk_ends_at_its_marker(ax):
    assert viz.tug_of_war(WALKS, ENDS, ax=ax) is ax
    found = labelled(ax)
    assert found["one"] == [[0.25, 0.0]] and found["two"] == [[-1.0, 0.0]]
    assert [[-1.0, 0.0], [1.0, 0.0]] in [line.get_xydata().tolist() for line in ax.lines]
    assert {text.get_text() for text in ax.texts} == {"a", "b", "start"}


def test_walks_are_told_apart_without_colour(ax):
    viz.tug_of_war(WALKS, ENDS, ax=ax)
    ends = [line for line in ax.lines if line.get_label() in WALKS]
    assert len({line.get_marker() for line in ends}) == 2


def test_a_tug_of_war_has_two_ends(ax):
    with pytest.raises(ValueError, match=r"found 1 ends \(a\); expected two"):
        viz.tug_of_war(WALKS, {"a": (0.0, 0.0)}, ax=ax)


def test_a_trade_off_has_its_points_its_front_and_its_notes(ax):
    front = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    found = {"mine": torch.tensor([[0.5, 0.75], [1.0, 0.25]])}
    notes = {"mine": ["few", "many"]}
    assert viz.trade_off(found, ax=ax, x="content", y="realism", front=front, notes=notes) is ax
    assert labelled(ax)["mine"] == found["mine"].tolist()
    assert labelled(ax)["Pareto front"] == front.tolist()
    assert [text.get_text() for text in ax.texts] == ["few", "many"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("content", "realism")


def test_a_trade_off_does_without_front_and_notes(ax):
    viz.trade_off(WALKS, ax=ax, x="x", y="y")
    assert set(labelled(ax)) == set(WALKS) and not ax.texts
