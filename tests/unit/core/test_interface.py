"""Signatures and descriptions: wrong arguments are found where the call is written."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simactors.core.calls import bind, describe_class
from simactors.core.interface import Signature
from simactors.core.options import PLAIN_METHOD


def none() -> None: ...
def one(a: Any) -> None: ...
def some(a: Any, b: Any = 1, /, c: Any = 2, *, d: Any = 3) -> None: ...
def must_name(a: Any, *, key: Any) -> None: ...
def anything(*args: Any, **kwargs: Any) -> None: ...
def first_and_rest(a: Any, *rest: Any) -> None: ...


def complaint(check: Callable[[], object]) -> str | None:
    try:
        check()
    except TypeError as error:
        return str(error)
    return None


@given(
    function=st.sampled_from([none, one, some, must_name, anything, first_and_rest]),
    count=st.integers(0, 5),
    names=st.sets(st.sampled_from(["a", "b", "c", "d", "key", "z"])),
)
def test_the_check_agrees_with_python_itself(
    function: Callable[..., Any], count: int, names: set[str]
) -> None:
    args, kwargs = (0,) * count, dict.fromkeys(sorted(names), 0)
    signature = Signature.of(function, skip_first=False)
    travelled = pickle.loads(pickle.dumps(signature))
    expected = complaint(lambda: inspect.signature(function).bind(*args, **kwargs))
    assert complaint(lambda: signature.check(args, kwargs)) == expected
    assert complaint(lambda: travelled.check(args, kwargs)) == expected


class Example:
    constant = 3

    def __init__(self, x: int) -> None:
        self.method = x

    def method(self, y: int) -> str:
        return f"method {y}"

    async def later(self) -> None: ...

    def items(self) -> Any:
        yield 1

    @staticmethod
    def static(a: int) -> int:
        return a

    @classmethod
    def named(cls, a: int) -> tuple[str, int]:
        return cls.__name__, a

    @property
    def secret(self) -> int:
        return 1


def test_a_description_has_the_functions_of_a_class_and_nothing_else() -> None:
    made = describe_class(Example, lambda _: PLAIN_METHOD)
    own = {name for name in made.interface.methods if not name.startswith("__")}
    assert own == {"method", "later", "items", "static", "named"}
    assert made.interface.methods["later"].needs_event_loop
    assert made.interface.methods["items"].is_generator
    assert made.constructor.label == "Example.__init__"


def test_methods_are_bound_by_their_class_whatever_the_instance_holds() -> None:
    made, instance = describe_class(Example, lambda _: PLAIN_METHOD), Example(5)
    for lookup in (bind, made.bind):
        assert lookup(instance, "method")(1) == "method 1"
        assert lookup(instance, "static")(1) == 1
        assert lookup(instance, "named")(1) == ("Example", 1)
        assert lookup(instance, "__ray_call__")(lambda self, x: (self.method, x), 2) == (5, 2)


def test_a_class_without_a_constructor_takes_no_arguments() -> None:
    class Empty:
        pass

    made = describe_class(Empty, lambda _: PLAIN_METHOD)
    made.constructor.signature.check((), {})
    with pytest.raises(TypeError, match="too many positional arguments"):
        made.constructor.signature.check((1,), {})
