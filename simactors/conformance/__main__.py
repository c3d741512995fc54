"""``python -m simactors.conformance``: every promise of the API as a test, run by pytest on some of the backends.

Example: ``python -m simactors.conformance --backends sim,local -k cancel``. Whatever else is given goes to pytest.
Generated programs are another suite: ``python -m simactors.conformance.programs``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from simactors.core import backend

_HERE = Path(__file__).parent
FOLDERS = (_HERE / "promises", _HERE.parents[1] / "tests" / "conformance")
"""Where the tests are: in an installed package, and in a checkout."""

VARIABLE = "CONFORMANCE_BACKENDS"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of pytest; 2 for wrong input."""
    parser = argparse.ArgumentParser(prog="python -m simactors.conformance", description=__doc__)
    parser.add_argument("--backends", default="sim,local", help="with commas; default: sim,local")
    wanted, rest = parser.parse_known_args(arguments)
    names = [name.strip() for name in wanted.backends.split(",") if name.strip()]
    for name in names:
        if name not in backend.names():
            parser.error(f"--backends: there is no {name!r}: use {', '.join(backend.names())}")
        if (missing := backend.lack(name)) is not None:
            parser.error(f"--backends: {missing}")
    if importlib.util.find_spec("pytest") is None:
        parser.error("the suite needs pytest: pip install pytest")
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    if folder is None:
        parser.error(
            "the tests are not part of this installation: install simactors from a wheel or a checkout"
        )
    # A process of its own: pytest wants to load plugins, of which simactors is one, by itself.
    command = [sys.executable, "-m", "pytest", str(folder), "--import-mode=importlib", *rest]
    return subprocess.call(command, env={**os.environ, VARIABLE: ",".join(names)})


if __name__ == "__main__":
    sys.exit(main())
