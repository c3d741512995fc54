"""On which line what is told of a file stands."""

from __future__ import annotations

import pytest

from simactors.exploration import toml_lines

TEXT = """\
a.b.c = 1
[[faults]]
kind = "x"
[[faults]]
kind = '''
[[faults]]
'''
[variants.one]
[[variants.one.faults]]
[[variants.one.faults]]
at_s = [1,
  2]
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("a", 1),
        ("a.b: no", 1),
        ("faults: no", 2),
        ("faults[0].kind: no", 3),
        ("faults[1]: Pause(a.b)", 4),
        ("faults[1].kind", 5),
        ("faults[1].for_s: it is missing", 4),
        ("faults[7]: no", 2),
        ("variants.one.faults[1]: no", 10),
        ("variants.one.faults[1].at_s[1]: no", 12),
        ("variants.one.cluster: no", 8),
        ("variants.two: no", 8),
        ("fault: no", None),
        ("elsewhere[0].faults: no", None),
    ],
)
def test_a_problem_is_told_with_the_line_of_the_nearest_thing_that_has_one(
    where: str, line: int | None
) -> None:
    assert toml_lines.line_of(where, toml_lines.lines_of(TEXT)) == line
