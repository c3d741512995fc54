"""The command ``simactors`` as a user calls it: in this process, or in one of its own.

An interpreter takes most of a second to start. It is worth that where the process itself is what is looked at: its exit
code and streams, signals, the hash seed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TextIO

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
    code = _call(args, cwd, (StringIO(stdin), out, err), environment)
    return Done(["simactors", *args], code, out.getvalue(), err.getvalue())


def shown(*args: str, cwd: Path, stdin: str, **environment: str) -> tuple[str, int]:
    """What a terminal shows of it, stdout and stderr as they come, and its exit code."""
    terminal = StringIO()
    code = _call(args, cwd, (StringIO(stdin), terminal, terminal), environment)
    return terminal.getvalue(), code


def _call(
    args: Sequence[str], cwd: Path, streams: tuple[TextIO, TextIO, TextIO], environment: dict[str, str]
) -> int:
    stdin, out, err = streams
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "stdin", stdin)
        for name in _OF_THE_SUITE:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # for the suite, a warning is an error
            warnings.showwarning = lambda *told, **_: print(
                warnings.formatwarning(*told[:4]), file=err, end=""
            )
            return exit_code_of(commands, args, "simactors")


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
