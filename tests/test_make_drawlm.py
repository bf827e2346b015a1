"""The training of the language model that draws: resumable, and of what it says."""

from itertools import islice

import pytest
import torch

from llmvis_course.data.splits import training_batches
from llmvis_course.data.tokens import END, PAD, START, load_tokenizer
from llmvis_course.models.vqvae import light_and_colour_vqvae
from llmvis_course.pipeline import TokenDrawer
from llmvis_course.training.checkpoint import load_tensors
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.weights.make_drawlm import pairs, train_image_gpt, train_vqvae


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TOKENIZER)


def cut_off_and_go_on(train, tmp_path, steps: int) -> None:
    """A run that is killed after its first step ends with the same weights."""
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    for path, stop in ((whole, None), (parts, 1), (parts, None)):
        state = tmp_path / f"{path.stem}.state"
        for at in train(path, steps=steps, checkpoint=state, every=1):
            if at.step == stop:
                break
    one, record = load_tensors(whole)
    other, _ = load_tensors(parts)
    assert record["done"] == steps and set(one) == set(other)
    torch.testing.assert_close(one, other)


def test_both_trainings_go_on_where_they_were_cut_off(tmp_path, tokenizer) -> None:
    cut_off_and_go_on(lambda path, **o: train_vqvae(path, batch=8, **o), tmp_path, 3)
    vqvae = tmp_path / "vqvae.safetensors"
    (tmp_path / "whole.safetensors").rename(vqvae)
    for left in tmp_path.glob("*.state"):
        left.unlink()

    def train(path, **options):
        return train_image_gpt(path, vqvae, tokenizer, batch=4, half=False, **options)

    cut_off_and_go_on(train, tmp_path, 2)
    (tmp_path / "whole.safetensors").rename(tmp_path / "image_gpt.safetensors")
    (tmp_path / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    drawer = TokenDrawer.pretrained(tmp_path)
    assert drawer.draw(["a red seven"], rng=make_rng(0)).shape == (1, 3, 32, 32)
    assert drawer.record["done"] == 2


def test_pairs_are_captions_and_tokens_in_both_orders(maker, tokenizer, rng) -> None:
    vqvae = light_and_colour_vqvae(width=16).eval()
    batches = training_batches(maker, 4, rng=rng, shares={})
    found = list(islice(pairs(batches, vqvae, tokenizer, rng=rng, reads=0.5), 20))
    assert 4 <= sum(pair.reads for pair in found) <= 16
    for pair in found:
        assert pair.tokens.shape == (4, 8, 8) and pair.tokens.min() >= 0
        assert pair.digits.shape == (4, 8, 8) and pair.digits.min() == -1 < pair.digits.max() < 10
        assert (pair.ids[:, 0] == START).all() and pair.ids.shape[1] <= 16
        assert ((pair.ids == END).sum(dim=1) == 1).all() and (pair.ids[:, 1:] >= PAD).all()
