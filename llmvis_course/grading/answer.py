"""Find a learner's function in the cells of a notebook, with all that it needs and nothing else.

Training and plotting cells do not run. This runs inside the jail.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any

from .statements import TOO_DEEP, Notebook, is_stub

COMMON = """
import math
import einops
import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum, rearrange, reduce, repeat
from torch import Tensor, nn
"""
"""What an answer may use though the cell that imports it is gone."""


def survey(
    cells: Sequence[str], functions: Sequence[str], given: Sequence[str] = ()
) -> dict[str, dict]:
    """For each function asked for: its code and what is known of it, or why it is missing."""
    book = Notebook.read(cells)
    found = {}
    for function in functions:
        try:
            statements = book.find(function, given)
            code = "\n".join(s.code for s in statements)
        except RecursionError:
            found[function] = {"missing": f"The code of `{function}` {TOO_DEEP}."}
            continue
        if not statements:
            found[function] = {"missing": book.why_missing(function)}
            continue
        needs = frozenset().union(*(s.needs for s in statements))
        node = book._binding(function)[-1].node
        found[function] = {
            "code": code,
            "stub": isinstance(node, ast.FunctionDef) and is_stub(node),
            "arguments": _argument_names(node),
            "uses": [other for other in functions if other in needs and other != function],
            "imports": sorted({m for s in statements for m in _imports(s.node)}),
        }
    return found


def _argument_names(node: ast.AST) -> list[str]:
    """What a learner calls the arguments that may be given by place."""
    if not isinstance(node, ast.FunctionDef):
        return []
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args)]


def _imports(node: ast.AST) -> list[str]:
    """The modules of this course that a statement imports, anywhere in it."""
    found = []
    for part in ast.walk(node):
        names = [alias.name for alias in part.names] if isinstance(part, ast.Import) else []
        if isinstance(part, ast.ImportFrom):
            names = [part.module or ""]
        found += [name for name in names if name.split(".")[0] == "llmvis_course"]
    return found


def define(code: str, function: str, given: dict[str, Callable[..., Any]]) -> Any:
    """Run the code of an answer; returns what has the function's name."""
    namespace: dict[str, Any] = {"__name__": "answer"}
    exec(COMMON, namespace)
    namespace.update(given)
    exec(compile(code, "<answer>", "exec", 0, True), namespace)
    return namespace[function]
