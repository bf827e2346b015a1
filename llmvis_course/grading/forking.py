"""Keep a worker that forks a child for each job, jailed or not. On Linux."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from .launch import GONE, START, Ended, Fault, converse, environment, explain, refuse
from .limits import Limits


class Forking:
    """A worker that forks, jailed or not. Use as a context."""

    def __init__(self, limits: Limits, *, jailed: bool = True, hide: Sequence[str] = ()) -> None:
        self.limits, self.jailed, self.hide = limits, jailed, list(hide)
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Forking":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def run(self, job: dict, on_ask: Callable[[Any], dict] = refuse) -> Ended:
        """Run one job. Raises Fault where the worker broke twice."""
        for last in (False, True):
            try:
                return self._run(job, on_ask)
            except (OSError, EOFError, ValueError) as error:
                self._close()
                if last:
                    raise Fault(f"the process that forks broke: {error!r}") from error
        raise AssertionError

    def _run(self, job: dict, on_ask: Callable[[Any], dict]) -> Ended:
        if self._process is None:
            self._open()
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"start"], [theirs.fileno()])
            theirs.close()
            self._expect(b"started")
            ended, ready = converse(ours, job, self.limits, on_ask)
            self._control.send(b"wait" if ended.lost == GONE else b"stop")
            stopped = json.loads(self._expect())
        finally:
            ours.close()
            theirs.close()
        if not ready:
            raise OSError(f"a child could not be locked in: {stopped}")
        if ended.lost and stopped["by_itself"]:
            explain(ended, stopped["code"], stopped["cpu"], self.limits)
        return ended

    def _open(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START)
        self._folder = tempfile.mkdtemp() if self.jailed else ""
        config = {
            "control": theirs.fileno(), "limits": asdict(self.limits), "jailed": self.jailed,
            "folder": self._folder, "hide": self.hide,
        }  # fmt: skip
        command = [sys.executable, "-m", "llmvis_course.grading.worker", json.dumps(config)]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment(not self.jailed), cwd="/",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self._expect(b"ready")

    def _expect(self, wanted: bytes | None = None) -> bytes:
        found = self._control.recv(4096)
        if not found or wanted is not None and found != wanted:
            raise OSError(f"found {found!r}; expected {wanted!r}")
        return found

    def _close(self) -> None:
        if self._process is None:
            return
        self._control.close()  # the worker ends by itself, and with it all that it forked
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            os.rmdir(self._folder)  # where the worker did not get as far as to do so
        self._process = None
