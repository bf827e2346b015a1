"""The content extractor answers as the judge does, and its score counts what it should."""

import pytest
import torch

from llmvis_course.data.scenes import to_scenes
from llmvis_course.data.splits import in_training
from llmvis_course.data.world import Scene, Thing
from llmvis_course.evaluate.content import ContentExtractor, ContentScore, score_content
from llmvis_course.training.checkpoint import load_tensors
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import FOLDER
from llmvis_course.weights.make_content import make_content, train_content


def score(look, maker, kind="two", n=20, **options) -> ContentScore:
    return score_content(look, kind, maker=maker, n=n, rng=make_rng(1), **options)


class Knows:
    """Looks at the right answers instead of the picture, and spoils them as it is told."""

    def __init__(self, maker, kind, spoil=lambda things: things) -> None:
        self.scenes = to_scenes(maker.sample(20, kind, rng=make_rng(1)))
        self.spoil = spoil

    def __call__(self, pictures) -> list[Scene]:
        return [Scene(tuple(self.spoil(list(scene.things)))) for scene in self.scenes]


def change(thing: Thing, **values) -> Thing:
    return Thing(**{**vars(thing), **values})


def test_who_knows_all_gets_all(test_maker) -> None:
    for kind in ("one", "two", "many", "crowd"):
        found = score(Knows(test_maker, kind), test_maker, kind)
        assert found.share == 1 and found.right == found.things and not found.wrong


@pytest.mark.parametrize(
    "spoil, wrong, right",
    [
        (lambda ts: [change(t, digit=(t.digit + 1) % 10) for t in ts], {"digit": 40}, 0),
        (lambda ts: [change(ts[0], x=ts[0].x + 1.9), ts[1]], {}, 40),
        (lambda ts: [change(ts[0], x=ts[0].x + 2.1), ts[1]], {"found": 20}, 20),
        (lambda ts: [change(ts[0], lean=None), ts[1]], {}, 40),  # not asked
        (lambda ts: ts[:1], {"found": 20}, 20),
        (lambda ts: [], {"found": 40}, 0),
    ],
)
def test_every_fault_is_counted_once(test_maker, spoil, wrong, right) -> None:
    found = score(Knows(test_maker, "two", spoil), test_maker)
    assert (found.wrong, found.right, found.things) == (wrong, right, 40)


def test_inventing_things_costs(test_maker) -> None:
    found = score(Knows(test_maker, "two", lambda ts: [*ts, Thing(1, x=0.0, y=0.0)]), test_maker)
    assert found.extra == 20 and found.share == pytest.approx(40 / 60)


def test_what_is_asked_matters(test_maker) -> None:
    spoiled = Knows(test_maker, "one", lambda ts: [change(ts[0], lean=None, place=None)])
    assert score(spoiled, test_maker, "one").wrong == {"place": 20}
    assert score(spoiled, test_maker, "one", asked=("digit", "lean")).wrong == {"lean": 20}


def test_the_shipped_extractor_reads_held_out_scenes(test_maker) -> None:
    """Handwriting and combinations that trained nothing; 95 of 100 things are wanted."""
    look = ContentExtractor.pretrained().look
    scores = [
        score(look, test_maker, kind, n, allow=lambda layout: ~in_training(layout))
        for kind, n in (("one", 100), ("two", 100), ("many", 60), ("crowd", 40))
    ]
    assert sum(s.right for s in scores) / sum(s.things + s.extra for s in scores) > 0.94


def test_it_answers_as_the_judge_does() -> None:
    extractor = ContentExtractor.pretrained()
    assert extractor.look(torch.full((2, 3, 32, 32), -1.0)) == [Scene(()), Scene(())]
    assert extractor.record["steps"] == extractor.record["done"]
    with pytest.raises(ValueError, match=r"shape \(1, 3, 28, 28\); expected \(b, 3, 32, 32\)"):
        extractor.look(torch.zeros(1, 3, 28, 28))
    assert (FOLDER / "content.safetensors").stat().st_size < 2e6


def test_the_shipped_extractor_can_be_remade_and_resumed(tmp_path) -> None:
    """Two steps at a stroke, and one step twice, write the same weights."""
    options = {"steps": 2, "batch": 20, "copies": 0, "every": 1}
    make_content(tmp_path / "a.safetensors", checkpoint=tmp_path / "a", **options)
    for _ in train_content(tmp_path / "b.safetensors", checkpoint=tmp_path / "b", **options):
        break  # killed after the first step
    make_content(tmp_path / "b.safetensors", checkpoint=tmp_path / "b", **options)
    (first, record), (second, _) = (load_tensors(tmp_path / f"{n}.safetensors") for n in "ab")
    assert record["steps"] == record["done"] == 2
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    with pytest.raises(ValueError, match="is of another run"):
        make_content(
            tmp_path / "b.safetensors", checkpoint=tmp_path / "b", **options | {"steps": 3}
        )
