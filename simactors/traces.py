"""Reads what `tracing` has written of a real run: as a history for the judges, and as the order of its messages.

Not how a simulation follows that order: `exploration/following.py`.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simactors.checkers.lines import meant
from simactors.core.history import History, Operation
from simactors.core.tracing import SUFFIX

_DRIVER = "driver"
Event = Mapping[str, Any]


class TraceError(ValueError):
    """The folder holds no trace, or one that was damaged. The message is for the user."""


@dataclass(slots=True)
class _Call:
    """One call of a task or a method.

    Attributes:
        caller, target: the processes, named as in a simulation: ``driver``, ``Account#1``, ``deposit#2``.
        began_s, ended_s: when its code ran first; None if it was never seen to.
        end: the event of its end.
    """

    caller: str
    target: str
    label: str
    called_s: float
    args: list[Any]
    is_task: bool
    began_s: float | None = None
    ended_s: float | None = None
    end: Event | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A run on real processes.

    Attributes:
        backend: where it was.
        file: the driver's program; None if it was none that has a file.
        argv: its arguments.
        as_ray: ``import ray`` meant simactors there.
        times_s: when what happened, in seconds since the epoch, by the names that the steps of an explored simulation
            have: that calls begin, and that replies are on their way.
        acts_s: when it did something that others may see, sorted: by process, and by call, which is named as its steps
            are behind their kinds.
        waits_s: by process, when its code went on that had waited for refs, sorted.
        arrivals: by process, the names of the calls that ran there, in the order in which they began.
    """

    backend: str
    file: str | None
    argv: tuple[str, ...]
    as_ray: bool
    times_s: Mapping[str, float]
    acts_s: Mapping[str, tuple[float, ...]]
    waits_s: Mapping[str, tuple[float, ...]]
    arrivals: Mapping[str, tuple[str, ...]]
    _calls: tuple[_Call, ...] = field(repr=False)

    @classmethod
    def load(cls, folder: str | Path) -> Trace:
        """Read a folder that the environment variable SIMACTORS_TRACE_TO has named.

        Raises:
            TraceError: it holds no trace.
        """
        events = sorted(_events(Path(folder)), key=lambda event: event["time_s"])
        drivers = [event for event in events if event["event"] == _DRIVER]
        if len(drivers) != 1:
            raise TraceError(
                f"{folder} holds the traces of {len(drivers)} sessions: one run, and a folder of its own, is wanted"
            )
        try:
            reading = _Reading(events)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TraceError(f"{folder} can't be read as a trace: {error!r}") from None
        (driver,) = drivers
        return cls(
            backend=str(driver.get("backend")),
            file=driver.get("file"),
            argv=tuple(driver.get("argv", ())),
            as_ray=bool(driver.get("as_ray")),
            times_s=reading.times_s,
            acts_s={name: tuple(sorted(times)) for name, times in reading.acts_s.items()},
            waits_s={name: tuple(times) for name, times in reading.waits_s.items()},
            arrivals={place: tuple(names) for place, names in reading.arrivals.items()},
            _calls=tuple(reading.calls.values()),
        )

    @property
    def history(self) -> History:
        """What was asked of actors, and what came of it, for `simactors.checkers`.

        An operation returns when its method has ended, which is a little before its client is told. Those that were not
        seen to end are ``unknown``. Values are in normal form, see `checkers.values`; what no file can hold is its
        `repr`.
        """
        return History.timed(map(_operation, (call for call in self._calls if not call.is_task)))


def _events(folder: Path) -> Iterable[Event]:
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not files:
        raise TraceError(
            f"{folder} holds no trace: run the program with SIMACTORS_TRACE_TO={folder} on `local` or `ray`"
        )
    for file in files:
        # What stands behind the last line break is nothing, or a line that its process, or its machine, did not finish.
        for number, line in enumerate(_text(file).split("\n")[:-1], 1):
            yield _event(line, f"{file}:{number}")


def _text(file: Path) -> str:
    try:
        return file.read_text(
            encoding="utf-8", errors="backslashreplace"
        )  # what is damaged is told as a line
    except OSError as error:
        raise TraceError(f"{file} can't be read: {error.strerror}") from None


def _event(line: str, where: str) -> Event:
    try:
        event = json.loads(line)
        if isinstance(event["time_s"], int | float) and isinstance(event["event"], str):
            return event  # type: ignore[no-any-return]  # it has the keys of one
    except (ValueError, TypeError, KeyError):
        pass
    raise TraceError(f"{where} is no event of a trace: {line[:60]!r}")


class _Reading:
    """Names what the events tell of, in the order of their times, as the simulator does: see `sim/naming.py`."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.calls: dict[str, _Call] = {}
        self.times_s: dict[str, float] = {}
        self.acts_s: dict[str, list[float]] = {}
        self.waits_s: dict[str, list[float]] = {}
        self.arrivals: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._step_of: dict[str, str] = {}
        self._reply_of: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._actors: dict[str, str] = {}
        self._makers: dict[str, str] = {}
        self._tasks: dict[str, str] = {}
        # By actor and label: the calls without an id that have not begun; and the ids under which others did.
        self._unnamed: dict[tuple[str | None, str], deque[str]] = {}
        self._found: dict[str, str] = {}
        readers = {
            "create": self._create,
            "call": self._call,
            "begin": self._begin,
            "end": self._end,
            "waited": self._waited,
        }
        for event in events:
            if event["event"] in readers:
                readers[event["event"]](event)

    def _create(self, event: Event) -> None:
        kind = event["class_name"]
        self._actors[event["actor"]] = event["name"] or f"{kind}#{self._next(f'actor {kind}')}"
        self._makers[event["actor"]] = self._act(event)

    def _call(self, event: Event) -> None:
        caller, label, actor = self._act(event), event["label"], event["actor"]
        number: str = event["call"] or ""
        if not number:  # it has no ref, so nobody knows which one it is: the next that runs
            number = f"unnamed {self._next('unnamed')}"
            self._unnamed.setdefault((actor, label), deque()).append(number)
        if actor is None:
            target = self._tasks[number] = f"{label}#{self._next(f'task {label}')}"
        else:
            target = self._actors.get(actor, f"actor {actor}")
        self.calls[number] = _Call(
            caller, target, label, event["time_s"], event["args"], is_task=actor is None
        )
        place = f"{caller}>{target} {label}"
        self._step_of[number] = f"{place} {self._next(place)}"

    def _begin(self, event: Event) -> None:
        number = self._number(event)
        call = self.calls.get(number)
        if call is None:
            self._constructed(event)
        else:
            if call.began_s is not None:  # it is tried again, which is another message
                place = f"{call.caller}>{call.target} {call.label}"
                self._step_of[number] = f"{place} {self._next(place)}"
            call.began_s = event["time_s"] if call.began_s is None else call.began_s
            step = self._step_of[number]
            self.times_s[f"call {step}"] = self.times_s[f"begin {step}"] = event["time_s"]
            self.arrivals.setdefault(call.target, []).append(f"call {step}")

    def _constructed(self, event: Event) -> None:
        actor = event["by"].get("actor")
        if actor in self._makers and event["label"].endswith(".__init__"):
            step = f"create {self._makers[actor]}>{self._actors[actor]} {event['label']} 1"
            self.times_s.setdefault(step, event["time_s"])

    def _number(self, event: Event) -> str:
        """Of the call that begins."""
        number: str = event["call"]
        by = event["by"]
        waiting = self._unnamed.get((by.get("actor"), event["label"]))
        if number not in self.calls and number not in self._found and waiting:
            unnamed = self._found[number] = waiting.popleft()
            if unnamed in self._tasks:
                self._tasks[number] = self._tasks[unnamed]
            self._step_of[number] = self._step_of[unnamed]
        return self._found.get(number, number)

    def _end(self, event: Event) -> None:
        number: str = event["call"]
        number = self._found.get(number, number)
        call = self.calls.get(number)
        if call is None:
            return
        self._acted(event, call.target, self._step_of[number])
        if call.ended_s is None or "result" in event:  # the last attempt is the one that counts
            place = f"reply {call.target}>{call.caller} {call.label}"
            if call.ended_s is None:
                reply = self._reply_of[number] = f"{place} {self._next(place)}"
                self.times_s[reply] = event["time_s"]
            call.ended_s, call.end = event["time_s"], event

    def _waited(self, event: Event) -> None:
        self.waits_s.setdefault(self._act(event), []).append(event["time_s"])
        for number in event["pending"]:
            reply = self._reply_of.get(self._found.get(number, number))
            if reply is not None:  # it had ended, but its answer was still on its way
                self.times_s[reply] = max(self.times_s[reply], math.nextafter(event["time_s"], math.inf))

    def _act(self, event: Event) -> str:
        """Who asks; and that it does."""
        by = event["by"]
        if "actor" in by:
            who = self._actors.get(by["actor"], f"actor {by['actor']}")
        else:
            who = self._tasks.get(by["task"], f"task {by['task']}") if "task" in by else _DRIVER
        self._acted(event, who, self._step_of.get(by.get("task")))
        return who

    def _acted(self, event: Event, *whoever: str | None) -> None:
        for who in whoever:
            if who is not None:
                self.acts_s.setdefault(who, []).append(event["time_s"])

    def _next(self, counted: str) -> int:
        self._counts[counted] = self._counts.get(counted, 0) + 1
        return self._counts[counted]


def _operation(call: _Call) -> Operation:
    end = call.end or {}
    raised = "error" in end
    return Operation(
        client=call.caller,
        name=call.label.rpartition(".")[2],
        args=tuple(map(meant, call.args)),
        target=call.target,
        called=0,
        returned=None if call.end is None else 1,
        called_s=call.called_s,
        returned_s=call.ended_s,
        status="unknown" if call.end is None else "raised" if raised else "returned",
        result=meant(end.get("error" if raised else "result")),
    )
