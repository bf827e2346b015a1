"""The language model that draws and reads, from sentences to pictures and back."""

import pytest
import torch

from llmvis_course.data.captions import parse
from llmvis_course.data.scenes import to_scenes
from llmvis_course.data.splits import make_prompts, say_all
from llmvis_course.data.tokens import load_tokenizer
from llmvis_course.evaluate import Judge
from llmvis_course.models.image_gpt import ImageGPT
from llmvis_course.models.vqvae import light_and_colour_vqvae
from llmvis_course.pipeline import TokenDrawer
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER

CAPTIONS = ["a small red seven at the top left", "a large blue three"]


@pytest.fixture(scope="module")
def fresh() -> TokenDrawer:
    torch.manual_seed(0)
    tokenizer, vqvae = load_tokenizer(TOKENIZER), light_and_colour_vqvae(width=16, depth=1)
    sizes = vqvae.codebook.sizes
    model = ImageGPT(tokenizer.get_vocab_size(), sizes, width=32, depth=1, heads=2)
    return TokenDrawer(model, vqvae, tokenizer)


def test_it_draws_and_describes(fresh) -> None:
    pictures = fresh.draw(CAPTIONS, rng=make_rng(1))
    assert pictures.shape == (2, 3, 32, 32) and pictures.abs().max() <= 1
    torch.testing.assert_close(pictures, fresh.draw(CAPTIONS, rng=make_rng(1)))
    assert not torch.equal(pictures, fresh.draw(CAPTIONS, rng=make_rng(2)))
    said = fresh.describe(pictures)
    assert len(said) == 2 and all(isinstance(sentence, str) for sentence in said)


def test_options_matter(fresh) -> None:
    greedy = fresh.write(CAPTIONS, rng=make_rng(1), top_k=1)
    assert torch.equal(greedy, fresh.write(CAPTIONS, rng=make_rng(2), top_k=1))
    for options in ({"temperature": 0.3}, {"guidance": 3.0}):
        usual, other = (
            fresh.write(CAPTIONS, rng=make_rng(1), **({"temperature": 1.0, "guidance": 1.0} | o))
            for o in ({}, options)
        )
        assert not torch.equal(usual, other)


def test_what_is_not_drawn_yet_is_paper(fresh) -> None:
    blank = -torch.ones(1, 3, 32, 32)
    paper = fresh.vqvae.encode(blank)
    for k in (0, 1, 40, 64):
        torch.testing.assert_close(fresh.show(paper.flatten(1)[:, :k]), fresh.vqvae.decode(paper))
    tokens = fresh.write(CAPTIONS, rng=make_rng(1))
    assert fresh.show(tokens[:, :40]).shape == fresh.show(tokens).shape == (2, 3, 32, 32)
    assert not torch.equal(fresh.show(tokens[:, :40]), fresh.show(tokens))


def test_it_refuses(fresh, tmp_path) -> None:
    with pytest.raises(ValueError, match="found one string"):
        fresh.draw("a red seven", rng=make_rng(0))
    with pytest.raises(ValueError, match="expected at most 16"):
        fresh.draw(["a " * 30], rng=make_rng(0))
    with pytest.raises(ValueError, match="not a readable tokenizer file"):
        TokenDrawer.pretrained(tmp_path)
    other = light_and_colour_vqvae(shapes=7, width=16, depth=1)
    with pytest.raises(ValueError, match=r"\(192, 9\) codes .* reads \(7, 9\)"):
        TokenDrawer(fresh.model, other, fresh.tokenizer)


def test_the_shipped_weights_draw_and_read(test_maker) -> None:
    """Far above chance, which is 1 in 10 for a digit, 1 in 8 for a colour, 1 in 3 for a size."""
    drawer, judge = TokenDrawer.pretrained(), Judge.pretrained()
    prompts = make_prompts("single", "seen", 40, maker=test_maker, rng=make_rng(0))
    seen = judge.look(drawer.draw(prompts.captions, rng=make_rng(1)))
    missed = [
        name
        for one, item in zip(seen, prompts.items, strict=True)
        for name in one.misses(item.said)
    ]
    assert missed.count("colour") <= 3 and missed.count("place") <= 4
    assert missed.count("size") <= 13 and missed.count("lean") <= 9
    assert missed.count("digit") <= 23  # 36 by chance
    layout = test_maker.sample(40, "one", rng=make_rng(2))
    said = map(parse, drawer.describe(test_maker.render(layout)))
    missed = [
        name
        for sentence, scene in zip(said, to_scenes(layout), strict=True)
        for name in say_all(scene).misses(sentence)
    ]
    assert missed.count("colour") <= 3 and missed.count("place") <= 4
