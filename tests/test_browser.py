"""A person's way through notebook 00: open JupyterLab, run all, type a caption, see it drawn."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MINUTES = 60_000  # milliseconds


def browser_path() -> str:
    """The installed browser; skips without one, except in CI, where one must be."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("no browser found in CI; expected one of " + ", ".join(BROWSERS))
    if found is None:
        pytest.skip("no browser found: " + ", ".join(BROWSERS))
    return found


@pytest.fixture
def lab(tmp_path):
    """JupyterLab as `make lab` starts it, on a copy of the notebooks; gives its address."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    command = (
        make.split("LAB = $(BIN)/jupyter lab")[1].split("\n\n")[0].replace("\\\n", " ").split()
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", *command, "--no-browser", "--allow-root",
         f"--ServerApp.port={port}", f"--ServerApp.root_dir={tmp_path}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            return
        except OSError:
            process.poll()
    pytest.fail("JupyterLab did not start")


def test_a_typed_caption_is_drawn(lab, tmp_path) -> None:
    executable = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1600})
        page.goto(f"{lab}/lab/tree/notebooks/00_start_here.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=2 * MINUTES)
        # the status bar; before a kernel is there, "Run All Cells" would ask for one
        page.get_by_text("(ipykernel) | Idle").wait_for(timeout=2 * MINUTES)
        assert page.get_by_text("Select Kernel").count() == 0
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        box = page.locator(".llmvis-caption input").first
        box.wait_for(state="attached", timeout=5 * MINUTES)
        box.evaluate("e => e.scrollIntoView()")  # cells out of sight are not rendered
        picture = page.locator("img.llmvis-picture, .llmvis-picture img").first
        picture.wait_for(timeout=5 * MINUTES)
        before = picture.get_attribute("src")
        box.fill("two large yellow fives")
        box.press("Tab")
        page.locator("button.llmvis-draw, .llmvis-draw button").first.click()
        page.wait_for_function(
            "old => { const i = document.querySelector('img.llmvis-picture, .llmvis-picture img');"
            " const v = document.querySelector('.llmvis-verdict');"
            " return i && i.src !== old && v && v.textContent.includes('five'); }",
            arg=before,
            timeout=5 * MINUTES,
        )
        assert page.locator(".jp-RenderedText[data-mime-type*='error']").count() == 0
        assert page.get_by_text("official Jupyter news").count() == 0
        browser.close()
