"""The process that forks: it has torch imported, knows no right answer, and computes nothing.

Started by `forking.Forking`, which sends it one end of a socket for each job. It runs no torch
operation: threads that one may start do not survive a fork, and children would wait for them.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from . import calls, filter, jail
from .channel import Channel
from .limits import Limits

LATE = ("numpy", "einops", "einops._torch_specific", "torch.nested._internal.nested_tensor")
"""What Python would import in the middle of an answer, such as at its first gradient."""


def main(config: dict) -> None:
    """Serve jobs until the other end closes."""
    control = socket.socket(fileno=config["control"])
    limits, jailed = Limits(**config["limits"]), config["jailed"]
    if jailed:
        jail.enter(config["folder"])
    else:
        calls.control(calls.DIES_WITH_PARENT, signal.SIGKILL)
    from . import child

    for name in LATE:
        with suppress(ImportError):
            importlib.import_module(name)
    filter.code()

    gc.freeze()  # a child that collected garbage would copy all that it shares with this process
    calls.use_large_pages()
    with open("/proc/self/statm", "rb") as file:
        memory = int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # where memory runs out, Linux ends an answer before anything else
    if jailed:
        jail.move_in(config["folder"], jail.visible_folders(), [*config["hide"]])
    control.send(b"ready")
    current = 0
    while True:
        text, files, _, _ = socket.recv_fds(control, 64, 1)
        if text == b"start":
            current = _start(child.serve, files[0], limits, memory, home if jailed else 0)
            os.close(files[0])
            control.send(b"started")
        elif text in (b"stop", b"wait"):
            seconds = 2.0 if text == b"wait" else 0.0  # to end by itself, so that it is known how
            control.send(json.dumps(_stop(current, jailed, seconds)).encode())
            current = 0
        else:
            break
    if current and not jailed:
        _stop(current, jailed, 0.0)


def _start(serve: Callable, wire: int, limits: Limits, memory: int, home: int) -> int:
    """Fork a child that serves one job; returns its number."""
    if home:
        calls.unshare(calls.NEW_PIDS)
    number = os.fork()
    if number:
        if home:
            calls.enter_namespace(home, calls.NEW_PIDS)
        return number
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for place, file in enumerate((null, null, null, wire)):
            os.dup2(file, place)
        os.closerange(4, 4096)
        os.setsid()
        if home:
            jail.lock(limits, memory)
        else:
            jail.limit(limits, memory)
        serve(Channel(socket.socket(fileno=3)), limits.printed)
    finally:
        os._exit(1)


def _stop(number: int, jailed: bool, seconds: float) -> dict:
    """End a child and all that it started; returns how it had ended, and what it used."""
    end = time.monotonic() + seconds
    while True:
        ended, status, used = os.wait4(number, os.WNOHANG)
        by_itself = ended != 0
        if by_itself or time.monotonic() >= end:
            break
        time.sleep(0.002)
    if not by_itself:
        os.kill(number, signal.SIGKILL)
        _, status, used = os.wait4(number, 0)
    if not jailed:
        with suppress(ProcessLookupError):
            os.killpg(number, signal.SIGKILL)
    return {
        "by_itself": by_itself,
        "code": os.waitstatus_to_exitcode(status),
        "cpu": used.ru_utime + used.ru_stime,
    }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
