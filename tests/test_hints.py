"""What a model that draws cell by cell is told beside its tokens."""

import pytest
import torch
from torch import nn

from llmvis_course.layers.hints import WAYS, DrawingHints

SIDE, WIDTH = 3, 8


@pytest.fixture
def hints() -> DrawingHints:
    torch.manual_seed(0)
    return DrawingHints(SIDE, WIDTH)


@pytest.fixture
def given(rng):
    words, drawn = torch.randn(2, 4, WIDTH, generator=rng), torch.randn(2, 9, WIDTH, generator=rng)
    return words, torch.ones(2, 4, dtype=torch.bool), drawn


def test_a_hint_by_hand(hints, given) -> None:
    """Cell 5 (row 1, column 2) is told of cell 1 and cell 2 above it, and of cell 3 in its row."""
    words, mask, drawn = given
    outside = torch.zeros(2, WIDTH)
    around = {(-1, -1): drawn[:, 1], (-1, 0): drawn[:, 2], (0, -2): drawn[:, 3]}
    seen = torch.cat([around.get(way, outside) for way in WAYS], dim=1)
    expected = hints.around(seen) + hints.said(words.sum(dim=1))
    torch.testing.assert_close(hints(words, mask, drawn)[:, 5], expected)


def test_nobody_is_told_of_what_is_not_drawn_yet(hints, given) -> None:
    words, mask, drawn = given
    told = hints(words, mask, drawn[:, :8])
    assert told.shape == (2, 9, WIDTH)
    for k in range(8):
        other = drawn[:, :8].clone()
        other[:, k] += 1
        changed = (hints(words, mask, other) != told).any(dim=2).any(dim=0)
        assert not changed[: k + 1].any()
        assert changed[k + 2 :].any() or k >= 6  # nobody comes after the last two


def test_one_at_a_time_is_the_same(hints, given) -> None:
    words, mask, drawn = given
    whole = hints(words, mask, drawn)
    assert whole.shape == (2, 9, WIDTH)  # when all is drawn there is no next cell
    for k in range(9):
        torch.testing.assert_close(
            hints(words, mask, drawn[:, :k], first=k), whole[:, k : k + 1], atol=1e-6, rtol=1e-5
        )


def test_words_count_their_order_and_padding_do_not(hints, given) -> None:
    words, mask, drawn = given
    told = hints(words, mask, drawn)
    torch.testing.assert_close(hints(words.flip(1), mask, drawn), told, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(hints(2 * words[:, [0, 0, 0, 0]], mask, drawn), told)
    mask[:, 2:] = False
    shorter = hints(words, mask, drawn)
    words[:, 2:] = 99.0
    torch.testing.assert_close(hints(words, mask, drawn), shorter)


def test_a_fresh_hint_is_no_louder_than_what_it_is_told(hints, given) -> None:
    assert hints(*given).std() < 2 and not any(isinstance(m, nn.Dropout) for m in hints.modules())
