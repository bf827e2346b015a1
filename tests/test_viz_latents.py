"""Maps of codes: what stands where, and bars of which numbers work."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch
from torch.testing import assert_close

from llmvis_course import viz


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_plane_codes_are_the_centres_of_cells_in_reading_order():
    found = viz.plane_codes(2, reach=3.0)
    assert_close(found, torch.tensor([[-1.5, 1.5], [1.5, 1.5], [-1.5, -1.5], [1.5, -1.5]]))
    assert_close(viz.plane_codes(1, reach=2.0), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="found 0 cells"):
        viz.plane_codes(0, reach=1.0)


def test_a_sheet_has_every_picture_in_its_place():
    pictures = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 2, 3)
    assert_close(viz.sheet(pictures)[:, ::3], torch.tensor([[0.0, 1], [0, 1], [2, 3], [2, 3]]))
    with pytest.raises(ValueError, match="found 3 pictures; expected a square number"):
        viz.sheet(pictures[:3])


def test_a_decoded_map_lays_a_picture_where_its_code_lies(ax):
    """A decoder that paints a code's second number: bright on top, and the axes say so."""
    codes = viz.plane_codes(3, reach=1.0)
    pictures = codes[:, 1].view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    assert viz.decoded_map(pictures, ax=ax, reach=1.0) is ax
    (image,) = ax.images
    assert image.get_extent() == [-1, 1, -1, 1] and image.origin == "upper"
    assert image.get_array()[0, 0] > image.get_array()[-1, 0]
    assert "second" in ax.get_ylabel()


def test_a_code_map_writes_each_digit_where_its_code_lies(ax):
    mu, label = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), torch.tensor([7, 2, 7])
    assert viz.code_map(mu, label, ax=ax) is ax
    drawn = {line.get_marker(): line.get_xydata().tolist() for line in ax.lines}
    assert drawn == {"$2$": [[2.0, 3.0]], "$7$": [[0.0, 1.0], [4.0, 5.0]]}


def test_a_ladder_has_the_bounds_and_the_evidence(ax):
    assert viz.bound_ladder([1.0, 4.0], [-3.0, -2.5], -2.0, ax=ax, x="draws", y="nats") is ax
    bound, evidence = ax.lines
    assert list(bound.get_ydata()) == [-3.0, -2.5] and evidence.get_ydata()[0] == -2.0
    assert evidence.get_linestyle() == "--" and ax.get_xlabel() == "draws"


def test_kl_bars_sort_each_seed_and_show_their_mean(ax):
    found = {"a": [torch.tensor([0.0, 2.0]), torch.tensor([4.0, 1.0])], "b": [torch.ones(2)]}
    assert viz.kl_bars(found, ax=ax) is ax
    assert [bar.get_height() for bar in ax.patches] == [3.0, 0.5, 1.0, 1.0]
    assert sum(len(line.get_xdata()) for line in ax.lines) == 2 * 2 + 2
    assert len({bar.get_hatch() for bar in ax.patches}) == 2  # not by colour alone
