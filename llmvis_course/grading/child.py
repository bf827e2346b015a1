"""What a jailed child does: look for answers, or run one answer and send what came of it.

It is given inputs and sends back results. The right answers, the checks that compare, and the seed
that the inputs were drawn from are in another process, so nothing here can be tampered with to any
use.
"""

import io
import os
import random
import sys
from typing import Any

import torch

from ..checks.attempt import Attempt, arguments_from_plain, attempt, not_written
from .answer import define, survey
from .channel import Channel
from .lent import Lent


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed, and drops the rest."""

    def __init__(self, most: int) -> None:
        self.text, self.most = "", most

    def write(self, text: str) -> int:
        if len(self.text) < self.most:
            self.text += text[: self.most - len(self.text)]
        return len(text)


def serve(channel: Channel, printed: int) -> None:
    """Do one job. Never returns: whatever threads are left end with the process."""
    try:
        channel.send({"ready": True})
        job = channel.receive()
        if "survey" in job:
            channel.send({"found": survey(job["survey"], job["functions"], job.get("given", []))})
        else:
            _run(channel, job, printed)
        channel.send({"end": True})
    finally:
        os._exit(0)


def _run(channel: Channel, job: dict[str, Any], most: int) -> None:
    kept = Printed(most)
    sys.stdout = sys.stderr = kept
    torch.default_generator.manual_seed(0)  # torch.manual_seed also asks for GPUs: 10 ms
    random.seed(0)
    given = {name: Lent(channel, name, names) for name, names in job["given"].items()}
    made = None
    try:
        function = define(job["code"], job["function"], given)
        if not callable(function):
            made = Attempt("type", type(function).__name__)
    except BaseException as error:
        made = Attempt("stub") if not_written(error) else _raised(error)
    for case in job["cases"]:
        channel.send({"attempt": (made or _attempt(function, case, job["gradient"])).to_plain()})
    channel.send({"printed": kept.text[:most]})


def _attempt(function: Any, case: list, gradient: list[int]) -> Attempt:
    try:
        return attempt(function, arguments_from_plain(case), gradient)
    except BaseException as error:
        return _raised(error)


def _raised(error: BaseException) -> Attempt:
    return Attempt("raised", f"{type(error).__name__}: {str(error)[:500]}")
