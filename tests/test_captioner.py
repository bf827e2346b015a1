from itertools import product

import pytest
import torch
import torch.nn.functional as F

from llmvis_course.models.beam import beam_search, pick_rows
from llmvis_course.models.captioner import (
    Captioner,
    RecurrentDecoder,
    TransformerDecoder,
)
from llmvis_course.models.looking import PictureEncoder
from llmvis_course.training.fit import fit

DECODERS = (RecurrentDecoder, TransformerDecoder)
START, END = 1, 2


def tiny(decoder) -> Captioner:
    torch.manual_seed(0)
    model = Captioner(PictureEncoder(16), decoder(7, width=16)).eval()
    for weight in model.decoder.parameters():  # larger than fresh ones, so that differences show
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.4)
    return model


def some(rng, b: int = 2, n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.randn(b, 3, 32, 32, generator=rng),
        torch.randint(3, 7, (b, n), generator=rng),
    )


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_picture_and_all_earlier_words_matter_and_no_later_ones(rng, decoder) -> None:
    model, (pictures, ids) = tiny(decoder), some(rng)
    base = model(pictures, ids).logits
    other_picture = model(pictures.flip(0), ids).logits
    assert (base - other_picture).abs().amax(dim=(0, 2)).min() > 1e-4
    changed = ids.clone()
    changed[:, 2] = 3 + (changed[:, 2] - 2) % 4
    after = model(pictures, changed).logits
    torch.testing.assert_close(after[:, :2], base[:, :2], rtol=0, atol=1e-6)
    assert (after[:, 2:] - base[:, 2:]).abs().amax(dim=(0, 2)).min() > 1e-4


@pytest.mark.parametrize("decoder", DECODERS)
def test_reading_word_by_word_is_reading_at_once(rng, decoder) -> None:
    model, (pictures, ids) = tiny(decoder), some(rng)
    whole = model(pictures, ids)
    state, parts = model.decoder.start(model.encoder(pictures)), []
    for word in ids.split(1, dim=1):
        said = model.decoder(word, state)
        state = said.state
        parts.append(said.logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole.logits)
    torch.testing.assert_close(whole.looks.sum(dim=-1), torch.ones(2, 6))
    assert whole.looks.shape == (2, 6, 64)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_padded_batch_is_its_rows_alone(rng, decoder) -> None:
    model, (pictures, ids) = tiny(decoder), some(rng)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    one = model(pictures[:1], ids[:1, :-1]).logits[0]
    other = model(pictures[1:], ids[1:, :3]).logits[0]
    expected = F.cross_entropy(torch.cat([one, other]), torch.cat([ids[0, 1:], ids[1, 1:4]]))
    torch.testing.assert_close(model.loss(pictures, ids, mask), expected)


@pytest.mark.parametrize("decoder", DECODERS)
def test_it_learns_to_tell_two_pictures_apart(rng, decoder) -> None:
    torch.manual_seed(0)
    model = Captioner(PictureEncoder(16), decoder(7, width=16))
    pictures = torch.full((2, 3, 32, 32), -1.0)
    pictures[0, 0, :16], pictures[1, 2, 16:] = 1.0, 1.0  # red above, blue below
    ids = torch.tensor([[START, 3, 4, 5, END], [START, 3, 6, END, 0]])
    mask = ids != 0
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in fit(lambda _: model.loss(pictures, ids, mask), range(80), optimizer, steps=80):
        pass
    for beams in (1, 3):
        found = model.describe(pictures, start=START, end=END, beams=beams).ids
        assert found.tolist() == [[START, 3, 4, 5, END], [START, 3, 6, END, END]]


def chain(table: torch.Tensor):
    """A language whose next word depends on the last alone: `table[i]` are logits after i."""

    def read(ids, state):
        return table[ids[:, 0]], state

    return read


def best_of_all(table: torch.Tensor, longest: int) -> tuple[list[int], float]:
    """Every sentence there is, tried one by one; an end token ends it."""
    log_p, best = table.log_softmax(dim=-1), ([], float("-inf"))
    for words in product(range(len(table)), repeat=longest):
        if END in words and any(w != END for w in words[words.index(END) :]):
            continue
        at, total = START, 0.0
        for word in words:
            total += log_p[at, word].item()
            at = word
            if word == END:
                break
        best = max(best, (list(words), total), key=lambda pair: pair[1])
    return best


def test_with_enough_beams_it_finds_the_best_of_all_sentences(rng) -> None:
    for _ in range(20):
        table = 2 * torch.randn(4, 4, generator=rng)
        words, log_p = best_of_all(table, 4)
        found = beam_search(chain(table), (), 1, start=START, end=END, beams=4**4, longest=4)
        ids = found.ids[0, 1:].tolist()
        assert ids + [END] * (4 - len(ids)) == words
        assert found.log_p[0].item() == pytest.approx(log_p, abs=1e-4)


def test_by_hand_greedy_is_trapped_and_two_beams_are_not() -> None:
    """After the start, 3 (0.6) beats 0 (0.4); but then 3 says anything, and 0 ends for sure."""
    p = torch.full((4, 4), 0.25)
    p[START] = torch.tensor([0.4, 0.0, 0.0, 0.6])
    p[0] = torch.tensor([0.0, 0.0, 1.0, 0.0])
    read = chain((p + 1e-9).log())
    greedy, two = (
        beam_search(read, (), 1, start=START, end=END, beams=beams, longest=2) for beams in (1, 2)
    )
    assert greedy.ids[0, 1].item() == 3 and two.ids[0].tolist() == [START, 0, END]
    assert greedy.log_p.exp().item() == pytest.approx(0.15, abs=1e-3)
    assert two.log_p.exp().item() == pytest.approx(0.4, abs=1e-3)


def test_rows_of_a_state_are_picked_everywhere_in_it() -> None:
    state = (torch.arange(3), [torch.arange(3) * 10, None])
    first, (second, nothing) = pick_rows(state, torch.tensor([2, 0]))
    assert first.tolist() == [2, 0] and second.tolist() == [20, 0] and nothing is None


def test_it_refuses(rng) -> None:
    model, (pictures, ids) = tiny(TransformerDecoder), some(rng)
    with pytest.raises(ValueError, match="sentences of 1 token; expected at least 2"):
        model.loss(pictures, ids[:, :1], torch.ones(2, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="beams 0 and longest 30; expected at least 1"):
        model.describe(pictures, start=START, end=END, beams=0)
