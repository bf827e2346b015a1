import gzip

import pytest
import torch

from llmvis_course.data.digits import NUM_TEST_DIGITS, check_idx_file, load_handwriting
from llmvis_course.data.glyphs import (
    FILL,
    GLYPH_SIZE,
    affine_sample,
    extent,
    make_glyphs,
    moments,
    vary,
)
from llmvis_course.training.repro import make_rng


def test_scikit_learn_digits_are_split_by_handwriting() -> None:
    train, test = load_handwriting(), load_handwriting(train=False)
    assert len(train.label) + len(test.label) == 1797
    assert len(test.label) == NUM_TEST_DIGITS
    assert torch.bincount(test.label).tolist() == [40] * 10
    assert train.ink.min() == 0 and train.ink.max() == 1
    seen = {tuple(row) for row in train.ink.flatten(1).tolist()}
    assert not seen & {tuple(row) for row in test.ink.flatten(1).tolist()}


def test_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="'letters'.*digits, mnist, fashion-mnist"):
        load_handwriting("letters")


def test_offline_message_says_what_to_do(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="LLMVIS_DATA.*download=True"):
        load_handwriting("mnist", root=tmp_path)


def idx(magic: int, *lengths: int, values: int | None = None) -> bytes:
    """An IDX file of zeros."""
    size = torch.Size(lengths).numel() if values is None else values
    return b"".join(n.to_bytes(4, "big") for n in (magic, *lengths)) + bytes(size)


def write_mnist(
    folder, name: str = "MNIST", packed: bool = False, images: bytes | None = None
) -> None:
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        for kind, content in (
            ("images-idx3", images or idx(2051, 3, 28, 28)),
            ("labels-idx1", idx(2049, 3)),
        ):
            path = raw / f"{part}-{kind}-ubyte"
            path.write_bytes(content)
            if packed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))


@pytest.mark.parametrize("name, source", [("MNIST", "mnist"), ("FashionMNIST", "fashion-mnist")])
def test_small_local_files_load(tmp_path, monkeypatch, name, source) -> None:
    write_mnist(tmp_path, name)
    monkeypatch.setenv("LLMVIS_DATA", str(tmp_path))
    handwriting = load_handwriting(source, train=False)
    assert handwriting.ink.shape == (3, 28, 28)
    assert handwriting.label.tolist() == [0, 0, 0]


def test_wrong_magic_number_and_truncated_file_are_named(tmp_path) -> None:
    write_mnist(tmp_path, images=idx(2049, 3))
    with pytest.raises(ValueError, match="images-idx3-ubyte: magic number is 2049, expected 2051"):
        load_handwriting("mnist", root=tmp_path)
    path = tmp_path / "short"
    path.write_bytes(idx(2051, 3, 28, 28, values=100))
    with pytest.raises(ValueError, match="short: 116 bytes, expected 2368; the file is truncated"):
        check_idx_file(path, 2051)


def test_a_packed_file_is_checked_too(tmp_path) -> None:
    path = tmp_path / "labels"
    (tmp_path / "labels.gz").write_bytes(gzip.compress(idx(2049, 5, values=4)))
    with pytest.raises(ValueError, match="truncated"):
        check_idx_file(path, 2049)


def test_real_mnist(real_data) -> None:
    handwriting = load_handwriting("mnist", train=False)
    assert handwriting.ink.shape == (10000, 28, 28)
    assert torch.bincount(handwriting.label).tolist()[:3] == [980, 1135, 1032]


def test_moments_by_hand() -> None:
    """Ink at the top right and the bottom left corner of a square leans right by one."""
    ink = torch.zeros(1, 3, 3)
    ink[0, 0, 2] = ink[0, 2, 0] = 1
    found = moments(ink)
    torch.testing.assert_close(torch.stack(found)[:, 0], torch.tensor([0.0, 0.0, 1.0]))


def test_glyphs_are_upright_and_fill_their_square() -> None:
    glyphs = make_glyphs(load_handwriting(train=False))
    slant = moments(glyphs.ink).slant
    torch.testing.assert_close(slant, torch.zeros_like(slant), atol=1e-4, rtol=0)
    top, bottom = extent(glyphs.ink.amax(dim=2))
    height = (bottom - top) / 2
    torch.testing.assert_close(height, torch.full_like(height, FILL), atol=0.1, rtol=0)
    assert glyphs.ink.shape[1:] == (GLYPH_SIZE, GLYPH_SIZE)


def test_shearing_sets_the_slant() -> None:
    ink = make_glyphs(load_handwriting(train=False)).ink[:50]
    one, zero = torch.ones(50), torch.zeros(50)
    leaned = affine_sample(ink, zero, zero, one, one, -0.4 * one, GLYPH_SIZE)
    torch.testing.assert_close(moments(leaned).slant, 0.4 * one, atol=0.03, rtol=0)


def test_varied_glyphs_are_the_same_characters_otherwise_written() -> None:
    glyphs = make_glyphs(load_handwriting())
    varied = vary(glyphs, copies=2, rng=make_rng(0))
    n = len(glyphs.label)
    assert len(varied.ink) == 3 * n
    torch.testing.assert_close(varied.ink[:n], glyphs.ink)
    torch.testing.assert_close(varied.label, glyphs.label.repeat(3))
    first, second = varied.ink[n : 2 * n], varied.ink[2 * n :]
    assert (first - second).abs().mean(dim=(1, 2)).min() > 1e-3
    assert varied.ink.min() >= 0 and varied.ink.max() <= 1
    top, bottom = extent(first.amax(dim=2))
    assert ((bottom - top) / 2 - FILL).abs().mean() < 0.05  # still of one height
    still = vary(glyphs, copies=1, rng=make_rng(0), bend=0.0).ink[n:]
    assert ((still > 0.5) != (glyphs.ink > 0.5)).float().mean() < 0.1  # thicker or thinner alone
