"""What Ray 2.60 makes of a cancelled call that was never sent: those behind it wait for its number, and then fail.

A flaw of Ray, not a promise, and so only there for who asks: `SimConfig.cancel_gap_s`. Ray numbers the calls of a
process to a plain actor, from the first one that it sends. One that is cancelled while its caller still has it, because
it waits for an argument or for the actor or has only just been made, takes its number with it. The actor lets what the
same process has sent after it wait for that number; when nothing has come for so long, it refuses all of it, and goes
on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simactors.core.outcome import Failure
from simactors.sim.actor import SimActor
from simactors.sim.answers import canceled, unavailable
from simactors.sim.cluster import Link, Process
from simactors.sim.config import NS, SimConfig, wait_ns
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import State
from simactors.sim.network import Network
from simactors.sim.waiting import Timer


class _Line:
    """The calls on one link, to one incarnation of an actor.

    Attributes:
        sent: the numbers of the first one that was sent, and of those that wait for the actor to be there. What was
            made before the first of these is not missed.
        missing: the numbers of those that never come.
        stuck: what has arrived behind them.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.sent: list[int] = []
        self.missing: list[int] = []
        self.stuck: list[Invocation] = []
        self.timer: Timer | None = None

    def misses_one_before(self, call: Invocation) -> bool:
        """Whether one does not come that was made before."""
        return bool(self.sent) and any(self.sent[0] < number < call.id for number in self.missing)


class Gaps:
    """The gaps of one run.

    Args:
        wait_s: how long an actor waits for what is missing, from what came last.
        arrive: what happens to a call that reaches its actor, and need not wait.
        lost: called with a call that is refused, and what it is answered with if it may not be made again.
    """

    def __init__(
        self,
        kernel: Kernel,
        network: Network,
        wait_s: float,
        arrive: Callable[[Invocation], None],
        lost: Callable[[Invocation, Failure], None],
    ) -> None:
        self._kernel = kernel
        self._wait_ns = wait_ns(wait_s)
        self._arrive = arrive
        self._network = network
        self._lost = lost
        self._lines: dict[Link, _Line] = {}

    @classmethod
    def of(
        cls,
        config: SimConfig,
        kernel: Kernel,
        network: Network,
        arrive: Callable[[Invocation], None],
        lost: Callable[[Invocation, Failure], None],
    ) -> Gaps | None:
        """Those of a run, if there are any in its config."""
        return cls(kernel, network, config.cancel_gap_s, arrive, lost) if config.cancel_gap_s else None

    def leave(self, call: Invocation) -> None:
        """A call of a plain actor is cancelled at its caller."""
        line = self._line(call, call.actor.process)
        line.missing.append(call.id)
        if call.id in line.sent:
            line.sent.remove(call.id)

    def arrive(self, call: Invocation) -> None:
        """A call reaches its actor."""
        process = call.process
        if process is None or process.gone or not call.actor.extra.is_ordered:
            self._arrive(call)
            return
        line = self._line(call, process)
        if not line.misses_one_before(call):
            if not line.sent or call.actor.state is not State.ALIVE:
                line.sent.append(call.id)
            self._arrive(call)
            return
        self._let_wait(call, line)

    def fail(self, call: Invocation, why: Failure) -> None:
        """The arguments of a call have failed: on Ray, it is sent all the same, and the actor finds that out."""
        actor: SimActor = call.actor
        line = self._line(call, actor.process)
        if actor.extra.is_ordered and actor.state is State.ALIVE and line.misses_one_before(call):
            self._let_wait(call, line)
        else:
            self._network.fail(call, why)

    def _let_wait(self, call: Invocation, line: _Line) -> None:
        line.stuck.append(call)
        call.actor.particulars().stuck[call] = None
        if line.timer is not None:
            self._kernel.cancel(line.timer)
        give_up = partial(self._give_up, call.actor, line)
        line.timer = self._kernel.timer(self._wait_ns, give_up, line.process)

    def _line(self, call: Invocation, process: Process) -> _Line:
        assert call.link is not None
        line = self._lines.get(call.link)
        if line is None or line.process is not process:
            line = self._lines[call.link] = _Line(process)
        return line

    def _give_up(self, actor: SimActor, line: _Line) -> None:
        """What is missing does not come."""
        stuck, line.stuck = line.stuck, []
        line.missing = [number for number in line.missing if number > stuck[-1].id]
        text = f"a call that was made before did not arrive within {self._wait_ns / NS:g} s"
        for call in stuck:
            if actor.extra.stuck.pop(call, self) is None:  # else it has failed with its actor's process
                self._lost(call, canceled(call) if call.is_canceled else unavailable(actor, text))
