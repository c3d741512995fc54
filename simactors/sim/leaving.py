"""How actors end that want to: with the call that says so, or when all calls that are under way have ended.

Not what their end means to others (`actors.py`, through the hooks `left` and `crashed`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from simactors import exceptions
from simactors.core import calls
from simactors.core.calls import ActorExit
from simactors.sim import threads
from simactors.sim.actor import BUSY, SimActor
from simactors.sim.cluster import Process, context_of
from simactors.sim.executor import current_call
from simactors.sim.invocation import Invocation, Leaves
from simactors.sim.kernel import Kernel
from simactors.sim.lanes import Lanes
from simactors.sim.lifecycle import State
from simactors.sim.threads import SimThread
from simactors.sim.waiting import Timer

_ASKED = "it called exit_actor() or sys.exit(0)"

# So long, as on Ray, whoever has made the call waits to hear that the actor has ended: he looks once a second.
_LEAST_PATIENCE_NS = _LOOKS_EVERY_NS = 1_000_000_000


class Leaving:
    """Those of one run.

    Attributes:
        left: called when an actor has asked to end itself, with why.
        crashed: called when its code has made its process exit, with why: it may be restarted.
        given_up: called with an actor and the call with which it wants to end, if others keep it for long.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._until_look = kernel.jitter("patience", _LOOKS_EVERY_NS)
        self.left: Callable[[SimActor, str], None]
        self.crashed: Callable[[SimActor, str], None]
        self.given_up: Callable[[SimActor, Invocation], None]

    def exits(self, actor: SimActor, code: object) -> None:
        """Code of an actor has raised `SystemExit`; as on Ray, only the code 0 means that it wants to end.

        ``sys.exit()`` is a crash, too: its code is None.
        """
        if is_intended(code):
            self.after_farewell(actor, functools.partial(self.left, actor, _ASKED))
        else:
            why = f"its process exited with code {code}"
            self.after_farewell(actor, functools.partial(self.crashed, actor, why))

    def after_farewell(self, actor: SimActor, end: Callable[[], None]) -> None:
        """Have its `__ray_shutdown__` run, if it has one, and then `end` it; no call of it begins any more."""
        if not calls.has_farewell(actor.instance):
            end()
            return
        if actor.lanes is not None and actor.lanes.depart is None:
            actor.lanes.depart = _go_on
        if actor.current is None:
            actor.current = BUSY
        self._kernel.soon(functools.partial(self._say_farewell, actor, actor.process, end), actor.process)

    def _say_farewell(self, actor: SimActor, process: Process, end: Callable[[], None]) -> None:
        if actor.process is not process or process.gone:
            return  # killed, or crashed, before it came to that, or in the middle of it
        if process.halted:
            process.park(Timer(functools.partial(self._say_farewell, actor, process, end)))
            return
        context_of(process).run(calls.say_farewell, actor.instance)
        if actor.process is process and not process.gone:
            end()

    def wait_for_others(self, actor: SimActor, call: Invocation, code: object) -> bool:
        """As on Ray, other calls that are under way end first; False if there are none."""
        lanes = actor.lanes
        if lanes is None or len(lanes.under_way) < 2:
            return False
        patience_ns = _LEAST_PATIENCE_NS + self._until_look()
        lanes.leaving[call] = self._kernel.timer(
            patience_ns, functools.partial(self._give_up, actor, lanes, call)
        )
        self.after_others(actor, lanes, code)
        return True

    def _give_up(self, actor: SimActor, lanes: Lanes, call: Invocation) -> None:
        """The others take long: who has made the call learns no more than that it will not be answered."""
        del lanes.leaving[call]
        self.given_up(actor, call)

    def after_others(self, actor: SimActor, lanes: Lanes, code: object = 0) -> None:
        """End the actor as soon as no call is under way."""
        if lanes.depart is None:
            lanes.depart = functools.partial(self.exits, actor, code)

    def asked(self, process: Process) -> BaseException:
        """Its code has called `exit_actor`, and may yet catch what that raises: the actor ends all the same.

        Returns:
            What it is to raise.
        """
        actor: SimActor = process.actor
        thread = threads.current(process)
        call = self._call_of(thread, actor)
        if call is None:
            self._kernel.soon(functools.partial(self._end_after_others, actor, process), process)
        else:
            call.particulars().leaves = Leaves.UNANSWERED
        is_async = actor.lanes is not None and actor.lanes.is_async
        return exceptions.AsyncioActorExit() if is_async else ActorExit()

    def _call_of(self, thread: SimThread, actor: SimActor) -> Invocation | None:
        """The call whose code runs there; None if that outlives all calls: a thread or task that one has started."""
        if thread.kind == "started":
            return None
        if thread.kind != "loop":
            call = thread.call or actor.current
            return call if isinstance(call, Invocation) else None
        call = current_call.get()
        return call if call is not None and actor.lanes is not None and actor.lanes.is_running(call) else None

    def _end_after_others(self, actor: SimActor, process: Process) -> None:
        """A thread that a method has started wants the actor to end: calls that are under way are answered before."""
        current: Any = actor.current
        if actor.process is not process or process.gone:
            return
        if process.halted:
            process.park(Timer(functools.partial(self._end_after_others, actor, process)))
        elif actor.lanes is not None and actor.lanes.under_way:
            self.after_others(actor, actor.lanes)
        elif actor.state is State.ALIVE and isinstance(current, Invocation):
            current.particulars().leaves = Leaves.ANSWERED
        else:
            self.exits(actor, 0)


def _go_on() -> None:
    """Stands for the end of an actor that has begun."""


def is_intended(code: object) -> bool:
    """Whether who exits with that code wants to end, as `exit_actor` does."""
    return isinstance(code, int | float) and code == 0
