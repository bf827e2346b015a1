import pytest
import torch

from llmvis_course.data.captions import parse
from llmvis_course.data.tokens import END, START, decode, load_tokenizer
from llmvis_course.models.gpt import GPT
from llmvis_course.pipeline.describe import Describer, keeps, pair_tokens
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER

PAIRS = {
    "a seven": "a large red seven at the top left, upright",
    "a green two": "a small green two in the centre, leaning left",
}


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TOKENIZER)


def test_a_pair_by_hand(tokenizer) -> None:
    ids, mask = pair_tokens(tokenizer, ["a seven", "a red two"], ["a red seven", "a red two"])
    one = ids[0][mask[0]]
    assert one[0] == START and (one == START).sum() == 1
    ends = torch.where(one == END)[0].tolist()
    assert ends[1] == len(one) - 1
    assert decode(tokenizer, one[: ends[0]]) == "a seven"
    assert decode(tokenizer, one[ends[0] :]) == "a red seven"
    assert mask.sum(dim=1).tolist() == [1 + 2 + 1 + 3 + 1, 1 + 3 + 1 + 3 + 1]


@pytest.mark.parametrize(
    ("caption", "prompt", "kept"),
    [
        ("a small red seven", "a seven", True),
        ("a small red seven", "a red seven", True),
        ("a small red one", "a seven", False),
        ("a blue seven", "a red seven", False),
        ("a red seven and a blue two", "a red seven", False),
        ("a red seven left of a blue two", "a seven left of a two", True),
        ("a red seven right of a blue two", "a seven left of a two", False),
        ("a seven elephant", "a seven", False),
    ],
)
def test_what_the_prompt_says_must_stay(caption, prompt, kept) -> None:
    assert keeps(caption, prompt) is kept


def test_it_learns_to_say_more(tokenizer) -> None:
    torch.manual_seed(0)
    model = GPT(tokenizer.get_vocab_size(), width=32, depth=1, heads=2, context=32)
    ids, mask = pair_tokens(tokenizer, list(PAIRS), list(PAIRS.values()))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in fit(lambda _: model.loss(ids, mask), range(60), optimizer, steps=60):
        pass
    describe = Describer(model, tokenizer, rng=make_rng(0), tries=4)
    assert describe(list(PAIRS)) == list(PAIRS.values())


def test_a_prompt_that_no_sentence_keeps_stays_as_it_is(tokenizer) -> None:
    torch.manual_seed(0)
    model = GPT(tokenizer.get_vocab_size(), width=16, depth=1, heads=1, context=16)
    describe = Describer(model, tokenizer, rng=make_rng(0), tries=3)
    assert describe(["a red seven"]) == ["a red seven"]
    assert len(describe.candidates("a red seven")) == 3
    assert parse("a red seven").things[0].digit == 7


def test_it_refuses(tokenizer) -> None:
    model = GPT(tokenizer.get_vocab_size(), width=16, depth=1, heads=1, context=6)
    with pytest.raises(ValueError, match="tries is 0; expected at least 1"):
        Describer(model, tokenizer, rng=make_rng(0), tries=0)
    with pytest.raises(ValueError, match="has 7 tokens; expected at most 4"):
        Describer(model, tokenizer, rng=make_rng(0))(["a small red leaning seven"])
    with pytest.raises(ValueError, match="found 1 prompts and 2 captions"):
        pair_tokens(tokenizer, ["a"], ["a", "b"])
