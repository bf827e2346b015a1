"""Grade a class.

python -m llmvis_course.grading submissions/ --out grades/
python -m llmvis_course.grading submissions/ --out grades/ --seed 20260131 --only ex03_attention

`submissions/` has a file or a folder for each student. Killed half-way? Run it again: what has been
graded is kept.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import jail
from .launch import Fault
from .limits import Limits
from .submission import Submission, find_submissions

REFUSED, NOT_ALL = 2, 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m llmvis_course.grading", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("submissions", type=Path, help="a file or a folder for each student")
    parser.add_argument("--out", type=Path, required=True, help="where grades are written")
    parser.add_argument("--seed", type=int, default=0, help="keep it secret; 0 is the learners'")
    parser.add_argument("--only", nargs="+", default=[], help="notebooks or questions to grade")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    parser.add_argument("--workers", type=int, default=cores, help="cores to use (%(default)s)")
    parser.add_argument("--wall", type=float, default=Limits.wall, help="seconds an answer")
    parser.add_argument("--cpu", type=int, default=Limits.cpu, help="of these, processor time")
    parser.add_argument(
        "--trusted", action="store_true", help="run answers without a jail: your own work only"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Grade; 0 when all was graded, 1 when something of the grader broke, 2 when it refuses."""
    options = parse(arguments)
    how = "fork" if sys.platform == "linux" else "spawn"
    if not options.trusted:
        how, missing = walls()
        if missing:
            print(f"Refusing to run answers here: {missing}.", file=sys.stderr)
            print("For work that you trust there is --trusted.", file=sys.stderr)
            return REFUSED
        if how == "bwrap":
            print("A jail by bwrap: torch starts for each answer, seconds each.", file=sys.stderr)
    try:
        submissions = find_submissions(options.submissions)
        names = chosen(options.only)
    except ValueError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return _run(options, how, submissions, names)


def walls() -> tuple[str, str]:
    """Which kind of jail is possible here, or "" and what is missing."""
    missing = jail.why_not()
    if not missing:
        return "jail", ""
    if sys.platform != "linux":
        return "", missing
    from . import wrapping

    also = wrapping.why_not()
    return ("", f"{missing}; and {also}") if also else ("bwrap", "")


def chosen(only: list[str]) -> list[str]:
    """The questions that belong to these notebooks or names; all of them for none.

    Raises ValueError for a name that is neither.
    """
    from ..checks import QUESTIONS

    known = {q.name for q in QUESTIONS.values()} | {q.notebook for q in QUESTIONS.values()}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ValueError(f"found {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
    if not only:
        return list(QUESTIONS)
    return [q.name for q in QUESTIONS.values() if q.name in only or q.notebook in only]


def in_play(found: list[Any], names: list[str]) -> list[str]:
    """The questions of those notebooks that at least one student handed in something of."""
    from ..checks import QUESTIONS

    functions = {f for survey in found for f, answer in survey.answers.items() if "code" in answer}
    notebooks = {QUESTIONS[n].notebook for n in names if QUESTIONS[n].function in functions}
    return [name for name in names if QUESTIONS[name].notebook in notebooks]


def _run(
    options: argparse.Namespace, how: str, submissions: list[Submission], names: list[str]
) -> int:
    from .book import checks_hash
    from .feedback import write_student
    from .pool import Pool, Setting, side_by_side
    from .tables import write_tables

    limits = replace(Limits(), wall=options.wall, cpu=options.cpu)
    hide = (*jail.hidden_folders(), *map(os.path.abspath, (options.submissions, options.out)))
    folder = options.out.absolute() / "answers"
    setting = Setting(limits, options.seed, folder, checks_hash(), how, hide)
    results, faults = {}, {}
    with Pool(setting, side_by_side(options.workers, len(submissions))) as pool:
        found: dict[int, Any] = {}
        for place, survey in pool.survey(submissions, names):
            _keep(survey, submissions[place].student, faults, found, place)
            _say("read", len(found), len(submissions))
        places = sorted(found)
        asked = names if options.only else in_play(list(found.values()), names)
        for at, graded in pool.grade([found[p] for p in places], asked):
            submission, problems = submissions[places[at]], found[places[at]].problems
            if _keep(graded, submission.student, faults, results, submission.student):
                write_student(options.out, submission, graded, problems)
            _say("graded", len(results), len(submissions))
    write_tables(options.out, dict(sorted(results.items())))
    print(f"Graded {len(results)} of {len(submissions)} students, {len(asked)} questions each.")
    print(f"Written: {options.out}. Start with {options.out / 'misconceptions.md'}.")
    for student, reason in sorted(faults.items()):
        print(f"Not graded: {student}: {reason}", file=sys.stderr)
    return NOT_ALL if faults else 0


def _keep(done: Any, student: str, faults: dict, kept: dict, key: Any) -> bool:
    """Sort a result to the others, or to what broke."""
    if isinstance(done, Fault):
        faults[student] = str(done)
        return False
    kept[key] = done
    return True


def _say(what: str, n: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{what} {n} of {of} ", end="\n" if n == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
