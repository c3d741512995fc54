"""Generated programs repeat: in fresh interpreters, under other hash seeds, after other programs.

Goal: find what no single test thinks of, in what the standard library, asyncio or the simulator keep beside a run.
Method: see `programs.py` and `sweep.py`; `make determinism` runs many more.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.determinism.programs import generate
from tests.determinism.sweep import differences, first_difference, sweep

COUNT = 6


@pytest.mark.parametrize("first", [0, 1000])
def test_generated_programs_repeat_in_fresh_interpreters(first: int, tmp_path: Path) -> None:
    outcomes, bad = set(), []
    for one, other in sweep(range(first, first + COUNT), tmp_path):
        outcomes.add(one.outcome)
        differs = differences(one, other)
        if differs or one.noise or other.noise:
            folder = tmp_path / str(one.seed)
            bad += [f"program {one.seed}: {differs or 'repeats, but says'}", *first_difference(folder)]
            bad += [*one.noise, *other.noise, generate(one.seed).command(folder)]
    assert not bad, "\n".join(bad)
    assert "passed" in outcomes
    assert outcomes - {"passed"}, "programs in which nothing goes wrong find little"


def test_a_seed_writes_the_same_program_again() -> None:
    assert generate(3) == generate(3)
    assert generate(3) != generate(4)
