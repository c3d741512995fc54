"""How much a program does, as far as it says so itself: whole numbers that shrinking may make smaller."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from simactors.exploration.target import Target


def workload_of(target: Target) -> dict[str, int]:
    """How much a target does, as far as it exposes that: its function's parameters with whole numbers as defaults."""
    if target.test is not None:
        return {}
    if target.call is not None:
        parameters = inspect.signature(target.call).parameters.values()
        found = {parameter.name: parameter.default for parameter in parameters}
    else:
        tree = ast.parse(Path(target.file).read_bytes())
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == target.function]
        found = {} if not functions else _defaults(functions[-1].args)
    return {name: default for name, default in found.items() if type(default) is int}


def _defaults(parameters: ast.arguments) -> dict[str, Any]:
    pairs: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(parameters.args[::-1], parameters.defaults[::-1], strict=False),
        *zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True),
    ]
    return {name.arg: node.value for name, node in pairs if isinstance(node, ast.Constant)}
