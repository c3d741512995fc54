"""``docs/checkers.md`` is what it says: its code runs, from top to bottom, and prints what stands below it."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from simactors import checkers
from simactors.core.sightings import Sightings, collecting

PAGE = (Path(__file__).parents[3] / "docs" / "checkers.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_prints_what_stands_below_it():
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
