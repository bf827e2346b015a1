"""The world of 9,216 shapes: all there, all different, and as their captions say."""

import pytest
import torch

from llmvis_course.data.rainbow import ATTRIBUTES, COLOURS, caption_of, rainbow


@pytest.fixture(scope="module")
def world():
    return rainbow()


def test_every_combination_is_there_once(world) -> None:
    assert world.pictures.shape == (9216, 3, 32, 32)
    assert world.pictures.min() == -1 and 0.9 < world.pictures.max() <= 1
    assert len(set(world.captions)) == len(world.attributes.unique(dim=0)) == 9216
    assert world.captions[0] == "a tiny filled plain red triangle upright"
    assert world.captions[-1] == "a huge hollow dotted pink moon turned right"
    assert len(ATTRIBUTES) == 6 and len({word for c in world.captions for word in c.split()}) == 35


def test_no_two_pictures_are_alike(world) -> None:
    one_colour = world.attributes[:, 3] == 0
    found = world.pictures[one_colour][:, 0].flatten(1)
    distance = torch.cdist(found, found) + 99 * torch.eye(len(found))
    assert distance.min() > 1
    assert len(torch.tensor(list(COLOURS.values())).unique(dim=0)) == 12


def test_pictures_show_what_captions_say(world) -> None:
    ink = (world.pictures.amax(dim=1) + 1).sum(dim=(1, 2))
    rows = {tuple(row): k for k, row in enumerate(world.attributes.tolist())}
    for row, k in list(rows.items())[::97]:
        scale, fill, texture, colour, shape, turn = row
        if scale < 3 and texture == 0:
            assert ink[rows[(scale + 1, *row[1:])]] > ink[k]
        if texture == 0:
            assert ink[rows[(scale, fill, 1, colour, shape, turn)]] < ink[k]
        if turn < 3 and texture == 0:
            turned = world.pictures[rows[(*row[:5], turn + 1)]]
            assert torch.equal(world.pictures[k].rot90(1, dims=(1, 2)), turned)
        x = (world.pictures[k] + 1) / 2
        brightest = x.flatten(1)[:, x.amax(dim=0).flatten().argmax()]
        expected = torch.tensor(list(COLOURS.values())[colour])
        torch.testing.assert_close(brightest / brightest.max(), expected / expected.max())


def test_it_refuses() -> None:
    with pytest.raises(ValueError, match="found 2 attributes; expected 6"):
        caption_of((1, 2))
