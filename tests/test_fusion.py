"""Fusion: one interface, what each way can say to a pixel, and what it cannot."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from llmvis_course.layers.fusion import (
    FUSIONS,
    CrossAttention,
    FiLM,
    GlobalText,
    NoText,
    PixelAttention,
    pixel_weights,
    summary,
    weigh_only,
)
from llmvis_course.layers.unet import UNet, Words
from llmvis_course.models.flow import TextFlow
from llmvis_course.training.fit import fit

CHANNELS, WIDTH = 12, 16
TELLING = [name for name in FUSIONS if name != "no text"]
LOOKING = ["per-pixel attention", "cross-attention"]


def new_fuse(name: str, *, alive: bool = True) -> torch.nn.Module:
    """A fusion in float64; `alive` fills what starts at zero, so that it can be seen."""
    torch.manual_seed(0)
    fuse = FUSIONS[name](CHANNELS, text_width=WIDTH).double()
    for weight in fuse.parameters() if alive else ():
        if (weight == 0).all():
            torch.nn.init.normal_(weight, std=0.3)
    return fuse


@pytest.fixture
def pixels(rng) -> torch.Tensor:
    return torch.randn(2, 9, CHANNELS, generator=rng, dtype=torch.float64)


@pytest.fixture
def words(rng) -> Words:
    """Two captions, of five words and of three."""
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return Words(torch.randn(2, 5, WIDTH, generator=rng, dtype=torch.float64), mask)


@pytest.mark.parametrize("name", ["no text", "FiLM", "per-pixel attention"])
def test_starts_as_the_identity(name, pixels, words) -> None:
    assert_close(new_fuse(name, alive=False)(pixels, words), pixels)


def test_film_by_hand() -> None:
    """Twice the first channel, and one more in the second."""
    film = FiLM(2, text_width=1)
    with torch.no_grad():
        film.say.weight[:] = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    words = Words(torch.tensor([[[0.5], [1.5]]]), torch.ones(1, 2, dtype=torch.bool))  # mean 1
    found = film(torch.tensor([[[3.0, 5.0], [-1.0, 0.0]]]), words)
    assert_close(found, torch.tensor([[[6.0, 6.0], [-2.0, 1.0]]]))


def test_pixel_weights_by_hand() -> None:
    """Similarities 0 and 2 / sqrt(4) = 1: the weights are 1 / (1 + e) and e / (1 + e)."""
    pixels = torch.tensor([[[2.0, 0.0, 0.0, 0.0]]])
    words = torch.tensor([[[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]]])
    found = pixel_weights(pixels, words, torch.tensor([[True, True, False]]))
    assert_close(found, torch.tensor([[[1 / (1 + torch.e), torch.e / (1 + torch.e), 0.0]]]))


@pytest.mark.parametrize("name", LOOKING)
def test_weights_of_a_pixel_sum_to_one_over_words_and_skip_padding(name, pixels, words) -> None:
    looks = []
    new_fuse(name)(pixels, words, looks)
    (weights,) = looks
    assert weights.shape[2:] == (9, 5)
    assert_close(weights.sum(dim=-1), torch.ones_like(weights[..., 0]))
    assert (weights[1, ..., 3:] == 0).all() and (weights[0] > 0).all()


@pytest.mark.parametrize("name", LOOKING)
def test_permuting_words_permutes_weights_and_changes_no_pixel(name, pixels, words) -> None:
    fuse, order, looks = new_fuse(name), torch.tensor([3, 0, 4, 2, 1]), []
    straight = fuse(pixels, words, looks)
    shuffled = fuse(pixels, Words(words.vectors[:, order], words.mask[:, order]), looks)
    assert_close(looks[1], looks[0][..., order])
    assert_close(shuffled, straight)
    assert (looks[0] - looks[1]).abs().max() > 0.05  # the order was another


@pytest.mark.parametrize("name", FUSIONS)
def test_swapping_captions_swaps_what_they_do(name, rng, words) -> None:
    """The same pixels twice: what differs is the caption, and it goes where its caption goes."""
    same = torch.randn(1, 9, CHANNELS, generator=rng, dtype=torch.float64).expand(2, -1, -1)
    fuse = new_fuse(name)
    one, swapped = fuse(same, words), fuse(same, Words(words.vectors.flip(0), words.mask.flip(0)))
    assert_close(swapped, one.flip(0))
    assert ((one[0] - one[1]).abs().max() > 0.05) == (name != "no text")


@pytest.mark.parametrize("name", FUSIONS)
def test_padding_says_nothing(name, pixels, words) -> None:
    fuse = new_fuse(name)
    other = words.vectors.masked_fill(~words.mask[..., None], 7.0)
    assert_close(fuse(pixels, Words(other, words.mask)), fuse(pixels, words))


@pytest.mark.parametrize("name, same", [("global text", True), ("per-pixel attention", False)])
def test_who_says_the_same_to_every_pixel(name, same, pixels, words) -> None:
    told = new_fuse(name)(pixels, words) - pixels
    assert torch.allclose(told, told[:, :1].expand_as(told)) == same


def test_film_has_one_scale_and_shift_for_all_pixels(pixels, words) -> None:
    """Whatever the pixel: twice the distance before is twice the distance after."""
    film, looking = new_fuse("FiLM"), new_fuse("per-pixel attention")
    for fuse, straight in ((film, True), (looking, False)):
        start, end = fuse(pixels, words), fuse(3 * pixels, words)
        middle = fuse(2 * pixels, words)
        assert torch.allclose(start + end, 2 * middle) == straight


def test_pixel_attention_by_hand(pixels, words) -> None:
    """The recipe as loops over pixels: similarity, weights, what is heard, the weighted pixel."""
    fuse = new_fuse("per-pixel attention")
    found = fuse(pixels, words)
    for b in range(2):
        real = fuse.word(words.vectors[b, words.mask[b]])
        for n in range(9):
            similarity = real @ fuse.norm(pixels[b, n]) / CHANNELS**0.5
            heard = similarity.softmax(dim=0) @ real
            gamma, beta = fuse.say(heard).chunk(2)
            assert_close(found[b, n], (1 + gamma) * pixels[b, n] + beta)


def test_cross_attention_parity_with_torch(pixels, words) -> None:
    fuse = new_fuse("cross-attention")
    q = fuse.look.query(fuse.norm(pixels)).unflatten(2, (4, -1)).transpose(1, 2)
    k, v = (
        part.unflatten(2, (4, -1)).transpose(1, 2)
        for part in fuse.look.key_value(words.vectors).chunk(2, dim=-1)
    )
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=words.mask[:, None, None])
    expected = pixels + fuse.look.output(theirs.transpose(1, 2).flatten(2))
    assert_close(fuse(pixels, words), expected)


def test_weights_alone_never_change_the_direction_of_a_pixel(pixels, rng) -> None:
    """The article's recipe as printed: a pixel is turned up or down, never recoloured."""
    for _ in range(3):
        text = 5 * torch.randn(2, CHANNELS, generator=rng, dtype=torch.float64)
        weighed = weigh_only(pixels, text)
        assert_close(F.cosine_similarity(weighed, pixels, dim=-1), torch.ones(2, 9).double())
        weights = (weighed / pixels)[..., 0]
        assert_close(weights.mean(dim=1), torch.ones(2).double())
        assert weights.max() > 1.5
    assert F.cosine_similarity(new_fuse("FiLM")(pixels, Words(
        torch.randn(2, 5, WIDTH, generator=rng, dtype=torch.float64),
        torch.ones(2, 5, dtype=torch.bool),
    )), pixels, dim=-1).min() < 0.99  # fmt: skip


@pytest.mark.parametrize("name", FUSIONS)
def test_each_stands_in_a_unet_and_in_the_flow(name, rng) -> None:
    """Swapping captions swaps pictures; without text they do not matter."""
    torch.manual_seed(0)
    net = UNet(channels=(16, 24), text_width=WIDTH, heads=2, new_fuse=FUSIONS[name]).eval()
    for weight in net.parameters():
        if (weight == 0).all():
            torch.nn.init.normal_(weight, std=0.05)
    x = torch.randn(1, 3, 32, 32, generator=rng).expand(2, -1, -1, -1)
    words = Words(torch.randn(2, 5, WIDTH, generator=rng), torch.ones(2, 5, dtype=torch.bool))
    looks = []
    one = net(x, torch.tensor([0.5, 0.5]), words, looks)
    swapped = net(x, torch.tensor([0.5, 0.5]), Words(words.vectors.flip(0), words.mask))
    assert_close(swapped, one.flip(0), atol=1e-4, rtol=1e-4)
    assert ((one[0] - one[1]).abs().max() > 1e-3) == (name != "no text")
    assert len(looks) == (5 if name in LOOKING else 0)
    flow = TextFlow(20, channels=(16, 24), text_width=WIDTH, new_fuse=FUSIONS[name])
    kinds = [type(module) for module in flow.unet.modules()]
    assert kinds.count(FUSIONS[name]) == 5


@pytest.mark.parametrize("name, learns", [(n, n in LOOKING) for n in FUSIONS])
def test_only_those_that_look_learn_which_word_is_meant(name, learns, rng) -> None:
    """A pixel shows which of four names it bears, and must say the number told beside that name.

    A word is a name and a number; their mean keeps only the numbers' sum for each pair of names.
    """
    torch.manual_seed(1)
    fuse = FUSIONS[name](CHANNELS, text_width=8)
    out = torch.nn.Linear(CHANNELS, 1)

    def batches():
        while True:
            name_of = torch.rand(64, 4, generator=rng).argsort(dim=1)[:, :2]
            number = torch.randint(2, (64, 2, 1), generator=rng) * 2.0 - 1
            word = torch.cat(
                [3 * F.one_hot(name_of, 4).float(), number, number, -number, number], 2
            )
            pixel = F.pad(3 * F.one_hot(name_of, 4).float(), (0, CHANNELS - 4))
            yield pixel, Words(word, torch.ones(64, 2, dtype=torch.bool)), number

    def loss(batch):
        pixel, words, number = batch
        return F.mse_loss(out(fuse(pixel, words)), number)

    weights = [*fuse.parameters(), *out.parameters()]
    losses = [at.loss for at in fit(loss, batches(), torch.optim.Adam(weights, lr=2e-2), steps=300)]
    assert (sum(losses[-20:]) / 20 < 0.15) == learns


def test_summary_by_hand() -> None:
    vectors = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]]])
    found = summary(Words(vectors, torch.tensor([[True, True, False]])))
    assert_close(found, torch.tensor([[2.0, 4.0]]))


def test_it_refuses() -> None:
    nothing = Words(torch.zeros(1, 2, 4), torch.zeros(1, 2, dtype=torch.bool))
    for fuse in (FiLM, GlobalText):
        with pytest.raises(ValueError, match="all padding; expected at least one word"):
            fuse(4, text_width=4)(torch.zeros(1, 3, 4), nothing)
    with pytest.raises(ValueError, match="width 10 cannot be split over 4 heads"):
        CrossAttention(10, text_width=4)
    assert not list(NoText(4, text_width=4).parameters())
    assert PixelAttention(4, text_width=6).word.in_features == 6
