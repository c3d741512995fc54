"""What a shell may offer where somebody presses Tab; click asks. Not the names of commands and options: it knows those.

Nothing is run for it: functions are read out of their files.
"""

from __future__ import annotations

import ast
from pathlib import Path

import click
from click.shell_completion import CompletionItem


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, which the shell itself looks for."""
    return [CompletionItem(incomplete, type="file")]


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders; behind ``FILE.py:`` the functions of that file that can be called without arguments."""
    file, colon, start = incomplete.rpartition(":")
    if not colon or not Path(file).is_file():
        return files(ctx, param, incomplete)
    return [CompletionItem(f"{file}:{name}") for name in _functions(Path(file)) if name.startswith(start)]


def _functions(file: Path) -> list[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return []  # whoever runs it will be told
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _needs_nothing(node.args)
    ]


def _needs_nothing(args: ast.arguments) -> bool:
    return len(args.posonlyargs + args.args) == len(args.defaults) and None not in args.kw_defaults
