"""Content extraction: the pyramid, what cells answer, and what is made of their answers."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from torchvision.ops import FeaturePyramidNetwork

from llmvis_course.data.labels import CONTENT, CONTENT_CHOICES, content_labels
from llmvis_course.data.world import COLOURS
from llmvis_course.models.content import (
    Answers,
    Backbone,
    ContentReader,
    Pyramid,
    content_loss,
    find_things,
)
from llmvis_course.training.fit import fit
from llmvis_course.training.muon import muon_and_adamw


def small(**options) -> ContentReader:
    torch.manual_seed(0)
    return ContentReader(CONTENT_CHOICES, widths=(16, 24), width=16, **options)


def test_pyramid_parity_forward_and_gradient(rng) -> None:
    """With the same weights, the levels of torchvision's feature pyramid."""
    widths = (8, 16, 24)
    mine, theirs = Pyramid(widths, 8).double(), FeaturePyramidNetwork(widths, 8).double()
    for part, other in ((mine.lateral, theirs.inner_blocks), (mine.smooth, theirs.layer_blocks)):
        for layer, same in zip(part, other, strict=True):
            same[0].load_state_dict(layer.state_dict())
    levels = [
        torch.randn(2, w, s, s, generator=rng, dtype=torch.float64, requires_grad=True)
        for w, s in zip(widths, (8, 4, 2), strict=True)
    ]
    found = mine(levels)
    expected = list(theirs(dict(enumerate(levels))).values())
    assert_close(found, expected)
    grads, others = (
        torch.autograd.grad(sum((k + 1) * y.square().sum() for k, y in enumerate(ys)), levels)
        for ys in (found, expected)
    )
    assert_close(grads, others)


def test_pyramid_by_hand() -> None:
    """One channel, all weights one, nothing smoothed: each cell adds the cell above it."""
    pyramid = Pyramid((1, 1), 1)
    with torch.no_grad():
        for p in pyramid.parameters():
            p.zero_()
        for lateral, smooth in zip(pyramid.lateral, pyramid.smooth, strict=True):
            lateral.weight.fill_(1.0)
            smooth.weight[0, 0, 1, 1] = 1.0
    fine, coarse = torch.arange(4.0).view(1, 1, 2, 2), torch.tensor([[[[10.0]]]])
    assert_close(pyramid([fine, coarse]), [fine + 10, coarse])


def test_deeper_levels_have_larger_cells() -> None:
    levels = Backbone((8, 16, 24))(torch.zeros(1, 1, 32, 32))
    assert [tuple(x.shape[1:]) for x in levels] == [(8, 8, 8), (16, 4, 4), (24, 2, 2)]


def test_digits_and_places_do_not_depend_on_colour_and_colours_do() -> None:
    reader = small().double()
    pictures = torch.full((2, 3, 32, 32), -1.0, dtype=torch.float64)
    pictures[0, 0, 8:12, 10], pictures[1, 2, 8:12, 10] = 1.0, 1.0
    said = reader(pictures)
    for scores in (said.near, said.offset, said.choices[0]):
        assert_close(scores[0], scores[1])
    assert (said.choices[1][0] - said.choices[1][1]).abs().max() > 1e-3


def answers(near: dict, *, pictures: int = 1) -> Answers:
    """Cells (picture, row, column) with a probability and an offset; all others say no."""
    score, offset = torch.full((pictures, 8, 8), -9.0), torch.zeros(pictures, 2, 8, 8)
    choices = [torch.zeros(pictures, k, 8, 8) for k in CONTENT_CHOICES]
    for (picture, row, column), (p, dx, dy) in near.items():
        score[picture, row, column] = torch.logit(torch.tensor(p))
        offset[picture, :, row, column] = torch.tensor([dx, dy])
        choices[0][picture, row % 10, row, column] = 1.0  # the digit is the number of the row
    return Answers(score, offset, choices)


def test_things_by_hand() -> None:
    """Two neighbouring cells that mean one thing, and one that means another."""
    said = answers(
        {(0, 2, 3): (0.9, 0.5, 0.0), (0, 2, 4): (0.8, -0.4, 0.1), (0, 6, 3): (0.7, 0, 0)}
    )
    found = find_things(said)
    assert_close(found.x, torch.tensor([16.0, 14.0]))
    assert_close(found.y, torch.tensor([10.0, 26.0]))
    assert_close(found.sure, torch.tensor([0.9, 0.7]))
    assert found.choices[:, 0].tolist() == [2, 6] and found.picture.tolist() == [0, 0]


@pytest.mark.parametrize("apart, things", [(3.8, 1), (4.2, 2)])
def test_things_nearer_than_four_pixels_are_one(apart, things) -> None:
    said = answers({(0, 2, 3): (0.9, 0.0, 0.0), (0, 2, 4): (0.8, apart / 4 - 1, 0.0)})
    assert len(find_things(said).x) == things


def test_pictures_do_not_compete_and_sure_is_the_border() -> None:
    said = answers({(1, 2, 3): (0.9, 0.0, 0.0), (0, 2, 3): (0.6, 0.0, 0.0)}, pictures=2)
    assert find_things(said).picture.tolist() == [0, 1]
    assert find_things(said, sure=0.7).picture.tolist() == [1]
    assert len(find_things(said, sure=0.95).x) == 0


def test_labels_by_hand_and_back(maker, rng) -> None:
    """Right answers, read as if a network had given them, are the layout again."""
    layout = maker.sample(20, "crowd", rng=rng)
    labels = content_labels(layout)
    cells = 4 * (torch.arange(8) + 0.5)
    picture, row, column = (int(k[0]) for k in torch.where(labels.near > 0))
    k = (layout.x[picture] - cells[column]).hypot(layout.y[picture] - cells[row]).argmin()
    assert_close(cells[column] + 4 * labels.offset[picture, 0, row, column], layout.x[picture, k])
    assert labels.choices[picture, 0, row, column] == layout.digit[picture, k]
    scores = [
        F.one_hot(c.clamp_min(0), n).movedim(-1, 1).float()
        for c, n in zip(labels.choices.unbind(dim=1), CONTENT_CHOICES, strict=True)
    ]
    found = find_things(Answers(20 * labels.near - 10, labels.offset, scores))
    assert len(found.x) == int(layout.present.sum())
    for i in range(len(layout.x)):
        here = found.picture == i
        order, real = found.x[here].argsort(), layout.x[i].argsort()
        assert_close(found.x[here][order], layout.x[i][real])
        for q, name in enumerate(CONTENT):
            assert torch.equal(found.choices[here][order, q], getattr(layout, name)[i][real])


def test_the_loss_by_hand() -> None:
    """One cell is near, all scores are zero: 64 times log 2, the offset, log of the choices."""
    said = Answers(torch.zeros(1, 8, 8), torch.zeros(1, 2, 8, 8), [torch.zeros(1, 4, 8, 8)])
    near, offset = torch.zeros(1, 8, 8), torch.zeros(1, 2, 8, 8)
    choices = torch.full((1, 1, 8, 8), -1)
    near[0, 3, 3], offset[0, :, 3, 3], choices[0, 0, 3, 3] = 1.0, torch.tensor([0.3, -0.2]), 2
    offset[0, :, 5, 5] = 9.0  # not asked
    expected = 64 * torch.tensor(2.0).log() + 0.5 + torch.tensor(4.0).log()
    assert_close(content_loss(said, near, offset, choices), expected)
    nothing = content_loss(said, 0 * near, offset, torch.full_like(choices, -1))
    assert_close(nothing, 64 * torch.tensor(2.0).log())  # a batch without things is no error


def test_it_learns_a_toy_batch_in_seconds(maker, rng) -> None:
    reader = small()
    layout = maker.sample(4, "two", rng=rng)
    pictures, labels = maker.render(layout), content_labels(layout)
    optimizers = muon_and_adamw(reader, muon=1e-2, adamw=5e-3)
    losses = [
        at.loss
        for at in fit(
            lambda x: content_loss(reader(x), *labels), [pictures] * 120, optimizers, steps=120
        )
    ]
    assert losses[-1] < 0.1 * losses[0]
    found = find_things(reader(pictures))
    assert len(found.x) == 8
    assert sorted(found.choices[:, 0].tolist()) == sorted(layout.digit[:, :2].flatten().tolist())


def test_depth_and_widths_are_what_was_asked() -> None:
    convolutions = [
        [m for m in Backbone((8, 8), depth=d).modules() if isinstance(m, torch.nn.Conv2d)]
        for d in (1, 3)
    ]
    assert [len(found) for found in convolutions] == [3, 9]
    assert small().choices == (10, len(COLOURS), 3, 3)


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"found widths \(16, 20, 16\) .* multiples of 8"):
        ContentReader(CONTENT_CHOICES, widths=(16, 20), width=16)
    with pytest.raises(ValueError, match="at least 2 questions"):
        ContentReader((10,))
