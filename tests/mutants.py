"""Small changes to the source of a function, each of which a good check should notice.

Operators, comparisons, constants, signs, axes, reductions, and arguments are changed one at a time.
"""

import ast
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.MatMult: ast.Mult,
}  # fmt: skip
NEUTRAL = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1, ast.Div: 1}
COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
NAMES = {
    "sum": "mean", "mean": "sum", "tanh": "sigmoid", "sigmoid": "tanh", "exp": "expm1",
    "softmax": "sigmoid", "log_softmax": "softmax", "tril": "triu", "amax": "amin", "max": "min",
    "min": "max", "relu": "abs", "gelu": "relu", "std": "var", "var": "std", "abs": "neg",
    "logsumexp": "amax", "logsigmoid": "tanh", "xlogy": "mul", "detach": "clone",
    "repeat_interleave": "tile",
}  # fmt: skip
"""One function for another that can stand in its place."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every mutant of a function's source: what was changed, and the new source."""
    tree = ast.parse(source)
    places = [node for node in ast.walk(tree) if not isinstance(node, ast.FunctionDef)]
    for k, node in enumerate(places):
        for change in _changes(node):
            mutant = copy.deepcopy(tree)
            again = [n for n in ast.walk(mutant) if not isinstance(n, ast.FunctionDef)]
            change(again[k])
            before, after = ast.unparse(node), ast.unparse(again[k])
            line = ast.unparse(_statement(tree, node)).splitlines()[0]
            yield f"{before} -> {after} in: {line}", ast.unparse(ast.fix_missing_locations(mutant))


def _statement(tree: ast.AST, node: ast.AST) -> ast.AST:
    """The smallest statement around a node."""
    found = [s for s in ast.walk(tree) if isinstance(s, ast.stmt) and node in ast.walk(s)]
    return min(found, key=lambda s: len(ast.unparse(s)))


def _changes(node: ast.AST):
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
    if isinstance(node, ast.BinOp) and type(node.op) in NEUTRAL:  # a term or a factor forgotten
        yield lambda n: setattr(n, "left", ast.Constant(NEUTRAL[type(n.op)]))
        yield lambda n: setattr(n, "right", ast.Constant(NEUTRAL[type(n.op)]))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield lambda n: setattr(n, "ops", [COMPARISONS[type(n.ops[0])]()])
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda n: setattr(n, "value", n.value + 1)
        if node.value:
            yield lambda n: setattr(n, "value", 0)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda n: setattr(n, "value", not n.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield lambda n: setattr(n, "op", ast.UAdd())
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield lambda n: setattr(n, "attr", NAMES[n.attr])
    if isinstance(node, ast.keyword) and node.arg in ("keepdim", "unbiased", "descending"):
        yield lambda n: setattr(n, "value", ast.Constant(not n.value.value))
    if isinstance(node, ast.Call) and len(node.args) == 2:
        yield lambda n: setattr(n, "args", n.args[::-1])
