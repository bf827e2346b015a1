import pytest
import torch
import torch.nn.functional as F

from llmvis_course.layers.attention import causal_mask
from llmvis_course.layers.positions import NoPositions, RotaryPositions, WavePositions
from llmvis_course.models.gpt import GPT, from_gpt2
from llmvis_course.models.language import choose
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng


def tiny(**options) -> GPT:
    torch.manual_seed(0)
    model = GPT(11, width=16, depth=2, heads=2, context=8, **options).eval()
    for weight in model.parameters():  # larger than a fresh model's, so that differences show
        torch.nn.init.normal_(weight, std=0.3)
    return model


def some_ids(rng, b: int = 2, n: int = 6) -> torch.Tensor:
    return torch.randint(11, (b, n), generator=rng)


def test_causal_mask_by_hand() -> None:
    """Two new tokens after one that was read: the first sees two, the second all three."""
    expected = torch.tensor([[True, True, False], [True, True, True]])
    assert torch.equal(causal_mask(2, 3)[0, 0], expected)
    assert torch.equal(causal_mask(4)[0, 0], torch.ones(4, 4).tril().bool())


def test_parity_with_transformers_forward_and_gradient(rng) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=11, n_embd=16, n_layer=2, n_head=2, n_positions=8,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.3,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = transformers.GPT2LMHeadModel(config).double().eval()
    mine = from_gpt2(theirs.state_dict(), heads=2)
    ids = some_ids(rng)
    logits = theirs(ids).logits
    torch.testing.assert_close(mine(ids).logits, logits)
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(mine.loss(ids), loss)
    (mine_grad,) = torch.autograd.grad(mine.loss(ids), mine.token.weight)
    (their_grad,) = torch.autograd.grad(loss, theirs.transformer.wte.weight)
    torch.testing.assert_close(mine_grad, their_grad)
    written = theirs.generate(ids[:, :2], max_new_tokens=6, do_sample=False, pad_token_id=0)
    assert torch.equal(mine.sample(ids[:, :2], 6, rng=rng, top_k=1), written)


@pytest.mark.parametrize("positions", [None, WavePositions(), RotaryPositions(), NoPositions()])
def test_later_tokens_change_nothing_before_them(rng, positions) -> None:
    model, ids = tiny(positions=positions), some_ids(rng)
    changed = ids.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 11
    before, after = model(ids).logits, model(changed).logits
    torch.testing.assert_close(before[:, :3], after[:, :3], rtol=0, atol=0)
    assert (before[:, 3:] - after[:, 3:]).abs().amax(dim=(0, 2)).min() > 1e-4


@pytest.mark.parametrize("positions", [None, WavePositions(), RotaryPositions(), NoPositions()])
def test_the_cache_gives_the_same_tokens_also_beyond_the_context(rng, positions) -> None:
    model, ids = tiny(positions=positions), some_ids(rng, n=3)
    cached, plain = (model.sample(ids, 30, rng=make_rng(1), cache=c) for c in (True, False))
    assert cached.shape == (2, 33) and torch.equal(cached, plain)
    assert torch.equal(cached[:, :3], ids)
    assert not torch.equal(cached, model.sample(ids, 30, rng=make_rng(2)))


def test_reading_in_two_goes_is_reading_in_one(rng) -> None:
    model, ids = tiny(), some_ids(rng)
    whole, first = model(ids), model(ids[:, :4])
    rest = model(ids[:, 4:], first.past)
    torch.testing.assert_close(rest.logits, whole.logits[:, 4:])
    torch.testing.assert_close(rest.past, whole.past)
    for weights in whole.weights:
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, 6))
        assert (weights.triu(1) == 0).all()


def test_hints_are_added_in_their_places(rng) -> None:
    """A hint that turns one token's vector into another's is as good as the other token."""
    model = tiny()
    ids = some_ids(rng)
    other = ids.clone()
    other[:, 3] = (other[:, 3] + 1) % 11
    read = model(ids, hints=model.token(other) - model.token(ids))
    torch.testing.assert_close(read.logits, model(other).logits)
    torch.testing.assert_close(read.logits, read.vectors @ model.token.weight.T)


def test_loss_by_hand_and_padding_is_not_counted(rng) -> None:
    """A model of equal scores pays log v nats a token."""
    model = tiny()
    torch.nn.init.zeros_(model.token.weight)
    ids = some_ids(rng)
    torch.testing.assert_close(model.loss(ids), torch.tensor(11.0).log())
    model = tiny()
    real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    one, other = model(ids[:1, :-1]).logits[0], model(ids[1:, :3]).logits[0]
    expected = F.cross_entropy(
        torch.cat([one, other]), torch.cat([ids[0, 1:], ids[1, 1:4]])
    )  # each row alone, without its padding
    torch.testing.assert_close(model.loss(ids, real), expected)


def test_choose_options_matter(rng) -> None:
    """Probabilities 0.5, 0.3, 0.2."""
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(4000, 3)

    def shares(**options) -> torch.Tensor:
        drawn = choose(logits, rng=rng, **options).flatten()
        return torch.bincount(drawn, minlength=3) / len(drawn)

    close = {"atol": 0.03, "rtol": 0.0}
    torch.testing.assert_close(shares(), torch.tensor([0.5, 0.3, 0.2]), **close)
    torch.testing.assert_close(shares(top_k=1), torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(shares(top_k=2), torch.tensor([0.625, 0.375, 0.0]), **close)
    torch.testing.assert_close(shares(top_p=0.6), torch.tensor([0.625, 0.375, 0.0]), **close)
    torch.testing.assert_close(shares(top_p=0.4), torch.tensor([1.0, 0.0, 0.0]))
    squared = torch.tensor([0.25, 0.09, 0.04]) / 0.38
    torch.testing.assert_close(shares(temperature=0.5), squared, **close)
    torch.testing.assert_close(shares(temperature=0.01), torch.tensor([1.0, 0.0, 0.0]))


def test_it_learns_a_rule(rng) -> None:
    """Each token is the one before plus one."""
    torch.manual_seed(0)
    model = GPT(11, width=16, depth=1, heads=2, context=8)
    ids = (torch.arange(8)[None] + torch.arange(11)[:, None]) % 11
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = [at.loss for at in fit(model.loss, [ids] * 80, optimizer, steps=80)]
    assert losses[0] > 2 and losses[-1] < 0.2
    written = model.sample(torch.tensor([[4]]), 7, rng=rng, top_k=1)
    assert written[0].tolist() == [4, 5, 6, 7, 8, 9, 10, 0]


def test_it_refuses(rng) -> None:
    model = tiny()
    with pytest.raises(ValueError, match="prompt of 0 tokens"):
        model.sample(torch.zeros(1, 0, dtype=torch.long), 3, rng=rng)
    with pytest.raises(ValueError, match="sequences of 1 token; expected at least 2"):
        model.loss(torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="temperature 0.0"):
        choose(torch.zeros(1, 3), rng=rng, temperature=0.0)
    with pytest.raises(ValueError, match="context is 1; expected at least 2"):
        GPT(11, context=1)
    with pytest.raises(ValueError, match="not the weights of a GPT-2: h.0.attn.c_attn.weight, "):
        from_gpt2({"wte.weight": torch.zeros(11, 16)}, heads=2)
