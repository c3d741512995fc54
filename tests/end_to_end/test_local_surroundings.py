"""What a session's processes meet of the system around them: descriptors, variables, children, signals.

Goal: what user code does with its own process never becomes somebody else's trouble, and is told by its name. Method:
sessions of the `local` backend in this process, and whole programs where the driver itself is odd.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def program(code: str, *words: str, closed: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `code` as a driver that was started without these descriptors."""
    closing = " ".join(f"{fd}>&-" for fd in closed)
    command = ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", textwrap.dedent(code), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_session_opens_where_standard_descriptors_are_closed(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    code = """
    import os, sys
    import simactors as ray

    ray.init(backend="local", num_cpus=1)

    @ray.remote
    class Noisy:
        def noise(self):
            print("out")
            os.write(2, b"err")
            return bytes(1_000_000)

    noisy = Noisy.remote()
    for fd in (1, 2):
        try:
            os.write(fd, b"as C code prints")
        except OSError:
            pass
    sizes = [len(x) for x in ray.get([noisy.noise.remote() for _ in range(3)])]
    ray.shutdown()
    open(sys.argv[1], "w").write(repr(sizes))
    """
    ran = program(code, str(tmp_path / "sizes"), closed=closed)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "sizes").read_text() == repr([1_000_000] * 3)
