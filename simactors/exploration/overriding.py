"""Scenario tables with something else in them: variants, points of a sweep, the command's ``--set``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simactors.core import nearest
from simactors.exploration import cluster_file, entry_points

_OF_REQUESTS = ("requests", "duration", "timeout", "warmup")
# Who says one of them means it instead of the others, with what these were given.
_INSTEAD = {
    "arrivals": ("clients",),
    "clients": ("arrivals",),
    "entry": ("request", "setup", "teardown", "parameters", "arrivals", "clients", *_OF_REQUESTS),
    "request": ("entry", "parameters"),
}


def merged(table: dict[str, Any], other: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`table` with what `other` says: tables are merged, but those with a ``kind``; everything else is replaced.

    Args:
        folder: where files lie that are named in the place of tables.
    """
    result = {key: value for key, value in table.items() if key != "variants"}
    for key, value in other.items():
        replaced = _INSTEAD.get(key, ())
        if replaced and replaced[0] in result:
            result = {name: kept for name, kept in result.items() if name not in replaced}
        before = _inlined(result.get(key), key, folder) if isinstance(value, dict) else None
        is_merged = isinstance(before, dict) and isinstance(value, dict) and "kind" not in value
        result[key] = merged(before, value, folder) if is_merged and before is not None else value
    return result


def changed(table: dict[str, Any], name: str, value: Any, folder: Path) -> dict[str, Any]:
    """`table` with one value set.

    Args:
        name: of a parameter of the workload; or, with dots, a key: ``workload.arrivals.rate``.

    Raises:
        ValueError: there is no such key.
    """
    if "." not in name:
        return merged(table, {"workload": {"parameters": {name: value}}}, folder)
    first, *rest = name.split(".")
    if first not in ("cluster", "workload", "checks", "seeds", "expect"):
        near = nearest.clause(first, ("cluster", "workload", "checks"))
        raise ValueError(f"{name} is no parameter and no key of cluster, workload or checks{near}")
    return {**table, first: _with(_inlined(table.get(first, {}), first, folder), rest, value, name)}


def _with(table: Any, keys: list[str], value: Any, name: str) -> Any:
    key, *rest = keys
    if isinstance(table, list):
        if not key.isdigit() or int(key) >= len(table):
            raise ValueError(f"{name}: {key} is no number from 0 to {len(table) - 1}")
        return [_set(item, rest, value, name) if at == int(key) else item for at, item in enumerate(table)]
    if not isinstance(table, dict):
        raise ValueError(f"{name}: there is no table with a key {key!r}")
    if rest and rest[0].isdigit() and key not in table:
        raise ValueError(f"{name}: there is no list {key} of which {rest[0]} could be a number")
    return {**table, key: _set(table.get(key, {}), rest, value, name)}


def _set(before: Any, rest: list[str], value: Any, name: str) -> Any:
    return _with(before, rest, value, name) if rest else value


def _inlined(told: Any, key: str, folder: Path) -> Any:
    """A cluster that stands in a file, as a table."""
    if key == "cluster" and isinstance(told, str) and entry_points.is_inside(folder, told):
        return cluster_file.read(str(folder / told))
    return told
