import math

import pytest
import torch

from llmvis_course.layers.positions import (
    LearnedPositions,
    NoPositions,
    RotaryPositions,
    WavePositions,
    waves,
)


def test_waves_by_hand() -> None:
    """Width 2 has one wave of frequency 1: (sin i, cos i)."""
    expected = [[math.sin(i), math.cos(i)] for i in range(3)]
    torch.testing.assert_close(waves(3, 2), torch.tensor(expected))
    torch.testing.assert_close(waves(2, 6, start=3), waves(5, 6)[3:])


def test_rotary_by_hand_and_by_complex_numbers(rng) -> None:
    """(1, 0) at place 1 turns by one radian; in general a pair is multiplied by exp(i angle)."""
    found = RotaryPositions().turn(torch.tensor([[[[1.0, 0.0]]]]), start=1)
    torch.testing.assert_close(found.flatten(), torch.tensor([math.cos(1), math.sin(1)]))
    x = torch.randn(1, 2, 5, 6, generator=rng, dtype=torch.float64)
    frequency = 10000.0 ** (-torch.arange(0, 6, 2) / 6)
    turn = torch.exp(1j * torch.outer(torch.arange(5.0), frequency))
    pairs = torch.view_as_complex(x.unflatten(-1, (3, 2)).contiguous()) * turn
    found = RotaryPositions().turn(x)
    torch.testing.assert_close(found, torch.view_as_real(pairs).flatten(-2), atol=1e-6, rtol=1e-6)


def test_rotary_products_depend_on_distance_alone(rng) -> None:
    q, k = torch.randn(2, 1, 1, 1, 8, generator=rng)
    turn = RotaryPositions().turn
    near = (turn(q, start=2) * turn(k, start=5)).sum()
    far = (turn(q, start=40) * turn(k, start=43)).sum()
    torch.testing.assert_close(near, far, atol=1e-4, rtol=1e-4)
    assert (near - (turn(q, start=2) * turn(k, start=6)).sum()).abs() > 1e-3


@pytest.mark.parametrize("positions", [LearnedPositions(9, 8), WavePositions(), RotaryPositions()])
def test_later_tokens_are_placed_as_in_the_whole(rng, positions) -> None:
    x, heads = torch.randn(2, 9, 8, generator=rng), torch.randn(2, 3, 9, 8, generator=rng)
    torch.testing.assert_close(positions.add(x[:, 4:], 4), positions.add(x)[:, 4:])
    torch.testing.assert_close(positions.turn(heads[:, :, 4:], 4), positions.turn(heads)[:, :, 4:])
    moved = (positions.add(x) - x).abs().sum() + (positions.turn(heads) - heads).abs().sum()
    assert moved > 0.1
    assert NoPositions().add(x, 4) is x


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="found 10 positions; expected at most 9"):
        LearnedPositions(9, 4).add(torch.zeros(1, 3, 4), start=7)
    with pytest.raises(ValueError, match="width 5; expected an even number"):
        waves(3, 5)
