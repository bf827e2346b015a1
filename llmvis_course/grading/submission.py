"""What a class handed in: which files are whose, and the code cells in them.

Reads JSON and text only; nothing of a file is parsed as Python here, and nothing is run.
"""

import json
import os
import stat
from pathlib import Path
from typing import NamedTuple

LARGEST_FILE = 20 * 2**20  # bytes; a notebook with pictures has a few million
MOST_CODE = 2**20  # characters of code in one file
ENDINGS = (".ipynb", ".py")
SKIPPED = (".ipynb_checkpoints", "__pycache__", "__MACOSX")


class Submission(NamedTuple):
    """All that one student handed in."""

    student: str  # the name of the folder, or of the file without its ending
    files: list[Path]


def find_submissions(folder: Path) -> list[Submission]:
    """One submission for each entry of `folder`: a folder for each student, or a file.

    Within a student's folder files may lie at any depth, as nbgrader and Moodle put them. Links are
    not followed: one could point at somebody else's work. A student with no notebook at all has
    whatever else there is, which will not be readable. Raises ValueError for what is no folder.
    """
    if not folder.is_dir():
        raise ValueError(f"found no folder {str(folder)!r}; expected one with a class's work")
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in SKIPPED:
            continue
        is_folder = entry.is_dir() and not entry.is_symlink()
        files = _files_below(entry) if is_folder else [entry]
        known = [f for f in files if f.suffix.lower() in ENDINGS]
        found.setdefault(entry.name if is_folder else entry.stem, []).extend(known or files[:1])
    if not found:
        raise ValueError(f"found nothing in {str(folder)!r}; expected a class's work")
    return [Submission(student, files) for student, files in sorted(found.items())]


def _files_below(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        found += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return found


def read_cells(path: Path) -> list[str]:
    """The code cells of a notebook, or of a Python file with `# %%` between cells.

    Raises ValueError that says what is wrong with the file, for its author to read.
    """
    text = _read_text(path)
    if path.suffix.lower() == ".py":
        cells = [f"\n{part}" for part in text.split("\n# %%")]
    else:
        cells = _cells_of_notebook(path.name, text)
    if sum(map(len, cells)) > MOST_CODE:
        raise ValueError(f"{path.name} has more than {MOST_CODE:,} characters of code")
    return cells


def _read_text(path: Path) -> str:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path.name} is a link or a device; expected a file")
        if status.st_size > LARGEST_FILE:
            raise ValueError(f"{path.name} has {status.st_size:,} bytes; expected far fewer")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not text, so it is no notebook") from None


def _cells_of_notebook(name: str, text: str) -> list[str]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is no notebook: it is not JSON") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    sheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    if cells is None and isinstance(sheets, list):  # the format before 2015
        cells = [c for s in sheets if isinstance(s, dict) for c in s.get("cells") or []]
    if not isinstance(cells, list):
        raise ValueError(f"{name} is no notebook: it has no list of cells")
    found = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            parts = source if isinstance(source, list) else [source]
            found.append("".join(part for part in parts if isinstance(part, str)))
    return found
