"""What clients asked of a system and what they were told: operations with their call, their return and their outcome;
and deliveries, which say only who sent what to whom.

Written by `checkers.recording` or out of a simulation; read by the judges of `checkers`, and by nothing else. It
knows of no backend: a history of a real cluster has the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

Status = Literal["returned", "raised", "refused", "unknown"]
"""How an operation ended, as its client saw it.

``returned``: with a result. ``raised``: the operation itself raised, which is an answer, too. ``refused``: it
certainly never took effect. ``unknown``: it may have, or may still (a timeout, a crash, no answer before the end).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of one client.

    Attributes:
        client: who asked. A client waits for its answer before it asks again, unless its operations say otherwise.
        name: what was asked: ``withdraw``.
        args: with what; keywords stand at their parameters' places.
        target: whom it was asked of: ``Account#1``. Empty if there is but one.
        called: where the call stands among all calls and returns of the history, counted from 0.
        returned: where the return stands; None if there was none.
        called_s, returned_s: when, in seconds by the clock of the history.
        status: how it ended.
        result: what it returned, or the exception that it raised; None if that is unknown.
    """

    client: str
    name: str
    args: tuple[Any, ...] = ()
    target: str = ""
    called: int
    returned: int | None = None
    called_s: float = 0.0
    returned_s: float | None = None
    status: Status = "unknown"
    result: Any = None

    def __str__(self) -> str:
        asked = f"{self.name}({', '.join(map(_shown, self.args))})"
        told = {"returned": f" -> {_shown(self.result)}", "raised": f" raised {_shown(self.result)}"}
        where = f"{self.target}." if self.target else ""
        return f"{self.client}: {where}{asked}{told.get(self.status, f' ({self.status})')}"


@dataclass(frozen=True, slots=True)
class History(Sequence[Operation]):
    """Operations, in the order of their calls.

    Raises:
        ValueError: they are not in that order, or one returned before it was called.
    """

    operations: tuple[Operation, ...] = ()

    def __post_init__(self) -> None:
        before = -1
        for operation in self.operations:
            if operation.called <= before:
                raise ValueError(f"not in the order of calls (History.of() sorts them): {operation}")
            if operation.returned is not None and operation.returned <= operation.called:
                raise ValueError(f"returned before it was called: {operation}")
            before = operation.called

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> History:
        """Operations in any order."""
        return cls(tuple(sorted(operations, key=lambda operation: operation.called)))

    @classmethod
    def merged(cls, *histories: History) -> History:
        """One history of several, which each of some processes recorded by one clock: in the order of their times.

        At the same time, what came first in another process is not known: there, all calls stand before all
        returns, so that the operations count as concurrent. What only one process did at a time stays as it is.

        Raises:
            ValueError: an operation returned, and does not say when.
            TypeError: one of them is no history, but a list of several, perhaps.
        """
        for history in histories:
            if not isinstance(history, History):
                raise TypeError(
                    "History.merged() takes each history as an argument of its own, History.merged(*histories), "
                    f"not {type(history).__name__}"
                )
        moments: dict[float, list[tuple[int, bool, int, Operation]]] = {}
        for number, history in enumerate(histories):
            latest = float("-inf")
            for place, is_return, operation in history._events():
                time_s = operation.returned_s if is_return else operation.called_s
                if time_s is None:
                    raise ValueError(f"returned, and does not say when: {operation}")
                latest = max(latest, time_s)  # a clock that was set back changes no order within a process
                moments.setdefault(latest, []).append((number, is_return, place, operation))
        operations: dict[tuple[int, int], Operation] = {}
        events = (event for time_s in sorted(moments) for event in _in_order(moments[time_s]))
        for new, (number, is_return, _, operation) in enumerate(events):
            mine = (number, operation.called)
            if is_return:
                operations[mine] = replace(operations[mine], returned=new)
            else:
                operations[mine] = replace(operation, called=new, returned=None)
        return cls.of(operations.values())

    @classmethod
    def timed(cls, operations: Iterable[Operation]) -> History:
        """Operations of which only the times are known; at the same time, calls stand before returns."""
        return cls.merged(*(cls((replace(each, called=0, returned=_place(each)),)) for each in operations))

    def _events(self) -> list[tuple[int, bool, Operation]]:
        """Calls and returns, in their order: where it stands, whether it is a return, and of what."""
        calls = [(operation.called, False, operation) for operation in self.operations]
        returns = [(each.returned, True, each) for each in self.operations if each.returned is not None]
        return sorted([*calls, *returns], key=lambda event: event[0])

    def where(self, wanted: Callable[[Operation], bool]) -> History:
        """Those operations only; their places stay as they are."""
        return History(tuple(filter(wanted, self.operations)))

    def by(self, key: Callable[[Operation], str]) -> dict[str, History]:
        """A history for each key, in the order in which the keys are first seen."""
        parts: dict[str, list[Operation]] = {}
        for operation in self.operations:
            parts.setdefault(key(operation), []).append(operation)
        return {name: History(tuple(part)) for name, part in parts.items()}

    @property
    def clients(self) -> dict[str, History]:
        """What each client did."""
        return self.by(lambda operation: operation.client)

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    @overload
    def __getitem__(self, index: int) -> Operation: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Operation | History:
        if isinstance(index, slice):
            return History(self.operations[index])
        return self.operations[index]

    def __str__(self) -> str:
        return "\n".join(map(str, self.operations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message, or one call, on its way from a sender to a receiver.

    A place is a number that grows with time. For `checkers.fifo` it is enough that places are in order within each
    process; for `checkers.causal` one count must go through all sendings and receipts of all processes.

    Attributes:
        sender, receiver: processes by name: ``client-1``, ``Account#1``.
        message: which; only printed.
        sent: the place of its sending at the sender. What is sent to many at once is one delivery for each, all of the
            same place.
        received: the place at the receiver where it was received, or began to be executed; None if it never was.
    """

    sender: str
    receiver: str
    message: Any = ""
    sent: int
    received: int | None = None

    def __str__(self) -> str:
        return f"{self.message} from {self.sender} to {self.receiver}"


def _shown(value: object) -> str:
    """A value in a message, which must not fail for what is wrong with the value."""
    try:
        return repr(value)
    except Exception as error:  # the user's own code, or one that is nested too deep
        return f"<{type(value).__name__}, whose repr() raised {type(error).__name__}>"


def _in_order(events: list[tuple[int, bool, int, Operation]]) -> list[tuple[int, bool, int, Operation]]:
    """What happened at one time: of several processes, calls come first."""
    if len({number for number, *_ in events}) == 1:
        return events
    return sorted(events, key=lambda event: event[1])


def _place(operation: Operation) -> int | None:
    return None if operation.returned_s is None else 1
