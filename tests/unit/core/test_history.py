"""Histories of several processes put together by time."""

from __future__ import annotations

import pytest

from simactors.core.history import History, Operation


def at(client: str, called_s: float, returned_s: float | None, place: int = 0) -> Operation:
    end = None if returned_s is None else place + 1
    status = "unknown" if returned_s is None else "returned"
    return Operation(
        client=client,
        name="ask",
        called=place,
        called_s=called_s,
        returned=end,
        returned_s=returned_s,
        status=status,
    )


def places(history: History) -> dict[str, list[tuple[int, int | None]]]:
    return {
        client: [(each.called, each.returned) for each in part] for client, part in history.clients.items()
    }


def test_what_several_processes_did_stands_in_the_order_of_their_times():
    a = History((at("a", 1.0, 4.0),))
    b = History((at("b", 2.0, 3.0), at("b", 5.0, None, place=2)))
    assert places(History.merged(a, b)) == {"a": [(0, 3)], "b": [(1, 2), (4, None)]}


def test_at_the_same_time_calls_in_one_process_come_before_returns_in_another():
    a = History((at("a", 1.0, 2.0),))
    b = History((at("b", 2.0, 3.0),))
    assert places(History.merged(a, b)) == places(History.merged(b, a)) == {"a": [(0, 2)], "b": [(1, 3)]}


def test_at_the_same_time_a_process_by_itself_keeps_its_order():
    a = History((at("a", 1.0, 2.0), at("a", 2.0, 2.0, place=2), at("a", 2.0, 3.0, place=4)))
    far = History((at("b", 9.0, 9.5),))
    assert places(History.merged(a, far))["a"] == [(0, 1), (2, 3), (4, 5)]


def test_an_operation_that_takes_no_time_is_called_before_it_returns():
    a, b = History((at("a", 1.0, 1.0),)), History((at("b", 1.0, 1.0),))
    assert places(History.merged(a, b)) == {"a": [(0, 2)], "b": [(1, 3)]}


def test_a_clock_that_was_set_back_does_not_change_the_order_in_its_process():
    a = History((at("a", 5.0, 6.0), at("a", 1.0, 2.0, place=2)))
    assert places(History.merged(a)) == {"a": [(0, 1), (2, 3)]}


def test_merging_again_changes_nothing():
    merged = History.merged(History((at("a", 1.0, 4.0),)), History((at("b", 2.0, 3.0),)))
    assert History.merged(merged) == merged
    assert History.merged() == History()


def test_a_return_without_a_time_cannot_be_merged():
    with pytest.raises(ValueError, match="does not say when: a: ask"):
        History.merged(History((Operation(client="a", name="ask", called=0, returned=1, status="returned"),)))


def test_a_list_of_histories_is_refused_with_what_to_write():
    with pytest.raises(TypeError, match=r"History\.merged\(\*histories\), not list"):
        History.merged([History(()), History(())])


def test_operations_of_which_only_times_are_known_are_put_in_order():
    history = History.timed([at("b", 3.0, None), at("a", 1.0, 3.0)])
    assert places(history) == {"a": [(0, 2)], "b": [(1, None)]}
