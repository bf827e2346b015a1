import torch
import torch.nn.functional as F

from llmvis_course.models.cnn import CROP_SIZE, DigitClassifier
from llmvis_course.training.fit import fit


def test_it_learns_a_toy_batch_in_seconds(rng) -> None:
    torch.manual_seed(0)
    net = DigitClassifier(width=8)
    crops, label = torch.rand(20, CROP_SIZE, CROP_SIZE, generator=rng), torch.arange(20) % 10
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = [
        at.loss
        for at in fit(lambda b: F.cross_entropy(net(b), label), [crops] * 30, optimizer, steps=30)
    ]
    assert losses[-1] < 0.2 * losses[0]
    assert (net(crops).argmax(dim=1) == label).float().mean() > 0.9


def test_rows_do_not_see_each_other_when_judging(rng) -> None:
    net = DigitClassifier(width=8).eval()
    crops = torch.rand(4, CROP_SIZE, CROP_SIZE, generator=rng)
    torch.testing.assert_close(net(crops)[1:2], net(crops[1:2]), atol=1e-5, rtol=1e-4)


def test_the_picture_matters(rng) -> None:
    net = DigitClassifier(width=8).eval()
    crops = torch.rand(2, CROP_SIZE, CROP_SIZE, generator=rng)
    assert (net(crops)[0] - net(crops)[1]).abs().max() > 1e-4
