import matplotlib
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from llmvis_course import viz


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_a_grid_has_a_number_in_each_cell(ax) -> None:
    picture = -torch.ones(3, 8, 8)
    picture[:, :4, :4] = 1
    tokens = torch.tensor([[7, 11], [12, 13]])
    assert viz.token_grid(picture, tokens, ax=ax, title="tokens") is ax
    assert [text.get_text() for text in ax.texts] == ["7", "11", "12", "13"]
    assert [text.get_position() for text in ax.texts][1] == (1.5, 0.5)
    light, dark = (text.get_color() for text in ax.texts[:2])
    assert light != dark and ax.get_title() == "tokens"


def test_a_row_is_written_in_lines(ax) -> None:
    texts, kinds = ["[DRAW]", "red", "5"], ["marker", "word", "picture"]
    assert viz.token_row(texts, kinds, ax=ax, columns=2) is ax
    assert [text.get_position() for text in ax.texts] == [(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)]
    assert len({patch.get_facecolor() for patch in ax.patches}) == 3
    with pytest.raises(ValueError, match="found 1 kinds for 2 tokens"):
        viz.token_row(["a", "b"], ["word"], ax=ax)
    with pytest.raises(ValueError, match="no such kind: noun; expected word, picture, marker"):
        viz.token_row(["a"], ["noun"], ax=ax)
