import pytest
import torch

from llmvis_course.data.prepare import prepare


def test_a_single_wrong_pixel_goes_and_an_edge_stays() -> None:
    picture = torch.full((1, 3, 32, 32), -1.0)
    picture[..., :16] = 1.0
    noisy = picture.clone()
    noisy[0, :, 10, 5], noisy[0, :, 20, 25] = -1.0, 1.0
    torch.testing.assert_close(prepare(noisy), picture)
    torch.testing.assert_close(prepare(noisy, denoise=1), noisy)


def test_any_size_becomes_ours(rng) -> None:
    flat = torch.full((2, 3, 50, 70), 0.25)
    torch.testing.assert_close(prepare(flat), torch.full((2, 3, 32, 32), 0.25))
    small = torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1
    assert prepare(small, size=16).shape == (1, 3, 16, 16)
    half = torch.full((1, 3, 64, 64), -1.0)
    half[..., :32] = 1.0
    shrunk = prepare(half, denoise=1)
    assert shrunk[..., :15].min() > 0.9 and shrunk[..., 17:].max() < -0.9


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="denoise is 2; expected an odd"):
        prepare(torch.zeros(1, 3, 8, 8), denoise=2)
    with pytest.raises(ValueError, match="from 0.00 to 255.00; expected -1 to 1"):
        prepare(torch.tensor([0.0, 255.0]).expand(1, 3, 4, 2))
