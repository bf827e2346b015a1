"""Pictures to tokens and back."""

import pytest
import torch
from torch import nn

from llmvis_course.data.world import COLOURS
from llmvis_course.layers.quantize import AveragedCodebook, Codebook, split
from llmvis_course.models.vqvae import (
    VQVAE,
    LightAndColour,
    LitColour,
    light_and_colour_vqvae,
    patch_decoder,
    patch_encoder,
)
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng


def small(size: int = 16, **options) -> VQVAE:
    torch.manual_seed(0)
    sides = {"width": 16, "depth": 1} | options
    return VQVAE(patch_encoder(8, **sides), AveragedCodebook(size, 8), patch_decoder(8, **sides))


def test_tokens_make_a_round_trip(rng) -> None:
    """Where every code decodes to its own picture, what was decoded is encoded to the same."""
    codes = torch.eye(12)[:5]
    model = VQVAE(nn.PixelUnshuffle(2), Codebook(5, 12), nn.PixelShuffle(2)).eval()
    model.codebook.codes.data.copy_(codes)
    tokens = torch.randint(5, (3, 4, 4), generator=rng)
    assert torch.equal(model.encode(model.decode(tokens)), tokens)


@pytest.mark.parametrize("patch", [4, 8])
def test_shapes_and_repeatability(patch, rng) -> None:
    model = small(patch=patch)
    x = 2 * torch.rand(2, 3, 32, 32, generator=rng) - 1
    model.loss(x, rng=make_rng(0))
    codes = model.codebook.codes.clone()
    tokens = model.encode(x)
    assert tokens.shape == (2, 32 // patch, 32 // patch) and model.codebook.training
    assert model.decode(tokens).shape == x.shape
    assert torch.equal(model.encode(x), tokens) and torch.equal(model.codebook.codes, codes)


def test_loss_by_hand() -> None:
    """A decoder that says 0 about pictures of -1 and 1: an error of one variance."""
    model = VQVAE(nn.PixelUnshuffle(2), Codebook(2, 12), nn.PixelShuffle(2)).eval()
    model.codebook.codes.data.zero_()
    x = torch.ones(2, 3, 2, 2)
    x[1] = -1
    expected = 1 / x.var() + 0.25  # and a quarter of the squared distance to the code
    torch.testing.assert_close(model.loss(x, rng=make_rng(0)), expected)


def test_light_and_colour_take_a_picture_apart() -> None:
    red = torch.tensor(COLOURS["red"])
    x = -torch.ones(1, 3, 8, 8)
    x[0, :, 0:2, 0:3] = 2 * red[:, None, None] - 1
    light, colour = LightAndColour(nn.PixelUnshuffle(4))(x).split([16, 3], dim=1)
    torch.testing.assert_close(nn.PixelShuffle(4)(light)[0, 0], x[0, 0])  # red's brightest channel
    torch.testing.assert_close(colour[0, :, 0, 0], red / red.max())
    assert (colour[0, :, 1] == 0).all() and (colour[0, :, 0, 1] == 0).all()
    z = torch.cat([torch.full((1, 16, 2, 2), 9.0), colour], dim=1)
    back = LitColour(nn.PixelShuffle(4))(z)
    torch.testing.assert_close((back[0, :, 0, 0] + 1) / 2, red / red.max(), atol=1e-3, rtol=0)
    assert (back[0, :, 4:] == -1).all()  # where there is no colour, there is no light


@pytest.mark.parametrize("one_paper", [True, False])
def test_paper_is_one_token_if_asked(one_paper, maker, rng) -> None:
    """Whatever lies beside it; cells with ink say what they said."""
    torch.manual_seed(0)
    model = light_and_colour_vqvae(shapes=64, width=16, one_paper=one_paper)
    x = maker.render(maker.sample(64, "two", rng=rng))
    for _ in range(3):
        model.loss(x, rng=rng)
    bright = (x.amax(dim=1, keepdim=True) + 1) / 2
    ink = nn.AvgPool2d(4)(bright.square())[:, 0]  # about what `dark` is compared with
    paper = model.encode(x)[ink < 1e-6]
    assert len(paper) > 1000 and (len(paper.unique()) == 1) == one_paper
    plain = LightAndColour(model.encoder.net)(x)
    lit = ink > 0.02
    torch.testing.assert_close(model.encoder(x).movedim(1, -1)[lit], plain.movedim(1, -1)[lit])


def test_it_learns_and_colours_share_shapes(maker) -> None:
    torch.manual_seed(0)
    rng = make_rng(0)
    model = light_and_colour_vqvae(shapes=32, colours=10, width=16, depth=1)
    x = maker.render(maker.sample(64, "one", rng=rng))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = [
        at.loss for at in fit(lambda b: model.loss(b, rng=rng), [x] * 60, optimizer, steps=60)
    ]
    assert losses[-1] < 0.5 * losses[0]
    layout = maker.sample(16, "one", rng=rng)._replace(light=torch.ones(16, 4))
    layout = layout._replace(colour=torch.full((16, 4), list(COLOURS).index("white")))
    white = model.encode(maker.render(layout))
    cyan = layout._replace(colour=torch.full((16, 4), list(COLOURS).index("yellow")))
    (shape, colour), (shape_2, colour_2) = (
        split(t, model.codebook.sizes) for t in (white, model.encode(maker.render(cyan)))
    )
    assert torch.equal(shape, shape_2)  # the same handwriting in another colour: the same shapes
    assert (colour != colour_2).any()


def test_it_refuses() -> None:
    model = small(size=4)
    with pytest.raises(ValueError, match="tokens from 0 to 4; expected 0 to 3"):
        model.decode(torch.tensor([[[0, 4]]]))
    with pytest.raises(ValueError, match="needs rng"):
        model.codebook(torch.zeros(1, 8, 2, 2))
