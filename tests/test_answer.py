"""Answers are found by name, with what they need and nothing else. Every cell here is harmless."""

import textwrap

import pytest

from llmvis_course.grading.answer import define, survey
from llmvis_course.grading.statements import Notebook


def code(*cells: str, function: str = "f", given: tuple[str, ...] = ()) -> str:
    """What is found for a function, as code."""
    return survey([textwrap.dedent(cell) for cell in cells], [function], given)[function]["code"]


def value(*cells: str):
    """What `f()` returns."""
    return define(code(*cells), "f", {})()


def test_only_what_the_answer_needs_is_taken() -> None:
    cells = [
        "import os, sys",
        "x = 1\ny = 2",
        "def f():\n    z = 3\n    return x + z",
        "f()\n1 / 0",
    ]
    assert code(*cells) == "x = 1\n\ndef f():\n    z = 3\n    return x + z".replace("\n\n", "\n")


def test_code_is_as_it_was_written() -> None:
    written = "def f(a):\n\n    # why\n    return (a +\n            1)"
    assert code(f"x = 1; y = 2\n{written}\nf(1)") == written
    assert code("a = 1; b = 2", "def f(): return a") == "a = 1\ndef f(): return a"
    assert (
        code("from functools import cache\r\n@cache\r\ndef f():\r\n    return 1").count("\n") == 3
    )


def test_order_of_cells_does_not_matter() -> None:
    helper, size, answer = "def g():\n    return SIZE", "SIZE = 3", "def f():\n    return g() + 1"
    for cells in ([helper, size, answer], [answer, size, helper], [size, answer, helper]):
        assert value(*cells) == 4


def test_a_local_name_needs_nothing_of_the_same_name_outside() -> None:
    assert "1 / 0" not in code("x = 1 / 0", "def f():\n    x = 2\n    return x")
    assert "1 / 0" in code("x = 1 / 0", "def f():\n    return [x for _ in range(2)]")


def test_the_last_written_definition_counts_and_a_stub_only_if_there_is_no_other() -> None:
    stub = 'def f():\n    """Do it."""\n    raise NotImplementedError("write me")'
    assert value("def f(): return 1", "def f(): return 2", stub) == 2
    found = survey([stub], ["f"])["f"]
    assert found["stub"] and found["arguments"] == []


def test_answers_that_are_no_plain_definition() -> None:
    assert value("g = lambda: 3", "f = g") == 3
    assert value("from functools import cache", "@cache\ndef f():\n    return 4") == 4
    assert value("class F:\n    def __call__(self):\n        return 5", "f = F()") == 5
    assert value("n = 1\nn += 2", "def f(n=n):\n    return n") == 3
    fallback = "try:\n    import missing_thing as m\nexcept ImportError:\n    m = 6"
    assert value(fallback, "def f(): return m") == 6
    assert value("def f(n=3):\n    return 0 if n == 0 else 1 + f(n - 1)") == 3


def test_usual_imports_may_be_gone_and_future_ones_come_first() -> None:
    assert value("def f(): return float(F.relu(torch.ones(1)) + 0 * math.pi * np.ones(1)[0])") == 1
    found = code("x = 1", "from __future__ import annotations\ndef f(a: Unknown = x): return a")
    assert found.startswith("from __future__") and define(found, "f", {})() == 1
    assert value("from math import *", "def f(): return floor(2.5)") == 2


def test_what_only_ipython_understands_is_left_out() -> None:
    assert value("%matplotlib inline\nx = 7\n!ls\nx?", "y = !pwd\ndef f():\n    return x") == 7
    assert value("%%time\nx = 8", "%%bash\ndef f(: fi", "def f(): return x") == 8
    assert value("x = 9 % (\n5)", "def f(): return x") == 4


def test_given_names_are_taken_from_elsewhere() -> None:
    cells = "def g():\n    return 1", "def f():\n    return g()"
    assert "def g" not in code(*cells, given=("g",))
    assert define(code(*cells, given=("g",)), "f", {"g": lambda: 2})() == 2


def test_it_says_what_an_answer_uses() -> None:
    cells = [
        "from llmvis_course.layers.attention import attention",
        "def g(a, b=1):\n    import llmvis_course.models.gpt\n    return attention",
        "def f():\n    return g(1)",
    ]
    found = survey(cells, ["f", "g", "h"])
    assert found["f"]["uses"] == ["g"] and found["g"]["uses"] == []
    assert found["f"]["imports"] == ["llmvis_course.layers.attention", "llmvis_course.models.gpt"]
    assert found["g"]["arguments"] == ["a", "b"]
    assert found["h"] == {"missing": "There is no function `h` in what was handed in."}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("def f(:\n  pass", "code cell 1, line 1"),
        ("def f():\n    return '\0'", "null bytes"),
        ("def f():\n    return " + "(" * 300 + ")" * 300, "nested"),
    ],
)
def test_a_broken_cell_breaks_only_what_is_in_it(cell, reason) -> None:
    found = survey([cell, "def g(): return 1"], ["f", "g"])
    assert reason in found["f"]["missing"] and "is not Python" in found["f"]["missing"]
    assert found["g"]["code"]


def test_statements_that_need_each_other_end() -> None:
    book = Notebook.read(["def f(): return g()", "def g(): return f()", "x = x_of(y)\ny = x"])
    assert {s.cell for s in book.find("f")} == {1, 2}
    assert len(book.find("x")) == 2
