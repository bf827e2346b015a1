import torch
import torch.nn.functional as F

from llmvis_course.models.looking import CellNamer, PictureEncoder
from llmvis_course.training.fit import fit
from llmvis_course.training.muon import muon_and_adamw


def test_shapes_do_not_depend_on_colour_and_features_do() -> None:
    torch.manual_seed(0)
    encoder = PictureEncoder(16).double()
    pictures = torch.full((3, 3, 32, 32), -1.0, dtype=torch.float64)
    pictures[0, 0, 8:12, 10], pictures[1, 2, 8:12, 10], pictures[2, 0, 8:12, 18] = 1.0, 1.0, 1.0
    red, blue, moved = encoder.see(pictures).shapes
    torch.testing.assert_close(red, blue)
    assert (red - moved).abs().max() > 1e-3
    red, blue, _ = encoder.see(pictures).features
    assert (red - blue).abs().max() > 1e-3


def test_a_namer_learns_and_is_not_asked_where_nothing_lies() -> None:
    torch.manual_seed(0)
    namer = CellNamer(PictureEncoder(16), [3, 2])
    pictures = torch.full((2, 3, 32, 32), -1.0)
    pictures[0, 0, 8:12, 9:11], pictures[1, 0, 9:11, 8:12] = 1.0, 1.0  # upright, lying
    answers = torch.full((2, 2, 64), -1)
    answers[:, :, 18] = torch.tensor([[0, 1], [1, 0]])  # the cell of row 2, column 2
    optimizers = muon_and_adamw(namer, besides=[namer.encoder.strokes[1]])
    losses = [
        at.loss
        for at in fit(lambda _: namer.loss(pictures, answers), range(80), optimizers, steps=80)
    ]
    assert losses[-1] < 0.1 * losses[0]
    digit, other = (scores[:, 18].argmax(dim=-1).tolist() for scores in namer(pictures))
    assert digit == [0, 1] and other == [1, 0]
    by_hand = sum(
        F.cross_entropy(scores[:, 18], answers[:, k, 18])
        for k, scores in enumerate(namer(pictures))
    )
    torch.testing.assert_close(namer.loss(pictures, answers), by_hand)
