"""Where Linux allows namespaces to bwrap alone, bwrap makes the jail."""

import csv
import re
import sys
from dataclasses import replace

import pytest
from handed_in import FAILS, RIGHT, SET_UP, UNSCALED, doing, hand_in

pytest.importorskip("resource", reason="bwrap is for Linux; Windows lacks what it needs")

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading import __main__ as command
from llmvis_course.grading import jail, wrapping
from llmvis_course.grading.grade import run_answer
from llmvis_course.grading.launch import Fault
from llmvis_course.grading.limits import Limits

linux = pytest.mark.skipif(sys.platform != "linux", reason="bwrap is a program for Linux")
MISSING = wrapping.why_not() if sys.platform == "linux" else "bwrap is a program for Linux"
wrapped = pytest.mark.skipif(bool(MISSING), reason=MISSING or "bwrap can make a jail")
LIMITS = replace(Limits(), cpu=2, wall=5.0)
RUNNER = wrapping.Wrapping(LIMITS, hide=jail.hidden_folders())
STUBBED = '#!/bin/sh\nwhile [ $1 != -- ]; do shift; done\nshift\nexec "$@"\n'


def grade(code: str):
    """The report and what was printed, for one answer to the question about attention."""
    return run_answer(RUNNER, QUESTIONS["attend"], SET_UP + code, {}, seed=5)


@wrapped
def test_a_right_answer_passes_and_a_known_mistake_is_named() -> None:
    report, printed = grade(doing('print("hello")'))
    assert report.passed and printed.splitlines()[0] == "hello", report
    assert grade(UNSCALED)[0].misconception == "no division by the square root of d"


MESSAGES = {
    "exit": "exit code 0",
    "endless loop": "processor time|did not answer",
    "sleep": "did not answer within 5 seconds",
    "fork bomb": "not permitted",
    "100 GB": "MemoryError",
    "1 GB in many files": "No space left",
    "shared memory": "refused",
    "crash": "SIGSEGV",
    "socket": "not permitted",
    "program": "not permitted",
    "the course's answers": "ModuleNotFoundError",
    "the course's files": "No such file",
    "the password file": "No such file",
    "write to the library": "denied|Read-only",
}
"""What stops a hostile answer."""


@wrapped
@pytest.mark.parametrize("what", MESSAGES)
def test_each_is_stopped_by_what_should_stop_it(what) -> None:
    report, _ = grade(FAILS[what])
    assert not report.passed and re.search(MESSAGES[what], report.message), report


@wrapped
def test_inside_there_is_nothing_to_see(tmp_path) -> None:
    places = [str(tmp_path), "/home", "/etc/shadow", "/proc/self", "/dev/shm"]
    look = f"import os\nraise KeyError([p for p in {places!r} if os.path.exists(p)])"
    assert "KeyError" in (message := grade(doing(look))[0].message) and "[]" in message
    write = "raise KeyError([p for p in ('/', '/usr', '/dev') if os.access(p, os.W_OK)])"
    message = grade(doing(f"import os\n{write}"))[0].message
    assert "KeyError" in message and "[]" in message


@linux
def test_nothing_with_a_right_answer_is_shown() -> None:
    line = wrapping.world(LIMITS, jail.hidden_folders())
    shown = [line[n + 2] for n, word in enumerate(line) if word == "--ro-bind"]
    needed = {f"{folder}/{name}.py" for folder, names in wrapping.NEEDED.items() for name in names}
    inner = {path for path in shown if re.search(r"/(checks|grading)/", path)}
    assert {"/".join(path.split("/")[-2:]) for path in inner} == needed
    for folder in jail.hidden_folders():
        place = line.index(folder)
        assert line[place - 3 : place] == ["--size", "4096", "--tmpfs"]
        assert all(line.index(path) > place for path in inner if path.startswith(folder))


@linux
def test_the_child_locks_itself_in_whatever_bwrap_does(monkeypatch, tmp_path) -> None:
    (tmp_path / "bwrap").write_text(STUBBED)  # it takes off its own arguments, and builds nothing
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert wrapping.why_not() == ""
    assert grade(RIGHT)[0].passed
    assert "not permitted" in grade(FAILS["fork bomb"])[0].message


@linux
def test_it_says_what_is_missing(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed" in wrapping.why_not()
    with pytest.raises(Fault, match="bwrap"):
        RUNNER.run({})
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'No permission' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    assert "No permission" in wrapping.why_not()
    with pytest.raises(Fault, match="could not be started"):
        RUNNER.run({})
    monkeypatch.setattr(jail, "why_not", lambda: "the walls are missing")
    how, missing = command.walls()
    assert how == "" and "the walls are missing; and `bwrap`" in missing


@wrapped
def test_a_class_is_graded_in_bwrap_where_namespaces_are_refused(
    monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.setattr(jail, "why_not", lambda: "the walls are missing")
    work, out = tmp_path / "work", tmp_path / "out"
    hand_in(work, "ann", RIGHT)
    hand_in(work, "bob", FAILS["exit"])
    run = [str(work), "--out", str(out), "--workers", "1", "--only", "attend", "--cpu", "2"]
    assert command.main(run) == 0
    assert "by bwrap" in capsys.readouterr().err
    with open(out / "class.csv", encoding="utf-8", newline="") as file:
        points = {row["student"]: row["points"] for row in csv.DictReader(file)}
    assert points == {"ann": "3", "bob": "0"}
