"""Run every notebook again, store it as one clean run, and measure it into the README.

python .ci/notebooks.py           # all
python .ci/notebooks.py 00        # those whose name begins so
python .ci/notebooks.py --check   # only: does every twin say what its notebook says?
"""

import argparse
import base64
import io
import os
import platform
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import jupytext
import nbformat
import psutil
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
TWINS = ROOT / "notebooks" / "source"
WIDGET = "application/vnd.jupyter.widget-view+json"
MARKS = "<!-- notebooks:start -->", "<!-- notebooks:end -->"


def source_cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """What a person wrote: the kind and text of each cell."""
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def stored_at(twin: Path) -> Path:
    """Where the notebook of a text twin is kept: in the folder above."""
    return twin.parent.parent / f"{twin.stem}.ipynb"


def differs(twin: Path) -> bool:
    """Whether the text twin and the stored notebook say different things."""
    stored = stored_at(twin)
    if not stored.exists():
        return True
    return source_cells(jupytext.read(twin)) != source_cells(nbformat.read(stored, as_version=4))


def smaller(png: str) -> str:
    """The picture of an output with 256 colours: half the bytes, and to the eye the same."""
    kept = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return min(png, base64.b64encode(kept.getvalue()).decode(), key=len)


def peak_memory(stop: threading.Event, found: list[int]) -> None:
    """Watch this process's children, and keep the most memory they held at once, in bytes."""
    while not stop.wait(0.2):
        total = 0
        for child in psutil.Process().children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:
                continue
        found[0] = max(found[0], total)


def run(twin: Path) -> tuple[float, float]:
    """Execute a notebook in a fresh kernel and store it; returns minutes and GB."""
    notebook = jupytext.read(twin)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):  # ids that do not change from run to run
        cell.id = f"cell-{number:02d}"
    stop, found, start = threading.Event(), [0], time.perf_counter()
    watch = threading.Thread(target=peak_memory, args=(stop, found))
    watch.start()
    try:
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", store_widget_state=False
        )
        client.execute(cwd=str(stored_at(twin).parent))
    finally:
        stop.set()
        watch.join()
    minutes = (time.perf_counter() - start) / 60
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):  # a widget without its state cannot be shown
            data = output.get("data", {})
            data.pop(WIDGET, None)
            if "image/png" in data:
                data["image/png"] = smaller(data["image/png"])
    stored = stored_at(twin)
    unfinished = stored.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, stored)
    return minutes, found[0] / 2**30


def machine() -> str:
    """This machine in one line."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = names[0] if names else model
    elif sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        model = subprocess.run(command, capture_output=True, text=True).stdout.strip() or model
    import torch

    return (
        f"{model}, {os.cpu_count()} cores ({torch.get_num_threads()} used by torch), "
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    )


def write_table(measured: dict[str, tuple[float, float]]) -> None:
    """Put the measured rows between the README's marks, and keep the rows of other notebooks."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    old, after = rest.split(MARKS[1])
    rows = dict(re.findall(r"^\| \[(\w+)\]\S+ (\|.*)$", old, flags=re.M))
    rows |= {name: f"| {m:.1f} | {gb:.1f} |" for name, (m, gb) in measured.items()}
    table = ["| notebook | minutes | memory, GB |", "|---|---|---|"]
    table += [f"| [{name}](notebooks/{name}.ipynb) {row}" for name, row in sorted(rows.items())]
    table += ["", f"Measured by `make notebooks` on: {machine()}."]
    text = before + MARKS[0] + "\n" + "\n".join(table) + "\n" + MARKS[1] + after
    readme.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("begins", nargs="?", default="", help="only notebooks that begin so")
    parser.add_argument("--check", action="store_true", help="only compare the twins")
    options = parser.parse_args()
    twins = sorted(TWINS.glob(f"{options.begins}*.py"))
    if options.check:
        different = [twin.stem for twin in twins if differs(twin)]
        if different:
            print(f"twin and notebook differ: {', '.join(different)}; run `make notebooks`")
        return len(different) > 0
    measured = {}
    for twin in twins:
        measured[twin.stem] = run(twin)
        print(f"{twin.stem}: {measured[twin.stem][0]:.2f} minutes, {measured[twin.stem][1]:.2f} GB")
    write_table(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
