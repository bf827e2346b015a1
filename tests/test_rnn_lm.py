import pytest
import torch
import torch.nn.functional as F

from llmvis_course.layers.recurrent import GRUCell, LSTMCell, RNNCell
from llmvis_course.models.rnn_lm import RNNLM
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng

CELLS = (RNNCell, GRUCell, LSTMCell)


def tiny(cell=GRUCell) -> RNNLM:
    torch.manual_seed(0)
    return RNNLM(11, width=16, cell=cell).eval()


def some_ids(rng, b: int = 2, n: int = 6) -> torch.Tensor:
    return torch.randint(11, (b, n), generator=rng)


@pytest.mark.parametrize("cell", CELLS)
def test_reading_in_two_goes_is_reading_in_one(rng, cell) -> None:
    model, ids = tiny(cell), some_ids(rng)
    whole, first = model(ids), model(ids[:, :4])
    rest = model(ids[:, 4:], first.state)
    torch.testing.assert_close(torch.cat([first.logits, rest.logits], dim=1), whole.logits)
    torch.testing.assert_close(rest.state, whole.state)


@pytest.mark.parametrize("cell", CELLS)
def test_later_tokens_change_nothing_before_them(rng, cell) -> None:
    model, ids = tiny(cell), some_ids(rng)
    changed = ids.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 11
    before, after = model(ids).logits, model(changed).logits
    torch.testing.assert_close(before[:, :3], after[:, :3], rtol=0, atol=0)
    assert (before[:, 3:] - after[:, 3:]).abs().amax(dim=(0, 2)).min() > 1e-4


def test_loss_by_hand_and_padding_is_not_counted(rng) -> None:
    """A model of equal scores pays log v nats a token."""
    model, ids = tiny(), some_ids(rng)
    real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    one, other = model(ids[:1, :-1]).logits[0], model(ids[1:, :3]).logits[0]
    expected = F.cross_entropy(torch.cat([one, other]), torch.cat([ids[0, 1:], ids[1, 1:4]]))
    torch.testing.assert_close(model.loss(ids, real), expected)
    for weight in model.score.parameters():
        torch.nn.init.zeros_(weight)
    torch.testing.assert_close(model.loss(ids), torch.tensor(11.0).log())


def test_it_learns_what_only_a_memory_can_tell(rng) -> None:
    """The last token repeats the first; those between are all alike."""
    model = tiny()
    ids = torch.zeros(10, 6, dtype=torch.long)
    ids[:, 0] = ids[:, -1] = torch.arange(1, 11)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in fit(model.loss, [ids] * 300, optimizer, steps=300):
        pass
    assert torch.equal(model.sample(ids[:, :5], 1, rng=rng, top_k=1), ids)


def test_n_tokens_means_n_and_options_matter(rng) -> None:
    model, ids = tiny(), some_ids(rng, n=3)
    written = model.sample(ids, 7, rng=make_rng(1))
    assert written.shape == (2, 10) and torch.equal(written[:, :3], ids)
    assert torch.equal(model.sample(ids, 0, rng=rng), ids)
    assert torch.equal(written, model.sample(ids, 7, rng=make_rng(1)))
    assert not torch.equal(written, model.sample(ids, 7, rng=make_rng(2)))
    greedy = [model.sample(ids, 7, rng=make_rng(seed), top_k=1) for seed in (1, 2)]
    assert torch.equal(*greedy)


def test_it_refuses(rng) -> None:
    model = tiny()
    with pytest.raises(ValueError, match="prompt of 0 tokens"):
        model.sample(torch.zeros(1, 0, dtype=torch.long), 3, rng=rng)
    with pytest.raises(ValueError, match="sequences of 1 token; expected at least 2"):
        model.loss(torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="vocabulary of 1; expected at least 2"):
        RNNLM(1)
