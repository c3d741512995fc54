"""Orders: histories that keep them, and histories that break them in one place, which must be named."""

from __future__ import annotations

import random

import networkx
import pytest

from simactors.checkers.deliveries import deliveries
from simactors.checkers.ordering import causal, fifo, total_order
from simactors.checkers.verdict import Ok, Violated
from simactors.core.history import Delivery, History, Operation


def sent(way: str, message: str, at: int, received: int | None) -> Delivery:
    """``a>b``, which message, and when."""
    sender, receiver = way.split(">")
    return Delivery(sender=sender, receiver=receiver, message=message, sent=at, received=received)


def test_messages_of_one_sender_in_their_order_are_fifo():
    assert fifo([sent("a>c", "m1", 1, 5), sent("b>c", "m2", 2, 4), sent("a>c", "m3", 3, 6)]) == Ok("fifo", 3)


def test_a_message_that_is_overtaken_is_not_fifo():
    verdict = fifo([sent("a>c", "m1", 1, 9), sent("a>c", "m2", 2, 4), sent("a>c", "m3", 3, 5)])
    assert str(verdict) == (
        "fifo: violated: a sent m1 to c before m3, but it was received after it\n"
        "       1  a sends m1 to c\n"
        "       3  a sends m3 to c\n"
        "       5  c receives m3\n"
        "       9  c receives m1"
    )


def test_different_senders_or_receivers_have_no_order():
    assert fifo([sent("a>c", "m1", 1, 9), sent("b>c", "m2", 2, 4), sent("a>d", "m3", 3, 5)])


def test_what_was_lost_or_sent_at_once_has_no_order():
    assert fifo([sent("a>c", "m1", 1, None), sent("a>c", "m2", 2, 8), sent("a>c", "m3", 2, 7)]) == Ok(
        "fifo", 2
    )


def test_deliveries_come_from_a_history_and_the_logs_of_its_actors():
    def asked(number: int, name: str, target: str, status: str = "returned") -> Operation:
        return Operation(
            client="a",
            name="add",
            args=(name,),
            target=target,
            called=2 * number,
            returned=2 * number + 1,
            status=status,  # type: ignore[arg-type]  # a status
        )

    history = History(
        (asked(0, "m1", "x"), asked(1, "m2", "x"), asked(2, "m3", "y"), asked(3, "m4", "x", "refused"))
    )
    assert fifo(deliveries(history, {"x": ["m1", "m2", "m1"], "y": ["m3"]})) == Ok("fifo", 3)
    verdict = fifo(deliveries(history, {"x": ["m2", "m1"]}))
    assert isinstance(verdict, Violated)
    assert "a sent m1 to x before m2" in verdict.reason


def test_an_operation_without_arguments_needs_a_name_for_its_message():
    history = History((Operation(client="a", name="tick", target="x", called=0),))
    with pytest.raises(ValueError, match="give message="):
        list(deliveries(history, {}))


def test_a_message_that_came_of_another_must_not_overtake_it():
    # a tells c, then b; b, having heard of it, tells c, and that is quicker.
    verdict = causal(
        [
            sent("a>c", "question", 1, 9),
            sent("a>b", "hint", 2, 3),
            sent("b>c", "answer", 4, 5),
            sent("c>a", "x", 6, 7),
        ]
    )
    assert str(verdict) == (
        "causal: violated: question from a to c led to answer from b to c by hint, but c received it after that\n"
        "       1  a sends question to c\n"
        "       2  a sends hint to b\n"
        "       3  b receives hint\n"
        "       4  b sends answer to c\n"
        "       5  c receives answer\n"
        "       9  c receives question"
    )


def test_messages_that_know_nothing_of_each_other_may_come_in_any_order():
    assert causal([sent("a>c", "m1", 1, 9), sent("b>c", "m2", 4, 5)]) == Ok("causal", 2)


def test_one_sending_to_many_leads_to_answers_but_not_to_itself():
    broadcast = [sent("a>b", "all", 1, 2), sent("a>c", "all", 1, 9), sent("a>c", "all again", 1, 8)]
    assert causal(broadcast)
    assert not causal([*broadcast, sent("b>c", "answer", 3, 4)])


def test_places_of_different_counts_are_refused():
    with pytest.raises(ValueError, match="received at 3, but sent at 5: m from a to b"):
        causal([sent("a>b", "m", 5, 3)])


@pytest.mark.parametrize("seed", range(200))
def test_of_random_messages_causal_are_exactly_those_that_happened_before_agrees_with(seed: int):
    rng = random.Random(seed)
    names = "abcd"[: rng.randint(2, 4)]
    count = rng.randint(2, 8)
    places = rng.sample(range(100), 2 * count)
    given = []
    for number in range(count):
        start, end = sorted(places[2 * number : 2 * number + 2])
        received = None if rng.random() < 0.1 else end
        given.append(sent(f"{rng.choice(names)}>{rng.choice(names)}", f"m{number}", start, received))
    happened = networkx.DiGraph()
    events = [(d.sent, d.sender) for d in given] + [
        (d.received, d.receiver) for d in given if d.received is not None
    ]
    happened.add_nodes_from(events)
    happened.add_edges_from(
        (one, two) for one in events for two in events if one[1] == two[1] and one[0] < two[0]
    )
    happened.add_edges_from(
        ((d.sent, d.sender), (d.received, d.receiver)) for d in given if d.received is not None
    )
    before = networkx.transitive_closure(happened)
    overtaken = [
        (one.message, two.message)
        for one in given
        for two in given
        if one.receiver == two.receiver and one.received is not None and two.received is not None
        if before.has_edge((one.sent, one.sender), (two.sent, two.sender)) and two.received < one.received
    ]
    verdict = causal(given)
    assert bool(verdict) == (not overtaken)
    if isinstance(verdict, Violated):
        late, *between, overtaker = verdict.evidence
        assert (late.message, overtaker.message) in overtaken
        hops = [late.sender, *(hop.receiver for hop in between)]
        assert hops[-1] == overtaker.sender
        assert [hop.sender for hop in between] == hops[:-1]


def test_replicas_with_the_same_log_are_in_total_order():
    assert total_order({"r1": "abc", "r2": ["a", "b", "c"]}) == Ok("total order", 3)
    assert total_order({}) == Ok("total order", 0)


def test_a_replica_may_be_behind_unless_all_must_be_equal():
    logs = {"r1": ["a", "b", "c"], "r2": ["a"], "r3": []}
    assert total_order(logs)
    verdict = total_order(logs, prefixes=False)
    assert isinstance(verdict, Violated)
    assert verdict.reason == "r3 ends after 0 of 3 entries: 'a' and what follows is missing"


def test_the_first_entry_that_differs_is_shown_between_its_neighbours():
    verdict = total_order({"r1": list("abcdefgh"), "r2": list("abcdxe"), "r3": list("abcd")})
    assert str(verdict) == (
        "total order: violated: entry 5 is 'x' at r2, but 'e' at r1\n"
        "      3    4    5    6    7\n"
        "  r1  'c'  'd'  'e'  'f'  'g'\n"
        "  r2  'c'  'd'  'x'  'e'\n"
        "  r3  'c'  'd'"
    )
