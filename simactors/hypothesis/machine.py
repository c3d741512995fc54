"""A state machine whose rules call actors of a simulation: `ActorStateMachine`.

Rules send calls and do not wait: many are in flight, from several simulated clients, and a plan that Hypothesis draws
says in which order they arrive and what goes wrong meanwhile.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from simactors.api.handles import ActorHandle, ActorMethod
from simactors.api.objects import get, wait
from simactors.api.remote import remote
from simactors.checkers.recording import Recording
from simactors.core.fault_plan import FaultPlan
from simactors.core.history import History, Operation
from simactors.core.refs import ObjectRef
from simactors.exceptions import RayError
from simactors.exploration.storms import kinds_of, nodes_for
from simactors.hypothesis.strategies import plans, warm_up
from simactors.sim.config import SimConfig
from simactors.sim.planned import LATE_S, Plan, PlannedChoices
from simactors.sim.simulation import Simulation, simulate


@remote(num_cpus=0, max_restarts=-1)
class Client:
    """One client: it asks one thing after the other."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ask(
        self,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Operation, Any]:
        """Ask, wait for the answer, and say when that was, and what is raised or returned."""
        recording = Recording()
        with recording.client(self.name):
            try:
                answer = recording.operation(name=name)(_answered(function))(*args, **kwargs)
            except Exception as error:
                answer = error
        (operation,) = recording.history()
        return operation, answer


_CLIENT: Any = Client  # what `remote` makes of it


@dataclass(eq=False, slots=True)
class Call:
    """A call in flight, or what became of it.

    Attributes:
        client: who made it.
        name: of the method, or of the function that the client runs.
        target: the actor, as ``Account#1``: the first account that was called; empty for a function.
        args: what it was called with.
    """

    client: str
    name: str
    target: str
    args: tuple[Any, ...]
    called_s: float
    _ref: ObjectRef[tuple[Operation, Any]]
    _ended: tuple[Operation, Any] | None = None

    @property
    def is_done(self) -> bool:
        """Whether its answer is there; looking does not wait."""
        return self._ended is not None or bool(wait([self._ref], timeout=0)[0])

    def result(self) -> Any:
        """What came of it; waits for that.

        Raises:
            Exception: what it raised for its client; or the loss of the client, with which nothing is known of it.
        """
        operation, answer = self._end()
        if operation.status != "returned":
            raise answer
        return answer

    @property
    def operation(self) -> Operation:
        """The same for a history; waits for it."""
        return self._end()[0]

    def _end(self) -> tuple[Operation, Any]:
        if self._ended is None:
            try:
                operation, answer = get(self._ref)
                self._ended = replace(operation, target=self.target), answer
            except RayError as lost:  # the client: whatever it asked may have happened
                self._ended = self._unknown(), lost
        return self._ended

    def _unknown(self) -> Operation:
        return Operation(
            client=self.client,
            name=self.name,
            args=self.args,
            target=self.target,
            called=0,
            called_s=self.called_s,
        )


def _answered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`; if it is a method of an actor: calling it, and waiting for its answer."""
    if not isinstance(function, ActorMethod):
        return function
    method = function

    def asked(*args: Any, **kwargs: Any) -> Any:
        return get(method.remote(*args, **kwargs))

    asked.__signature__ = method.spec.signature.inspected  # type: ignore[attr-defined]  # what `inspect` looks for
    return asked


def _named(function: Callable[..., Any]) -> str:
    if isinstance(function, ActorMethod):
        return function.spec.name
    if isinstance(function, functools.partial):
        return _named(function.func)
    return getattr(function, "__name__", type(function).__name__)


def _plans(machine: ActorStateMachine) -> st.SearchStrategy[Plan]:
    return plans(
        machine.faults,
        nodes=machine.machines,
        calls=machine.fault_calls,
        max_deviations=machine.max_deviations,
        max_faults=machine.max_faults,
    )


def _is_set_up(machine: ActorStateMachine) -> bool:
    """Always true: but who asks chooses among rules, and does so only when all initializers have run."""
    machine.is_set_up = True
    return True


def _left_if_it_fails(constructor: Callable[..., None]) -> Callable[..., None]:
    """Of a machine: Hypothesis has none to tear down if its constructor raises."""

    @functools.wraps(constructor)
    def constructed(self: ActorStateMachine, *args: Any, **kwargs: Any) -> None:
        try:
            constructor(self, *args, **kwargs)
        except BaseException:
            if hasattr(self, "sim"):  # else it has not got so far
                self.sim.has_failed = True
                self._open.close()
            raise

    return constructed


def _ended_at_last(teardown: Callable[[Any], None]) -> Callable[[Any], None]:
    """Of a machine: users of Hypothesis need not call the one that they override, and leave what is below to it."""

    @functools.wraps(teardown)
    def torn_down(self: ActorStateMachine) -> None:
        if vars(type(self)).get("teardown") is not torn_down:
            teardown(self)  # called by that of a subclass, which is not done
            return
        with ExitStack() as ending:
            ending.callback(ActorStateMachine.teardown, self)
            teardown(self)

    return torn_down


class ActorStateMachine(RuleBasedStateMachine):
    """A `RuleBasedStateMachine` in a simulated cluster: ``init``, ``remote``, ``get`` and ``time`` in its rules are.

    Rules, bundles, preconditions and invariants are Hypothesis's. `submit` sends a call without waiting for it; each
    client makes its own calls one after the other, and those of several overlap. The inherited rules `pass_time` and
    `settle` let calls make progress; whatever a rule waits for does, too. The run's plan is the argument of the
    inherited initializer `follow`: it says in which order messages arrive, and what goes wrong.

    Attributes:
        faults: kinds of what may go wrong, see `plans`.
        fault_calls: around which calls, see `plans`.
        max_deviations, max_faults: see `plans`.
        config: the cluster; None: `nodes` machines.
        nodes: how many machines; None: 1, or 3 if faults of nodes, partitions or clocks are wanted.
        sim: the simulation.

    Examples:
        >>> import simactors
        >>> from hypothesis.stateful import initialize, rule
        >>> @simactors.remote
        ... class Counter:
        ...     def __init__(self): self.total = 0
        ...     def add(self, n): self.total += n; return self.total
        >>> class CounterMachine(ActorStateMachine):
        ...     @initialize()
        ...     def open(self):
        ...         self.counter, self.expected = Counter.remote(), 0
        ...     @rule(client=st.sampled_from(["ann", "bob"]), n=st.integers(1, 9))
        ...     def add(self, client, n):
        ...         self.submit(client, self.counter.add, n)
        ...         self.expected += n
        ...     def check_at_rest(self):
        ...         assert simactors.get(self.counter.add.remote(0)) == self.expected
        >>> TestCounter = CounterMachine.TestCase
    """

    faults: ClassVar[str | Sequence[str]] = "delay"
    fault_calls: ClassVar[str | Sequence[str]] = "*"
    max_deviations: ClassVar[int] = 8
    max_faults: ClassVar[int] = 1
    config: ClassVar[SimConfig | None] = None
    nodes: ClassVar[int | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Whatever a subclass does in its own constructor and teardown, the simulation ends with it."""
        super().__init_subclass__(**kwargs)
        warm_up()
        cls.__init__ = _left_if_it_fails(cls.__init__)  # type: ignore[method-assign]  # as any decorator does
        cls.teardown = _ended_at_last(cls.teardown)  # type: ignore[method-assign,assignment]  # bound later

    def __init__(self) -> None:
        super().__init__()
        self.in_flight: list[Call] = []
        """Calls of which nobody has been told yet that they are over; `settle` empties it."""
        self.submitted: list[Call] = []
        """All calls so far, in order."""
        self._clients: dict[str, Any] = {}
        self._targets: dict[ActorHandle, str] = {}
        self.is_set_up = False
        """Whether all initializers have run: Hypothesis may cut a run off between two of them."""
        self._handled = sys.exc_info()[1]  # by whoever runs the machine
        self._order = PlannedChoices()
        self._is_over = False
        self._open = ExitStack()
        late_s = LATE_S if "delay" in self._kinds else 0.0
        config = Plan(nodes=1 if self.config is not None else self.machines, late_s=late_s).config(
            self.config
        )
        self.sim: Simulation = self._open.enter_context(simulate(config=config, choices=self._order))

    @property
    def _kinds(self) -> tuple[str, ...]:
        return kinds_of(self.faults if isinstance(self.faults, str) else ",".join(self.faults))

    @property
    def machines(self) -> int:
        """How many machines there are."""
        if self.config is not None:
            return len(self.config.machines)
        return self.nodes if self.nodes is not None else nodes_for(self._kinds)

    @initialize(plan=st.runner().flatmap(_plans))
    def follow(self, plan: Plan) -> None:
        """What Hypothesis has chosen of the order, and what goes wrong, from now on."""
        self._order.follow(plan)
        self.sim.disturb(FaultPlan(plan.faults))

    @precondition(_is_set_up)
    @rule(milliseconds=st.integers(1, 50))
    def pass_time(self, milliseconds: int) -> None:
        """Let some virtual time pass: what is in flight makes progress."""
        time.sleep(milliseconds / 1_000)

    @rule()
    def settle(self) -> None:
        """Wait until nothing is in flight; then the system is at rest."""
        for call in self.in_flight:
            call._end()
        self.in_flight.clear()
        self.check_at_rest()

    def check_at_rest(self) -> None:
        """To be overridden: what must hold when nothing is in flight. The end of each run is such a moment."""

    def submit(
        self, client: str, function: Callable[..., Any] | ActorMethod, *args: Any, **kwargs: Any
    ) -> Call:
        """Let a client call a method of an actor, or run a function, and do not wait for it.

        Args:
            client: its name; it is an actor of its own, there from its first call on.
            function: ``handle.method``, whose answer it waits for; or a function that calls several in turn.
            args, kwargs: for it.

        Raises:
            TypeError: it can't be called.
        """
        if not (isinstance(function, ActorMethod) or callable(function)):
            raise TypeError(
                f"submit() takes handle.method or a function, and what it is called with, not {function!r}"
            )
        name, target = _named(function), self._target(function)
        if client not in self._clients:
            self._clients[client] = _CLIENT.options(name=f"client {client}").remote(client)
        ref = self._clients[client].ask.remote(name, function, args, kwargs)
        call = Call(client, name, target, (*args, *kwargs.values()), time.monotonic(), ref)
        self.in_flight.append(call)
        self.submitted.append(call)
        return call

    @property
    def history(self) -> History:
        """What all clients asked and were told, for the judges of `simactors.checkers`; waits for the answers."""
        return History.timed(call.operation for call in self.submitted)

    def _target(self, function: Any) -> str:
        if not isinstance(function, ActorMethod):
            return ""
        actor = function.actor
        if actor not in self._targets:
            class_name = function.class_name
            rank = sum(name.rpartition("#")[0] == class_name for name in self._targets.values()) + 1
            self._targets[actor] = f"{class_name}#{rank}"
        return self._targets[actor]

    def teardown(self) -> None:
        """Let the run come to rest, check it, and end it. If a subclass overrides it without a call, it comes after."""
        if self._is_over:
            return
        self._is_over = True
        with self._open:
            # A rule has: what is left over says nothing.
            has_failed = sys.exc_info()[1] not in (None, self._handled)
            try:
                if self.is_set_up and not has_failed:
                    self.settle()
            except BaseException:
                has_failed = True
                raise
            finally:
                self.sim.has_failed = has_failed
                if has_failed and self._order.story:
                    note(self._order.story)
