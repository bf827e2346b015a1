import pytest

from llmvis_course.data.splits import training_batches
from llmvis_course.data.tokens import (
    END,
    PAD,
    START,
    all_whole,
    decode,
    encode,
    load_tokenizer,
    pieces,
    train_tokenizer,
)
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER


@pytest.fixture(scope="module")
def tokenizer(maker):
    batches = training_batches(maker, 128, rng=make_rng(0))
    return train_tokenizer(caption for _ in range(20) for caption in next(batches).captions)


def test_training_words_are_whole_and_others_fall_apart(tokenizer) -> None:
    caption = "a large red seven at the top left, leaning right"
    assert pieces(tokenizer, caption)[1:-1] == caption.replace(",", " ,").split()
    assert len(tokenizer.encode("crimson").ids) > 1
    assert all_whole(tokenizer, caption) and not all_whole(tokenizer, "a crimson seven")


def test_the_round_trip(tokenizer) -> None:
    captions = ["three green fives", "A crimson 7 in the upper left corner"]
    tokens = encode(tokenizer, captions)
    for row, caption in zip(tokens.ids, captions, strict=True):
        assert decode(tokenizer, row) == caption.lower()


def test_padding_and_mask_by_hand(tokenizer) -> None:
    tokens = encode(tokenizer, ["", "a red seven"])
    red = tokenizer.token_to_id("\u0120red")
    assert tokens.ids[0].tolist() == [START, END, PAD, PAD, PAD]
    assert tokens.ids[1, [0, 2, 4]].tolist() == [START, red, END]
    assert tokens.mask.tolist() == [[True] * 2 + [False] * 3, [True] * 5]


def test_it_refuses(tokenizer, tmp_path) -> None:
    with pytest.raises(ValueError, match="found no caption"):
        encode(tokenizer, [])
    with pytest.raises(ValueError, match="has 6 tokens; expected at most 5"):
        encode(tokenizer, ["a", "a large red seven"], longest=5)
    with pytest.raises(ValueError, match="missing.json is not a readable tokenizer"):
        load_tokenizer(tmp_path / "missing.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="bad.json is not a readable tokenizer"):
        load_tokenizer(tmp_path / "bad.json")


def test_training_is_repeatable(tokenizer, maker) -> None:
    batches = training_batches(maker, 128, rng=make_rng(0))
    again = train_tokenizer(caption for _ in range(20) for caption in next(batches).captions)
    assert again.get_vocab() == tokenizer.get_vocab()


def test_the_shipped_tokenizer_knows_every_training_word(maker) -> None:
    shipped = load_tokenizer(TOKENIZER)
    batch = next(training_batches(maker, 256, rng=make_rng(9)))
    for caption in batch.captions:
        assert all_whole(shipped, caption), caption
