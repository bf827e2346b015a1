import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.evaluate import Judge
from llmvis_course.evaluate.drawings import frechet_distance, kinds, read_digits


@pytest.mark.parametrize("size", [16, 28])
def test_real_digits_are_told(size) -> None:
    glyphs = make_glyphs(load_handwriting(train=False))
    pictures = 2 * F.interpolate(glyphs.ink[:200, None], size=size, mode="area") - 1
    told = read_digits(Judge.pretrained(), pictures)
    right = sum(a == b for a, b in zip(told, glyphs.label[:200].tolist(), strict=True))
    assert right > 185


def test_nothing_and_grey_are_no_digits() -> None:
    pictures = torch.stack([-torch.ones(1, 28, 28), torch.zeros(1, 28, 28)])
    assert read_digits(Judge.pretrained(), pictures) == [None, None]


def test_kinds_by_hand() -> None:
    told = [3] * 6 + [7] * 3 + [1] + [None] * 10
    assert kinds(told, least=0.1) == [3, 7]
    assert kinds(told, least=0.05) == [1, 3, 7]
    with pytest.raises(ValueError, match="0 answers"):
        kinds([])
    with pytest.raises(ValueError, match="share of 0"):
        kinds(told, least=0.0)


def test_distance_by_hand(rng) -> None:
    """Moved by 3, 4: 25. Stretched from s to 2 s in each of d ways: s^2 d."""
    a = torch.randn(500, 2, generator=rng, dtype=torch.float64)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + torch.tensor([3.0, 4.0])) == pytest.approx(25)
    centred = a - a.mean(dim=0)
    variance = torch.cov(a.T).trace().item()
    assert frechet_distance(centred, 2 * centred) == pytest.approx(variance)


def test_distance_of_gaussians_in_any_direction(rng) -> None:
    """Against the formula with a matrix root through a symmetric product."""
    a, b = (torch.randn(400, 5, generator=rng) @ torch.randn(5, 5, generator=rng) for _ in "ab")
    cov = [torch.cov(x.double().T) for x in (a, b)]
    values, vectors = torch.linalg.eigh(cov[0])
    half = vectors @ values.clamp_min(0).sqrt().diag() @ vectors.T
    root = torch.linalg.eigvalsh(half @ cov[1] @ half).clamp_min(0).sqrt().sum()
    shift = (a.double().mean(dim=0) - b.double().mean(dim=0)).square().sum()
    expected = shift + cov[0].trace() + cov[1].trace() - 2 * root
    assert_close(torch.tensor(frechet_distance(a, b)), expected.float())
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))


def test_distance_refuses_one_picture() -> None:
    with pytest.raises(ValueError, match="1 and 5 pictures"):
        frechet_distance(torch.zeros(1, 2), torch.zeros(5, 2))
