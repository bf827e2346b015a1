"""Every box of the flow chart is replaced by a stub here: only what joins them is tested."""

import pytest
import torch

from llmvis_course.data.captions import parse
from llmvis_course.data.world import Scene, Thing
from llmvis_course.pipeline import (
    FlowChart,
    lead_away_from_what_was_seen,
    share_shown,
)

RIGHT, WRONG = parse("a red seven"), parse("a red one")


class Drawer:
    """Draws numbered blank pictures, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], list[str] | None]] = []

    def __call__(self, captions: list[str], avoid: list[str] | None) -> torch.Tensor:
        self.asked.append((captions, avoid))
        return torch.full((len(captions), 3, 2, 2), float(len(self.asked)))


def looks(*rounds: list[Scene]):
    """A `look` that sees what it is told, round by round."""
    told = iter(rounds)
    return lambda pictures: next(told)


def test_a_picture_that_agrees_is_drawn_once() -> None:
    drawer = Drawer()
    result = FlowChart(drawer, looks([RIGHT, RIGHT]))(["a red seven"] * 2)
    assert drawer.asked == [(["a red seven"] * 2, None)]
    assert result.agreement.tolist() == [1.0, 1.0] and len(result.attempts) == 1


def test_only_what_was_missed_is_drawn_again_and_the_better_is_kept() -> None:
    drawer = Drawer()
    chart = FlowChart(drawer, looks([WRONG, RIGHT, WRONG], [RIGHT, WRONG], [WRONG]), rounds=3)
    result = chart(["a red seven"] * 3)
    assert [len(captions) for captions, _ in drawer.asked] == [3, 2, 1]
    assert [attempt.rows.tolist() for attempt in result.attempts] == [[0, 1, 2], [0, 2], [2]]
    assert result.pictures[:, 0, 0, 0].tolist() == [2.0, 1.0, 1.0]
    assert result.agreement.tolist() == [1.0, 1.0, 0.5]  # the red is right and the seven is not


def test_the_first_attempt_keeps_its_own_pictures() -> None:
    result = FlowChart(Drawer(), looks([WRONG], [RIGHT]))(["a red seven"])
    assert result.attempts[0].pictures.unique().tolist() == [1.0]


def test_rounds_bound_the_tries() -> None:
    for rounds in (1, 2, 4):
        drawer = Drawer()
        FlowChart(drawer, looks(*[[WRONG]] * 4), rounds=rounds)(["a red seven"])
        assert len(drawer.asked) == rounds
    with pytest.raises(ValueError, match="rounds is 0; expected at least 1"):
        FlowChart(Drawer(), looks(), rounds=0)


def test_both_branches() -> None:
    """With a description, that is what is drawn and compared; without, the prompt itself."""
    drawer = Drawer()
    chart = FlowChart(drawer, looks([RIGHT]), describe=lambda prompts: ["a red seven"])
    assert chart(["a seven"]).captions == ["a red seven"] == drawer.asked[0][0]
    assert FlowChart(Drawer(), looks([RIGHT]))(["a seven"]).captions == ["a seven"]


def test_compare_and_adjust_are_what_they_are_told_to_be() -> None:
    drawer = Drawer()
    chart = FlowChart(
        drawer,
        looks([RIGHT], [RIGHT]),
        compare=lambda said, seen: 0.5,
        adjust=lambda said, seen: "a green two",
        rounds=2,
    )
    assert chart(["a red seven"]).agreement.tolist() == [0.5]
    assert drawer.asked[1][1] == ["a green two"]


def test_share_shown_by_hand() -> None:
    said = parse("a small red seven at the top left")
    seen = Scene((Thing(7, "red", "large", "top left", "upright", 6.0, 6.0),))
    assert share_shown(said, seen) == pytest.approx(3 / 4)
    assert share_shown(said, Scene(())) == 0.0
    two = Scene((Thing(3, "red", x=5.0, y=16.0), Thing(5, "red", x=25.0, y=16.0)))
    assert share_shown(parse("a three right of a five"), two) == pytest.approx(2 / 3)
    assert share_shown(parse("a three left of a five"), two) == 1.0


def test_what_was_seen_is_said_in_the_terms_of_the_caption() -> None:
    said = parse("a red seven left of a blue three")
    seen = Scene((Thing(0, "red", "small", x=5.0, y=16.0), Thing(3, None, x=25.0, y=16.0)))
    again = parse(lead_away_from_what_was_seen(said, seen))
    assert again == parse("a red zero left of a blue three")
    assert lead_away_from_what_was_seen(said, Scene(())) == ""


def test_what_cannot_be_said_leads_nowhere() -> None:
    """Two things judged to be at one place: no caption may say so."""
    said = parse("a seven at the top left and a three at the top right")
    seen = Scene(
        (Thing(7, place="top left", x=4.0, y=4.0), Thing(3, place="top left", x=9.0, y=4.0))
    )
    assert lead_away_from_what_was_seen(said, seen) == ""
