"""Sentences to numbers and back, with the `tokenizers` library.

Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) over the bytes of lower-case text, as in
GPT-2 (Radford et al. 2019), whose sign for "a space stands before" is used too. Every word of the
training captions becomes one token; any other word falls apart into pieces, down to bytes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

SPECIAL = ("[PAD]", "[START]", "[END]")
PAD, START, END = range(3)
_SPACE = "\u0120"  # how byte-level tokens write the space before a word


class Tokens(NamedTuple):
    """A batch of captions as token ids, padded at the end to one length."""

    ids: Int[Tensor, "b n"]
    mask: Bool[Tensor, "b n"]  # True for a token, False for padding


def train_tokenizer(captions: Iterable[str], *, vocabulary: int = 512) -> Tokenizer:
    """Learn at most `vocabulary` tokens from captions; the same captions give the same tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a tokenizer file. Raises ValueError when it is missing or not a tokenizer."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception for every cause
        raise ValueError(f"{path} is not a readable tokenizer file: {error}") from error


def encode(tokenizer: Tokenizer, captions: list[str], *, longest: int | None = None) -> Tokens:
    """Encode captions between [START] and [END].

    Raises ValueError when there is no caption, or one has more than `longest` tokens.
    """
    if not captions:
        raise ValueError("found no caption; expected at least one")
    rows = [[START, *tokenizer.encode(caption).ids, END] for caption in captions]
    length = max(map(len, rows))
    if longest is not None and length > longest:
        worst = max(zip(rows, captions, strict=True), key=lambda pair: len(pair[0]))[1]
        raise ValueError(f"{worst!r} has {length} tokens; expected at most {longest}")
    ids = torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
    return Tokens(ids, ids != PAD)


def decode(tokenizer: Tokenizer, ids: Int[Tensor, " n"]) -> str:
    """The sentence of one row of ids, without special tokens."""
    return tokenizer.decode(ids.tolist(), skip_special_tokens=True).strip()


def pieces(tokenizer: Tokenizer, caption: str) -> list[str]:
    """The text of each token of a caption, with its [START] and [END]."""
    texts = [token.removeprefix(_SPACE) for token in tokenizer.encode(caption).tokens]
    return ["[START]", *texts, "[END]"]


def all_whole(tokenizer: Tokenizer, caption: str) -> bool:
    """Whether every word of a caption is one token: whether training used all of its words."""
    encoding = tokenizer.encode(caption)
    return len(encoding.tokens) == len(set(encoding.word_ids))
