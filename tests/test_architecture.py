"""The tree is the architecture: who may import whom, and what no module may do."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "llmvis_course"
TEXTS = {".py", ".md", ".toml", ".txt", ".yml", ".ipynb", ""}
SOURCE_OF_PACKAGES = re.compile(
    r"--(extra-)?index-url|--find-(links)|PIP_(EXTRA_)?INDEX_URL|https?://[^\s\"')]+/(simple|whl)\b"
)
"""What would tie the course to one place that packages come from."""
BASE = {"data", "layers", "training", "checks"}
MAY_IMPORT = {
    **{name: set() for name in BASE},
    "grading": {"checks"},
    "checks": {"data", "layers", "models", "training", "evaluate"},
    "models": {"layers"},
    "evaluate": {"data", "layers", "models", "training", "weights"},
    "pipeline": BASE | {"models", "evaluate", "weights"},
    "weights": BASE | {"models", "evaluate", "pipeline"},
    "__main__": BASE | {"models", "evaluate", "pipeline", "weights"},
    "viz": BASE | {"models", "evaluate", "pipeline", "weights"},
    "widgets": BASE | {"models", "evaluate", "pipeline", "weights", "viz"},
    "__init__": set(),
}
"""For each part of the package, the other parts that it may import."""
LONGEST = 300  # lines
BANNED = (".cuda(", "torch.save(", "torch.load(", "pickle")


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def part_of(package: Path, path: Path) -> str:
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def imported_parts(package: Path, path: Path) -> set[str]:
    """The other parts of the package that a module imports, anywhere in it."""
    inside = [package.name, *path.relative_to(package).with_suffix("").parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = inside[: -node.level] if node.level else []
            names = [".".join([*base, *filter(None, [node.module]), a.name]) for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for parts in (name.split(".") for name in names):
            if parts[0] == package.name and len(parts) > 1:
                found.add(parts[1])
    return {part for part in found if not part.startswith("__")} - {part_of(package, path)}


def broken_rules(package: Path) -> list[str]:
    """Every rule that a module of the package breaks, as a sentence."""
    broken = []
    for path in modules(package):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(package))
        part = part_of(package, path)
        if part not in MAY_IMPORT:
            broken.append(f"{name}: no row of MAY_IMPORT says what {part} may import")
            continue
        for other in sorted(imported_parts(package, path) - MAY_IMPORT[part]):
            broken.append(f"{name}: {part} may not import {other}")
        if not ast.get_docstring(ast.parse(text)):
            broken.append(f"{name}: has no header that says what it is")
        if len(text.splitlines()) > LONGEST:
            broken.append(f"{name}: has over {LONGEST} lines; one idea a file")
        broken += [f"{name}: uses {word}" for word in BANNED if word in text.replace("pickles", "")]
    return broken


def test_no_rule_is_broken() -> None:
    assert broken_rules(PACKAGE) == []


def tied_to_an_index(root: Path) -> list[str]:
    """The files that say where packages come from; that is for each machine to say."""
    names = "README.md requirements.txt pyproject.toml Makefile .ci .github llmvis_course notebooks"
    tops = [root / name for name in [*names.split(), "tests"] if (root / name).exists()]
    files = [f for top in tops for f in ([top] if top.is_file() else top.rglob("*"))]
    texts = [f for f in files if f.is_file() and f.suffix in TEXTS]
    return [str(f) for f in texts if SOURCE_OF_PACKAGES.search(f.read_text(encoding="utf-8"))]


def test_no_file_says_where_packages_come_from(tmp_path) -> None:
    assert tied_to_an_index(ROOT) == []
    (tmp_path / "README.md").write_text("pip install --index" + "-url http://here x")
    assert len(tied_to_an_index(tmp_path)) == 1


BAD = {
    "layers may not import data": ("layers/a.py", '"""A."""\nfrom ..data import digits'),
    "models may not import viz": ("models/a.py", '"""A."""\nimport llmvis_course.viz'),
    "pipeline may not import widgets": ("pipeline/a.py", '"""A."""\nfrom ..widgets import x'),
    "data may not import models": ("data/a.py", '"""A."""\ndef f():\n    from ..models import b'),
    "has no header": ("data/a.py", "x = 1"),
    "has over": ("data/a.py", '"""A."""\n' + "x = 1\n" * 400),
    "uses .cuda(": ("data/a.py", '"""A."""\nx.cuda()'),
    "uses torch.save(": ("data/a.py", '"""A."""\ntorch.save(x)'),
    "no row of MAY_IMPORT": ("misc.py", '"""A."""'),
}


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_can_be_broken(tmp_path, rule) -> None:
    name, text = BAD[rule]
    path = tmp_path / "llmvis_course" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert [line for line in broken_rules(tmp_path / "llmvis_course") if rule in line]


def test_importing_the_package_is_light() -> None:
    code = "import sys, llmvis_course; print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_every_module_says_and_draws_nothing() -> None:
    names = [
        ".".join(["llmvis_course", *path.relative_to(PACKAGE).with_suffix("").parts])
        for path in modules(PACKAGE)
        if not path.name.startswith("__")
    ]
    code = (
        "import importlib, random, numpy, torch\n"
        "chance = lambda: (torch.get_rng_state().tolist(), random.getstate(), "
        "str(numpy.random.get_state()))\n"
        "before = chance()\n"
        f"[importlib.import_module(name) for name in {names!r}]\n"
        "assert before == chance(), 'importing used up chance'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
