"""A learner's progress: kept in one small file, whole at any time, and shown as a table."""

import json
import os
from dataclasses import replace

import pytest

from llmvis_course.checks import QUESTIONS, check, keep_progress, show_progress
from llmvis_course.checks.__main__ import main
from llmvis_course.checks.progress import read, record, table

ATTEND = QUESTIONS["attend"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("llmvis_course.checks._kept", {})
    return tmp_path


def test_checks_note_nothing_unless_asked(here) -> None:
    check("attend", ATTEND.reference)
    assert list(here.iterdir()) == []


def test_what_passed_once_stays_passed(here) -> None:
    keep_progress()
    for answer in (ATTEND.misconceptions[0].wrong, ATTEND.reference, lambda *a: None):
        check("attend", answer)
    assert read("progress.json") == {"attend": {"passed": True, "tries": 3}}
    assert [path.name for path in here.iterdir()] == ["progress.json"]


def test_an_untouched_stub_is_no_try(here, capsys) -> None:
    def stub(*arguments):
        raise NotImplementedError

    keep_progress()
    check("attend", stub)
    show_progress("ex03_attention")
    assert "· attend" in capsys.readouterr().out
    check("attend", lambda *a: None)
    show_progress("ex03_attention")
    assert "✗ attend" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{", "[1]", "\udcff", '{"attend": 3, "kl": {"passed": 1}}'])
def test_a_broken_file_is_begun_again(here, text) -> None:
    (here / "progress.json").write_bytes(text.encode(errors="surrogateescape"))
    assert read("progress.json") == {}
    record(check("attend", ATTEND.reference), "progress.json")
    assert read("progress.json") == {"attend": {"passed": True, "tries": 1}}


def test_a_run_cut_off_while_writing_loses_nothing(here, monkeypatch) -> None:
    report = check("attend", ATTEND.reference)
    record(report, "progress.json")
    before = (here / "progress.json").read_text()

    def cut_off(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        record(replace(report, question="kl"), "progress.json")
    assert (here / "progress.json").read_text() == before


def test_the_table_counts_points(here) -> None:
    lines = table(QUESTIONS, {"attend": {"passed": True, "tries": 2}}).splitlines()
    (head,) = [line for line in lines if line.startswith("ex03_attention")]
    most = sum(q.points for q in QUESTIONS.values() if q.notebook == "ex03_attention")
    assert head.split() == ["ex03_attention", "█░░░░░", "3", "of", str(most), "points"]
    assert sum(line.startswith("ex") for line in lines) == len(
        {q.notebook for q in QUESTIONS.values()}
    )


def test_questions_stand_in_the_order_of_the_exercises(here, capsys) -> None:
    show_progress("ex07_gan_minimax")
    names = [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == [
        "best_discriminator", "value_of", "discriminator_loss", "generator_loss", "critic_loss",
        "jensen_shannon", "gradient_ratio",
    ]  # fmt: skip


def test_the_command_shows_progress(here, capsys) -> None:
    assert main(["--progress"]) == 1
    assert "No progress yet" in capsys.readouterr().out
    (here / "exercises").mkdir()
    kept = {"attend": {"passed": True, "tries": 2}}
    (here / "exercises" / "progress.json").write_text(json.dumps(kept))
    most = sum(q.points for q in QUESTIONS.values())
    for arguments in (["--progress"], ["--progress", "exercises"]):
        assert main(arguments) == 0
        assert f"1 of {len(QUESTIONS)} questions, 3 of {most} points." in capsys.readouterr().out
