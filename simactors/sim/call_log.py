"""The calls of a run as a history: who asked what of which actor, when, and what came of it.

Not what should hold of that: the judges in `checkers`. It changes nothing in the run: what was packed for its way is
kept, without anything that would keep actors alive, and is unpacked when somebody reads it.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simactors.core import codec
from simactors.core.calls import ActorClass, Arguments, MethodCall, TaskCall, pack_arguments
from simactors.core.endings import ending
from simactors.core.history import Delivery, History, Operation, Status
from simactors.core.interface import MethodSpec, in_places
from simactors.core.outcome import Failure, Outcome, Value
from simactors.core.refs import ActorRef, ObjectRef, Origin
from simactors.exceptions import RaySystemError
from simactors.sim.actor import SimActor
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.invocation import Invocation
from simactors.sim.machine import Machine


@dataclass(slots=True, eq=False)
class _Call:
    """One call of a method.

    Attributes:
        packed: its arguments.
        values: the outcomes of the refs among them; empty as long as they are not known.
        called, begun, returned: where these stand in the run; None if they have not happened.
        reply: what came of it.
        has_items: it is a generator's: its answers are many.
    """

    client: str
    target: str
    cls: ActorClass
    spec: MethodSpec
    called: int
    called_ns: int
    packed: Arguments | tuple[Any, ...] = ()
    values: tuple[Outcome, ...] = ()
    begun: int | None = None
    returned: int | None = None
    returned_ns: int | None = None
    reply: tuple[Outcome, ...] = ()
    has_items: bool = False


class CallLog:
    """See `core.abilities.CallLog`.

    Args:
        submit_method, submit_task: what makes a call.
        caller: gives the process whose code runs now.
    """

    def __init__(
        self,
        machine: Machine,
        submit_method: Callable[[MethodCall], list[ObjectRef[Any]]],
        submit_task: Callable[[TaskCall], list[ObjectRef[Any]]],
        caller: Callable[[], Process],
    ) -> None:
        self._submit_method = submit_method
        self._submit_task = submit_task
        self._caller = caller
        self._kernel = machine.kernel
        self._objects = machine.objects
        self._names = machine.names
        self._homes = machine.homes
        self._calls: dict[int, _Call] = {}
        self._tasks: dict[int, str] = {}  # by id: whoever kept the calls themselves would keep what they hold
        self._ranks: dict[str, int] = {}
        self._places = 0
        machine.actors.is_ranked = True  # so that there are names; nothing else follows from it
        machine.watch_calls(self._begun, self._answered)

    # What happens

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_method`."""
        spec = call.method
        if spec.name.startswith("__ray_"):  # not the program's own
            return self._submit_method(call)
        before = self._objects.ids
        place, now_ns = self._place(), self._kernel.now_ns
        refs = self._submit_method(call)
        actor: Any = call.actor.entry
        noted = _Call(self._client(), self._actor(actor), actor.cls, spec, place, now_ns)
        if refs:
            state: Any = refs[0].entry
            noted.packed = _severed_arguments(state.arguments)
            noted.has_items = state.extra is not None and bool(state.extra.stream or state.extra.is_dynamic)
            self._calls[state.id] = noted
        else:  # num_returns=0: nobody else could say which call it is, nor what was packed for it
            noted.packed = _severed_arguments(pack_arguments(spec.label, call.args, call.kwargs))
            self._calls[before + 1] = noted
        return refs

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_task`: tasks are clients, and called by their rank among those of their function."""
        before = self._objects.ids
        refs = self._submit_task(call)
        label = call.function.spec.label
        rank = self._ranks[label] = self._ranks.get(label, 0) + 1
        self._tasks[refs[0].entry.id if refs else before + 1] = f"{label}#{rank}"
        return refs

    def _begun(self, invocation: Invocation) -> None:
        call = self._calls.get(invocation.id)
        if call is not None and call.begun is None:
            call.begun = self._place()
            call.values = _values(invocation)

    def _answered(self, invocation: Invocation) -> None:
        call = self._calls.get(invocation.id)
        if call is not None:
            call.returned, call.returned_ns = self._place(), self._kernel.now_ns
            call.reply = tuple(map(_severed_outcome, invocation.reply))

    def _place(self) -> int:
        self._places += 1
        return self._places - 1

    def _client(self) -> str:
        process = self._caller()
        if process.actor is not None:
            return self._actor(process.actor)
        if process.task is None:
            return process.label
        if self._kernel.offers is not None:
            return self._names.name(process)  # as in plans; it has been named when it was sent
        return self._tasks.get(process.task.id) or str(process.task)

    def _actor(self, actor: SimActor) -> str:
        extra = actor.extra
        if extra.name is not None:
            return str(extra.name[1])
        # One that was made before anybody asked for names has no rank.
        return f"{actor.cls.interface.class_name}#{extra.rank}" if extra.rank else actor.process.label

    # What is told of it

    @property
    def history(self) -> History:
        """See `core.abilities.CallLog`; unpacking runs the user's code, as the driver's."""
        calls = [call for call in self._calls.values() if not call.has_items]
        with self._own_classes():
            return contextvars.Context().run(lambda: History.of(map(_operation, calls)))

    @property
    def deliveries(self) -> list[Delivery]:
        """See `core.abilities.CallLog`; each message is called as it was asked."""
        with self._own_classes():
            return contextvars.Context().run(lambda: [_delivery(call) for call in self._calls.values()])

    @contextmanager
    def _own_classes(self) -> Iterator[None]:
        """Let the driver's classes be found also after the run is over."""
        if self._homes is None or self._homes in codec.homes:
            yield
            return
        codec.homes.append(self._homes)
        try:
            yield
        finally:
            codec.homes.remove(self._homes)


def _operation(call: _Call) -> Operation:
    status, result = _told(call)
    return Operation(
        client=call.client,
        name=call.spec.name,
        args=_arguments(call),
        target=call.target,
        called=call.called,
        returned=call.returned,
        called_s=call.called_ns / NS,
        returned_s=None if call.returned_ns is None else call.returned_ns / NS,
        status=status,
        result=result,
    )


def _delivery(call: _Call) -> Delivery:
    message = f"{call.spec.name}({', '.join(map(repr, _arguments(call)))})"
    return Delivery(
        sender=call.client, receiver=call.target, message=message, sent=call.called, received=call.begun
    )


def _told(call: _Call) -> tuple[Status, Any]:
    """How it ended for its client, and with what."""
    if call.returned is None:
        return "unknown", None
    values: list[Any] = []
    status: Status = "returned"
    for outcome in call.reply:
        try:
            if isinstance(outcome, Value):
                values.append(outcome.unwrap())
                continue
            error: BaseException = outcome.error()
        except RaySystemError as broken:  # the user's own unpickling: its client was told the same
            error = broken
        status, error = ending(error)
        if status == "raised":
            return status, error
        # It may run yet, though its client was told that it is lost: what nobody has begun by now did nothing.
        return ("refused" if call.begun is None else "unknown"), None
    return status, values if len(values) > 1 else values[0] if values else None


def _arguments(call: _Call) -> tuple[Any, ...]:
    if isinstance(call.packed, tuple) and not isinstance(call.packed, Arguments):
        return call.packed
    try:
        values = [value.unwrap() for value in call.values if isinstance(value, Value)]
        args, kwargs = call.packed.unpack(
            values if len(values) == len(call.packed.refs) else call.packed.refs
        )
    except RaySystemError as error:  # the user's own unpickling
        return (error,)
    return _positional(call, args, kwargs) if kwargs else args


def _positional(call: _Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Keywords at their parameters' places."""
    function = call.cls.functions.get(call.spec.name)
    if function is None:  # a class method or static method, say: its defaults are not looked for
        return tuple(value for _, value in in_places(call.spec.signature.inspected, args, kwargs))
    return tuple(value for _, value in in_places(inspect.signature(function), (None, *args), kwargs))[1:]


# What keeps nothing alive


@dataclass(frozen=True, slots=True)
class _Gone:
    """What is left of what stands behind a ref or a handle: enough to tell whether two are the same."""

    id: int
    origin: Origin


def _severed(traveller: Any) -> Any:
    """A ref or a handle that is equal to `traveller`, and leads nowhere."""
    if isinstance(traveller, ActorRef):
        return ActorRef(_Gone(traveller.entry.id, Origin(traveller.entry.id)), traveller.interface)
    if isinstance(traveller, ObjectRef):
        return ObjectRef(_Gone(traveller.entry.id, traveller._origin()))
    return traveller


def _severed_packed(packed: Any) -> Any:
    if type(packed) is not codec.Encoded or not packed.carried:
        return packed
    return packed._replace(carried=tuple(map(_severed, packed.carried)))


def _severed_arguments(arguments: Arguments | tuple[Any, ...]) -> Arguments | tuple[Any, ...]:
    if not isinstance(arguments, Arguments):
        return arguments
    return Arguments(_severed_packed(arguments.packed), tuple(map(_severed, arguments.refs)))


def _severed_outcome(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Failure):
        return Failure(_severed_packed(outcome.packed), outcome.text)
    return Value(_severed_packed(outcome.packed))


def _values(invocation: Invocation) -> tuple[Outcome, ...]:
    """The outcomes behind the refs among its arguments: a call does not begin before they are there."""
    entries: list[Any] = [ref.entry for ref in invocation.refs]
    return tuple(_severed_outcome(entry.outcome) for entry in entries if entry.outcome is not None)
