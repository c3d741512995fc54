"""Lanes: how many calls of a concurrent actor run at once, by concurrency group.

Plain actors have none: they run one call after the other, see `turns.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from simactors.core.choices import Choices
from simactors.core.interface import ActorInterface
from simactors.core.options import ActorOptions
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.loop import SimLoop
from simactors.sim.threads import SimThread, of

DEFAULT = ""
_MOST_ASYNC = 1000  # as on Ray


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
        leaving: calls that want the process to end; it does when no other is under way any more.
        depart: ends it then; None if nobody wants that.
    """

    __slots__ = ("by_group", "depart", "is_async", "leaving")

    def __init__(self, limits: Mapping[str, int], *, is_async: bool) -> None:
        self.by_group = {name: Lane(limit) for name, limit in limits.items()}
        self.is_async = is_async
        self.leaving: list[Invocation] = []
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


def limits_of(interface: ActorInterface, options: ActorOptions) -> tuple[dict[str, int], bool] | None:
    """How many calls each group may run at once, and whether the actor is async; None for a plain actor.

    Raises:
        ValueError: several threads and `allow_out_of_order_execution=False` contradict each other.
    """
    is_async = any(method.needs_event_loop for method in interface.methods.values())
    most = options.max_concurrency or (_MOST_ASYNC if is_async else 1)
    groups = dict(options.concurrency_groups or {})
    if not is_async and most == 1 and not groups:
        return None
    if options.allow_out_of_order_execution is False:
        raise ValueError(
            "If you're using multi-threaded actors, Ray can't execute actor tasks in order. Set "
            "`allow_out_of_order_execution=True` to allow out-of-order execution."
        )
    return {DEFAULT: most, **groups}, is_async


def group_of(call: Invocation) -> str:
    """The concurrency group in which a call runs."""
    return (call.extra.group if call.extra is not None else None) or DEFAULT
