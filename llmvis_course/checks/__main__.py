"""Show what a learner has passed so far: `python -m llmvis_course.checks --progress`."""

import argparse
import sys
from pathlib import Path

from . import QUESTIONS
from .progress import FILE, read, table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m llmvis_course.checks", description=__doc__)
    parser.add_argument(
        "--progress", nargs="?", const="", metavar="FILE", required=True,
        help=f"the progress file, or the folder with it (by default ./{FILE} or exercises/{FILE})",
    )  # fmt: skip
    if hasattr(sys.stdout, "reconfigure"):  # a Windows console may know no check mark
        sys.stdout.reconfigure(errors="replace")
    given = parser.parse_args(arguments).progress
    places = [Path(given)] if given else [Path(FILE), Path("exercises") / FILE]
    files = [place / FILE if place.is_dir() else place for place in places]
    found = [file for file in files if file.is_file()]
    if not found:
        looked = " or ".join(map(str, files))
        print(
            f"No progress yet: no {looked}. It is written when an exercise notebook runs a check."
        )
        return 1
    kept = read(found[0])
    print(table(QUESTIONS, kept))
    passed = [q for q in QUESTIONS.values() if kept.get(q.name, {}).get("passed")]
    points, most = (sum(q.points for q in some) for some in (passed, QUESTIONS.values()))
    print(f"\n{len(passed)} of {len(QUESTIONS)} questions, {points} of {most} points.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
