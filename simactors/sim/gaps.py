"""What Ray 2.60 makes of a cancelled call that was never sent: those behind it wait for its number, and then fail.

A flaw of Ray, not a promise, and so only there for who asks: `SimConfig.cancel_gap_s`. Ray numbers the calls of a
process to a plain actor. One that is cancelled while its caller still has it, because it waits for an argument or has
only just been made, takes its number with it. The actor lets what the same process has sent after it wait for that
number; when nothing has come for so long, it refuses all of it, and goes on.
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
from simactors.sim.waiting import Timer


class _Gap:
    """In the calls on one link, to one incarnation of an actor.

    Attributes:
        number: of the first call that is missing.
        stuck: what has arrived since.
    """

    def __init__(self, number: int, process: Process) -> None:
        self.number = number
        self.process = process
        self.stuck: list[Invocation] = []
        self.timer: Timer | None = None


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
        wait_s: float,
        arrive: Callable[[Invocation], None],
        lost: Callable[[Invocation, Failure], None],
    ) -> None:
        self._kernel = kernel
        self._wait_ns = wait_ns(wait_s)
        self._arrive = arrive
        self._lost = lost
        self._open: dict[Link, _Gap] = {}

    @classmethod
    def of(
        cls,
        config: SimConfig,
        kernel: Kernel,
        arrive: Callable[[Invocation], None],
        lost: Callable[[Invocation, Failure], None],
    ) -> Gaps | None:
        """Those of a run, if there are any in its config."""
        return cls(kernel, config.cancel_gap_s, arrive, lost) if config.cancel_gap_s else None

    def leave(self, call: Invocation) -> None:
        """A call of a plain actor that runs is cancelled at its caller."""
        assert call.link is not None
        gap = self._at(call)
        if gap is None or gap.process is not call.actor.process:
            self._open[call.link] = _Gap(call.id, call.actor.process)
        elif call.id < gap.number:
            gap.number = call.id

    def arrive(self, call: Invocation) -> None:
        """A call reaches its actor."""
        gap = self._at(call)
        if gap is None or call.id < gap.number or call.process is not gap.process or gap.process.gone:
            self._arrive(call)
            return
        gap.stuck.append(call)
        call.actor.particulars().stuck[call] = None
        if gap.timer is not None:
            self._kernel.cancel(gap.timer)
        give_up = partial(self._give_up, call.actor, gap)
        gap.timer = self._kernel.timer(self._wait_ns, give_up, gap.process)

    def _at(self, call: Invocation) -> _Gap | None:
        return self._open.get(call.link) if call.link is not None else None

    def _give_up(self, actor: SimActor, gap: _Gap) -> None:
        """What is missing does not come."""
        for link in [link for link, open_gap in self._open.items() if open_gap is gap]:
            del self._open[link]
        text = f"a call that was made before did not arrive within {self._wait_ns / NS:g} s"
        for call in gap.stuck:
            if actor.extra.stuck.pop(call, self) is None:  # else it has failed with its actor's process
                self._lost(call, canceled(call) if call.is_canceled else unavailable(actor, text))
