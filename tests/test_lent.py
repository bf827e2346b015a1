"""Errors are carried forward: a later answer gets a right earlier part, but never sees it."""

import json
import socket
from dataclasses import replace

import pytest
import torch
from handed_in import RIGHT, SET_UP, UNSCALED
from torch.testing import assert_close

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading import jail
from llmvis_course.grading.book import Book
from llmvis_course.grading.channel import Channel
from llmvis_course.grading.forking import Forking
from llmvis_course.grading.grade import grade
from llmvis_course.grading.lent import Lent, answer_ask
from llmvis_course.grading.limits import Limits
from llmvis_course.grading.look import survey
from llmvis_course.grading.submission import Submission

MISSING = jail.why_not()
jailed = pytest.mark.skipif(bool(MISSING), reason=MISSING or "a jail is possible")
HEADS = """
def multi_head(x, query, key, value, output, heads):
    q, k, v = ((x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2) for w in (query, key, value))
    everywhere = torch.ones(1, 1, x.shape[1], x.shape[1], dtype=torch.bool)
    return attend(q, k, v, mask=everywhere).transpose(1, 2).flatten(2) @ output.T
"""


def pairs(x: torch.Tensor, sizes: tuple, flip: bool = False):
    """A reference with nested arguments, two results and a default."""
    a = (x * sizes[0]).exp()
    return (a.flip(0) if flip else a), x.argmax()


class Loop(Channel):
    """A channel whose other end answers at once, in this process, through JSON."""

    def __init__(self, **references: object) -> None:
        super().__init__(socket.socket())
        self.references, self.asked = references, []

    def send(self, message: object, seconds: float | None = None) -> None:
        self.asked.append(json.loads(json.dumps(message))["ask"])

    def receive(self, seconds: float | None = None) -> object:
        return json.loads(json.dumps(answer_ask(self.asked[-1], self.references)))


def test_values_and_gradients_are_those_of_the_part_itself(rng) -> None:
    lent = Lent(Loop(pairs=pairs), "pairs", ["z", "n", "flip"])
    x = torch.randn(3, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    values, place = lent(x, n=(0.5, 2), flip=True)  # the learner calls the arguments otherwise
    expected, at = pairs(x, (0.5, 2), flip=True)
    assert_close(values, expected)
    assert_close(place, at)
    assert not place.requires_grad
    uneven = torch.arange(6.0, dtype=torch.float64).view(3, 2)
    (mine,) = torch.autograd.grad((values * uneven).sum(), [x])
    (theirs,) = torch.autograd.grad((expected * uneven).sum(), [x])
    assert_close(mine, theirs)
    assert torch.autograd.gradcheck(lambda t: lent(t, (0.5, 2))[0], [x])


def test_what_is_asked_is_bounded_and_errors_come_back() -> None:
    loop = Loop(pairs=pairs)
    lent, other = Lent(loop, "pairs", ["x", "sizes"]), Lent(loop, "attend", [])
    with pytest.raises(RuntimeError, match="larger arguments"):
        lent(torch.zeros(200, 200), (1, 2))
    with pytest.raises(RuntimeError, match="larger arguments"):
        lent(torch.zeros(2), (10**9, 2))
    with pytest.raises(RuntimeError, match="KeyError"):
        other(torch.zeros(2))
    with pytest.raises(TypeError, match="does not know: speed"):
        lent(torch.zeros(2), (1, 2), speed=1)
    for nonsense in (None, [], {"name": ["pairs"]}, {"name": "pairs", "arguments": 3}):
        assert "raised" in answer_ask(nonsense, {"pairs": pairs})


@pytest.fixture(scope="module")
def runner():
    with Forking(replace(Limits(), cpu=2), hide=jail.hidden_folders()) as found:
        yield found


def graded(runner: Forking, folder, *cells: str) -> dict[str, dict]:
    """Results by question, for all of the notebook on attention."""
    text = "\n# %%\n".join([SET_UP, *cells])
    (folder / "ann.py").write_text(text)
    questions = [q for q in QUESTIONS.values() if q.notebook == "ex03_attention"]
    found = survey(runner, Submission("ann", [folder / "ann.py"]), questions)
    book = Book(folder / "book", checks="c", seed=3, limits="l")
    results = grade(runner, found, questions, seed=3, book=book)
    return {r["report"]["question"]: r for r in results}


@jailed
def test_a_right_later_part_counts_though_the_earlier_one_is_wrong(runner, tmp_path) -> None:
    for name, earlier in (("wrong", UNSCALED), ("absent", ""), ("no function", "attend = 3")):
        folder = tmp_path / name
        folder.mkdir()
        found = graded(runner, folder, HEADS, earlier)
        assert not found["attend"]["report"]["passed"]
        later = found["multi_head"]
        assert later["report"]["passed"] and later["lent"] == ["attend"], later["text"]
    assert graded(runner, tmp_path, HEADS, RIGHT)["multi_head"]["lent"] == []


@jailed
def test_a_wrong_later_part_stays_wrong(runner, tmp_path) -> None:
    wrong = HEADS.replace(".transpose(1, 2).flatten(2)", ".flatten(2)")
    found = graded(runner, tmp_path, UNSCALED, wrong)["multi_head"]
    assert not found["report"]["passed"] and found["lent"] == []


@jailed
def test_the_lent_part_cannot_be_looked_at(runner, tmp_path) -> None:
    spy = HEADS.replace(
        "    everywhere",
        "    import inspect\n    raise KeyError(inspect.getsource(attend))\n    everywhere",
    )
    found = graded(runner, tmp_path, UNSCALED, spy)["multi_head"]
    assert not found["report"]["passed"] and "softmax" not in found["report"]["message"]
