"""Talk to another process that runs an answer, and say how it ended.

What starts such processes is in `forking` and `spawning`.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import llmvis_course

from .channel import Channel
from .limits import Limits

MOST_ASKS = 2000  # calls of lent parts in one job
GONE = "Your code ended Python before it had answered."
START = 300.0  # seconds within which a worker must have started, on a slow machine


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
