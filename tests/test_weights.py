"""Scores in the weights' record: one row at a time, each with chance of its own."""

import shutil

from llmvis_course.training.checkpoint import load_tensors, save_tensors
from llmvis_course.weights import FOLDER, make


def test_scoring_goes_on_with_the_rows_that_are_missing(tmp_path, monkeypatch) -> None:
    for path in FOLDER.iterdir():
        if path.suffix in (".safetensors", ".json"):
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(make, "SPLITS", ("held out",))
    monkeypatch.setattr(make, "CAPTION_KINDS", ("single", "counting"))
    make.record_scores(tmp_path, prompts={"held out": 3})
    tensors, record = load_tensors(tmp_path / "drawer.safetensors")
    whole = record["scores"]
    assert [(row["kind"], row["n"]) for row in whole] == [("single", 3), ("counting", 3)]

    save_tensors(tmp_path / "drawer.safetensors", tensors, record | {"scores": whole[1:]})
    scored = []
    evaluate = make.evaluate
    monkeypatch.setattr(make, "evaluate", lambda *a, **k: scored.append(k) or evaluate(*a, **k))
    make.record_scores(tmp_path, prompts={"held out": 3})
    assert [k["kinds"] for k in scored] == [("single",)]
    assert load_tensors(tmp_path / "drawer.safetensors")[1]["scores"] == whole
