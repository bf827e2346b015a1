r"""Real handwriting: the ink that every picture of the course is made of.

Sources: the 1,797 digits that come inside scikit-learn (Alpaydin and Kaynak 1998, UCI "Optical
Recognition of Handwritten Digits"; no download), MNIST (LeCun et al. 1998) and Fashion-MNIST
(Xiao et al. 2017, arXiv:1708.07747) through torchvision. Left out on purpose: any data loader.
All of it fits in memory, so a batch is an index into a tensor.
"""

import gzip
import os
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

SOURCES = ("digits", "mnist", "fashion-mnist")
NUM_TEST_DIGITS = 400
"""How many of scikit-learn's 1,797 digits are kept for testing: 40 of each label."""


class Handwriting(NamedTuple):
    """Grey pictures of single characters and what they show."""

    ink: Float[Tensor, "b h w"]  # 0 is paper, 1 is full ink
    label: Int[Tensor, " b"]  # 0..9


def load_handwriting(
    source: str = "digits",
    *,
    train: bool = True,
    root: str | Path | None = None,
    download: bool = False,
) -> Handwriting:
    """Return the training or the test handwriting of `source`; the two never share a picture.

    `root` is the folder that holds `MNIST/raw` or `FashionMNIST/raw`; by default the environment
    variable LLMVIS_DATA, then `data`. Nothing is fetched unless `download=True`.

    Raises ValueError for an unknown source or a damaged file, FileNotFoundError (with what to do)
    when the files are not there.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; expected one of {', '.join(SOURCES)}")
    if source == "digits":
        return _scikit_learn_digits(train)
    return _torchvision_mnist(
        source, train, Path(root or os.environ.get("LLMVIS_DATA", "data")), download
    )


def _scikit_learn_digits(train: bool) -> Handwriting:
    from sklearn.datasets import load_digits

    data = load_digits()
    label = torch.as_tensor(data.target, dtype=torch.long)
    is_test = torch.zeros(len(label), dtype=torch.bool)
    for digit in range(10):  # the same number of each label, from the end of the file
        is_test[torch.where(label == digit)[0][-NUM_TEST_DIGITS // 10 :]] = True
    keep = ~is_test if train else is_test
    ink = torch.as_tensor(data.images, dtype=torch.float32) / 16
    return Handwriting(ink[keep], label[keep])


def _torchvision_mnist(source: str, train: bool, root: Path, download: bool) -> Handwriting:
    from torchvision import datasets

    dataset = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[source]
    raw = root / dataset.__name__ / "raw"
    part = "train" if train else "t10k"
    for kind, magic in (("images-idx3", 2051), ("labels-idx1", 2049)):
        check_idx_file(raw / f"{part}-{kind}-ubyte", magic)
    try:
        data = dataset(root, train=train, download=download)
    except (RuntimeError, OSError) as error:
        raise FileNotFoundError(
            f"{source} is not in {raw}. Either set LLMVIS_DATA to a folder that holds "
            f"{dataset.__name__}/raw, or call load_handwriting({source!r}, download=True) with a "
            "network. Without either, load_handwriting('digits') always works."
        ) from error
    return Handwriting(data.data.float() / 255, data.targets.long())


def check_idx_file(path: Path, magic: int) -> None:
    """Raise ValueError when an IDX file is there but damaged: wrong first number or wrong length.

    The format: a 4-byte magic number, one 4-byte length per axis, then one byte per value, all
    big-endian (LeCun et al. 1998). A file that is not there is left for the loader to report.
    """
    packed = path.with_name(path.name + ".gz")
    if path.exists():
        content = path.read_bytes()
    elif packed.exists():
        content = gzip.decompress(packed.read_bytes())
    else:
        return
    found = int.from_bytes(content[:4], "big")
    if found != magic:
        raise ValueError(f"{path}: magic number is {found}, expected {magic}; not the right file")
    axes = magic % 256
    lengths = [int.from_bytes(content[4 * i : 4 * i + 4], "big") for i in range(1, axes + 1)]
    expected = 4 * (1 + axes) + torch.Size(lengths).numel()
    if len(content) != expected:
        raise ValueError(
            f"{path}: {len(content)} bytes, expected {expected}; the file is truncated"
        )
