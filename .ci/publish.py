"""Write the repository's address everywhere it must stand: one command for whoever publishes.

    python .ci/publish.py https://github.com/OWNER/NAME
    python .ci/publish.py     # write the address of pyproject.toml again

The address stands in pyproject.toml. On Colab a notebook is all there is, so each notebook's first
cell, its twin and the README's badge carry a copy; tests/test_colab.py holds them equal.
"""

import re
import sys
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).parent.parent
SETUP = """# Set-up: installs the course where it is missing (on Colab); elsewhere it does nothing.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("llmvis_course") is None:
    address = "git+{address}"
    source = os.environ.get("LLMVIS_COURSE_INSTALL", address)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)"""


def address() -> str:
    """The repository's address, from the one place where it stands."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(.+)"$', text, flags=re.M)[1]


def setup_cell() -> str:
    """The first cell of every notebook."""
    return SETUP.format(address=address())


def badge() -> str:
    """The README's line that opens the first notebook on Colab."""
    path = address().removeprefix("https://github.com/")
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{path}/blob/main/notebooks/00_start_here.ipynb)"
    )


def main(arguments: list[str]) -> None:
    if arguments:
        if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", arguments[0]):
            raise SystemExit(f"found {arguments[0]!r}; expected https://github.com/OWNER/NAME")
        file = ROOT / "pyproject.toml"
        text = file.read_text(encoding="utf-8")
        new = re.sub(r'^Repository = ".+"$', f'Repository = "{arguments[0]}"', text, flags=re.M)
        file.write_text(new, encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(
        re.sub(r"^\[!\[Open in Colab\].*$", badge(), text, flags=re.M), encoding="utf-8"
    )
    for folder in ("notebooks", "solutions"):
        for twin in sorted((ROOT / folder / "source").glob("*.py")):
            notebook = jupytext.read(twin)
            notebook.cells[0].source = setup_cell()
            jupytext.write(notebook, twin, fmt="py:percent")
    for folder in ("notebooks", "solutions", "exercises"):
        for stored in sorted((ROOT / folder).glob("*.ipynb")):
            notebook = nbformat.read(stored, as_version=4)
            notebook.cells[0].source = setup_cell()
            nbformat.write(notebook, stored)


if __name__ == "__main__":
    main(sys.argv[1:])
