"""Run and store the solutions of the exercises, and make the exercises from them.

python .ci/exercises.py           # all
python .ci/exercises.py ex03      # those whose name begins so
python .ci/exercises.py --check   # only: are notebooks and exercises what the twins say?

What stands between `### BEGIN SOLUTION` and `### END SOLUTION` (nbgrader's marks) is left out, and
in text what stands between such comments. Lines that begin with `# MEND ` are code with a bug, and
come alive in the exercise instead.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parent))
from notebooks import ROOT, differs, run, stored_at  # noqa: E402

TWINS = ROOT / "solutions" / "source"
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION\n?", re.M | re.S)
IN_TEXT = re.compile(r"<!-- BEGIN SOLUTION -->.*?<!-- END SOLUTION -->", re.S)
STUB = 'raise NotImplementedError("Your code here: replace this line.")'


def exercise_source(source: str) -> str:
    """A cell without its solution: with the code to mend, or with a friendly stub."""
    if "### BEGIN SOLUTION" not in source:
        return source
    alive = re.sub(r"^( *)# MEND ?", r"\1", SOLUTION.sub("", source), flags=re.M)
    if alive != SOLUTION.sub("", source):
        return alive.rstrip()

    def stub(found: re.Match) -> str:
        indent = found.group(1)
        return f"{indent}{STUB if indent else '...  # Your code here.'}\n"

    return SOLUTION.sub(stub, source).rstrip()


def exercise(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook for learners: no solutions, no outputs."""
    made = nbformat.from_dict(solution)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = exercise_source(cell.source)
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = IN_TEXT.sub("*Your answer here.*", cell.source)
            cell.source = cell.source.replace("· solutions", "· exercises")
    return made


def exercise_at(twin: Path) -> Path:
    return twin.parent.parent.parent / "exercises" / f"{twin.stem}.ipynb"


def stale(twin: Path) -> bool:
    """Whether the stored solution or the stored exercise is not what the twin says."""
    if differs(twin) or not exercise_at(twin).exists():
        return True
    fresh = exercise(nbformat.read(stored_at(twin), as_version=4))
    return fresh != nbformat.read(exercise_at(twin), as_version=4)


def store_exercise(twin: Path) -> None:
    unfinished = exercise_at(twin).with_suffix(".unfinished")
    nbformat.write(exercise(nbformat.read(stored_at(twin), as_version=4)), unfinished)
    os.replace(unfinished, exercise_at(twin))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("begins", nargs="?", default="", help="only those whose name begins so")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args()
    twins = sorted(TWINS.glob(f"{options.begins}*.py"))
    if options.check:
        old = [twin.stem for twin in twins if stale(twin)]
        if old:
            print(f"not what the twins say: {', '.join(old)}; run `make exercises`")
        return len(old) > 0
    for twin in twins:
        minutes, _ = run(twin)
        store_exercise(twin)
        print(f"{twin.stem}: {minutes:.2f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
