import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmvis_course.layers.attention import MultiHeadAttention, attention, padding_mask
from llmvis_course.layers.transformer import DistanceBias, TextEncoder


def test_by_hand() -> None:
    """A query that matches the second of two keys: weights 1/(1 + e) and e/(1 + e)."""
    q = torch.tensor([[[[2.0, 0.0, 0.0, 0.0]]]])
    k = torch.tensor([[[[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]]])
    v = torch.tensor([[[[0.0], [1.0]]]])
    found = attention(q, k, v)
    e = torch.e
    torch.testing.assert_close(found.weights[0, 0, 0], torch.tensor([1 / (1 + e), e / (1 + e)]))
    torch.testing.assert_close(found.values[0, 0, 0], torch.tensor([e / (1 + e)]))


def test_parity_with_torch_forward_and_gradient(rng) -> None:
    q = torch.randn(2, 3, 5, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    k = torch.randn(2, 3, 7, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    v = torch.randn(2, 3, 7, 6, generator=rng, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    mine = attention(q, k, v, padding_mask(mask)).values
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
    torch.testing.assert_close(mine, theirs)
    for a, b in zip(
        torch.autograd.grad(mine.square().sum(), (q, k, v)),
        torch.autograd.grad(theirs.square().sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_many_heads_parity_with_torch(rng) -> None:
    mine = MultiHeadAttention(12, heads=3).double()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([mine.query.weight, mine.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([mine.query.bias, mine.key_value.bias]))
        theirs.out_proj.weight.copy_(mine.output.weight)
        theirs.out_proj.bias.copy_(mine.output.bias)
    x = torch.randn(2, 5, 12, generator=rng, dtype=torch.float64)
    context = torch.randn(2, 4, 12, generator=rng, dtype=torch.float64)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    values, weights = theirs(
        x, context, context, key_padding_mask=~mask, average_attn_weights=False
    )
    found = mine(x, context, padding_mask(mask))
    torch.testing.assert_close(found.values, values)
    torch.testing.assert_close(found.weights, weights)


def test_weights_sum_to_one_and_skip_padding(rng) -> None:
    layer = MultiHeadAttention(8, heads=2, context_width=6)
    mask = torch.tensor([[True, True, False]])
    found = layer(
        torch.randn(1, 4, 8, generator=rng), torch.randn(1, 3, 6, generator=rng), padding_mask(mask)
    )
    torch.testing.assert_close(found.weights.sum(dim=-1), torch.ones(1, 2, 4))
    assert (found.weights[..., 2] == 0).all()


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="width 10 cannot be split over 4 heads"):
        MultiHeadAttention(10, heads=4)


def test_encoder_ignores_padding_and_knows_order(rng) -> None:
    encoder = TextEncoder(20, width=16, depth=2, heads=2).double().eval()
    short = torch.tensor([[2, 5, 6, 3]])
    padded = torch.tensor([[2, 5, 6, 3, 0, 0]])
    alone = encoder(short, short != 0)
    torch.testing.assert_close(encoder(padded, padded != 0)[:, :4], alone)
    swapped = torch.tensor([[2, 6, 5, 3]])
    assert not torch.allclose(encoder(swapped, swapped != 0)[:, 3], alone[:, 3], atol=1e-4)


def test_a_fresh_encoder_looks_at_neighbours() -> None:
    """One other word changes its own vector most, and near ones more than far ones."""
    torch.manual_seed(0)
    encoder = TextEncoder(20)
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 3]] * 2)
    ids[1, 2] = 15
    one, other = encoder(ids, ids != 0)
    moved = (one - other).norm(dim=1)
    assert moved.argmax() == 2 and moved[2] > 1
    assert moved[[1, 3]].mean() > 1.5 * moved[[8, 9, 10]].mean()


def test_distance_bias_by_hand() -> None:
    """Two heads over three positions: the first starts with minus the distance, the last with 0."""
    bias = DistanceBias(2, longest=5)(3)
    torch.testing.assert_close(bias[0].detach(), -torch.tensor([[0.0, 1, 2], [1, 0, 1], [2, 1, 0]]))
    torch.testing.assert_close(bias[1].detach(), torch.zeros(3, 3))


def test_bias_parity_with_torch(rng) -> None:
    q, k, v = torch.randn(3, 2, 4, 5, 6, generator=rng, dtype=torch.float64)
    bias = torch.randn(4, 5, 5, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(
        attention(q, k, v, bias=bias).values,
        F.scaled_dot_product_attention(q, k, v, attn_mask=bias),
    )
