"""The command ``simactors`` as a user calls it: in this process, or in one of its own.

An interpreter takes most of a second to start. It is worth that where the process itself is what is looked at: its exit
code and streams, signals, the hash seed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from simactors.cli import commands
from simactors.cli.group import exit_code_of

ROOT = Path(__file__).parents[2]
_OF_THE_SUITE = ("SIMACTORS_BACKEND", "PYTHONHASHSEED")
"""Variables that a user has not set."""

Done = subprocess.CompletedProcess[str]


def called(*args: str, cwd: Path = ROOT, stdin: str = "", **environment: str) -> Done:
    """What the command does in this process, whose folder, streams and variables are as they were afterwards."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "stdin", StringIO(stdin))
        for name in _OF_THE_SUITE:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # for the suite, a warning is an error
            code = exit_code_of(commands, args, "simactors")
    return Done(["simactors", *args], code, out.getvalue(), err.getvalue())


def started(*args: str, cwd: Path = ROOT, **environment: str) -> Done:
    """What it does in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "simactors", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean_environment(), **environment},
        timeout=60,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """Of a process in any folder that is to find this package."""
    others = {name: value for name, value in os.environ.items() if name not in _OF_THE_SUITE}
    path = os.pathsep.join(filter(None, (str(ROOT), others.get("PYTHONPATH"))))
    return {**others, "PYTHONPATH": path}
