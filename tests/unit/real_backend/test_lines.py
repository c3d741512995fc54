"""One process's calls to one actor: their order, what a loss does to them, how many may wait.

Method: a line with real calls and objects; the actor's process is a list of what was posted to it, and answers when a
test says so.
"""

from __future__ import annotations

from typing import Any, cast

import pytest

from real_backend.client.borrowing import Borrowing
from real_backend.client.lines import Line
from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Limits, Travel
from real_backend.messages import Call, Failed, Message, Reply
from real_backend.objects import ObjectEntry
from real_backend.transport import Channel
from simactors import exceptions
from simactors.core.outcome import Failure, Value, task_failure
from simactors.core.refs import ObjectRef
from tests.unit.real_backend.test_objects import table_of

ACTOR = 3


class Caller:
    """A process with a line to one actor; as much of peers, travel, borrowing and a channel as lines need."""

    peer = 1

    def __init__(self, **limits: Any) -> None:
        self.objects = table_of(0)
        self.posted: list[tuple[int, Call]] = []
        self.flushed = 0
        self.idle: list[int] = []
        peers, travel = cast("Peers", self), cast("Travel", self)
        self.calls = Calls(self.objects, cast("Borrowing", self), travel)
        self.line = Line(ACTOR, Limits(**limits), self.calls, peers, travel, self.idle.append)

    # What lines need

    def post(self, peer: Peer, message: Message, *, now: bool) -> None:
        assert isinstance(message, Call)
        self.posted.append((peer.number, message))

    def flush(self, peer: Peer) -> None:
        self.flushed += 1

    def outgoing(self, packed: Any, to: int) -> Any:
        return packed

    def incoming(self, packed: Any, sender: int) -> Any:
        return packed

    def chase(self, entry: ObjectEntry) -> None: ...

    # What tests do

    def submit(self, name: str, *needed: ObjectEntry, tries: int = 0, retry_on: Any = False) -> PendingCall:
        self.line.check_room(name)
        entry = self.objects.new(self.objects.mint(), ACTOR)
        refs = tuple(map(ObjectRef[Any], needed))
        call = PendingCall(entry.id, (entry,), name, name, (), refs, not refs, 1, tries, retry_on, 0)
        self.calls.pending[call.id] = call
        self.line.submit(call)
        return call

    def seal(self, entry: ObjectEntry, outcome: Value | Failure) -> None:
        self.objects.seal(entry, outcome)
        while (sealed := self.objects.next_sealed()) is not None:
            watchers, sealed.watchers = sealed.watchers or [], None
            for watcher in watchers:
                watcher(sealed)

    def reply(self, call: PendingCall, value: object) -> None:
        self.calls.on_reply(cast("Channel", self), Reply(call.id, (value,)))

    def fail(self, call: PendingCall, error: Exception) -> None:
        told = task_failure(call.label, error, "there")
        self.calls.on_failed(self.peer, Failed(call.id, told.packed, told.text))

    @property
    def sent(self) -> list[str]:
        """The names of the calls that were sent since the last time."""
        names = [message.method for _, message in self.posted]
        self.posted.clear()
        return names


def reached(process: int = 1, **limits: Any) -> Caller:
    caller = Caller(**limits)
    caller.line.reached(Peer(process))
    return caller


def outcome(call: PendingCall) -> Any:
    """What a call has come to: its value, its error, or None as long as that is open."""
    found = call.entries[0].outcome
    if found is None:
        return None
    return found.error() if isinstance(found, Failure) else found.unwrap()


def test_calls_wait_until_the_actor_is_there_and_keep_their_order() -> None:
    caller = Caller()
    caller.submit("a")
    caller.submit("b")
    assert caller.sent == []
    caller.line.reached(Peer(1))
    caller.submit("c")
    assert caller.sent == ["a", "b", "c"]


def test_a_call_whose_argument_is_not_ready_holds_back_those_behind_it() -> None:
    caller = reached()
    argument = caller.objects.new()
    caller.submit("a", argument)
    caller.submit("b")
    assert caller.sent == []
    caller.seal(argument, Value(5))
    assert [m.values for _, m in caller.posted] == [(5,), ()]
    assert caller.sent == ["a", "b"]


def test_calls_overtake_one_that_waits_where_order_does_not_matter() -> None:
    caller = reached(in_order=False)
    argument = caller.objects.new()
    caller.submit("a", argument)
    caller.submit("b")
    assert caller.sent == ["b"]
    caller.seal(argument, Value(5))
    assert caller.sent == ["a"]


def test_a_call_whose_argument_failed_is_never_sent_and_holds_nobody_up() -> None:
    caller = reached()
    argument = caller.objects.new()
    failed, after = caller.submit("a", argument), caller.submit("b")
    caller.seal(argument, task_failure("f", KeyError("k"), "there"))
    assert isinstance(outcome(failed), KeyError)
    assert caller.sent == ["b"]
    assert outcome(after) is None


def test_after_a_loss_calls_with_tries_are_sent_again_behind_those_that_came_meanwhile() -> None:
    caller = reached()
    once, twice = caller.submit("once"), caller.submit("twice", tries=1)
    caller.line.lost("it crashed")
    assert isinstance(outcome(once), exceptions.ActorUnavailableError)
    caller.submit("later", tries=1)
    caller.posted.clear()
    caller.line.reached(Peer(2))
    assert [(number, m.method, m.options and m.options.attempt) for number, m in caller.posted] == [
        (2, "later", None),
        (2, "twice", 1),
    ]
    caller.posted.clear()
    caller.line.lost("again")
    assert isinstance(outcome(twice), exceptions.ActorUnavailableError)
    caller.line.reached(Peer(3))
    assert caller.sent == ["later"]


def test_a_call_without_tries_does_not_wait_for_a_restart() -> None:
    caller = reached()
    caller.line.lost("it crashed")
    assert isinstance(outcome(caller.submit("hasty")), exceptions.ActorUnavailableError)
    caller.line.reached(Peer(2))
    assert outcome(caller.submit("patient")) is None
    assert caller.sent == ["patient"]


def test_a_cancelled_call_is_not_sent_again_after_a_loss() -> None:
    caller = reached()
    call = caller.submit("a", tries=-1)
    call.is_canceled = True
    caller.line.lost("it crashed")
    assert isinstance(outcome(call), exceptions.TaskCancelledError)


def test_tries_without_end_survive_every_loss() -> None:
    caller = reached()
    call = caller.submit("a", tries=-1)
    for number in range(2, 6):
        caller.line.lost("it crashed")
        caller.line.reached(Peer(number))
    assert [number for number, _ in caller.posted] == [1, 2, 3, 4, 5]
    caller.reply(call, 8)
    assert outcome(call) == 8


def test_what_raised_is_tried_again_before_those_that_wait_for_arguments() -> None:
    caller = reached()
    argument = caller.objects.new()
    call = caller.submit("a", tries=1, retry_on=(KeyError,))
    caller.submit("b", argument)
    caller.fail(call, KeyError("k"))
    caller.seal(argument, Value(5))
    assert caller.sent == ["a", "a", "b"]
    caller.fail(call, KeyError("k"))
    assert isinstance(outcome(call), KeyError)


def test_all_calls_to_a_dead_actor_fail_sent_or_not() -> None:
    caller = reached()
    argument = caller.objects.new()
    calls = [caller.submit("sent"), caller.submit("queued", argument)]
    caller.line.died("it is dead")
    caller.line.died("told once more")
    calls.append(caller.submit("late"))
    for call in calls:
        assert isinstance(outcome(call), exceptions.ActorDiedError)
        assert "it is dead" in str(outcome(call))
    caller.line.reached(Peer(2))
    assert caller.sent == ["sent"]


def test_nothing_is_sent_any_more_to_an_actor_that_was_killed_from_here() -> None:
    caller = reached()
    caller.line.kill()
    call = caller.submit("a")
    assert caller.sent == []
    caller.line.died("it was killed")
    assert isinstance(outcome(call), exceptions.ActorDiedError)


def test_only_so_many_calls_may_be_pending_wherever_they_are() -> None:
    caller = reached(max_pending_calls=3)
    sent = caller.submit("sent")
    again = caller.submit("again", tries=1)
    caller.submit("waits", caller.objects.new())
    with pytest.raises(exceptions.PendingCallsLimitExceeded, match=r"more than 3 tasks are queued"):
        caller.submit("too many")
    caller.reply(sent, 1)
    caller.line.lost("it crashed")  # `again` waits for the actor to come back
    assert outcome(again) is None
    caller.submit("one more", tries=1)
    with pytest.raises(exceptions.PendingCallsLimitExceeded):
        caller.submit("too many")


def test_a_line_without_handles_says_when_its_last_call_is_answered() -> None:
    caller = reached()
    first, second = caller.submit("a"), caller.submit("b")
    caller.line.forsaken = True
    caller.reply(first, 1)
    assert caller.idle == []
    caller.reply(second, 1)
    assert caller.idle == [ACTOR]


def test_a_call_that_is_withdrawn_lets_those_behind_it_go() -> None:
    caller = reached()
    call = caller.submit("a", caller.objects.new())
    caller.submit("b")
    assert caller.line.runner(call) is None
    caller.line.withdraw(call)
    assert caller.sent == ["b"]
