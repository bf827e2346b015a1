"""A class is graded right, whatever is handed in, however often the run is interrupted."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from handed_in import FAILS, RIGHT, SET_UP, STUB, SURVIVED, UNSCALED, doing, hand_in, notebook

from llmvis_course.checks import QUESTIONS
from llmvis_course.checks.attempt import attempt as attempted
from llmvis_course.grading import __main__ as command
from llmvis_course.grading import jail
from llmvis_course.grading.book import Book, write_whole
from llmvis_course.grading.feedback import fenced, page
from llmvis_course.grading.grade import grade
from llmvis_course.grading.launch import Ended, Fault
from llmvis_course.grading.limits import Limits
from llmvis_course.grading.look import Survey, survey
from llmvis_course.grading.pool import Pool, Setting, side_by_side
from llmvis_course.grading.submission import Submission, find_submissions, read_cells
from llmvis_course.grading.tables import NBGRADER

MISSING = jail.why_not()
jailed = pytest.mark.skipif(bool(MISSING), reason=MISSING or "a jail is possible")
SWIFT = ["--cpu", "2", "--wall", "5", "--workers", "2", "--only", "attend"]
OTHERWISE = """
import torch as th
def mine(q, k, v, see):
    weights = th.einsum("...nd,...md->...nm", q, k) * SIZE(q) ** -0.5
    return th.where(see, weights, -th.inf).softmax(-1) @ v
def SIZE(x): return x.size(-1)
attend = mine
"""
BROKEN = "def broken(:\n"
MAGIC = "%matplotlib inline\n!ls\nx = !ls\n"


def fill(folder: Path) -> dict[str, int]:
    """Put a class's work into `folder`; returns the points that each student has earned."""
    earned = {"right": 3, "unscaled": 0, "stub": 0, "otherwise": 3, "broken-cell": 3}
    hand_in(folder, "right", RIGHT)
    hand_in(folder, "unscaled", UNSCALED)
    hand_in(folder, "stub", STUB)
    hand_in(folder, "otherwise", OTHERWISE)
    hand_in(folder, "broken-cell", BROKEN, MAGIC, RIGHT)
    hand_in(folder, "cells-moved", "raise SystemExit", RIGHT, STUB)
    hand_in(folder, "cells-gone").write_text(notebook(RIGHT))
    hand_in(folder, "no-answer")
    bare = {"cells": [{"cell_type": "code", "source": RIGHT.splitlines(keepends=True)}]}
    hand_in(folder, "metadata-gone").write_text(json.dumps(bare))
    hand_in(folder, "syntax-error", RIGHT.replace("return", "retrun"))
    earned |= {"cells-moved": 3, "cells-gone": 3, "metadata-gone": 3, "syntax-error": 0}
    (folder / "a-picture.ipynb").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    (folder / "no-json.ipynb").write_text("Dear teacher,")
    (folder / "a-list.ipynb").write_text("[" * 100_000)
    (folder / "essay").mkdir()
    (folder / "essay" / "essay.pdf").write_text("%PDF")
    (folder / "empty").mkdir()
    (folder / "one-file.py").write_text(f"{SET_UP}\n# %%\n{RIGHT}")
    earned |= dict.fromkeys(("no-answer", "a-picture", "no-json", "a-list", "essay", "empty"), 0)
    earned["one-file"] = 3
    hand_in(folder, "deep", "x = " + "-" * 200_000 + "1", "y = " + "(" * 5_000 + ")" * 5_000)
    earned["deep"] = 0
    thief = f"text = open({str(folder / 'right' / 'ex03_attention.ipynb')!r}).read()\n"
    hand_in(folder, "thief", doing(thief))
    (folder / "linked").mkdir()
    (folder / "linked" / "a.ipynb").symlink_to(folder / "right" / "ex03_attention.ipynb")
    earned |= {"thief": 0, "linked": 0}
    for name, code in (FAILS | SURVIVED).items():
        hand_in(folder, f"hostile {name}", code)
        earned[f"hostile {name}"] = 3 if name in SURVIVED else 0
    return earned


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> tuple[Path, Path, dict[str, int]]:
    """Where a class's work is, where its grades are, and the points each student has earned."""
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("class")
    work, out = folder / "submissions", folder / "grades"
    work.mkdir()
    earned = fill(work)
    assert command.main([str(work), "--out", str(out), "--seed", "77", *SWIFT]) == 0
    return work, out, earned


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def student(out: Path, name: str) -> dict:
    return json.loads((out / "students" / f"{name}.json").read_text(encoding="utf-8"))


def test_every_student_has_the_grade_earned(graded) -> None:
    _, out, earned = graded
    rows = table(out / "class.csv")
    assert {row["student"]: int(row["points"]) for row in rows} == earned
    assert {row["out_of"] for row in rows} == {"3"}


WHY = {
    "syntax-error": "The cell with `attend` is not Python: code cell 2, line 5",
    "no-answer": "There is no function `attend` in what was handed in.",
    "a-picture": "a-picture.ipynb is not text, so it is no notebook",
    "no-json": "no-json.ipynb is no notebook: it is not JSON",
    "a-list": "it is not JSON",
    "essay": "essay.pdf is no notebook",
    "linked": "is a link or a device",
    "thief": "FileNotFoundError",
    "stub": "Replace the line",
}


@pytest.mark.parametrize("name", WHY)
def test_feedback_says_why(graded, name) -> None:
    _, out, _ = graded
    text = (out / "feedback" / f"{name}.md").read_text(encoding="utf-8")
    assert WHY[name] in text and text.startswith(f"# {name}: 0 of 3 points")


def test_a_known_mistake_is_named_to_the_student_and_counted(graded) -> None:
    _, out, _ = graded
    report = student(out, "unscaled")["questions"][0]["report"]
    assert report["misconception"] == "no division by the square root of d" and report["hint"]
    text = (out / "misconceptions.md").read_text(encoding="utf-8")
    assert "| no division by the square root of d | 1 |" in text


def test_exports_have_the_columns_and_points_of_other_tools(graded) -> None:
    _, out, earned = graded
    rows = table(out / "gradebook.csv")
    assert tuple(rows[0]) == NBGRADER
    assert {row["student_id"]: float(row["score"]) for row in rows} == earned
    assert {(row["assignment"], row["max_score"]) for row in rows} == {("ex03_attention", "3.0")}
    for name, points in earned.items():
        found = json.loads((out / "gradescope" / name / "results.json").read_text("utf-8"))
        (test,) = found["tests"]
        assert found["score"] == test["score"] == points and test["max_score"] == 3
        assert test["status"] == ("passed" if points else "failed")


def test_the_secret_seed_is_written_nowhere(graded) -> None:
    _, out, _ = graded
    for path in out.rglob("*.json"):
        assert '"seed"' not in path.read_text(encoding="utf-8")


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every result in the book: when it was written, and what it says."""
    found = (folder / "answers").rglob("*.json")
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@jailed
def test_killed_half_way_it_goes_on(graded, tmp_path) -> None:
    work, whole, earned = graded
    few = ["right", "unscaled", "otherwise", "stub", "hostile exit", "hostile print", "cells-gone"]
    folder, out = tmp_path / "submissions", tmp_path / "grades"
    for name in few:
        shutil.copytree(work / name, folder / name)
    run = [str(folder), "--out", str(out), "--seed", "77", *SWIFT, "--workers", "1"]
    line = [sys.executable, "-m", "llmvis_course.grading", *run]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and len(files(out)) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = files(out)
    assert len(before) >= 2
    assert command.main(run) == 0
    after = files(out)
    assert {name: after[name] for name in before} == before, "an answer was graded twice"
    rows = table(out / "class.csv")
    assert {row["student"]: int(row["points"]) for row in rows} == {n: earned[n] for n in few}
    assert {(n, text) for n, (_, text) in after.items()} <= {
        (n, text) for n, (_, text) in files(whole).items()
    }, "a resumed run found something else than a whole one"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no worker that forks")
def test_a_grader_that_is_killed_is_started_again_and_nothing_is_lost(tmp_path) -> None:
    for name in "abcd":
        hand_in(tmp_path / "work", name, RIGHT.replace("Mine", name))
    submissions = find_submissions(tmp_path / "work")
    setting = Setting(Limits(), 0, tmp_path / "book", "c", "fork", ())
    with Pool(setting, 1) as pool:
        found = dict(pool.survey(submissions, ["attend"]))
        done = {}
        for place, results in pool.grade([found[n] for n in range(4)], ["attend"]):
            if not done:
                for process in pool._executor._processes.values():
                    process.kill()
            done[place] = results
    assert sorted(done) == [0, 1, 2, 3]
    assert all(results[0]["report"]["passed"] for results in done.values())


def test_graders_that_wait_have_others_beside_them() -> None:
    assert [side_by_side(workers, 1000) for workers in (1, 2, 4)] == [1, 3, 6]
    assert [side_by_side(4, students) for students in (0, 1, 5)] == [1, 1, 5]


def test_what_breaks_the_grader_costs_nobody_else_a_grade(tmp_path) -> None:
    setting = Setting(Limits(), 0, tmp_path / "book", "c", "spawn", ())
    good = Survey("ann", {}, ["nothing was handed in."])
    with Pool(setting, 1) as pool:
        done = dict(pool.grade(["no survey at all", good], ["attend"]))
    assert isinstance(done[0], Fault)
    assert "nothing was handed in" in done[1][0]["report"]["message"]


# --- parts that need no jail -------------------------------------------------------------------


def test_refuses_where_no_jail_is_possible(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(command, "walls", lambda: ("", "the walls are missing"))
    assert command.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "Refusing" in told and "the walls are missing" in told and "--trusted" in told
    assert not (tmp_path / "out").exists()


def test_trusted_work_is_graded_without_a_jail(monkeypatch, tmp_path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    hand_in(work, "ann", RIGHT)
    hand_in(work, "bob", doing("import os\nos._exit(3)"))
    monkeypatch.setattr(jail, "why_not", lambda: "the walls are missing")
    monkeypatch.setattr(sys, "platform", "darwin")  # a fresh Python for each answer
    run = [str(work), "--out", str(out), "--trusted", "--workers", "1", "--only", "attend"]
    assert command.main(run) == 0
    points = {row["student"]: row["points"] for row in table(out / "class.csv")}
    assert points == {"ann": "3", "bob": "0"}
    text = student(out, "bob")["questions"][0]["text"]
    assert "exit code 3" in text


def test_bad_arguments_are_refused(tmp_path, capsys) -> None:
    out = ["--out", str(tmp_path / "out"), "--trusted"]
    assert command.main([str(tmp_path / "nowhere"), *out]) == 2
    assert "found no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert command.main([str(tmp_path / "empty"), *out]) == 2
    assert "found nothing" in capsys.readouterr().err
    hand_in(tmp_path / "work", "ann", RIGHT)
    assert command.main([str(tmp_path / "work"), *out, "--only", "attention"]) == 2
    assert "found attention; expected some of" in capsys.readouterr().err


def test_submissions_are_folders_or_files_at_any_depth(tmp_path) -> None:
    deep = tmp_path / "ann" / "ex03" / "deep.ipynb"
    deep.parent.mkdir(parents=True)
    deep.write_text(notebook("a = 1"))
    skipped = tmp_path / "ann" / ".ipynb_checkpoints" / "old.ipynb"
    skipped.parent.mkdir()
    skipped.write_text(notebook("a = 2"))
    (tmp_path / "ann" / "notes.txt").write_text("notes")
    (tmp_path / "bob.ipynb").write_text(notebook("b = 1"))
    (tmp_path / ".DS_Store").write_text("")
    assert find_submissions(tmp_path) == [
        Submission("ann", [deep]),
        Submission("bob", [tmp_path / "bob.ipynb"]),
    ]
    assert read_cells(deep) == ["a = 1"]
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["c = ", "1"]}]}]}
    (tmp_path / "old.ipynb").write_text(json.dumps(old))
    assert read_cells(tmp_path / "old.ipynb") == ["c = 1"]


def test_the_book_keeps_whole_results_only(tmp_path) -> None:
    known = {"checks": "c", "limits": "l"}
    book = Book(tmp_path, seed=1, **known)
    key = book.key("attend", "code", ())
    others = [
        Book(tmp_path, seed=2, **known).key("attend", "code", ()),
        Book(tmp_path, seed=1, checks="d", limits="l").key("attend", "code", ()),
        book.key("attend", "other code", ()),
        book.key("attend", "code", ("scores",)),
        book.key("other", "code", ()),
    ]
    assert len({key, *others}) == 6
    assert book.get(key) is None
    book.put(key, {"points": 3})
    assert book.get(key) == {"key": key, "points": 3}
    (path,) = tmp_path.rglob("*.json")
    path.write_text(path.read_text()[:-5])  # half a file, as from a disk that was full
    assert book.get(key) is None
    write_whole(tmp_path / "a" / "b.txt", "text")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_feedback_cannot_be_steered_by_what_is_shown() -> None:
    text = fenced("a\n```\n<script>\n\x1b[2J````")
    assert text.startswith("`````text\n") and text.endswith("\n`````") and "\x1b" not in text
    assert page("<b>|x", [], []).startswith("# &lt;b&gt;\\|x: 0 of 0 points")


class Scripted:
    """Stands in for a runner: answers each job from a list."""

    def __init__(self, *endings: Ended) -> None:
        self.endings = list(endings)

    def run(self, job: dict, on_ask=None) -> Ended:
        return self.endings.pop(0)


def test_a_survey_that_is_forged_counts_as_unreadable(tmp_path) -> None:
    question = [QUESTIONS["attend"]]
    (tmp_path / "a.ipynb").write_text(notebook(RIGHT))
    handed = Submission("a", [tmp_path / "a.ipynb"])
    good = dict.fromkeys(("arguments", "uses", "imports"), []) | {"code": "x", "stub": False}
    wrong = [
        {},
        None,
        good | {"stub": 1},
        good | {"uses": None},
        good | {"uses": [1]},
        {"missing": 3},
    ]
    for forged in (None, [], {"b": good}, *({"attend": answer} for answer in wrong)):
        found = survey(Scripted(Ended([{"found": forged}])), handed, question)
        assert found.answers == {} and "could not be read" in found.problems[0]
    found = survey(Scripted(Ended([{"found": {"attend": good}}])), handed, question)
    assert found.answers["attend"]["cells"] == [RIGHT] and not found.problems


def attempt(**more) -> dict:
    plain = {"kind": "values", "message": "", "values": [], "numbers": [], "grads": []}
    return {"attempt": plain | {"changed": []} | more}


NUMBER = {"dtype": "float64", "shape": [], "data": [1.0]}


@pytest.mark.parametrize(
    "message",
    [
        {"attempt": None},
        attempt(),
        attempt(values=[NUMBER], numbers=[False]),
        attempt(values=[NUMBER], numbers=[False], grads=[NUMBER] * 3),
        attempt(kind="right"),
        attempt(values=[{**NUMBER, "shape": [2]}], numbers=[False]),
    ],
)
def test_a_forged_attempt_is_no_result(tmp_path, message) -> None:
    known = dict.fromkeys(("arguments", "uses", "imports"), []) | {"code": "x", "stub": False}
    found = Survey("a", {"attend": known}, [])
    book = Book(tmp_path, checks="c", seed=0, limits="l")
    runner = Scripted(Ended([message] * 8))
    (result,) = grade(runner, found, [QUESTIONS["attend"]], seed=0, book=book)
    assert not result["report"]["passed"]
    assert "sent back no result" in result["report"]["message"]


def test_an_answer_that_was_late_once_is_tried_again(tmp_path) -> None:
    known = dict.fromkeys(("arguments", "uses", "imports"), []) | {"code": "x", "stub": False}
    late = Ended([], "Your code did not answer within 5 seconds.", late=True)
    question = QUESTIONS["attend"]
    made = [
        attempted(question.reference, case.arguments, question.gradient_places).to_plain()
        for case in question.cases(0)
    ]
    endings = {
        "once": [late, Ended(json.loads(json.dumps([{"attempt": plain} for plain in made])))],
        "twice": [late, late],
    }
    for name, ends in endings.items():
        book = Book(tmp_path / name, checks="c", seed=0, limits="l")
        found = Survey("a", {"attend": known}, [])
        (result,) = grade(Scripted(*ends), found, [question], seed=0, book=book)
        assert result["report"]["passed"] == (name == "once"), result["text"]
