"""How actors end that want to: with the call that says so, or when all calls that are under way have ended.

Not what their end means to others (`actors.py`, through the hooks `left` and `crashed`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from simactors.sim import threads
from simactors.sim.actor import SimActor
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation, Leaves
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import State
from simactors.sim.waiting import Timer

_ASKED = "it called exit_actor() or sys.exit(0)"


class Leaving:
    """Those of one run.

    Attributes:
        left: called when an actor has asked to end itself, with why.
        crashed: called when its code has made its process exit, with why: it may be restarted.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.left: Callable[[SimActor, str], None]
        self.crashed: Callable[[SimActor, str], None]

    def exits(self, actor: SimActor, code: object) -> None:
        """Code of an actor has raised `SystemExit`; as on Ray, only the code 0 means that it wants to end.

        ``sys.exit()`` is a crash, too: its code is None.
        """
        if is_intended(code):
            self.left(actor, _ASKED)
        else:
            self.crashed(actor, f"its process exited with code {code}")

    def wait_for_others(self, actor: SimActor, call: Invocation, code: object) -> bool:
        """As on Ray, other calls that are under way end first; False if there are none."""
        lanes = actor.lanes
        if lanes is None or len(lanes.under_way) < 2:
            return False
        lanes.leaving.append(call)
        if lanes.depart is None:
            lanes.depart = functools.partial(self.exits, actor, code)
        return True

    def asked(self, process: Process) -> None:
        """Its code has called `exit_actor`, and may yet catch what that raises: the actor ends all the same."""
        actor: SimActor = process.actor
        thread = threads.current(process)
        call = thread.call or actor.current
        if thread.kind == "started":
            self._kernel.soon(functools.partial(self._end_after_others, actor, process), process)
        elif thread.kind != "loop" and isinstance(call, Invocation):
            call.particulars().leaves = Leaves.UNANSWERED

    def _end_after_others(self, actor: SimActor, process: Process) -> None:
        """A thread that a method has started wants the actor to end: calls that are under way are answered before."""
        current: Any = actor.current
        if actor.process is not process or process.gone:
            return
        if process.halted:
            process.park(Timer(functools.partial(self._end_after_others, actor, process)))
        elif actor.lanes is not None and actor.lanes.under_way:
            actor.lanes.depart = actor.lanes.depart or functools.partial(self.exits, actor, 0)
        elif actor.state is State.ALIVE and isinstance(current, Invocation):
            current.particulars().leaves = Leaves.ANSWERED
        else:
            self.exits(actor, 0)


def is_intended(code: object) -> bool:
    """Whether who exits with that code wants to end, as `exit_actor` does."""
    return isinstance(code, int | float) and code == 0
