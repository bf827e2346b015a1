"""Run answers in other processes, and say how each ended.

`Forking` keeps a worker that forks a child for each job, on Linux. `Spawning` starts a fresh Python
for each job, which takes seconds: it is what Windows and macOS have, for trusted work only.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import llmvis_course

from .channel import Channel
from .limits import Limits

MOST_ASKS = 2000  # calls of lent parts in one job
GONE = "Your code ended Python before it had answered."
GRACE = 2.0  # seconds that a process that hung up has for ending, so that it is known how
START = 120.0  # seconds within which a worker must have started, on a slow machine


class Fault(RuntimeError):
    """Something of the grader's own broke: nobody's answer is to blame."""


@dataclass
class Ended:
    """What came of a job."""

    messages: list[dict] = field(default_factory=list)
    lost: str = ""  # why it did not come to its end, in a sentence about "your code"
    late: bool = False  # whether that was the clock, which a busy machine may be to blame for


@runtime_checkable
class Runner(Protocol):
    """Whatever runs a job in another process."""

    def run(self, job: dict, on_ask: Callable[[Any], dict] = ...) -> Ended: ...


def environment(trusted: bool) -> dict[str, str]:
    """What a child may know of the environment: nothing of the grader's, unless it is trusted."""
    folder = str(Path(llmvis_course.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
    known = (
        dict(os.environ)
        if trusted
        else {"PATH": os.defpath, "HOME": "/scratch", "TMPDIR": "/scratch"}
    )
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
    settings = {"PYTHONPATH": paths, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return known | threads | settings | {"CUDA_VISIBLE_DEVICES": "", "LANG": "C.UTF-8"}


def converse(
    wire: socket.socket, job: dict, limits: Limits, on_ask: Callable[[Any], dict]
) -> tuple[Ended, bool]:
    """Give a child its job and listen to it; also returns whether it had started at all.

    Only the time that this waits for the child counts against the child.
    """
    channel, ended, left = Channel(wire, most=limits.answer), Ended(), limits.wall
    ready, asks = False, 0
    try:
        ready = channel.receive(START) == {"ready": True}
        channel.send(job, limits.wall)
        while True:
            since = time.monotonic()
            message = channel.receive(left)
            left -= time.monotonic() - since
            if type(message) is not dict:
                raise ValueError("found something else than an object")
            if "ask" in message and asks < MOST_ASKS:
                asks += 1
                channel.send(on_ask(message["ask"]), limits.wall)
            elif message == {"end": True}:
                return ended, ready
            else:
                ended.messages.append(message)
    except TimeoutError:
        ended.lost, ended.late = f"Your code did not answer within {limits.wall:g} seconds.", True
    except (EOFError, OSError):
        ended.lost = GONE
    except ValueError as error:
        ended.lost = f"Your code sent something that is no answer: {error}."
    return ended, ready


def explain(ended: Ended, code: int, cpu: float, limits: Limits) -> None:
    """Say why a child ended by itself, from its exit code and its processor time."""
    if code >= 0:
        ended.lost = f"Your code ended Python (exit code {code}): is there an exit in it?"
    elif cpu > limits.cpu - 0.5:
        ended.lost = f"Your code took more than {limits.cpu} seconds of processor time."
    else:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        ended.lost = f"Your code crashed Python (signal {name})."


def refuse(_: Any) -> dict:
    """The answer to calls of lent parts where none are lent."""
    return {"raised": "nothing is lent"}


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
