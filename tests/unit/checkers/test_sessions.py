"""Guarantees of sessions, on registers whose values tell their version, and on such whose values are only unique."""

from __future__ import annotations

from typing import Any

import pytest

from simactors.checkers.sessions import (
    monotonic_reads,
    monotonic_writes,
    read_your_writes,
    writes_follow_reads,
)
from simactors.checkers.transactions import read
from simactors.checkers.verdict import Ok, Unknown, Verdict, Violated
from simactors.core.history import History, Operation, Status


def history(*said: str, statuses: dict[int, Status] | None = None) -> History:
    """``a w 1``: client a writes 1 to x; ``b r``: it reads nothing; one after the other."""
    operations = []
    for number, words in enumerate(said):
        client, kind, *values = words.split()
        value = int(values[0]) if values else None
        status = (statuses or {}).get(number, "returned")
        operations.append(
            Operation(
                client=client,
                name="read" if kind == "r" else "write",
                args=() if kind == "r" else (value,),
                target="x",
                called=2 * number,
                returned=None if status == "unknown" else 2 * number + 1,
                status=status,
                result=value if kind == "r" else None,
            )
        )
    return History(tuple(operations))


def version(value: Any) -> Any:
    return value


def reason(verdict: Verdict) -> str:
    assert isinstance(verdict, Violated), verdict
    return verdict.reason


WRITTEN = ("w w 1", "w w 2", "w w 3")


def test_a_client_that_reads_newer_and_newer_values_is_content():
    said = history(*WRITTEN, "a r", "a r 1", "a r 3", "b r 2", "b r 2")
    assert monotonic_reads(said) == Ok("monotonic reads", 8)
    assert monotonic_reads(said, version=version)


@pytest.mark.parametrize("versions", [None, version])
def test_reading_nothing_after_something_is_a_step_back(versions: Any):
    assert reason(monotonic_reads(history(*WRITTEN, "a r 2", "a r"), version=versions)) == (
        "a read 2, and then read None of x, which is older"
    )


def test_reading_an_older_version_is_a_step_back_also_from_the_newest_of_all_reads():
    said = history(*WRITTEN, "a r 3", "b r 1", "a r 2", "a r 3")
    assert str(monotonic_reads(said, version=version)) == (
        "monotonic reads: violated: a read 3, and then read 2 of x, which is older\n"
        "       6  a: x.read() -> 3\n"
        "      10  a: x.read() -> 2"
    )
    three = history(*WRITTEN, "a r 3", "a r 1", "a r 2")
    assert reason(monotonic_reads(three, version=version)).startswith("a read 3, and then read 1")


def test_values_without_versions_violate_if_no_order_fits():
    assert monotonic_reads(history(*WRITTEN, "a r 2", "a r 1"))
    back_and_forth = monotonic_reads(history(*WRITTEN, "a r 1", "a r 2", "a r 1"))
    assert (
        reason(back_and_forth)
        == "no order of the values of x fits: a read 1, then read 2; a read 2, then read 1"
    )
    two_clients = monotonic_reads(history(*WRITTEN, "a r 1", "a r 2", "b r 2", "b r 1"))
    assert (
        reason(two_clients)
        == "no order of the values of x fits: a read 1, then read 2; b read 2, then read 1"
    )


@pytest.mark.parametrize("versions", [None, version])
def test_a_client_must_find_what_it_has_written(versions: Any):
    assert read_your_writes(history("a w 1", "b r", "a r 1"), version=versions)
    assert reason(read_your_writes(history("a w 1", "b r", "a r"), version=versions)) == (
        "a wrote 1, and then read None of x, which is older"
    )


def test_a_write_of_unknown_outcome_need_not_be_found():
    assert read_your_writes(history("a w 1", "a r", statuses={0: "unknown"}))
    assert monotonic_reads(history("b w 1", "a r 1", "a r 1", statuses={0: "unknown"}))


def test_a_client_may_find_what_others_wrote_after_it():
    assert read_your_writes(history("a w 1", "b w 2", "a r 2"), version=version)
    assert not read_your_writes(history("b w 1", "a w 2", "a r 1"), version=version)


def test_two_clients_can_not_each_have_been_overwritten_by_the_other():
    said = history("a w 1", "b w 2", "a r 2", "b r 1")
    assert (
        reason(read_your_writes(said))
        == "no order of the values of x fits: a wrote 1, then read 2; b wrote 2, then read 1"
    )


def test_writes_of_one_client_keep_their_order():
    assert monotonic_writes(history("a w 1", "b w 5", "a w 2"), version=version)
    assert not monotonic_writes(history("a w 2", "a w 1"), version=version)


def test_what_is_written_after_a_read_is_newer():
    assert writes_follow_reads(history("a w 1", "b r 1", "b w 2"), version=version)
    assert not writes_follow_reads(history("a w 5", "b r 5", "b w 2"), version=version)
    # Each has read what the other wrote afterwards.
    assert not writes_follow_reads(history("a r 2", "a w 1", "b r 1", "b w 2"))


def test_values_that_are_not_unique_need_versions():
    said = history("a w 1", "b w 1", "a r 1")
    assert isinstance(monotonic_reads(said), Unknown)
    assert monotonic_reads(said, version=version)


def test_a_value_that_nobody_wrote_has_no_place_in_the_order():
    verdict = monotonic_reads(history("a r 9"))
    assert isinstance(verdict, Unknown)
    assert "nobody wrote that" in verdict.reason


def test_a_client_that_does_two_things_at_once_has_no_session():
    one = Operation(client="a", name="read", args=("x",), called=0, returned=3, status="returned")
    two = Operation(client="a", name="read", args=("x",), called=1, returned=2, status="returned")
    assert isinstance(monotonic_reads(History((one, two))), Unknown)


def test_keys_are_judged_each_for_itself():
    def put(key: str, value: int, at: int) -> Operation:
        return Operation(
            client="w", name="put", args=(key, value), called=at, returned=at + 1, status="returned"
        )

    def got(key: str, value: int | None, at: int) -> Operation:
        return Operation(
            client="a", name="get", args=(key,), called=at, returned=at + 1, status="returned", result=value
        )

    assert monotonic_reads(
        History((put("x", 1, 0), put("y", 2, 2), got("x", 1, 4), got("y", None, 6), got("x", 1, 8)))
    )


def test_other_names_are_read_by_a_function():
    one = Operation(client="a", name="balance", called=0, returned=1, status="returned", result=3)
    two = Operation(client="a", name="balance", called=2, returned=3, status="returned", result=1)
    verdict = monotonic_reads(
        History((one, two)), access=lambda operation: read("x", operation.result), version=version
    )
    assert not verdict
    assert monotonic_reads(History((one, two)), version=version) == Ok("monotonic reads", 0)
