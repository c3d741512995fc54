"""Where a test is, as pytest's command line has it, and the commands that run it again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from simactors.exploration.target import Target
from simactors.testing import seeds


def seed_of(item: pytest.Item) -> int | None:
    """The seed that it is parametrized with."""
    callspec = getattr(item, "callspec", None)
    seed = None if callspec is None else callspec.params.get("sim")
    return seed if isinstance(seed, int) else None


def target_of(item: pytest.Item) -> Target:
    """The test, whatever its seed; its file as seen from where pytest was called."""
    test, seed = item.nodeid.partition("::")[2], seed_of(item)
    if seed is not None:
        head, colons, name = test.rpartition("::") if "::" in test.partition("[")[0] else ("", "", test)
        test = f"{head}{colons}{seeds.without(name, seed)}"
    return Target(os.path.relpath(item.path, item.config.invocation_params.dir), test=test)


def command(item: pytest.Item) -> str:
    """What runs exactly this test, with its seed."""
    test = item.nodeid.partition("::")[2]
    return f"pytest {shlex.quote(f'{target_of(item).file}::{test}')}"


def is_of(target: Target, item: pytest.Item) -> bool:
    """Whether a repro that names `target` is of this test."""
    mine = target_of(item)
    folders = item.config.invocation_params.dir, item.config.rootpath
    return mine.test == target.test and any(
        Path(folder, target.file).resolve() == item.path.resolve() for folder in folders
    )
