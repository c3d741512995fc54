"""Isolation of transactions: each anomaly by its name, at the levels that forbid it, and what stands in the report.

Method: the textbook's histories by hand; random ones are in `test_isolation_at_random.py`.
"""

from __future__ import annotations

from itertools import count

import pytest

from simactors.checkers import dependencies
from simactors.checkers.isolation import Level, Model, isolated
from simactors.checkers.transactions import Step, append, read, steps_of, transaction, write
from simactors.checkers.verdict import Ok, Unknown, Violated
from simactors.core.history import History, Operation, Status
from simactors.exceptions import ViolationError

LEVELS: list[Level] = [
    "read-uncommitted",
    "read-committed",
    "snapshot-isolation",
    "serializable",
    "strict-serializable",
]


def at_once(*transactions: tuple[Step, ...], fates: dict[int, Status] | None = None) -> History:
    """All called before any returns, so that real time says nothing; each of a client of its own."""
    fates = fates or {}
    operations = []
    for number, steps in enumerate(transactions):
        status = fates.get(number, "returned")
        returned = None if status == "unknown" else 1000 + number
        operations.append(
            transaction(
                *steps, called=number, returned=returned, client=f"client-{number + 1}", status=status
            )
        )
    return History(tuple(operations))


def in_turn(*clients_and_steps: tuple[str, tuple[Step, ...]]) -> History:
    """One after the other."""
    places = count()
    return History(
        tuple(
            transaction(*steps, client=client, called=next(places), returned=next(places))
            for client, steps in clients_and_steps
        )
    )


def kinds(verdict: object) -> set[str]:
    assert isinstance(verdict, Violated), verdict
    return {anomaly.name for anomaly in verdict.evidence}


FORBIDDEN_FROM: list[tuple[str, Level, Model, History]] = [
    ("garbage-read", "read-uncommitted", "list", at_once((read("x", [7]),))),
    ("garbage-read", "read-uncommitted", "register", at_once((read("x", 7),))),
    ("duplicate-elements", "read-uncommitted", "list", at_once((append("x", 1),), (read("x", [1, 1]),))),
    (
        "G0",
        "read-uncommitted",
        "list",
        at_once(
            (append("x", 1), append("y", 1)),
            (append("x", 2), append("y", 2)),
            (read("x", [1, 2]), read("y", [2, 1])),
        ),
    ),
    (
        "incompatible-order",
        "read-committed",
        "list",
        at_once((append("x", 1),), (append("x", 2),), (read("x", [1]),), (read("x", [2, 1]),)),
    ),
    ("G1a", "read-committed", "list", at_once((append("x", 1),), (read("x", [1]),), fates={0: "refused"})),
    ("G1a", "read-committed", "register", at_once((write("x", 1),), (read("x", 1),), fates={0: "raised"})),
    ("G1b", "read-committed", "list", at_once((append("x", 1), append("x", 2)), (read("x", [1]),))),
    ("G1b", "read-committed", "register", at_once((write("x", 1), write("x", 2)), (read("x", 1),))),
    (
        "G1c",
        "read-committed",
        "list",
        at_once((append("x", 1), read("y", [1])), (append("y", 1), read("x", [1]))),
    ),
    (
        "G1c",
        "read-committed",
        "register",
        at_once((write("x", 1), read("y", 1)), (write("y", 1), read("x", 1))),
    ),
    ("internal", "snapshot-isolation", "list", at_once((append("x", 1), read("x", [])))),
    ("internal", "snapshot-isolation", "list", at_once((read("x", []), read("x", [1])), (append("x", 1),))),
    ("internal", "snapshot-isolation", "register", at_once((write("x", 1), read("x", None)))),
    (
        "internal",
        "snapshot-isolation",
        "register",
        at_once((write("x", 1),), (read("x", None), read("x", 1))),
    ),
    (
        "lost-update",
        "snapshot-isolation",
        "register",
        at_once((read("x", None), write("x", 1)), (read("x", None), write("x", 2))),
    ),
    (
        "lost-update",
        "snapshot-isolation",
        "list",
        at_once((read("x", []), append("x", 1)), (read("x", []), append("x", 2))),
    ),
    (
        "G-single",
        "snapshot-isolation",
        "list",
        at_once((append("x", 1), append("y", 1)), (read("x", [1]), read("y", []))),
    ),
    (
        "G-single",
        "snapshot-isolation",
        "register",
        at_once((write("x", 1), write("y", 1)), (read("x", 1), read("y", None))),
    ),
    (
        "G-nonadjacent",
        "snapshot-isolation",
        "list",
        at_once(
            (append("x", 1),),
            (append("y", 1),),
            (read("x", [1]), read("y", [])),
            (read("x", []), read("y", [1])),
        ),
    ),
    (
        "G2-item",
        "serializable",
        "list",
        at_once((read("x", []), append("y", 1)), (read("y", []), append("x", 1))),
    ),
    (
        "G2-item",
        "serializable",
        "register",
        at_once((read("x", None), write("y", 1)), (read("y", None), write("x", 1))),
    ),
    (
        "G-single-time",
        "strict-serializable",
        "list",
        in_turn(("a", (append("x", 1),)), ("b", (read("x", []),)), ("b", (read("x", [1]),))),
    ),
]


@pytest.mark.parametrize(("anomaly", "first", "model", "history"), FORBIDDEN_FROM)
def test_an_anomaly_is_found_from_the_level_on_that_forbids_it(
    anomaly: str, first: Level, model: Model, history: History
):
    for level in LEVELS:
        verdict = isolated(history, model=model, level=level)
        if LEVELS.index(level) < LEVELS.index(first):
            assert not isinstance(verdict, Violated)
        else:
            assert anomaly in kinds(verdict)


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_executed_one_by_one_is_isolated_at_every_level(level: Level):
    history = in_turn(
        ("a", (append("x", 1), read("x", [1]))),
        ("b", (read("x", [1]), append("x", 2), append("y", 3))),
        ("a", (read("y", [3]), read("x", [1, 2]))),
    )
    assert isolated(history, level=level) == Ok(level, 3)


def test_a_report_shows_the_transactions_and_why_each_comes_before_the_next():
    skew = at_once((append("x", 1),), (append("x", 2), append("y", 9)), (read("x", [1]), read("y", [9])))
    verdict = isolated(History((*skew, transaction(read("x", [1, 2]), called=50, returned=51))))
    assert str(verdict) == (
        "serializable: violated: G-single: 2 transactions in a cycle: T3 -rw-> T2 -wr-> T3\n"
        "  T3  client-3: read x = [1]; read y = [9]\n"
        "  T2  client-2: append 2 to x; append 9 to y\n"
        "  T3 -> T2  rw: T3 read x = [1], and T2 appended 2 to x after it\n"
        "  T2 -> T3  wr: T2 appended 9 to y, and T3 read [9]"
    )
    with pytest.raises(ViolationError, match="G-single"):
        verdict.check()


def test_the_shortest_cycle_is_shown():
    # T1 -> T2 -> T3 -> T1 and T3 -> T4 -> T3.
    verdict = isolated(
        at_once(
            (append("a", 1), read("c", [1])),
            (append("b", 1), read("a", [1])),
            (append("c", 1), read("b", [1]), append("d", 1), read("e", [1])),
            (read("d", [1]), append("e", 1)),
        )
    )
    assert isinstance(verdict, Violated)
    assert [t.name for t in verdict.evidence[0].transactions] == ["T3", "T4"]


def test_the_gravest_anomaly_is_told_first_and_the_others_are_counted():
    verdict = isolated(
        at_once((append("x", 1),), (read("x", [1]),), (read("x", [1]), read("y", [7])), fates={0: "refused"})
    )
    assert isinstance(verdict, Violated)
    assert verdict.reason.startswith("garbage-read: T3 read y = [7], but nobody ever appended 7")
    assert verdict.reason.endswith("besides: 2 G1a")


def test_an_unknown_transaction_counts_once_somebody_has_read_what_it_wrote():
    # Read skew, of which the writer's outcome is unknown: only if it took effect is something wrong.
    writer = (append("x", 1), append("y", 1))
    unread = at_once(writer, (read("x", []), read("y", [])), fates={0: "unknown"})
    half_read = at_once(writer, (read("x", [1]), read("y", [])), fates={0: "unknown"})
    assert isolated(unread)
    assert kinds(isolated(half_read)) == {"G-single"}


def test_an_unknown_transaction_may_take_effect_long_after_its_client_gave_up():
    operations = (
        transaction(append("x", 1), called=0, client="a"),
        transaction(read("x", []), called=1, returned=2, client="a"),
        transaction(read("x", [1]), called=3, returned=4, client="a"),
    )
    assert isolated(History(operations), level="strict-serializable")
    assert isolated(History(operations), level="strong-session-serializable")


def test_an_unread_append_comes_after_all_that_was_read():
    # Nobody read 2; whoever read [1] when both were there must have been before it.
    history = at_once((append("x", 1),), (append("x", 2), append("y", 1)), (read("x", [1]), read("y", [1])))
    assert kinds(isolated(history)) == {"G-single"}


def test_the_order_of_a_session_counts_only_at_levels_of_sessions():
    history = in_turn(("a", (append("x", 1),)), ("a", (read("x", []),)), ("b", (read("x", [1]),)))
    assert isolated(history, level="serializable")
    assert kinds(isolated(history, level="strong-session-serializable")) == {"G-single-session"}
    assert kinds(isolated(history, level="strong-session-snapshot-isolation")) == {"G-single-session"}


def test_real_time_between_clients_counts_only_at_strict_levels():
    history = in_turn(("a", (append("x", 1),)), ("b", (read("x", []),)), ("c", (read("x", [1]),)))
    assert isolated(history, level="strong-session-serializable")
    verdict = isolated(history, level="strong-snapshot-isolation")
    assert kinds(verdict) == {"G-single-time"}
    assert "T1 -> T2  time: T1 had returned before T2 was called" in str(verdict)


def test_a_cycle_in_time_is_shown_without_the_transactions_between():
    between = [(f"c{i}", (append("z", i),)) for i in range(5)]
    history = in_turn(("a", (append("x", 1),)), *between, ("b", (read("x", []),)), ("c", (read("x", [1]),)))
    verdict = isolated(history, level="strict-serializable")
    assert isinstance(verdict, Violated)
    assert len(verdict.evidence[0].transactions) == 2


@pytest.mark.parametrize(
    ("model", "history"),
    [
        ("list", at_once((append("x", 1),), (append("x", 1),))),
        ("register", at_once((write("x", 1),), (write("x", 1),))),
        ("register", at_once((write("x", None),))),
    ],
)
def test_values_that_are_not_unique_can_not_be_judged(model: Model, history: History):
    verdict = isolated(history, model=model)
    assert isinstance(verdict, Unknown)
    assert "unique" in verdict.reason


def test_what_is_wrong_elsewhere_is_found_although_some_values_are_not_unique():
    history = at_once((append("x", 1),), (append("x", 1),), (append("y", 1), read("y", [])))
    assert kinds(isolated(history)) == {"internal"}


def test_where_reads_may_be_dirty_an_order_that_they_contradict_is_unknown():
    history = at_once((append("x", 1),), (append("x", 2),), (read("x", [1]),), (read("x", [2]),))
    assert isinstance(isolated(history, level="read-uncommitted"), Unknown)
    assert isinstance(
        isolated(at_once((write("x", 1),)), model="register", level="read-uncommitted"), Unknown
    )


@pytest.mark.parametrize("fate", ["refused", "unknown"])
def test_where_reads_may_be_dirty_only_committed_transactions_write_dirtily(fate: Status):
    crossed = (
        (append("x", 1), append("y", 1)),
        (append("x", 2), append("y", 2)),
        (read("x", [1, 2]), read("y", [2, 1])),
    )
    assert kinds(isolated(at_once(*crossed), level="read-uncommitted")) == {"G0"}
    assert isolated(at_once(*crossed, fates={0: fate}), level="read-uncommitted")
    assert not isolated(at_once(*crossed, fates={0: fate}), level="read-committed")


def test_too_many_pairs_whose_order_is_open_leave_what_is_left_to_judge(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dependencies, "MOST_PAIRS", 3)
    busy = [(append("x", number),) for number in range(2)] + [(read("x", []),) for _ in range(2)]
    verdict = isolated(at_once(*busy))
    assert isinstance(verdict, Unknown)
    assert verdict.reason.startswith("too many transactions read x before")
    assert kinds(
        isolated(at_once(*busy, (append("y", 1), read("z", [1])), (append("z", 1), read("y", [1]))))
    ) == {"G1c"}


def test_registers_whose_versions_contradict_each_other_are_a_cycle_of_transactions():
    history = at_once((read("x", 2), write("x", 1)), (read("x", 1), write("x", 2)))
    assert kinds(isolated(history, model="register")) == {"G1c"}


def test_registers_may_hold_something_at_first():
    history = at_once((read("x", 100), write("x", 90)), (read("x", 90),))
    assert isolated(history, model="register", first={"x": 100})
    assert kinds(isolated(history, model="register")) == {"garbage-read"}


def test_registers_tell_more_if_an_order_of_their_versions_is_taken_for_granted():
    # Nobody reads before writing, so the values alone do not tell which write was first.
    stale = in_turn(
        ("a", (write("x", 1),)),
        ("a", (write("x", 2), write("y", 2))),
        ("b", (read("y", 2), read("x", 1))),
    )
    assert isolated(stale, model="register")
    # Each register on its own may have kept its order: what was read together was never there together.
    assert kinds(isolated(stale, model="register", key_order="sequential")) == {"G-single"}


def test_registers_that_break_the_order_that_was_taken_for_granted_are_to_blame():
    history = in_turn(("a", (write("x", 1),)), ("b", (read("x", None),)))
    for level in LEVELS:
        assert "cyclic-versions" in kinds(
            isolated(history, model="register", level=level, key_order="linearizable")
        )
    assert isolated(history, model="register", key_order="sequential")


def test_an_operation_may_hold_its_steps_in_its_result_or_in_its_arguments():
    asked = [("append", "x", 1), ("r", "x", None)]
    told = [("append", "x", 1), ("r", "x", [1])]
    both = Operation(
        client="a", name="do", args=(asked,), called=0, returned=1, status="returned", result=told
    )
    plain = Operation(client="a", name="do", args=tuple(told), called=0, returned=1, status="returned")
    lost = Operation(client="a", name="do", args=(asked,), called=0)
    nothing = Operation(client="a", name="do", args=([],), called=0, returned=1, status="returned")
    assert steps_of(both) == steps_of(plain) == tuple(told) or steps_of(both) == told
    assert steps_of(lost) == asked
    assert steps_of(nothing) == ()


def test_other_operations_are_read_by_a_function():
    deposit = Operation(
        client="a", name="add", args=("x", 1), called=0, returned=1, status="returned", result=[1]
    )
    peek = Operation(client="b", name="peek", args=("x",), called=2, returned=3, status="returned", result=[])

    def steps(operation: Operation) -> list[tuple[object, ...]]:
        if operation.name == "add":
            return [("append", *operation.args), ("r", "x", operation.result)]
        return [("r", "x", operation.result)]

    history = History((deposit, peek))
    assert isolated(history, steps=steps)
    assert not isolated(history, steps=steps, level="strict-serializable")
    with pytest.raises(ValueError, match="no transaction: a: add"):
        isolated(history)


@pytest.mark.parametrize(
    ("model", "step"),
    [
        ("list", write("x", 1)),
        ("register", append("x", 1)),
        ("list", append("x", [])),
        ("register", write("x", [])),
    ],
)
def test_steps_that_are_not_of_the_model_are_refused(model: Model, step: Step):
    with pytest.raises(ValueError, match="T1"):
        isolated(at_once((step,)), model=model)


def test_a_level_or_a_model_that_there_is_not_is_refused_by_name():
    with pytest.raises(ValueError, match="no such level: 'linearizable'; there are read-uncommitted"):
        isolated(History(), level="linearizable")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="no such model: 'set'"):
        isolated(History(), model="set")  # type: ignore[arg-type]  # that is the point


def test_what_returned_something_else_than_steps_is_no_transaction():
    history = History((Operation(client="a", name="get", called=0, returned=1, status="returned", result=7),))
    with pytest.raises(ValueError, match="no transaction: a: get"):
        isolated(history)
