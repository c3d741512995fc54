"""Reads what `simactors.tracing.times` and a real backend have written of a run: who called what, and when it ran.

Not what that comes to: `real_runs.py`. Ids count from the beginning of a session, and a program may open several, one
after the other: so they are known with their session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import DecodeError, Struct, json

from simactors.core.calls import BUILT_IN_METHODS
from simactors.core.tracing import SUFFIX
from simactors.sim.config import NS

ActorKey = tuple[int, str]
"""The session, and the actor's id there."""


class Event(Struct, frozen=True):
    """A line of a trace; which fields it has depends on what it is."""

    event: str
    time_s: float
    call: int | None = None
    label: str = ""
    actor: str | None = None
    class_name: str = ""
    name: str | None = None
    holds: dict[str, float] = {}
    pid: int = 0
    node: str = ""
    is_driver: bool = False
    nodes: list[tuple[str, str, dict[str, float]]] = []
    attempt: int = 0
    cpu_s: float = 0.0
    raised: bool = False
    ok: bool | None = None
    what: str = ""
    wanted: bool = False
    restarts: bool = False
    for_s: float | None = None


@dataclass(slots=True)
class Process:
    """One life of a process; an actor that was started again has several.

    Attributes:
        label: as traces have it: ``driver``, ``actor-1``, ``worker-2``.
        actor: whose it is, if any's.
        from_ns, until_ns: when it was first seen, and when it ended; None if nothing says so.
        work: when how much processor time it had taken.
    """

    label: str
    name: str
    node: str
    pid: int
    actor: ActorKey | None
    from_ns: int
    until_ns: int | None = None
    work: list[tuple[int, float]] = field(default_factory=list)


@dataclass(slots=True)
class Attempt:
    """The code of a call runs, once.

    Attributes:
        before: how often it was tried before, as far as the backend tells its code.
    """

    process: Process
    begin_ns: int
    end_ns: int | None = None
    raised: bool = False
    before: int = 0


@dataclass(slots=True)
class Call:
    """A call of a method or a task, or the making of an actor.

    Attributes:
        number: from 1, in the order of the calls.
        caller: the process, as traces have it.
        actor: whose method it is, or which one is made.
        holds: what it takes while it runs, or as long as the actor lives.
        seen_ns, seen_ok: when code of the caller learnt of its answer, and whether it is a value; None: it did not.
    """

    number: int
    label: str
    caller: str
    called_ns: int
    actor: ActorKey | None = None
    holds: Mapping[str, float] = field(default_factory=dict)
    is_creation: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    seen_ns: int | None = None
    seen_ok: bool | None = None

    @property
    def is_built_in(self) -> bool:
        """Nobody sees its code run."""
        return self.label.rpartition(".")[2] in BUILT_IN_METHODS


@dataclass(slots=True)
class Actor:
    """An actor.

    Attributes:
        label, name: ``actor-1``, and ``Account#1``, or what the program calls it.
        creation: None for one that nobody was seen to make.
        restarts: how often it was started again, as far as the backend tells.
    """

    label: str
    name: str
    class_name: str
    creation: Call | None = None
    restarts: int = 0


@dataclass(slots=True)
class Trouble:
    """A fault, or a death.

    Attributes:
        where: the process, as traces have it.
        wanted: of a death: nothing has gone wrong.
        until_ns: when it is over; None for what happens at once.
    """

    time_ns: int
    where: str
    what: str
    is_death: bool = False
    wanted: bool = False
    until_ns: int | None = None


class RealTrace:
    """All that is known, with times from the beginning of the run.

    Args:
        origin_s: when that was, by the clock on the wall.

    Attributes:
        nodes: by id: the name, and what there is of each resource.
        is_empty: nobody has written anything: the program did not go through simactors.
    """

    def __init__(self, folder: Path, origin_s: float) -> None:
        self._origin_s = origin_s
        self.nodes: dict[str, tuple[str, dict[str, float]]] = {}
        self.processes: list[Process] = []
        self.actors: dict[ActorKey, Actor] = {}
        self.calls: list[Call] = []
        self.troubles: list[Trouble] = []
        self._session = 0
        self._unplaced: list[tuple[Trouble, int]] = []
        self._here: dict[int, Process] = {}
        self._open: dict[tuple[int, int], Attempt] = {}
        self._by_number: dict[tuple[int, int], Call] = {}
        # Calls that have no ref have no number, so nobody knows which one it is that begins: the next of its kind.
        self._unnumbered: dict[tuple[ActorKey | None, str], deque[Call]] = {}
        self._counts: dict[str, int] = {}
        readers = {
            "process": self._process,
            "create": self._created,
            "call": self._called,
            "begin": self._begun,
            "end": self._ended,
            "seen": self._seen,
            "fault": self._troubled,
            "died": self._died,
        }
        for file, event in _events(folder):
            if event.event in readers:
                readers[event.event](file, event)
        self._place()

    @property
    def is_empty(self) -> bool:
        """See above."""
        return not self.processes

    def _ns(self, event: Event) -> int:
        return max(0, round((event.time_s - self._origin_s) * NS))

    # Who there is

    def _process(self, file: int, event: Event) -> None:
        if event.is_driver:
            self._session += 1
            for node, name, total in event.nodes:
                names = [known for other, (known, _) in self.nodes.items() if other != node]
                self.nodes[node] = (f"{name} {node[:6]}" if name in names else name), total
        key = None if event.actor is None else (self._session, event.actor)
        if event.is_driver:
            label = name = "driver"
        elif key is None:
            label = name = f"worker-{self._next('worker')}"
        else:
            actor = self._actor(key)
            label, name = actor.label, actor.name
            self._end_of_earlier_life(key, self._ns(event))
        node = self.nodes.get(event.node, (event.node[:8], {}))[0]
        found = Process(label, name, node, event.pid, key, self._ns(event))
        self._here[file] = found
        self.processes.append(found)

    def _end_of_earlier_life(self, key: ActorKey, now_ns: int) -> None:
        """An actor lives again: if nobody told of its death, it was before."""
        for process in self.processes:
            if process.actor == key and process.until_ns is None:
                process.until_ns = now_ns
                what = "its process had ended, as its next one begins"
                self.troubles.append(Trouble(now_ns, process.label, what, is_death=True))

    def _actor(self, key: ActorKey) -> Actor:
        if key not in self.actors:  # another program has made it
            label = f"actor-{self._next('actor')}"
            self.actors[key] = Actor(label, label, "")
        return self.actors[key]

    def _created(self, file: int, event: Event) -> None:
        assert event.actor is not None
        key, class_name = (self._session, event.actor), event.class_name
        if key in self.actors:  # it was there: ``get_if_exists``
            return
        rank = self._next(f"actor {class_name}")
        label = f"actor-{self._next('actor')}"
        call = self._new_call(file, event, f"{class_name}.__init__", key)
        call.is_creation = True
        self.actors[key] = Actor(label, event.name or f"{class_name}#{rank}", class_name, call)

    # Calls

    def _new_call(self, file: int, event: Event, label: str, actor: ActorKey | None) -> Call:
        caller = self._here[file].label if file in self._here else ""
        call = Call(len(self.calls) + 1, label, caller, self._ns(event), actor, event.holds)
        self.calls.append(call)
        return call

    def _called(self, file: int, event: Event) -> None:
        actor = None if event.actor is None else (self._session, event.actor)
        call = self._new_call(file, event, event.label, actor)
        if event.call is None:
            self._unnumbered.setdefault((actor, event.label), deque()).append(call)
        else:
            self._by_number[self._session, event.call] = call

    def _begun(self, file: int, event: Event) -> None:
        process = self._here.get(file)
        if process is None or event.call is None:
            return
        process.work.append((self._ns(event), event.cpu_s))
        call = self._which(process, event)
        if call is not None:
            self._open[file, event.call] = attempt = Attempt(process, self._ns(event), before=event.attempt)
            call.attempts.append(attempt)

    def _which(self, process: Process, event: Event) -> Call | None:
        if process.actor is not None and event.label.endswith(".__init__"):
            return self._actor(process.actor).creation
        assert event.call is not None
        found = self._by_number.get((self._session, event.call))
        if found is not None and found.label == event.label:
            return found
        waiting = self._unnumbered.get((process.actor, event.label))
        if not waiting:
            return None
        return self._by_number.setdefault((self._session, event.call), waiting.popleft())

    def _ended(self, file: int, event: Event) -> None:
        process = self._here.get(file)
        if process is None or event.call is None:
            return
        process.work.append((self._ns(event), event.cpu_s))
        attempt = self._open.pop((file, event.call), None)
        if attempt is not None:
            attempt.end_ns, attempt.raised = self._ns(event), event.raised

    def _seen(self, _: int, event: Event) -> None:
        call = None if event.call is None else self._by_number.get((self._session, event.call))
        if call is not None and call.seen_ns is None:
            call.seen_ns, call.seen_ok = self._ns(event), event.ok

    # What goes wrong

    def _troubled(self, _: int, event: Event) -> None:
        self._tell(event, self._ns(event), event.what, is_death=False)

    def _died(self, _: int, event: Event) -> None:
        for process in self.processes:
            if process.until_ns is None and process.pid == event.pid:
                process.until_ns = self._ns(event)
        self._tell(event, self._ns(event), event.what, is_death=True)

    def _tell(self, event: Event, now_ns: int, what: str, *, is_death: bool) -> None:
        until_ns = None if event.for_s is None else now_ns + round(event.for_s * NS)
        trouble = Trouble(now_ns, f"process {event.pid}", what, is_death, event.wanted, until_ns)
        self.troubles.append(trouble)
        if event.actor is not None:
            actor = self._actor((self._session, event.actor))
            actor.restarts += event.restarts
            trouble.where = actor.label
        else:
            self._unplaced.append((trouble, event.pid))

    def _place(self) -> None:
        """Say of the troubles where they were: processes are known by then."""
        labels = {process.pid: process.label for process in self.processes}
        for trouble, pid in self._unplaced:
            trouble.where = labels.get(pid, trouble.where)

    def _next(self, counted: str) -> int:
        self._counts[counted] = self._counts.get(counted, 0) + 1
        return self._counts[counted]


def _events(folder: Path) -> Sequence[tuple[int, Event]]:
    """All of them, each with the number of its file, in the order of their times."""
    found = []
    for number, file in enumerate(sorted(folder.glob(f"*{SUFFIX}"))):
        for line in file.read_bytes().splitlines():
            try:
                found.append((number, json.decode(line, type=Event)))
            except DecodeError:  # its machine has not finished it
                continue
    # What is asked for comes first: clocks are coarse.
    return sorted(
        found, key=lambda pair: (pair[1].time_s, pair[1].event not in _ASKS and not pair[1].is_driver)
    )


_ASKS = ("create", "call")
