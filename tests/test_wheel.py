"""The wheel holds all that is needed to draw, away from the checkout."""

from isolated import build_wheel, clean_environment, run
from PIL import Image


def test_the_wheel_draws_from_outside_the_checkout(tmp_path) -> None:
    wheel = build_wheel(tmp_path)
    python = clean_environment(tmp_path)
    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
        cwd=tmp_path,
    )
    away = tmp_path / "away"
    away.mkdir()
    found = run(python, "-c", "import llmvis_course as c; print(c.__file__)", cwd=away).strip()
    assert found.startswith(str(tmp_path / "venv"))
    printed = run(python, "-m", "llmvis_course", "a red seven", "--out", "seven.png", cwd=away)
    assert "verdict:" in printed
    with Image.open(away / "seven.png") as picture:
        assert picture.size == (256, 256)
        assert max(high for _, high in picture.getextrema()) > 128  # something was drawn
