"""What a shell may offer where somebody presses Tab; click asks. Not the names of commands and options: it knows those.

Nothing is run for it: functions and variants are read out of their files.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, which the shell itself looks for."""
    return [CompletionItem(incomplete, type="file")]


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders; behind ``FILE.py:`` the functions of that file that can be called without arguments.

    Behind the colon of a scenario, its variants.
    """
    file, colon, start = incomplete.rpartition(":")
    if not colon or not Path(file).exists():
        return files(ctx, param, incomplete)
    scenario = _scenario(file)
    names = _functions(Path(file)) if scenario is None else list(scenario.get("variants", {}))
    return [CompletionItem(f"{file}:{name}") for name in names if name.startswith(start)]


def variants(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Those of the scenario that stands in the line already."""
    names = (_scenario_of(ctx) or {}).get("variants", {})
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What `--set` can change: the parameters of the scenario that stands in the line already, and keys of its file."""
    scenario = _scenario_of(ctx) or {}
    workload = scenario.get("workload", {})
    names = [*workload.get("parameters", {}), *scenario.get("sweep", {})]
    for table in ("workload", "checks", "cluster"):
        names += _keys(table, scenario.get(table))
    return [CompletionItem(f"{name}=") for name in dict.fromkeys(names) if name.startswith(incomplete)]


def _keys(place: str, told: Any) -> Iterator[str]:
    """The keys below a table that hold one value each, with dots."""
    if isinstance(told, dict) and place != "workload.parameters":
        for key, value in told.items():
            yield from _keys(f"{place}.{key}", value)
    elif isinstance(told, bool | int | float | str) and "." in place:
        yield place


def _scenario_of(ctx: click.Context) -> dict[str, Any] | None:
    # Behind an option that still lacks its value, click has told nobody yet what the arguments are.
    target = str(ctx.params.get("target") or next(iter(ctx.args), ""))
    return _scenario(target) or _scenario(target.rpartition(":")[0])


def _scenario(word: str) -> dict[str, Any] | None:
    """What the file of a scenario says; None if the word names none, or one that can't be read."""
    path = Path(word) / "scenario.toml" if Path(word).is_dir() else Path(word)
    if path.suffix != ".toml":
        return None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None  # whoever runs it will be told


def _functions(file: Path) -> list[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # whoever runs it will be told
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _needs_nothing(node.args)
    ]


def _needs_nothing(args: ast.arguments) -> bool:
    return len(args.posonlyargs + args.args) == len(args.defaults) and None not in args.kw_defaults
