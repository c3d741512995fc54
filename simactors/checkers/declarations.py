"""The properties that stand in a program's files: what `sometimes` and `reachable` state, reached or not.

Reads, and runs nothing. A run can only tell what it has met; together with what stands in the files it is known what no
run ever met.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from simactors.core.sightings import Kind, Property, Sighting

_NAMED_AT = {"sometimes": 1, "reachable": 0}
"""Which argument of each function is the name."""

_PACKAGE = "simactors"


def declared(paths: Iterable[str | Path]) -> list[Property]:
    """All `sometimes` and `reachable` with a literal name, in the order of files and lines.

    Args:
        paths: files of Python, or folders, of which all such files are read.

    What is no Python is passed over: a program that imports it fails by itself. Functions that were imported from
    elsewhere than simactors, and names that are computed, are not seen.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        files.update(dict.fromkeys(sorted(path.rglob("*.py")) if path.is_dir() else [path]))
    return sorted(found for file in files for found in _of_file(file))


def unmet(stated: Iterable[Property], seen: Iterable[Sighting]) -> list[Sighting]:
    """What never held, although it should at least once: not even reached, or reached and never true.

    Args:
        stated: what stands in the program, from `declared`.
        seen: what all runs together have met.
    """
    sightings = {_resolved(sighting.property): sighting for sighting in seen}
    for one in stated:
        sightings.setdefault(_resolved(one), Sighting(one))
    return sorted(
        sighting
        for sighting in sightings.values()
        if sighting.property.kind in _NAMED_AT and not sighting.held
    )


def _resolved(one: Property) -> Property:
    return Property(os.path.realpath(one.file), one.line, one.kind, one.name)


def _of_file(file: Path) -> Iterator[Property]:
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError):
        return
    functions, modules = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kind = _kind(node.func, functions, modules)
            name = _name(node, kind) if kind else None
            if kind and name is not None:
                yield Property(str(file), node.lineno, cast("Kind", kind), name)


def _imported(tree: ast.Module) -> tuple[dict[str, str], set[str]]:
    """The names that a file gives to our functions, and those that lead to modules of ours."""
    functions: dict[str, str] = {}
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.partition(".")[0] == _PACKAGE]
            modules.update(alias.asname or _PACKAGE for alias in ours)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == _PACKAGE:
            for alias in node.names:
                if alias.name in _NAMED_AT:
                    functions[alias.asname or alias.name] = alias.name
                else:
                    modules.add(alias.asname or alias.name)
    return functions, modules


def _kind(function: ast.expr, functions: dict[str, str], modules: set[str]) -> str | None:
    """Which of our functions is called."""
    if isinstance(function, ast.Name):
        return functions.get(function.id)
    if not isinstance(function, ast.Attribute) or function.attr not in _NAMED_AT:
        return None
    root = function.value
    while isinstance(root, ast.Attribute):
        root = root.value
    return function.attr if isinstance(root, ast.Name) and root.id in modules else None


def _name(call: ast.Call, kind: str) -> str | None:
    """The name that is stated; None if it is not written out."""
    given = call.args[_NAMED_AT[kind] : _NAMED_AT[kind] + 1]
    given.extend(keyword.value for keyword in call.keywords if keyword.arg == "name")
    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return given[0].value
    return None
