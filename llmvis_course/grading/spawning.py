"""Start a fresh Python for each job, without a jail: for trusted work on Windows and macOS.

It takes seconds for each answer, since torch is imported every time.
"""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .channel import Channel
from .launch import START, Ended, Fault, converse, environment, explain, refuse
from .limits import Limits

GRACE = 2.0  # seconds that a process that hung up has for ending, so that it is known how


class Spawning:
    """A fresh Python for each job, without a jail: for trusted work. Use as a context."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def __enter__(self) -> "Spawning":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, job: dict, on_ask: Callable[[Any], dict] = refuse) -> Ended:
        """Run one job. Raises Fault where Python does not start."""
        word = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(START)
            config = {"port": server.getsockname()[1], "printed": self.limits.printed}
            command = [sys.executable, "-m", "llmvis_course.grading.spawned", json.dumps(config)]
            process = subprocess.Popen(
                command, env=environment(True) | {"LLMVIS_WORD": word}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                wire, _ = server.accept()
                with wire:
                    if Channel(wire, most=1000).receive(START) != word:
                        raise Fault("somebody else spoke to the grader's socket")
                    Channel(wire).send({"go": True})
                    ended, ready = converse(wire, job, self.limits, on_ask)
                if not ready:
                    raise Fault("a Python that was started did not get ready")
            except OSError as error:
                raise Fault(f"a Python could not be started: {error}") from error
            finally:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE)
                alive = process.poll() is None
                process.kill()
                code = process.wait()
        if ended.lost and not alive:
            explain(ended, code if code < 2**31 else 1, 0.0, self.limits)
        return ended
