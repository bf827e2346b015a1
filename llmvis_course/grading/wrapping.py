"""Start a fresh Python under `bwrap` for each job: where Linux allows namespaces to `bwrap` alone.

`bwrap` (bubblewrap) makes the world of `jail` and gives its rights away, so that nothing inside can
make another one: a worker that forks would have one world for all its children. Torch is therefore
imported for each answer, which takes seconds; the walls are the same.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import jail
from .launch import GONE, Ended, Fault, converse, environment, explain, refuse
from .limits import Limits

NEEDED = {
    "checks": ("__init__", "attempt", "question", "report"),
    "grading": (
        "__init__", "answer", "calls", "channel", "child", "filter", "jail", "lent", "limits",
        "statements", "wrapped",
    ),
}  # fmt: skip
"""What a child imports of folders that are hidden otherwise: no right answer is in these files."""
GRACE = 2.0  # seconds that a process that hung up has for ending, so that it is known how


def world(limits: Limits, hide: Sequence[str]) -> list[str]:
    """The beginning of a command that runs in a world like that of `jail.move_in`."""
    line = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent"]
    line += ["--new-session", "--cap-drop", "ALL"]
    show = jail.spellings(jail.visible_folders())
    for path in show:
        line += ["--ro-bind", path, path]
    for path in jail.spellings(hide):
        if not any(jail.inside(path, folder) for folder in show):
            continue
        if not os.path.isdir(path):
            line += ["--ro-bind", "/dev/null", path]
            continue
        line += ["--size", "4096", "--tmpfs", path]
        files = [f"{path}/{name}.py" for name in NEEDED.get(Path(path).name, ())]
        for file in filter(os.path.exists, files):
            line += ["--ro-bind", file, file]
        line += ["--remount-ro", path]
    for name in jail.DEVICES:
        line += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    line += ["--size", str(limits.file), "--tmpfs", jail.SCRATCH]
    if not any(jail.inside(path, "/tmp") for path in show):
        line += ["--symlink", jail.SCRATCH, "/tmp"]
    return [*line, "--chdir", jail.SCRATCH, "--remount-ro", "/", "--"]


class Wrapping:
    """A fresh Python in `bwrap` for each job. Use as a context."""

    def __init__(self, limits: Limits, *, hide: Sequence[str] = ()) -> None:
        self.limits, self.hide = limits, list(hide)

    def __enter__(self) -> "Wrapping":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, job: dict, on_ask: Callable[[Any], dict] = refuse) -> Ended:
        """Run one job. Raises Fault where Python does not start."""
        before = _used()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = self._start(theirs.fileno())
            theirs.close()
            try:
                ended, ready = converse(ours, job, self.limits, on_ask)
                if ended.lost == GONE:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(GRACE)
                by_itself = process.poll() is not None
            finally:
                process.kill()  # with `bwrap` all that it started dies
                code = process.wait()
        if not ready:
            raise Fault("a Python could not be started in bwrap")
        if ended.lost and by_itself:  # bwrap tells signals as shells do
            explain(ended, 128 - code if code > 128 else code, _used() - before, self.limits)
        return ended

    def _start(self, wire: int) -> subprocess.Popen:
        memory = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        config = {"wire": wire, "limits": asdict(self.limits), "memory": memory}
        python = [sys.executable, "-m", "llmvis_course.grading.wrapped", json.dumps(config)]
        try:
            return subprocess.Popen(
                world(self.limits, self.hide) + python, pass_fds=[wire], env=environment(False),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise Fault(f"bwrap could not be started: {error}") from error


def _used() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def why_not() -> str:
    """Why `bwrap` cannot make a jail here, in a sentence; an empty text where it can."""
    if shutil.which("bwrap") is None:
        return "`bwrap` (the package bubblewrap) is not installed"
    command = [*world(Limits(), jail.hidden_folders()), sys.executable, "-c", "print('locked')"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(False))
    if done.returncode == 0 and done.stdout.strip() == "locked":
        return ""
    lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
    return f"`bwrap` cannot make a jail here ({lines[-1]})"
