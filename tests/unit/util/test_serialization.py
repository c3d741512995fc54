"""Serializers of one's own, and what stands in the way of sending something."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from simactors.core import codec
from simactors.util import deregister_serializer, inspect_serializability, register_serializer


class Locked:
    def __init__(self, value: int) -> None:
        self.value = value
        self.lock = threading.Lock()


@pytest.mark.parametrize("by_value", [False, True])
def test_a_registered_class_is_sent_as_its_serializer_says(by_value: bool) -> None:
    register_serializer(Locked, serializer=lambda locked: locked.value, deserializer=Locked)
    try:
        copy = codec.unpack(codec.pack([Locked(5)], by_value=by_value))
        assert copy[0].value == 5
    finally:
        deregister_serializer(Locked)
    deregister_serializer(Locked)
    with pytest.raises(TypeError):
        codec.pack(Locked(5))


def test_a_deserializer_may_be_written_in_place() -> None:
    register_serializer(
        Locked, serializer=lambda locked: locked.value, deserializer=lambda value: Locked(value + 1)
    )
    try:
        assert codec.unpack(codec.pack(Locked(5))).value == 6
    finally:
        deregister_serializer(Locked)


def test_the_culprit_is_found_where_it_hides() -> None:
    out = io.StringIO()
    lock: Any = threading.Lock()
    ok, found = inspect_serializability(Locked(1), name="locked", print_file=out)
    assert not ok
    assert [failure.path for failure in found] == [("locked", "lock")]
    ok, found = inspect_serializability(lambda: lock, print_file=out)
    assert [failure.obj for failure in found] == [lock]
    assert "was found to be non-serializable" in out.getvalue()
    assert inspect_serializability([1], print_file=out) == (True, set())
