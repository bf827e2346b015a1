"""One language model over captions and pictures."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmvis_course.layers.grid_positions import GridPositions
from llmvis_course.models.gpt import GPT
from llmvis_course.models.image_gpt import NAMING, ImageGPT, PartsEmbedding
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng

PAD, START, END = range(3)


def tiny(sizes: tuple[int, ...] = (5, 3), **options) -> ImageGPT:
    torch.manual_seed(0)
    settings = {"side": 3, "slots": 5, "width": 32, "depth": 2, "heads": 2, "hints": True}
    settings |= options
    model = ImageGPT(9, sizes, **settings).eval()
    for weight in model.parameters():  # larger than a fresh model's, so that differences show
        nn.init.normal_(weight, std=0.3)
    return model


def some(rng, model: ImageGPT, b: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    words = torch.randint(3, 9, (b, 2), generator=rng)
    ids = torch.cat([torch.full((b, 1), START), words, torch.full((b, 1), END)], dim=1)
    return ids, torch.randint(model.codes, (b, model.side, model.side), generator=rng)


def test_one_part_is_an_ordinary_embedding(rng) -> None:
    parts, plain = PartsEmbedding(4, (6,), 8), nn.Embedding(10, 8)
    plain.weight.data.copy_(parts.weight)
    ids = torch.randint(10, (3, 7), generator=rng)
    torch.testing.assert_close(parts(ids), plain(ids))


def test_parts_add_up_by_hand() -> None:
    """Two words, parts of 3 and 2 codes: token 5 is the pair (2, 1), rows 2 + 2 and 5 + 1."""
    parts = PartsEmbedding(2, (3, 2), 4)
    found = parts(torch.tensor([[1, 2 + 5]]))[0]
    torch.testing.assert_close(found[0], parts.weight[1])
    torch.testing.assert_close(found[1], parts.weight[4] + parts.weight[6])
    assert [p.tolist() for p in parts.parts(torch.arange(7.0)[None, None])] == [
        [[[2, 3, 4]]],
        [[[5, 6]]],
    ]


def test_what_a_cell_sees_depends_on_the_way_not_on_the_place(rng) -> None:
    positions = GridPositions(2, 4, 2, 32, heads=2)
    q, k = torch.randn(2, 1, 1, 1, 16, generator=rng).expand(2, 1, 1, 20, 16)
    scores = (positions.turn(q) @ positions.turn(k).transpose(-1, -2))[0, 0]
    cell = scores[2:18, 2:18].view(4, 4, 4, 4)
    torch.testing.assert_close(cell[1:, 1:, :-1, 1:].diagonal(dim1=0, dim2=2)[0, 0],
                               cell[1:, 1:, :-1, 1:].diagonal(dim1=0, dim2=2)[1, 1])  # fmt: skip
    assert not torch.allclose(cell[2, 2, 1, 2], cell[2, 2, 2, 1])  # above is not left
    assert torch.equal(positions.turn(q)[:, :, :2], q[:, :, :2])  # words do not turn
    torch.testing.assert_close(positions.turn(q)[:, :, 5:9], positions.turn(q[:, :, 5:9], 5))
    x = torch.zeros(1, 20, 32)
    torch.testing.assert_close(positions.add(x)[:, 3:7], positions.add(x[:, 3:7], 3))
    added = positions.add(x)[0, 2:18].view(4, 4, 32)
    torch.testing.assert_close(added[1, 2] - added[0, 2], added[1, 3] - added[0, 3])


def test_the_loss_is_the_gpts_own_where_tokens_have_one_part(rng) -> None:
    """Without a caption and with equal weights, it is what `GPT.loss` says of picture tokens."""
    model = tiny((7,))
    ids, tokens = some(rng, model)
    row = torch.cat([model.no_caption(2), model.picture(tokens)], dim=1)
    logits = model(row[:, :-1]).logits[:, 4:, 11:]
    expected = F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    words = model.loss(ids, tokens, reads=True, picture_weight=0.0)
    both = model.loss(ids, tokens, reads=True, picture_weight=3.0)
    torch.testing.assert_close(both, (words + 3 * expected) / 4)


@pytest.mark.parametrize("reads", [False, True])
def test_equal_scores_cost_the_logarithm_of_the_choices(reads, rng) -> None:
    model = tiny()
    nn.init.zeros_(model.gpt.token.weight)
    ids, tokens = some(rng, model)
    words, parts = torch.tensor(9.0).log(), torch.tensor(15.0).log()
    found = [model.loss(ids, tokens, reads=reads, picture_weight=w) for w in (0.0, 1.0)]
    torch.testing.assert_close(torch.stack(found), torch.stack([words, (words + parts) / 2]))


def test_what_comes_first_is_seen_and_what_comes_later_is_not(rng) -> None:
    model = tiny()
    ids, tokens = some(rng, model)
    other, others = ids.clone(), tokens.clone()
    other[:, 1] = 3 + (other[:, 1] - 2) % 6
    others[:, 0, 0] = (others[:, 0, 0] + 1) % 15

    def parts(ids, tokens, reads) -> tuple[torch.Tensor, torch.Tensor]:
        words = model.loss(ids, tokens, reads=reads, picture_weight=0.0)
        return words, model.loss(ids, tokens, reads=reads, picture_weight=1e6)

    drawing, reading = parts(ids, tokens, False), parts(ids, tokens, True)
    torch.testing.assert_close(parts(ids, others, False)[0], drawing[0])
    assert abs(parts(other, tokens, False)[1] - drawing[1]) > 1e-4
    torch.testing.assert_close(parts(other, tokens, True)[1], reading[1], atol=1e-4, rtol=0)
    assert abs(parts(ids, others, True)[0] - reading[0]) > 1e-4


def test_padding_costs_nothing(rng) -> None:
    model = tiny()
    ids, tokens = some(rng, model)
    longer = F.pad(ids, (0, 1), value=PAD)
    for reads in (False, True):
        torch.testing.assert_close(
            model.loss(ids, tokens, reads=reads), model.loss(longer, tokens, reads=reads)
        )


def test_a_token_is_scored_by_what_stands_before_it_alone(rng) -> None:
    """Through attention and through hints: another token k changes no score up to its own."""
    model = tiny()
    ids, tokens = some(rng, model)
    rows = (torch.cat([model.caption(ids), model.picture(tokens)], dim=1) for _ in "ab")
    plain, changed = rows
    scores = model(plain).logits
    for k in range(9):
        other = changed.clone()
        other[:, 5 + k] = 11 + (other[:, 5 + k] - 10) % 15
        moved = (model(other).logits - scores).abs().amax(dim=(0, 2)) > 1e-5
        assert not moved[: 5 + k].any() and moved[5 + k]


def test_the_caption_reaches_the_first_cell_without_attention(rng) -> None:
    """The hints tell every cell which words were said; nobody else does here."""
    model = tiny()
    for block in model.gpt.blocks:
        nn.init.zeros_(block.attention.output.weight)
        nn.init.zeros_(block.attention.output.bias)
    ids, tokens = some(rng, model)
    other = ids.clone()
    other[:, 1] = 3 + (other[:, 1] - 2) % 6
    one, two = (
        model(torch.cat([model.caption(i), model.picture(tokens)], 1)) for i in (ids, other)
    )
    changed = (one.logits != two.logits).any(dim=2).all(dim=0)
    assert changed[4:13].all() and not changed[2:4].any() and not changed[13:].any()


def test_naming_by_hand(rng) -> None:
    """A digit for each cell, -1 for none; where all are -1, only drawing counts."""
    model = tiny()
    ids, tokens = some(rng, model)
    digits = torch.full((2, 3, 3), -1)
    for reads in (False, True):
        plain = model.loss(ids, tokens, reads=reads)
        torch.testing.assert_close(model.loss(ids, tokens, digits, reads=reads), plain)
    digits[0, 1, 2], digits[1, 0, 0] = 7, 3
    row = torch.cat([model.caption(ids), model.picture(tokens)], dim=1)
    names = model.names(model(row).vectors).log_softmax(dim=2)
    wrong = -(names[0, 4 + 5, 7] + names[1, 4, 3]) / 2  # a cell is named before it is drawn
    found = model.loss(ids, tokens, digits) - model.loss(ids, tokens)
    torch.testing.assert_close(found, NAMING * wrong)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_the_cache_gives_the_same_tokens(guidance, rng) -> None:
    model = tiny()
    ids, _ = some(rng, model)
    options = {"guidance": guidance}
    cached, plain = (
        model.draw(ids, rng=make_rng(1), cache=cache, **options) for cache in (True, False)
    )
    assert cached.shape == (2, 9) and torch.equal(cached, plain)
    assert not torch.equal(cached, model.draw(ids, rng=make_rng(2), **options))
    assert cached.min() >= 0 and cached.max() < 15


def test_drawing_options_matter(rng) -> None:
    model = tiny()
    ids, tokens = some(rng, model)
    greedy = model.draw(ids, rng=make_rng(1), top_k=1)
    assert torch.equal(greedy, model.draw(ids, rng=make_rng(2), top_k=1))
    row = torch.cat([model.caption(ids), model.picture(greedy)], dim=1)
    parts = model.gpt.token.parts(model(row).logits[:, 4:13])
    shape, colour = (part.argmax(dim=2) for part in parts)
    assert torch.equal(greedy, 3 * shape + colour)  # each is the likeliest after those before it
    assert torch.equal(model.draw(ids, rng=rng, n=4, top_k=1), greedy[:, :4])
    begun = model.draw(ids, rng=rng, given=tokens.flatten(1)[:, :5])
    assert begun.shape == (2, 9) and torch.equal(begun[:, :5], tokens.flatten(1)[:, :5])
    cold = model.draw(ids, rng=rng, temperature=1e-4)
    assert torch.equal(cold, greedy)


def test_guidance_by_hand(rng) -> None:
    """0 ignores the caption; between, scores are mixed."""
    model = tiny()
    ids, _ = some(rng, model)
    other = torch.tensor([[START, 8, 8, END], [START, 3, 3, END]])
    none = model.draw(ids, rng=rng, guidance=0.0, top_k=1)
    assert torch.equal(none, model.draw(other, rng=rng, guidance=0.0, top_k=1))
    rows = (model.caption(ids), model.no_caption(2))
    scores = [model.gpt.token.parts(model(row).logits[:, -1]) for row in rows]
    told, not_told = (torch.cat([p.log_softmax(-1) for p in one], dim=1) for one in scores)
    shape, colour = (3 * told - 2 * not_told).split([5, 3], dim=1)
    expected = 3 * shape.argmax(dim=1) + colour.argmax(dim=1)
    assert torch.equal(model.draw(ids, rng=rng, guidance=3.0, n=1, top_k=1)[:, 0], expected)


def test_it_learns_both_orders(rng) -> None:
    """Word k is drawn as a picture of token k alone, and read back."""
    torch.manual_seed(0)
    model = ImageGPT(9, (3, 3), side=2, slots=4, width=32, depth=2, heads=2)
    ids = torch.tensor([[START, 3 + k, END] for k in range(6)])
    tokens = torch.arange(6).view(6, 1, 1).expand(6, 2, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = [
        at.loss
        for at in fit(
            lambda reads: model.loss(ids, tokens, reads=reads),
            [False, True] * 40,
            optimizer,
            steps=80,
        )
    ]
    assert losses[0] > 1.5 and losses[-2] < 0.5
    drawn = model.draw(ids, rng=rng, top_k=1, guidance=1.5)
    assert torch.equal(drawn, tokens.flatten(1))
    assert torch.equal(model.say(tokens, start=START, end=END, rng=rng)[:, :3], ids)
    invented = model.invent(4, start=START, end=END, rng=rng)
    assert (invented[:, 0] == START).all() and (invented == END).any(dim=1).all()


def test_after_the_end_there_is_only_padding(rng) -> None:
    model = tiny()
    _, tokens = some(rng, model, b=20)
    for row in model.say(tokens, start=START, end=END, rng=rng, top_k=None).tolist():
        assert len(row) <= model.slots and row[0] == START
        if END in row:
            assert set(row[row.index(END) + 1 :]) <= {PAD}


def test_it_uses_the_gpt_of_the_course() -> None:
    assert type(tiny().gpt) is GPT


def test_it_refuses(rng) -> None:
    model = tiny()
    ids, tokens = some(rng, model)
    with pytest.raises(ValueError, match="captions of 6 tokens; expected 1 to 5"):
        model.draw(F.pad(ids, (0, 2)), rng=rng)
    with pytest.raises(ValueError, match="tokens from 1 to 9; expected 0 to 8"):
        model.draw(torch.tensor([[1, 9]]), rng=rng)
    with pytest.raises(ValueError, match="found 4 tokens a picture; expected 9"):
        model.loss(ids, tokens[:, :2, :2])
    with pytest.raises(ValueError, match="to 15; expected 0 to 14"):
        model.say(tokens.fill_(15), start=START, end=END, rng=rng)
    with pytest.raises(ValueError, match="n is 10; expected 0 to 9"):
        model.draw(ids, rng=rng, n=10)
    with pytest.raises(ValueError, match="temperature 0.0"):
        model.draw(ids, rng=rng, temperature=0.0)
    with pytest.raises(ValueError, match="parts of .1,. codes"):
        ImageGPT(9, (1,))
    with pytest.raises(ValueError, match="8 numbers a head"):
        GridPositions(2, 4, 2, 8, heads=2)
    with pytest.raises(ValueError, match="21 positions; expected at most 20"):
        GridPositions(2, 4, 2, 32, heads=2).add(torch.zeros(1, 21, 32))


def test_a_marker_says_which_order_it_is(rng) -> None:
    model = tiny()
    ids, _ = some(rng, model)
    draws, reads = model.caption(ids)[:, 0], model.no_caption(2)[:, 0]
    assert draws.tolist() == [9, 9] and reads.tolist() == [10, 10]  # after words 0 to 8
