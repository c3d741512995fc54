"""How calls end."""

from __future__ import annotations

import gc
import traceback
import weakref
from typing import Any

from simactors.core.outcome import task_failure
from simactors.exceptions import RayTaskError


def test_the_frames_of_a_remote_error_are_there_for_debuggers() -> None:
    def deep() -> None:
        raise KeyError("k")

    try:
        deep()
    except KeyError as error:
        told = task_failure("f", error, "pid=1", by_value=True)
    raised = told.error()
    assert isinstance(raised, RayTaskError)
    names = [frame.name for frame in traceback.extract_tb(raised.cause.__traceback__)]
    assert names[-1] == "deep"
    again = task_failure("g", raised, "pid=2", by_value=True).error()
    assert isinstance(again, RayTaskError)
    assert traceback.extract_tb(again.cause.__traceback__)[-1].line == 'raise KeyError("k")'


def test_frames_stay_behind_with_an_error_that_can_only_be_told_in_words() -> None:
    class Local(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("never")

    raised = task_failure("f", Local(), "pid=1", by_value=True).error()
    assert isinstance(raised, RayTaskError)
    assert raised.frames is None


def test_an_error_holds_nobody_in_a_circle_until_its_frames_are_asked_for() -> None:
    class Thing:
        pass

    def fail() -> weakref.ref[Thing]:
        thing = Thing()
        try:
            raise told.error()
        except RayTaskError:
            return weakref.ref(thing)

    try:
        raise KeyError("k")
    except KeyError as error:
        told = task_failure("f", error, "pid=1", by_value=True)
    gc.disable()
    try:
        assert fail()() is None
    finally:
        gc.enable()
