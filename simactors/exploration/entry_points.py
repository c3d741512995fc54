"""Entry points that a scenario names, ``app.py:request``: whether they are there, without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

from simactors.core import nearest


def is_inside(folder: Path, name: str) -> bool:
    """Whether a file that a scenario names lies in its folder, wherever links lead; what can't be a file does not."""
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a ring of links, a null character
        return False


def check(place: str, entry: str, folder: Path, problems: list[str]) -> str | None:
    """The file of an entry point; None, and `problems` says why, if there is none.

    Args:
        place: where it is named.
        folder: the only one that it may lie in.
    """
    file, colon, function = entry.partition(":")
    if not is_inside(folder, file):
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


def check_parameters(given: Iterable[str], entries: Sequence[str], folder: Path, problems: list[str]) -> None:
    """Tell which parameters no entry point takes, where reading alone tells what they take.

    Args:
        entries: those that are there.
    """
    taken: set[str] = set()
    for entry in entries:
        file, _, function = entry.partition(":")
        found = _parameters(folder / file, function)
        if found is None:
            return
        taken |= found
    problems += [
        f"workload.parameters.{name}: no entry point takes it{nearest.clause(name, sorted(taken))}"
        for name in given
        if name not in taken
    ]


def _parameters(file: Path, function: str) -> set[str] | None:
    """The names of a function's parameters; None if it takes any, or if a decorator may have changed them."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return None
    found = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    ]
    if len(found) != 1 or found[0].decorator_list or found[0].args.kwarg is not None:
        return None
    args = found[0].args
    return {each.arg for each in (*args.args, *args.kwonlyargs)}


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
