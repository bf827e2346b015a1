"""Codebooks: the gradient passes, codes move as on paper, the dead come back."""

import pytest
import torch

from llmvis_course.layers.quantize import (
    AveragedCodebook,
    Codebook,
    ProductCodebook,
    join,
    nearest,
    perplexity,
    split,
    straight_through,
)
from llmvis_course.training.repro import make_rng


def as_map(rows: list[list[float]]) -> torch.Tensor:
    """Vectors as a picture of one row."""
    return torch.tensor(rows).T[None, :, None, :]


def with_codes(book: Codebook, codes: list[list[float]]) -> Codebook:
    """The codebook, started at these codes, each used once a batch."""
    book.codes.data.copy_(torch.tensor(codes))
    book.started.fill_(True)
    if isinstance(book, AveragedCodebook):
        book.sums.copy_(book.codes)
    return book


def test_straight_through_is_the_code_forwards_and_the_identity_backwards(rng) -> None:
    z_e = torch.randn(3, 5, generator=rng, requires_grad=True)
    z_q = torch.randn(3, 5, generator=rng, requires_grad=True)
    came, asked = straight_through(z_e, z_q), torch.randn(3, 5, generator=rng)
    torch.testing.assert_close(came, z_q)
    grads = torch.autograd.grad(came, (z_e, z_q), asked, allow_unused=True)
    torch.testing.assert_close(grads[0], asked)
    assert grads[1] is None


@pytest.mark.parametrize("kind", [Codebook, AveragedCodebook])
def test_the_gradient_passes_a_codebook_unchanged(kind, rng) -> None:
    book = kind(7, 4).eval()
    z_e = torch.randn(2, 4, 3, 3, generator=rng, requires_grad=True)
    found, asked = book(z_e), torch.randn(2, 4, 3, 3, generator=rng)
    torch.testing.assert_close(torch.autograd.grad(found.z_q, z_e, asked)[0], asked)
    torch.testing.assert_close(found.z_q, book.look_up(found.tokens))


def test_nearest_agrees_with_all_distances(rng) -> None:
    z, codes = torch.randn(50, 6, generator=rng), torch.randn(9, 6, generator=rng)
    assert torch.equal(nearest(z, codes), torch.cdist(z, codes).argmin(dim=1))


def test_both_losses_by_hand() -> None:
    """One vector at 3, its code at 1: squared distance 4, to the code and a quarter back."""
    book = with_codes(Codebook(2, 1), [[1.0], [9.0]])
    z_e = as_map([[3.0]]).requires_grad_()
    found = book(z_e, rng=make_rng(0))
    torch.testing.assert_close(found.loss, torch.tensor(4 + 0.25 * 4))
    to_vector, to_codes = torch.autograd.grad(found.loss, (z_e, book.codes))
    assert to_vector.item() == pytest.approx(0.25 * 2 * (3 - 1))  # the vector is pulled down
    torch.testing.assert_close(to_codes, torch.tensor([[2.0 * (1 - 3)], [0.0]]))  # the code up
    torch.testing.assert_close(book.eval()(z_e).loss, torch.tensor(0.25 * 4))


def test_moving_averages_by_hand() -> None:
    """Codes 0 and 10; the vectors 2, 4 and 10 with decay 1/2.

    Code 0: N = (1 + 2) / 2, m = (0 + 6) / 2, so 2. Code 10: N = 1, m = (10 + 10) / 2, so 10.
    """
    book = with_codes(AveragedCodebook(2, 1, decay=0.5, alive=0.0), [[0.0], [10.0]])
    found = book(as_map([[2.0], [4.0], [10.0]]), rng=make_rng(0))
    assert found.tokens.tolist() == [[[0, 0, 1]]]
    torch.testing.assert_close(book.used, torch.tensor([1.5, 1.0]))
    torch.testing.assert_close(book.codes, torch.tensor([[2.0], [10.0]]))
    assert not book.codes.requires_grad and found.loss == pytest.approx(0.25 * (4 + 16) / 3)
    before = book.codes.clone()
    book.eval()(as_map([[7.0]]))
    assert torch.equal(book.codes, before)  # nothing is learned outside training


@pytest.mark.parametrize("kind", [Codebook, AveragedCodebook])
def test_codes_start_at_the_centres_of_the_data(kind, rng) -> None:
    centres = torch.tensor([[5.0, 0.0], [-5.0, 1.0], [0.0, 8.0]])
    z = centres[torch.arange(60) % 3] + 0.01 * torch.randn(60, 2, generator=rng)
    book = kind(3, 2, alive=0.0)
    tokens = book(z.T[None, :, None, :], rng=rng).tokens
    assert book.started and perplexity(tokens, 3) == pytest.approx(3)
    close = torch.cdist(centres, book.codes.detach()).amin(dim=1)
    assert close.max() < 0.05
    again = book.codes.detach().clone()
    book(torch.zeros(1, 2, 2, 2), rng=rng)  # a second batch does not start it again
    assert torch.cdist(again, book.codes.detach()).amin(dim=1).max() < 0.6


@pytest.mark.parametrize("kind", [Codebook, AveragedCodebook])
def test_dead_codes_come_back_where_the_error_is(kind, rng) -> None:
    """Code 1 is far from all data; half of the data is far from code 0."""
    z = as_map([[0.0], [0.0], [4.0], [4.0]])
    for alive, expected in ((0.0, 1), (0.5, 2)):
        book = with_codes(kind(2, 1, alive=alive), [[0.0], [100.0]])
        for _ in range(200):
            tokens = book(z, rng=rng).tokens
        assert len(tokens.unique()) == expected
    assert book.codes.max().item() == pytest.approx(4, abs=0.1)


def test_a_product_of_codebooks_is_each_on_its_share(rng) -> None:
    parts = [AveragedCodebook(5, 2), AveragedCodebook(3, 4)]
    both = ProductCodebook(parts).eval()
    z = torch.randn(2, 6, 2, 2, generator=rng)
    found, first, second = both(z), parts[0](z[:, :2]), parts[1](z[:, 2:])
    torch.testing.assert_close(found.z_q, torch.cat([first.z_q, second.z_q], dim=1))
    torch.testing.assert_close(found.loss, first.loss + second.loss)
    assert torch.equal(found.tokens, 3 * first.tokens + second.tokens)
    torch.testing.assert_close(both.look_up(found.tokens), found.z_q)
    assert (both.sizes, both.width) == ((5, 3), 6)


def test_join_and_split_are_a_round_trip() -> None:
    tokens = torch.arange(24).view(4, 6)
    parts = split(tokens, (2, 3, 4))
    assert [int(p.max()) for p in parts] == [1, 2, 3]
    assert torch.equal(join(parts, (2, 3, 4)), tokens)
    assert join([torch.tensor(1), torch.tensor(2)], (2, 3)).item() == 5


def test_perplexity_by_hand() -> None:
    assert perplexity(torch.tensor([0, 1, 2, 3]), 8) == pytest.approx(4)
    assert perplexity(torch.tensor([5, 5, 5]), 8) == pytest.approx(1)


def test_it_refuses(rng) -> None:
    with pytest.raises(ValueError, match="found 1 codes of 3 numbers"):
        Codebook(1, 3)
    with pytest.raises(ValueError, match="decay is 1.0; expected 0 <= decay < 1"):
        AveragedCodebook(4, 3, decay=1.0)
    with pytest.raises(ValueError, match="vectors of 2 numbers; expected 3"):
        Codebook(4, 3)(torch.zeros(1, 2, 2, 2), rng=rng)
    with pytest.raises(ValueError, match="in training needs rng"):
        Codebook(4, 3)(torch.zeros(1, 3, 2, 2))
    with pytest.raises(ValueError, match="found 4 vectors to start 5 codes from"):
        Codebook(5, 3)(torch.zeros(1, 3, 2, 2), rng=rng)
    with pytest.raises(ValueError, match="tokens from 0 to 4; expected 0 to 3"):
        Codebook(4, 3).look_up(torch.tensor([[[0, 4]]]))
    with pytest.raises(ValueError, match="expected 0 to 5"):
        split(torch.tensor([-1]), (2, 3))
    with pytest.raises(ValueError, match="found no codebook"):
        ProductCodebook([])
    with pytest.raises(ValueError, match="vectors of 3 numbers; expected 4"):
        ProductCodebook([Codebook(2, 4)])(torch.zeros(1, 3, 2, 2), rng=rng)
