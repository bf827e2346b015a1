"""Several graders side by side: each judges in one process, and has answers run in others."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from .launch import Fault
from .limits import Limits

TRIES = 3  # with a fresh pool, where a grader's process was killed


@dataclass(frozen=True)
class Setting:
    """What every grader of a run shares."""

    limits: Limits
    seed: int
    folder: Path  # of the book
    checks: str  # their hash
    how: str  # "jail", "bwrap", "fork" or "spawn"
    hide: tuple[str, ...]


def side_by_side(workers: int, students: int) -> int:
    """How many graders to start, so that about `workers` compute at any time.

    Half as many again, since an answer that sleeps makes its grader wait. Even if all compute, each
    has the processor for two thirds of the time, and meets `Limits.cpu` well before `Limits.wall`.
    """
    return max(1, min(workers + workers // 2, students))


_grader: dict[str, Any] = {}


def _open(setting: Setting) -> None:
    """Get a process of the pool ready."""
    import torch

    from . import calls
    from .book import Book
    from .forking import Forking
    from .spawning import Spawning

    torch.set_num_threads(1)
    if sys.platform == "linux":  # a run that is killed leaves nothing behind
        calls.control(calls.DIES_WITH_PARENT, signal.SIGKILL)
    known = {"checks": setting.checks, "seed": setting.seed, "limits": repr(setting.limits)}
    book = Book(setting.folder, **known)
    runner = Spawning(setting.limits)
    if setting.how == "bwrap":
        from .wrapping import Wrapping  # Windows has not all that it imports

        runner = Wrapping(setting.limits, hide=setting.hide)
    elif setting.how != "spawn":
        jailed = setting.how == "jail"
        runner = Forking(setting.limits, jailed=jailed, hide=setting.hide)
    Finalize(runner, runner.__exit__, (None,) * 3, exitpriority=1)  # it ends before this does
    _grader.update(runner=runner, seed=setting.seed, book=book)


def _survey(task: tuple) -> Any:
    from .look import survey

    submission, names = task
    return survey(_grader["runner"], submission, _questions(names))


def _grade(task: tuple) -> Any:
    from .grade import grade

    found, names = task
    known = {"seed": _grader["seed"], "book": _grader["book"]}
    return grade(_grader["runner"], found, _questions(names), **known)


def _questions(names: Sequence[str]) -> list[Any]:
    from ..checks import QUESTIONS

    return [QUESTIONS[name] for name in names]


class Pool:
    """`workers` graders, which are started again where one of them is killed. Use as a context."""

    def __init__(self, setting: Setting, workers: int) -> None:
        self.setting, self.workers = setting, workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def survey(self, submissions: Sequence[Any], names: Sequence[str]) -> Iterator[tuple]:
        """Yields (place, what was found, or the Fault that prevented it), as they come."""
        return self._run(_survey, [(submission, names) for submission in submissions])

    def grade(self, found: Sequence[Any], names: Sequence[str]) -> Iterator[tuple]:
        """Yields (place, results, or the Fault that prevented them), as they come."""
        return self._run(_grade, [(survey, names) for survey in found])

    def _run(self, work: Callable, tasks: list) -> Iterator[tuple]:
        left = dict(enumerate(tasks))
        for _ in range(TRIES):
            for place, done in self._try(work, dict(left)):
                del left[place]
                yield place, done
            if not left:
                return
            self._executor.shutdown()
            self._executor = None
        for place in left:
            yield place, Fault("the grader's process was killed, again and again")

    def _try(self, work: Callable, tasks: dict) -> Iterator[tuple]:
        """Yields what comes of tasks until all are done, or a process of the pool is killed."""
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                self.workers, context, initializer=_open, initargs=(self.setting,)
            )
        futures = {}
        with suppress(BrokenProcessPool):
            for place, task in tasks.items():
                futures[self._executor.submit(work, task)] = place
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                continue
            except Exception as error:  # costs one student a grade today, and nobody else
                yield futures[future], Fault(repr(error))
