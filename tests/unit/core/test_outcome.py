"""How calls end."""

from __future__ import annotations

import gc
import traceback
import weakref
from typing import Any

from simactors.core.outcome import format_user_traceback, is_one_of, task_failure
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


def test_an_error_that_no_class_can_be_derived_from_stays_plain() -> None:
    class Final(Exception):
        def __init_subclass__(cls) -> None:
            raise LookupError("final")

    class Unmade(Exception):
        def __new__(cls, *args: Any) -> Any:
            if cls is not Unmade:
                raise LookupError("nothing else")
            return super().__new__(cls, *args)

    class Meta(type):
        def __subclasscheck__(cls, subclass: type) -> bool:
            raise LookupError("no answer")

    class Silent(Exception, metaclass=Meta):
        pass

    for cause in (Final("x"), Unmade("x"), Silent("x")):
        plain = RayTaskError("f", "", cause)
        assert plain.as_instanceof_cause() is plain


def test_classes_that_cannot_say_what_their_instances_are_have_none() -> None:
    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise LookupError("no answer")

    class Blind(Exception, metaclass=Meta):
        pass

    assert not is_one_of(KeyError(), (Blind,))
    assert is_one_of(KeyError(), (LookupError, Blind))
    assert not is_one_of(KeyError(), (ValueError,))


def test_of_a_thousand_frames_the_first_and_the_last_are_told() -> None:
    def there(depth: int) -> None:
        back(depth + 1)

    def back(depth: int) -> None:
        there(depth + 1)

    try:
        there(0)
    except RecursionError as error:
        told = task_failure("f", error, "pid=1", by_value=True)
    raised = told.error()
    assert isinstance(raised, RayTaskError)
    frames = traceback.extract_tb(raised.cause.__traceback__)
    assert len(frames) == 100
    assert frames[0].name.startswith("test_of_a_thousand_frames")
    assert str(raised).count(", in there") + str(raised).count(", in back") == 99
    assert str(raised).endswith("RecursionError: maximum recursion depth exceeded")


def test_of_a_long_chain_of_errors_the_first_and_the_last_are_told() -> None:
    def fail(left: int) -> None:
        if not left:
            raise KeyError("root")
        try:
            fail(left - 1)
        except Exception as error:
            raise RuntimeError(left) from error

    try:
        fail(200)
    except RuntimeError as error:
        text = format_user_traceback(error)
    assert text.count("RuntimeError: ") == 99
    assert "KeyError: 'root'" in text
    assert text.endswith("RuntimeError: 200")


def test_an_error_that_nothing_can_be_asked_of_is_told_by_its_class() -> None:
    class Mute(Exception):
        @property
        def __notes__(self) -> Any:
            raise SystemExit(1)

        def __str__(self) -> str:
            raise ZeroDivisionError

        def __reduce__(self) -> Any:
            raise SystemExit(1)

    raised = task_failure("f", Mute(), "pid=1", by_value=True).error()
    assert isinstance(raised, RayTaskError)
    assert "Mute: <its __str__ raised builtins.ZeroDivisionError>" in str(raised)
