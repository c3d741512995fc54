"""What the text of a module says of its names: which are assigned once and stay what they are.

Nothing is run. What the code of a function does is read from its instructions instead: `reach.py`.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterable


@functools.lru_cache(maxsize=256)
def rebound_names(file: str) -> frozenset[str] | None:
    """The names of a source file that are assigned more than once, or changed; None if there is no source."""
    lines = linecache.getlines(file)
    if not lines:
        return None
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return None
    counts: dict[str, int] = {}
    _count(tree.body, counts, 1)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            counts.update(dict.fromkeys(node.names, 2))
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            counts[_root(node)] = 2  # ``Stats.hits += 1``: `Stats` is not what it was
    return frozenset(name for name, count in counts.items() if count > 1)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _count(body: Iterable[ast.AST], counts: dict[str, int], weight: int) -> None:
    """Add up how often each name is assigned in `body`, not counting functions and classes in it."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            counts[node.name] = counts.get(node.name, 0) + weight
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            counts[node.id] = counts.get(node.id, 0) + weight
        elif isinstance(node, ast.alias):
            name = (node.asname or node.name).partition(".")[0]
            counts[name] = counts.get(name, 0) + weight
        is_loop = isinstance(node, ast.For | ast.While | ast.AugAssign)
        _count(ast.iter_child_nodes(node), counts, 2 if is_loop else weight)
