import os
from pathlib import Path

import pytest
import torch
from tokenizers import ByteLevelBPETokenizer

from llmvis_course.models.pretrained import load_gpt2, load_gpt2_body

transformers = pytest.importorskip("transformers")
DATA = Path(os.environ.get("LLMVIS_DATA", "no such folder")) / "gpt2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A small GPT-2, as transformers saves it."""
    folder = tmp_path_factory.mktemp("gpt2")
    words = ["a large red seven left of a small blue three", "three green fives"]
    bytes_of_words = ByteLevelBPETokenizer()
    bytes_of_words.train_from_iterator(words * 3, vocab_size=300, show_progress=False)
    bytes_of_words.save_model(str(folder))
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(folder)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=32,
        initializer_range=0.3, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_saved_checkpoint_loads_and_agrees(folder) -> None:
    model, tokenizer = load_gpt2(folder)
    text = "a large blue five"
    ids = tokenizer(text, return_tensors="pt").input_ids
    assert tokenizer.decode(ids[0]) == text
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found, expected = model(ids).logits, theirs(ids).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.1


def test_the_body_of_a_saved_checkpoint_is_theirs(folder) -> None:
    model, tokenizer = load_gpt2_body(folder)
    ids = tokenizer("a large blue five", return_tensors="pt").input_ids
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found = model(ids).last_hidden_state
        torch.testing.assert_close(theirs.lm_head(found), theirs(ids).logits)
    assert not model.training
    with pytest.raises(FileNotFoundError, match="download=True"):
        load_gpt2_body("no-such-model-anywhere")


def test_offline_it_says_what_to_do(tmp_path, folder) -> None:
    with pytest.raises(FileNotFoundError, match="download=True"):
        load_gpt2("no-such-model-anywhere")
    with pytest.raises(FileNotFoundError, match="a folder without a whole GPT-2"):
        load_gpt2(tmp_path)


def test_a_hub_that_cannot_be_reached_is_named(monkeypatch) -> None:
    """As transformers reports it: an OSError, here raised without touching a network."""

    def unreachable(*arguments, **options):
        assert options == {"local_files_only": False}
        raise OSError("We couldn't connect")

    monkeypatch.setattr(transformers.GPT2LMHeadModel, "from_pretrained", unreachable)
    with pytest.raises(FileNotFoundError, match="could not fetch 'gpt2': no network"):
        load_gpt2("gpt2", download=True)


@pytest.mark.skipif(not DATA.exists(), reason="LLMVIS_DATA holds no gpt2 tokenizer")
def test_the_real_tokenizer_goes_there_and_back() -> None:
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(DATA)
    assert len(tokenizer) == 50257
    for text in ("a large red seven", "  two  spaces, naïve café — 7!", "\n\tdef f(x): return x"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer("hello world").input_ids == [31373, 995]
