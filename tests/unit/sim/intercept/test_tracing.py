"""Who follows the lines of a test: Hypothesis sees those of users, and none of the simulator's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

import simactors
from simactors import simulate


@simactors.remote
class Box:
    def put(self, value: int) -> int:
        value *= 2
        return value


def put_twice() -> int:
    box = Box.remote()
    first = simactors.get(box.put.remote(1))
    return simactors.get(box.put.remote(first))


@pytest.fixture
def before() -> Iterator[Any]:
    """A collector as Hypothesis has it until Python 3.12, in the place of whoever follows this test."""
    found = sys.gettrace()
    yield found
    sys.settrace(found)


def collector(lines: list[str], module: str) -> Any:
    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            lines.append(frame.f_code.co_filename)
        return trace

    trace.__module__ = module
    return trace


@pytest.mark.usefixtures("before")
def test_a_collector_of_hypothesis_sees_the_lines_of_users_only() -> None:
    lines: list[str] = []
    follow = collector(lines, "hypothesis.internal.anything")
    with simulate():
        pass
    sys.settrace(follow)
    with simulate():
        assert put_twice() == 4
    assert sys.gettrace() is follow
    sys.settrace(None)
    assert lines.count(__file__) >= 7, "of the test's function, and of the actor's method, twice"
    ours = [file for file in lines if "/simactors/sim/" in file]
    assert len(ours) < 40, "what opens and closes a simulation: its first and last lines"


@pytest.mark.usefixtures("before")
def test_other_tools_see_what_they_always_do() -> None:
    lines: list[str] = []
    follow = collector(lines, "bdb")
    sys.settrace(follow)
    with simulate():
        inside = sys.gettrace()
        assert put_twice() == 4
    sys.settrace(None)
    assert inside is follow
    assert sum("/simactors/sim/" in file for file in lines) > 1_000
