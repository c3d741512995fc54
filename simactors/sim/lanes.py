"""Lanes: how many calls of a concurrent actor run at once, by concurrency group.

Plain actors have none: they run one call after the other, see `turns.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simactors.core.choices import Choices
from simactors.core.concurrency import DEFAULT_GROUP, Concurrency
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.loop import SimLoop
from simactors.sim.threads import SimThread, of
from simactors.sim.waiting import Timer


class Lane:
    """The calls of one concurrency group.

    Invariant: at most `limit` calls are in `running`; none waits while there is room.

    Attributes:
        loop: runs the coroutines of an async actor; None for threads.
    """

    __slots__ = ("_idle", "_threads", "limit", "loop", "running", "waiting")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running: dict[Invocation, None] = {}
        self.waiting: deque[Invocation] = deque()
        self.loop: SimLoop | None = None
        self._threads = 0
        self._idle: deque[SimThread] = deque()

    def take_thread(self, process: Process) -> SimThread:
        """A thread of the pool for a call that begins: the one that has been idle for longest, as on Ray."""
        if self._threads == self.limit:
            return self._idle.popleft()
        self._threads += 1
        return of(process).add("pool", "a thread of the pool")

    def give_back(self, thread: SimThread) -> None:
        """The call has ended."""
        thread.call = None
        self._idle.append(thread)


class Lanes:
    """The concurrency groups of one incarnation of an actor.

    Attributes:
        is_async: calls are coroutines on an event loop, not threads.
        leaving: calls that want the process to end; it does when no other is under way any more. With each, what gives
            it up before.
        depart: ends it then; None if nobody wants that.
    """

    __slots__ = ("by_group", "depart", "is_async", "leaving")

    def __init__(self, concurrency: Concurrency) -> None:
        self.by_group = {name: Lane(limit) for name, limit in concurrency.limits.items()}
        self.is_async = concurrency.is_async
        self.leaving: dict[Invocation, Timer] = {}
        self.depart: Callable[[], None] | None = None

    def lane(self, group: str) -> Lane | None:
        """The lane of a group; None if the actor has none of that name."""
        return self.by_group.get(group)

    @property
    def under_way(self) -> list[Invocation]:
        """The calls that have begun."""
        return [call for lane in self.by_group.values() for call in lane.running]

    def is_running(self, call: Invocation) -> bool:
        """Whether that call has begun, and not ended."""
        return any(call in lane.running for lane in self.by_group.values())

    @property
    def waiting(self) -> list[Invocation]:
        """The calls that have not begun."""
        return [call for lane in self.by_group.values() for call in lane.waiting]

    def take_waiting(self, lane: Lane, choices: Choices) -> Invocation:
        """Who is next when there is room: the oldest; of coroutines any, as Ray keeps no order among them."""
        waiting = lane.waiting
        index = choices.pick("lane", waiting) if self.is_async and len(waiting) > 1 else 0
        following = waiting[index]
        del waiting[index]
        return following

    def loop_of(self, group: str, kernel: Kernel, process: Process) -> SimLoop:
        """The event loop of a group, in a thread of its own as on Ray; made when it is first needed."""
        lane = self.by_group[group]
        if lane.loop is None:
            thread = of(process).add("loop", f"AsyncIO Thread: {group or 'default'}")
            lane.loop = SimLoop(kernel, process, thread)
        return lane.loop

    def close(self, *, end_loops: bool) -> None:
        """The process is gone; its loops run on if it does not know that."""
        for lane in self.by_group.values():
            lane.running.clear()
            lane.waiting.clear()
            if lane.loop is not None and end_loops:
                lane.loop.end()


def group_of(call: Invocation) -> str:
    """The concurrency group in which a call runs."""
    return (call.extra.group if call.extra is not None else None) or DEFAULT_GROUP
