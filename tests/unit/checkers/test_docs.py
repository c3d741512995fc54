"""``docs/checkers.md`` is what it says: its code runs, from top to bottom, and prints what stands below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from simactors import checkers
from simactors.core.sightings import Sightings, collecting

PAGE = (Path(__file__).parents[3] / "docs" / "checkers.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# What the page loads the trace of.
TRACED = """
import simactors as ray

@ray.remote
class Register:
    def __init__(self):
        self.value = 0

    def read(self):
        return self.value

    def write(self, value):
        self.value = value

ray.init(backend="local")
register = Register.remote()
ray.get([register.write.remote(1), register.read.remote(), register.write.remote(2), register.read.remote()])
"""


def test_the_code_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = {**os.environ, "SIMACTORS_TRACE_TO": "trace"}
    subprocess.run([sys.executable, "-c", TRACED], env=told, check=True, timeout=60)
    names: dict[str, object] = {"__name__": "docs"}
    printed = ""
    compared = 0
    for language, text in BLOCK.findall(PAGE):
        if language == "python":
            assert printed == "", "the output of the block before is missing"
            out = StringIO()
            with redirect_stdout(out), collecting(Sightings()):
                exec(compile(text, "docs/checkers.md", "exec"), names)
            printed = out.getvalue()
        else:
            assert text == printed
            printed = ""
            compared += 1
    assert compared > 5


def test_nothing_that_is_offered_is_left_out():
    assert [name for name in checkers.__all__ if name not in PAGE] == []
