"""Entry points that a scenario names, ``app.py:request``: whether they are there, without running anything."""

from __future__ import annotations

import ast
from pathlib import Path

from simactors.core import nearest


def check(place: str, entry: str, folder: Path, problems: list[str]) -> str | None:
    """The file of an entry point; None, and `problems` says why, if there is none.

    Args:
        place: where it is named.
        folder: the only one that it may lie in.
    """
    file, colon, function = entry.partition(":")
    if not (folder / file).resolve().is_relative_to(folder.resolve()):
        problems.append(f"{place}: {file} lies outside the scenario's folder")
        return None
    if not file.endswith(".py") or not (folder / file).is_file():
        near = nearest.clause(file, sorted(each.name for each in folder.glob("*.py")))
        problems.append(f"{place}: there is no Python file {file} in the scenario's folder{near}")
        return None
    if not colon and place != "workload.entry":
        problems.append(f"{place}: name a function, too: {file}:main")
    elif colon and not function.isidentifier():
        problems.append(f"{place}: {function!r} is not the name of a function; write app.py:main")
    elif colon:
        known = names(folder / file)
        if known is not None and function not in known:
            problems.append(f"{place}: {file} has no {function!r}{nearest.clause(function, sorted(known))}")
    return file


def names(file: Path) -> set[str] | None:
    """What a module binds, at its top level or below; None if reading alone does not tell."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return None  # whoever loads it will say what is wrong
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.ImportFrom() if any(alias.name == "*" for alias in node.names):
                return None
            case ast.Import() | ast.ImportFrom():
                found |= {alias.asname or alias.name for alias in node.names}
    return found
