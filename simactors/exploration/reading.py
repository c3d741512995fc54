"""Reads out of a run's records what they mean together: `Hops`.

A record knows one process and one call; that a call *arrived* is told by another record, with the same call's id, of
another process. Where records leave something open (whether a caller waits, which of two copies of a call arrived),
this says what is likely, and `story.py` shows no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from simactors.core.events import KINDS, Record
from simactors.exploration.hops import DRIVER, Activation, Event, Hops, Lane, Message, Sort, Wait

_SENDS = frozenset({"call", "create", "retry", "recover"})
_ANSWERS = frozenset({"return", "raise"})
_ARRIVES = frozenset({"ready", "fail"})
_NUMBERED_OTHERWISE = frozenset({"kill", "thread", "joinable", "join", "crash", "lose"})
_BROKEN = "broken connection: "
_CONSTRUCTOR = ".__init__"
_REF = re.compile(r"ObjectRef\(([0-9a-f]{16})[0-9a-f]*\)")
_HANDLE = re.compile(r"ActorHandle\(dict\((?:'\w+': ActorMethod\(\)(?:, )?)*\)\)")
_WORDS = {
    "thread": "begins thread",
    "joinable": "ends thread",
    "signal": "gets",
    "put": "puts an object",
    "fault": "fault:",
    "preempt": "interrupts",
}


def read(records: Sequence[Record], notes: Mapping[int, str]) -> Hops:
    """Read the whole trace of a run.

    Args:
        notes: by the index of a record, what to say of it.
    """
    reader = _Reader(_nodes_with_a_story(records))
    noted = sorted((index, text) for index, text in notes.items() if 0 <= index < len(records))
    for index, record in enumerate(records):
        told = []
        while noted and noted[0][0] <= index:
            told.append(noted.pop(0)[1])
        reader.take(index, record, "; ".join(told))
    return reader.finish()


def _nodes_with_a_story(records: Sequence[Record]) -> frozenset[str]:
    """That nodes are there when a run begins is no news; only those to which more happened get a lane."""
    return frozenset(r.process for r in records if r.kind != "join" or r.time_ns > 0)


@dataclass(slots=True)
class _Call:
    """What is under way of one call."""

    requests: list[int] = field(default_factory=list)  # sent, and not yet there
    replies: list[int] = field(default_factory=list)
    lane: int | None = None  # where it ran last
    latest: int | None = None  # event of any kind
    is_late: bool = False  # given up by the caller, and still on its way


def _readable(what: str) -> str:
    """Refs by the number of their call, and nothing of what is inside a handle."""
    what = _REF.sub(lambda found: f"ObjectRef(#{int(found[1], 16)})", what)
    return _HANDLE.sub("ActorHandle()", what)


class _Reader:
    """Takes records one by one; an event's number is its place in `events`."""

    def __init__(self, processes: frozenset[str]) -> None:
        self._processes = processes
        self._lanes: dict[str, int] = {DRIVER: 0}
        self._names: dict[int, list[str]] = {}  # of what ran on a lane, in order
        self._events: list[Event] = []
        self._messages: list[Message] = []
        self._causes: list[list[int]] = []
        self._last_on: dict[int, int] = {}
        self._calls: dict[int, _Call] = {}
        self._told: dict[str, str] = {}  # the call with its arguments, before it is made
        self._noted: str = ""  # for the next event: a record that is no event of its own was meant
        self._deaths: dict[int, int] = {}
        self._kills: dict[int, int] = {}
        self._running: dict[int, list[Activation]] = {}
        self._done: list[Activation] = []
        self._waits: list[Wait] = []

    def take(self, index: int, record: Record, note: str) -> None:
        note = "; ".join(filter(None, [self._noted, note]))
        self._noted = ""
        if record.kind == "send":
            self._told[record.process] = record.what
            self._noted = note
            return
        if record.process not in self._processes:
            self._noted = note
            return
        lane = self._lanes.setdefault(record.process, len(self._lanes))
        event = Event(
            number=len(self._events),
            record=index,
            lane=lane,
            time_ns=record.time_ns,
            kind=record.kind,
            call=record.call,
            what=record.what,
            words=self._words(record),
            note=note,
        )
        self._events.append(event)
        before = self._last_on.get(lane)
        self._causes.append([] if before is None else [before])
        self._wait(event, before)
        self._connect(event)
        self._last_on[lane] = event.number

    def finish(self) -> Hops:
        for number, call in self._calls.items():
            for source in call.requests:
                self._message("request", number, source, None)
            for source in call.replies:
                self._message("reply", number, source, None)
        waiting = self._waiting_callers()
        for lane, running in self._running.items():
            if lane in waiting:
                self._waits.append(Wait(lane=lane, first=self._last_on[lane], last=None, sleeps=False))
            for one in running:  # constructors have no record of their end
                ended = (
                    self._last_on[lane] if one.what.endswith(_CONSTRUCTOR) and lane not in waiting else None
                )
                self._done.append(replace(one, last=ended))
        driver = [event.number for event in self._events if event.lane == 0][:1]
        if driver:
            self._done.append(Activation(lane=0, call=0, what=DRIVER, first=driver[0], last=None, depth=0))
            if 0 in waiting:
                self._waits.append(Wait(lane=0, first=self._last_on[0], last=None, sleeps=False))
        return Hops(
            lanes=tuple(Lane(process=name, name=self._name(at)) for name, at in self._lanes.items()),
            events=tuple(self._events),
            messages=tuple(sorted(self._messages, key=lambda message: message.source)),
            activations=tuple(sorted(self._done, key=lambda one: (one.first, one.depth))),
            waits=tuple(self._waits),
            causes=tuple(tuple(sorted(set(causes))) for causes in self._causes),
        )

    def _waiting_callers(self) -> set[int]:
        """Lanes whose calls are unanswered at the end."""
        asked: dict[int, int] = {}
        for event in self._events:
            if event.kind == "call":
                asked[event.call] = event.lane
            elif event.kind in _ARRIVES:
                asked.pop(event.call, None)
        return set(asked.values())

    def _name(self, lane: int) -> str:
        names = self._names.get(lane, [])
        return names[0] if len(names) == 1 else ""

    def _words(self, record: Record) -> str:
        told = self._told.pop(record.process, "") if record.kind in ("call", "create") else ""
        what = told if told.startswith(f"{record.what}(") else record.what
        verb = _WORDS.get(record.kind, KINDS.get(record.kind, record.kind))
        return f"{verb} {_readable(what).replace(_CONSTRUCTOR, '', 1)}".strip()

    def _wait(self, event: Event, before: int | None) -> None:
        """Time passed on a lane with one thing to do, and then a reply came: it has probably waited for that."""
        running = self._running.get(event.lane, [])
        if before is None or len(running) + (event.lane == 0) != 1:
            return
        earlier = self._events[before]
        sleeps = earlier.kind == "sleep"
        if event.time_ns > earlier.time_ns and (sleeps or event.kind in _ARRIVES):
            self._waits.append(Wait(lane=event.lane, first=before, last=event.number, sleeps=sleeps))

    def _connect(self, event: Event) -> None:
        call = self._call_of(event)
        if event.kind in _SENDS:
            self._sent(event, call)
        elif event.kind == "start":
            self._started(event, call)
        elif event.kind in _ANSWERS:
            call.replies.append(event.number)
            self._end(event, lambda one: one.call == event.call)
        elif event.kind in _ARRIVES:
            self._arrived(event, call)
        elif event.kind == "kill":
            self._kills[event.call] = event.number
        elif event.kind == "die":
            self._died(event)
        elif event.kind == "fault" and event.what.startswith(_BROKEN):
            self._broken(event.what.removeprefix(_BROKEN), call, event.call)
        if event.kind not in _NUMBERED_OTHERWISE:
            call.latest = event.number

    def _sent(self, event: Event, call: _Call) -> None:
        if event.kind == "retry":
            if not call.is_late:
                for source in call.requests:
                    self._message("request", event.call, source, None, failed=True)
                call.requests.clear()
            self._noticed(event, call)
        call.requests.append(event.number)

    def _started(self, event: Event, call: _Call) -> None:
        if call.requests:
            source = call.requests.pop(0)
            is_again = self._events[source].kind in ("retry", "recover")
            self._message("retry" if is_again else "request", event.call, source, event.number)
        elif call.latest is not None:
            self._message("retry", event.call, call.latest, event.number)
        call.lane = event.lane
        constructor, dot, _ = event.what.rpartition(".")
        name = constructor if dot else event.what
        names = self._names.setdefault(event.lane, [])
        if name not in names:
            names.append(name)
        self._end(event, lambda one: one.what.endswith(_CONSTRUCTOR), at=self._last_on.get(event.lane))
        running = self._running.setdefault(event.lane, [])
        taken = {one.depth for one in running}
        depth = next(depth for depth in range(len(taken) + 1) if depth not in taken)
        running.append(
            Activation(
                lane=event.lane, call=event.call, what=event.what, first=event.number, last=None, depth=depth
            )
        )

    def _arrived(self, event: Event, call: _Call) -> None:
        failed = event.kind == "fail"
        if call.replies:
            self._message("reply", event.call, call.replies.pop(), event.number, failed=failed)
        elif failed:
            self._noticed(event, call)

    def _died(self, event: Event) -> None:
        self._deaths[event.lane] = event.number
        if "killed" in event.what and event.call in self._kills:
            self._message("kill", event.call, self._kills.pop(event.call), event.number)
        self._end(event, lambda one: True)
        for call in self._calls.values():
            call.is_late = False

    def _broken(self, what: str, call: _Call, number: int) -> None:
        """A fault took a message of this call."""
        part = what.partition(" ")[0]
        call.is_late = part == "late"
        taken = {"request": call.requests, "reply": call.replies}.get(part)
        if taken:
            self._message("request" if part == "request" else "reply", number, taken.pop(), None, failed=True)

    def _noticed(self, event: Event, call: _Call) -> None:
        """Nobody answered: somebody died, and the caller found out."""
        if call.latest is not None and self._events[call.latest].kind == "fault":
            return  # it was the connection
        lane = call.lane if call.lane is not None else self._lane_of(event.what.rpartition(".")[0])
        death = self._deaths.get(lane) if lane is not None else None
        if death is not None:
            self._message("notice", event.call, death, event.number, failed=True)

    def _lane_of(self, name: str) -> int | None:
        """The one dead that has this name, if there is just one: a call that never began doesn't say where."""
        found = [lane for lane in self._deaths if self._name(lane) == name]
        return found[0] if len(found) == 1 else None

    def _call_of(self, event: Event) -> _Call:
        if not event.call or event.kind in _NUMBERED_OTHERWISE:
            return _Call()
        return self._calls.setdefault(event.call, _Call())

    def _end(self, event: Event, ends: Callable[[Activation], bool], at: int | None = None) -> None:
        running = self._running.get(event.lane, [])
        for one in [one for one in running if ends(one)]:
            running.remove(one)
            self._done.append(replace(one, last=event.number if at is None else at))

    def _message(
        self, sort: Sort, call: int, source: int, target: int | None, *, failed: bool = False
    ) -> None:
        sent = self._events[source]
        arrived = None if target is None else self._events[target]
        if arrived is not None:
            self._causes[arrived.number].append(source)
        note = sent.note if sent.kind not in _ARRIVES | {"start"} else ""
        if arrived is not None and arrived.kind in _ARRIVES | {"start"}:
            note = note or arrived.note
        self._messages.append(
            Message(
                sort=sort, call=call, what=sent.what, source=source, target=target, failed=failed, note=note
            )
        )
