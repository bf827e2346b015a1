"""The book of grades: what has been graded is written down whole, and never graded again.

Each result lies in a file of its own, named after what it depends on: the answer's code, the
course's code, the seed and the limits. A file is written under another name and then renamed, so
that it is there whole or not at all; a run that was killed goes on where it was. A file that a
power cut damaged counts as none.
"""

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import llmvis_course


def checks_hash() -> str:
    """Which version of the course judges: its code without what only draws."""
    package, found = Path(llmvis_course.__file__).parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] not in ("viz", "widgets.py"):
            found.update(f"{name.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    os.replace(unfinished, path)


class Book:
    """Results under `folder`, for one version of the checks, one seed and one set of limits."""

    def __init__(self, folder: Path, *, checks: str, seed: int, limits: str) -> None:
        self.folder = folder
        self._secret = f"{checks} {seed} {limits}".encode()

    def key(self, question: str, code: str, lent: tuple[str, ...]) -> str:
        """What a result depends on, in 32 letters that do not give the seed away."""
        text = json.dumps([question, code, lent])
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()[:32]

    def get(self, key: str) -> dict[str, Any] | None:
        """What was written down, or None. A damaged file counts as none."""
        try:
            found = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("key") == key else None

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Write a result down."""
        write_whole(self._path(key), json.dumps({"key": key, **result}, ensure_ascii=False))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
