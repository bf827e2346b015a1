"""Two towers: patches, the contrastive loss, the temperature, ranks, and the shipped weights."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from llmvis_course.data.captions import parse, write
from llmvis_course.data.labels import CONTENT_CHOICES
from llmvis_course.data.splits import HELD_OUT_COLOURS
from llmvis_course.data.tokens import encode, load_tokenizer
from llmvis_course.data.world import COLOURS
from llmvis_course.evaluate.retrieval import Retrieval, distinct_pairs, score_retrieval
from llmvis_course.models.clip import (
    Eyes,
    PatchEncoder,
    TwoTowers,
    contrastive_loss,
    ranks,
    recall,
)
from llmvis_course.models.content import ContentReader
from llmvis_course.training.checkpoint import load_tensors
from llmvis_course.training.fit import fit
from llmvis_course.training.muon import muon_and_adamw
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.weights.make_clip import pair_batches, train_clip

SMALL = {"width": 16, "depth": (1, 1), "heads": 2, "space": 8}


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TOKENIZER)


def small_towers(tokenizer) -> TwoTowers:
    torch.manual_seed(0)
    return TwoTowers(tokenizer.get_vocab_size(), **SMALL)


def points(rng, n: int = 5, d: int = 4) -> list[torch.Tensor]:
    """Two sets of points on the unit sphere."""
    return [
        F.normalize(torch.randn(n, d, generator=rng, dtype=torch.float64), dim=1) for _ in range(2)
    ]


def test_contrastive_loss_by_hand_for_two() -> None:
    """Cosines 1 and 0 on the way, 0.6 and 0.8 across; scale 2."""
    pictures = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # similarities times 2: own 2 and 1.6; picture 1 to text 2: 1.2; picture 2 to text 1: 0
    wait = [math.exp(1.2 - 2), math.exp(0 - 1.6), math.exp(0 - 2), math.exp(1.2 - 1.6)]
    by_hand = sum(math.log(1 + w) for w in wait) / 4
    assert_close(contrastive_loss(pictures, texts, 2.0), torch.tensor(by_hand))


def test_contrastive_loss_is_symmetric_and_equals_two_cross_entropies(rng) -> None:
    u, w = points(rng)
    assert_close(contrastive_loss(u, w, 7.0), contrastive_loss(w, u, 7.0))
    own, table = torch.arange(5), 7 * u @ w.T
    both = torch.cat([table, table.T])
    assert_close(contrastive_loss(u, w, 7.0), F.cross_entropy(both, torch.cat([own, own])))
    one_way = F.cross_entropy(table, own)
    assert (one_way - contrastive_loss(u, w, 7.0)).abs() > 1e-3


def test_contrastive_loss_of_a_guess_and_of_the_truth(rng) -> None:
    u, _ = points(rng)
    same = torch.ones_like(u) / 2
    assert_close(contrastive_loss(same, same, 9.0), torch.tensor(math.log(5.0)).double())
    assert contrastive_loss(u, u, 100.0) < 1e-3
    order = torch.randperm(5, generator=rng)
    mixed = contrastive_loss(u[order], points(rng)[1][order], 3.0)
    assert mixed > contrastive_loss(u, u, 3.0)


def test_pairs_may_come_in_any_order(rng) -> None:
    u, w = points(rng)
    order = torch.tensor([4, 2, 0, 1, 3])
    assert_close(contrastive_loss(u[order], w[order], 5.0), contrastive_loss(u, w, 5.0))


def test_ranks_and_recall_by_hand() -> None:
    table = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.5, 0.6], [0.3, 0.7, 0.5]])
    assert ranks(table).tolist() == [0, 2, 1]
    assert ranks(table.T).tolist() == [0, 1, 1]
    assert [recall(table, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_equal_scores_find_nothing() -> None:
    assert ranks(torch.zeros(4, 4)).tolist() == [3] * 4
    assert recall(torch.zeros(4, 4), 3) == 0


def test_patches_are_read_row_by_row_and_each_pixel_in_its_own_patch(rng) -> None:
    """The same numbers as cutting by hand and one matrix for all patches."""
    tower = PatchEncoder(width=8, depth=0, heads=2).double()
    picture = torch.randn(1, 3, 32, 32, generator=rng, dtype=torch.float64)
    cut = tower.patch(picture).flatten(2).mT[0]
    matrix = tower.patch.weight.flatten(1)
    for number, (row, column) in enumerate((r, c) for r in range(8) for c in range(8)):
        patch = picture[0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        assert_close(cut[number], matrix @ patch.flatten() + tower.patch.bias)


def test_the_place_of_a_patch_matters(rng) -> None:
    torch.manual_seed(0)
    tower = PatchEncoder(width=16, depth=1, heads=2).double()
    picture = torch.full((1, 3, 32, 32), -1.0, dtype=torch.float64)
    left, right = picture.clone(), picture.clone()
    left[..., 8:12, 4:8], right[..., 8:12, 24:28] = 1.0, 1.0
    assert (tower(left) - tower(right)).abs().max() > 1e-3
    with torch.no_grad():
        tower.place.zero_()
    assert_close(tower(left), tower(right))  # a bag of patches


def test_towers_end_on_the_sphere_and_align_as_cosines(tokenizer, rng) -> None:
    towers = small_towers(tokenizer)
    pictures = 2 * torch.rand(3, 3, 32, 32, generator=rng) - 1
    tokens = encode(tokenizer, ["a red seven", "two green fives", "a small blue three, upright"])
    u, w = towers.see(pictures), towers.read(*tokens)
    assert_close(u.norm(dim=1), torch.ones(3))
    assert_close(w.norm(dim=1), torch.ones(3))
    assert_close(towers(pictures, *tokens), F.cosine_similarity(u, w))
    assert_close(towers.loss(pictures, *tokens), contrastive_loss(u, w, towers.scale))


def test_swapped_captions_swap_alignments_and_padding_says_nothing(tokenizer, rng) -> None:
    towers = small_towers(tokenizer).double()
    picture = (2 * torch.rand(1, 3, 32, 32, generator=rng) - 1).double().expand(2, -1, -1, -1)
    captions = ["a red seven", "a large white nine at the top left, leaning left"]
    straight = towers(picture, *encode(tokenizer, captions))
    assert_close(towers(picture, *encode(tokenizer, captions[::-1])), straight.flip(0))
    assert (straight[0] - straight[1]).abs() > 1e-4
    alone = towers(picture[:1], *encode(tokenizer, captions[:1]))
    assert_close(alone, straight[:1])


def test_the_temperature_is_learned_and_never_below_a_hundredth(tokenizer) -> None:
    towers = small_towers(tokenizer)
    assert_close(1 / towers.scale, torch.tensor(0.07))
    with torch.no_grad():
        towers.log_scale.fill_(9.0)
    assert_close(towers.scale, torch.tensor(100.0))
    with torch.no_grad():
        towers.log_scale.fill_(1.0)
    (gradient,) = torch.autograd.grad(towers.scale, towers.log_scale)
    assert_close(gradient, torch.tensor(math.e))


def test_it_learns_a_toy_batch_in_seconds(tokenizer, maker, rng) -> None:
    towers = small_towers(tokenizer)
    batch = next(pair_batches(maker, 16, rng=rng))
    tokens = encode(tokenizer, batch.captions)
    optimizers = muon_and_adamw(towers, muon=2e-2, adamw=5e-3)
    losses = [
        at.loss
        for at in fit(
            lambda x: towers.loss(x, *tokens), [batch.pictures] * 80, optimizers, steps=80
        )
    ]
    assert losses[0] > 2 and losses[-1] < 0.3  # guessing scores log 16 = 2.77
    table = towers.see(batch.pictures) @ towers.read(*tokens).T
    assert recall(table) == recall(table.T) == 1


def test_batches_say_everything_are_near_misses_and_hold_nothing_out(maker, rng) -> None:
    batches = pair_batches(maker, 20, rng=rng)
    kinds, colours = set(), set()
    for _, batch in zip(range(12), batches, strict=False):
        things = [parse(caption).things for caption in batch.captions]
        assert [len(one) for one in things] == [1] * 12 + [2] * 8
        assert all(len(one[0].named()) == (5 if len(one) == 1 else 3) for one in things)
        used = {thing.colour for one in things for thing in one}
        held = {(digit, list(COLOURS)[colour]) for digit, colour in HELD_OUT_COLOURS}
        assert not held & {(thing.digit, thing.colour) for one in things for thing in one}
        colours |= used
        kinds.add((len(used) == 2, len({one[0].lean for one in things[:12]}) == 1))
    assert kinds == {(True, True), (False, False)} and len(colours) > 4


def test_eyes_are_locked_see_the_light_alone_and_stay_out_of_the_weights() -> None:
    torch.manual_seed(0)
    reader = ContentReader(CONTENT_CHOICES, widths=(16, 16), width=24)
    tower = PatchEncoder(width=16, eyes=Eyes(reader))
    assert not [name for name in tower.state_dict() if "eyes" in name]
    red, blue = torch.full((2, 1, 3, 32, 32), -1.0)
    red[:, 0, 8:20, 10:12], blue[:, 2, 8:20, 10:12] = 1.0, 1.0
    assert_close(tower.eyes(red), tower.eyes(blue))
    assert (tower(red) - tower(blue)).abs().max() > 1e-3  # colours come in by the patches
    tower(red).square().sum().backward()
    assert tower.seen[1].weight.grad.abs().max() > 0
    assert all(weight.grad is None for weight in reader.parameters())


def test_distinct_pairs_have_distinct_meanings_and_their_own_pictures(test_maker, rng) -> None:
    pairs = distinct_pairs(test_maker, 60, rng=rng)
    assert len(set(pairs.said)) == 60 == len(pairs.pictures)
    assert [parse(caption) for caption in pairs.captions] == pairs.said
    again = distinct_pairs(test_maker, 60, rng=make_rng(0))
    assert again.captions == pairs.captions and torch.equal(again.pictures, pairs.pictures)
    for caption in pairs.captions[:5]:
        assert write(parse(caption), rng=rng)


def test_training_goes_on_where_it_was_cut_off(tokenizer, tmp_path) -> None:
    options = {"steps": 3, "batch": 6, "copies": 1, "every": 1}
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    losses = [at.loss for at in train_clip(whole, tokenizer, checkpoint=tmp_path / "a", **options)]
    first = train_clip(cut, tokenizer, checkpoint=tmp_path / "b", **options)
    assert next(first).loss == losses[0] and next(first).loss == losses[1]
    first.close()
    second = train_clip(cut, tokenizer, checkpoint=tmp_path / "b", **options)
    assert [at.loss for at in second] == losses[2:]
    found, expected = load_tensors(cut)[0], load_tensors(whole)[0]
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_shipped_towers_find_their_pairs(test_maker) -> None:
    retrieval = Retrieval.pretrained()
    found = score_retrieval(retrieval, distinct_pairs(test_maker, 300, rng=make_rng(5)))
    assert found.captions > 0.85 and found.pictures > 0.85
    assert retrieval.record["batch"] >= 64
    picture = distinct_pairs(test_maker, 1, rng=make_rng(6))
    right, wrong = retrieval.align(
        picture.pictures.expand(2, -1, -1, -1), [picture.captions[0], "two white zeros"]
    ).tolist()
    assert -1 <= wrong < right <= 1


def test_it_refuses(rng, tmp_path, test_maker) -> None:
    u, w = points(rng)
    with pytest.raises(ValueError, match=r"pictures of shape \(5, 4\) and texts of \(4, 4\)"):
        contrastive_loss(u, w[:4], 1.0)
    with pytest.raises(ValueError, match="at least two of each"):
        contrastive_loss(u[:1], w[:1], 1.0)
    with pytest.raises(ValueError, match="patches of 5 pixels do not fill 32"):
        PatchEncoder(patch=5)
    with pytest.raises(ValueError, match="and 4 with eyes"):
        PatchEncoder(patch=8, eyes=Eyes(ContentReader(CONTENT_CHOICES)))
    with pytest.raises(ValueError, match=r"table of \(2, 3\)"):
        ranks(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="k is 0; expected 1 to 3"):
        recall(torch.zeros(3, 3), 0)
    with pytest.raises(ValueError, match="not a readable tokenizer|not a readable safetensors"):
        Retrieval.pretrained(tmp_path)
    with pytest.raises(ValueError, match="found 2 captions for 1 pictures"):
        Retrieval.pretrained().align(torch.zeros(1, 3, 32, 32), ["a red one", "a blue two"])
