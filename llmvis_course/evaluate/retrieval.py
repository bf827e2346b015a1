"""Retrieval: does a picture find its caption, and a caption its picture, among a thousand?

The shipped two towers (models/clip.py), pairs that nothing was trained on, and the score. Left out
on purpose: several right answers to one question; every caption here means something else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import write
from ..data.scenes import Allow, SceneMaker, to_scenes
from ..data.splits import in_training, say_all
from ..data.tokens import encode, load_tokenizer
from ..data.world import Scene
from ..models.clip import Eyes, TwoTowers, recall
from ..training.checkpoint import load_weights
from ..weights import FOLDER
from .content import ContentExtractor
from .judge import check_pictures

_AT_ONCE = 250  # pictures, or captions


class Pairs(NamedTuple):
    """Pictures and captions; row by row they belong together, and no two captions mean the same."""

    pictures: Float[Tensor, "b 3 32 32"]
    captions: list[str]
    said: list[Scene]  # what each caption says: all that can be said


def distinct_pairs(
    maker: SceneMaker,
    n: int,
    *,
    rng: torch.Generator,
    allow: Allow = in_training,
    two: float = 0.4,
) -> Pairs:
    """Draw `n` pairs, of which about the share `two` shows two things and the others one.

    Give it test handwriting. Scenes that say what an earlier one said are drawn again.
    """
    counts = {"one": n - int(n * two), "two": int(n * two)}
    pictures, found = [], {}
    for kind, count in counts.items():
        wanted = len(found) + count
        while len(found) < wanted:
            layout = maker.sample(count, kind, rng=rng, allow=allow)
            said = [say_all(scene) for scene in to_scenes(layout)]
            fresh = [
                i for i, scene in enumerate(said) if scene not in found and scene not in said[:i]
            ][: wanted - len(found)]
            found |= {said[i]: None for i in fresh}
            pictures.append(maker.render(layout.rows(torch.tensor(fresh, dtype=torch.long))))
    captions = [write(scene, rng=rng) for scene in found]
    return Pairs(torch.cat(pictures), captions, list(found))


def load_eyes(folder: str | Path = FOLDER) -> Eyes:
    """The eyes of the content reader. Raises ValueError for a missing or damaged file."""
    return Eyes(ContentExtractor.pretrained(folder).reader)


class Retrieval:
    """The shipped towers and their tokenizer."""

    def __init__(self, towers: TwoTowers, tokenizer: Tokenizer, record: dict | None = None) -> None:
        self.towers, self.tokenizer = towers.eval(), tokenizer
        self.record = record or {}
        """What made the weights."""

    @classmethod
    def pretrained(cls, folder: str | Path = FOLDER) -> "Retrieval":
        """Load the shipped ones."""
        tokenizer = load_tokenizer(Path(folder) / "tokenizer.json")
        towers = TwoTowers(tokenizer.get_vocab_size(), eyes=load_eyes(folder))
        record = load_weights(towers, Path(folder) / "towers.safetensors")
        return cls(towers, tokenizer, record)

    @torch.no_grad()
    def see(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Pictures as points on the unit sphere. Raises ValueError for what is no picture here."""
        check_pictures(pictures)
        return torch.cat([self.towers.see(part) for part in pictures.split(_AT_ONCE)])

    @torch.no_grad()
    def read(self, captions: Sequence[str]) -> Float[Tensor, "b d"]:
        """Captions as points on the unit sphere. Raises ValueError for none, or one too long."""
        ids, mask = encode(self.tokenizer, list(captions), longest=self.towers.texts.longest)
        parts = zip(ids.split(_AT_ONCE), mask.split(_AT_ONCE), strict=True)
        return torch.cat([self.towers.read(*part) for part in parts])

    def align(
        self, pictures: Float[Tensor, "b 3 h w"], captions: Sequence[str]
    ) -> Float[Tensor, " b"]:
        """How well each picture fits its own caption: a cosine, -1 to 1.

        Raises ValueError unless there are as many captions as pictures.
        """
        if len(pictures) != len(captions):
            raise ValueError(
                f"found {len(captions)} captions for {len(pictures)} pictures; expected as many"
            )
        return (self.see(pictures) * self.read(captions)).sum(dim=1)


class Recalls(NamedTuple):
    """Which share was found first, 0 to 1."""

    captions: float  # of captions, by their pictures
    pictures: float  # of pictures, by their captions


def score_retrieval(retrieval: Retrieval, pairs: Pairs, *, k: int = 1) -> Recalls:
    """The share of pairs whose other half is among the `k` nearest, both ways."""
    table = retrieval.see(pairs.pictures) @ retrieval.read(pairs.captions).T
    return Recalls(recall(table, k), recall(table.T, k))
