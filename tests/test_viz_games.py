"""The plots of the game show what they are given."""

import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image

from llmvis_course import viz


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_line_game_shows_all_three(ax) -> None:
    x = torch.linspace(-1, 1, 5)
    p, q, d = torch.rand(3, 5)
    assert viz.line_game(x, p, q, d, ax=ax, title="start") is ax
    drawn = [torch.as_tensor(line.get_ydata()).float() for line in ax.lines[:2]]
    torch.testing.assert_close(drawn, [q, d])
    assert len(ax.collections) == 1 and ax.get_title() == "start"
    assert len(plt.get_fignums()) == 1


def test_digit_bars_count(ax) -> None:
    assert viz.digit_bars([7, 7, 3, None], ax=ax, least=0.1) is ax
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [0, 0, 0, 0.25, 0, 0, 0, 0.5, 0, 0, 0.25]
    assert ax.lines[0].get_ydata()[0] == 0.1


def test_moving_has_its_frames() -> None:
    asked = []
    stored = viz.moving(lambda k, ax: (asked.append(k), ax.plot([0, k], [0, 1])), 3, seconds=0.1)
    picture = Image.open(io.BytesIO(stored))
    assert asked == [0, 1, 2] and picture.n_frames == 3
    assert picture.info["duration"] == 100
    assert plt.get_fignums() == []
