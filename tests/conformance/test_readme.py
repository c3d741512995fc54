"""The README's program prints the same on every backend."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(
    not README.is_file(), reason="the README is in the repository, not beside an installed suite"
)
@pytest.mark.own_cluster
def test_the_one_program_of_the_readme_prints_the_same_everywhere(
    ray: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    section = README.read_text().partition("## One program, three backends")[2]
    program = re.search(r"```python\n(.*?)```\n\nIt prints `(.*?)`", section, re.DOTALL)
    assert program is not None
    ray.shutdown()  # it initializes for itself, on the backend that the fixture has named in the environment
    exec(program[1], {"__name__": "tally"})
    assert capsys.readouterr().out.splitlines()[-1] == program[2]
