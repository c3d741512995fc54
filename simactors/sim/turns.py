"""Whose turn it is at an actor: mailboxes, one call at a time or several side by side, and running them.

Not how an actor lives and dies (`actors.py`): what ends it here, or has missed it, goes there through the hooks `left`
and `lost`.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from simactors import exceptions
from simactors.core.calls import ActorExit
from simactors.core.outcome import Failure, Outcome, Value
from simactors.sim import executor
from simactors.sim.actor import BUSY, SimActor, starts_apart
from simactors.sim.answers import as_canceled, canceled, unavailable
from simactors.sim.cluster import Process, ProcessEnded, context_of
from simactors.sim.executor import Executor
from simactors.sim.fiber import SimulationEnded
from simactors.sim.invocation import Invocation, Leaves
from simactors.sim.kernel import Kernel
from simactors.sim.lanes import Lane, group_of
from simactors.sim.leaving import Leaving
from simactors.sim.lifecycle import State
from simactors.sim.loop import SimLoop
from simactors.sim.network import Network
from simactors.sim.points import Points
from simactors.sim.threads import run_as
from simactors.sim.trace import Trace
from simactors.sim.waiting import Timer

_Told = tuple[Failure, ...]
_SMALL = executor.SMALL_ATOMS
_ALIVE = State.ALIVE
# Threads of one pool start in an order that nobody promises: within this time it is a choice.
THREAD_START_NS = 50_000


class Turns:
    """The mailboxes of all actors of one run.

    Args:
        is_careful: service times, memory use, faults or a collector of lines want to be asked around every call.

    Attributes:
        leaving: ends actors that want to end.
        lost: called with a call that was sent to a process that is no more, and what it is answered with if it may not
            be made again.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        network: Network,
        run: Executor,
        points: Points,
        *,
        is_careful: bool,
    ) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._network = network
        self._executor = run
        self._points = points
        self.is_careful = is_careful
        self._start = self.start  # bound once: stored in every queued call
        self._thread_start = kernel.jitter("thread", THREAD_START_NS)
        self.leaving = Leaving(kernel)
        self.lost: Callable[[Invocation, Failure], None]

    def arrive(self, invocation: Invocation) -> None:
        """A call reaches its actor."""
        actor: SimActor = invocation.actor
        process = actor.process
        offers = self._kernel.offers
        if offers is not None and offers.keeps_turns_apart and starts_apart(offers, actor, invocation):
            self._take_next(actor, deque([invocation]))
            return
        if actor.current is None and actor.state is _ALIVE and invocation.process is process:
            if invocation.extra is None or invocation.extra.group is None:
                self._run_now(invocation, actor, process)
            else:
                self.queue(invocation)
        elif actor.death is not None:
            self._network.fail(invocation, actor.death)
        elif invocation.process is not process:
            self.lost(invocation, unavailable(actor, "its process ended"))
        elif actor.fails_during_restart(invocation):
            self._network.fail(invocation, unavailable(actor, "its process ended"))
        else:
            self.queue(invocation)

    def arrive_again(self, invocation: Invocation) -> None:
        """A call that was lost with a process reaches its actor once more; unlike others, it waits for a restart."""
        actor: SimActor = invocation.actor
        if actor.state is State.RESTARTING and invocation.process is actor.process:
            self.queue(invocation)
        else:
            self.arrive(invocation)

    def queue(self, invocation: Invocation) -> None:
        """Let a call wait for its turn, which may be now."""
        actor: SimActor = invocation.actor
        if invocation.extra is not None and invocation.extra.group is not None and not actor.has_lanes:
            self._no_such_group(actor, invocation)
        elif actor.lanes is None or actor.state is not State.ALIVE or actor.process.halted:
            if actor.mailbox is None:
                actor.mailbox = deque()
            actor.mailbox.append(invocation)
        else:
            self._enter_lane(actor, invocation)

    def _enter_lane(self, actor: SimActor, invocation: Invocation) -> None:
        assert actor.lanes is not None
        lane = actor.lanes.lane(group_of(invocation))
        if lane is None:
            self._no_such_group(actor, invocation)
        elif len(lane.running) < lane.limit and actor.lanes.depart is None:  # else it never begins
            self._begin(invocation, lane)
        else:
            lane.waiting.append(invocation)

    def _no_such_group(self, actor: SimActor, invocation: Invocation) -> None:
        """As on Ray, asking for a group that is not there ends the process."""
        self.leaving.left(actor, f"it has no concurrency group {group_of(invocation)!r}")
        assert actor.death is not None
        self._network.fail(invocation, actor.death)

    def go_on(self, actor: SimActor) -> None:
        """The actor is ready: its constructor has returned, or its process goes on after a pause."""
        mailbox = actor.mailbox
        if actor.lanes is None:
            if mailbox:
                self._take_next(actor, mailbox)
            return
        actor.current, actor.mailbox = BUSY, None
        if self._kernel.offers is not None:
            self._kernel.offers.touch_mailbox(actor.process)
        for invocation in mailbox or ():
            self.queue(invocation)

    # One call after the other

    def start(self, invocation: Invocation) -> None:
        """The turn of a call of a plain actor has come."""
        actor: SimActor = invocation.actor
        process = actor.process
        if process.halted or invocation.process is not process:
            self._postpone(invocation)
        else:
            self._run_now(invocation, actor, process)

    def _run_now(self, invocation: Invocation, actor: SimActor, process: Process) -> None:
        actor.current = invocation
        trace_add, kernel, label = self._trace_add, self._kernel, process.known_label or process.label
        trace_add((kernel.now_ns, "start", invocation.id, label, invocation.label))
        context = actor.context
        if context is None:
            context = actor.context = context_of(process)
        arguments = invocation.arguments
        try:
            function = actor.cls.functions.get(invocation.function)
            # The common case, without a frame or a bound method in between: see `_run` for all others.
            if (
                function is None
                or type(arguments) is not tuple
                or invocation.extra is not None
                or self.is_careful
            ):
                reply = self._run(invocation, context)
            else:
                value = context.run(function, actor.instance, *arguments)
                if type(value) in _SMALL:
                    reply = (Value(value),)
                else:
                    reply = context.run(self._executor.pack, invocation, value)
            kind = "return"
        except BaseException as error:  # the user's code may raise anything
            reply_or_none = self._failed(invocation, process, error)
            if reply_or_none is None:
                return
            reply, kind = reply_or_none, "raise"
        if process.gone:
            return
        if invocation.extra is not None:
            self._answer_special(actor, invocation, kind, reply)
            return
        trace_add((kernel.now_ns, kind, invocation.id, label, invocation.label))
        self._network.reply(invocation, reply)
        actor.current = None
        if actor.mailbox:
            self._take_next(actor, actor.mailbox)

    def _answer_special(
        self, actor: SimActor, invocation: Invocation, kind: str, reply: tuple[Outcome, ...]
    ) -> None:
        leaves = invocation.leaves
        if leaves is not Leaves.UNANSWERED:
            self._trace_add((self._kernel.now_ns, kind, invocation.id, actor.process.label, invocation.label))
            self._network.reply(invocation, as_canceled(invocation, reply))
            actor.current = None
        if leaves is not None:
            self.leaving.exits(actor, 0)
        elif actor.mailbox:
            self._take_next(actor, actor.mailbox)

    def _postpone(self, invocation: Invocation) -> None:
        """A turn came up for a process that stands still, or that is no more."""
        actor: SimActor = invocation.actor
        if actor.death is None and invocation.process is actor.process:
            actor.process.park(invocation)

    def _run(self, invocation: Invocation, context: Any) -> tuple[Outcome, ...]:
        """Run a call's code, with all that some calls need."""
        actor: SimActor = invocation.actor
        after = self._points.after
        if self._points.begin(invocation):
            raise ProcessEnded
        method = actor.cls.bind(actor.instance, invocation.function)
        process = actor.process
        try:
            reply = self._executor.execute(invocation, context, method)
        finally:
            if after is not None and not process.gone:
                after(invocation)  # who has ended the process by that hears nothing of what it came to
        return as_canceled(invocation, reply)

    def _failed(self, invocation: Invocation, process: Process, error: BaseException) -> _Told | None:
        """What to answer for a call that raised in `process`; None if that is nobody's business any more."""
        actor: SimActor = invocation.actor
        if isinstance(error, KeyboardInterrupt):
            error = executor.own_interrupt(invocation, error)
        if isinstance(error, executor.FATAL):
            raise error
        if process.gone:
            return None
        if isinstance(error, exceptions.AsyncioActorExit) and invocation.leaves is not None:
            error = ActorExit()
        if isinstance(error, SystemExit):
            self._leave(actor, invocation, error.code)
            return None
        if invocation.leaves is not None:  # and the code has made another error of that
            invocation.particulars().leaves = Leaves.ANSWERED
        elif invocation.may_retry(error):
            self._retry(invocation)
            return None
        return as_canceled(invocation, (executor.failure_of(invocation, error),) * invocation.num_returns)  # type: ignore[return-value]  # all failures

    def _leave(self, actor: SimActor, invocation: Invocation, code: object) -> None:
        """The code of a call wants its process to end."""
        if self.leaving.wait_for_others(actor, invocation, code):
            self._leave_lane(actor, invocation)
        else:
            self.leaving.exits(actor, code)

    def _retry(self, invocation: Invocation) -> None:
        """Send a call that raised once more; as on Ray, it comes after those that were sent meanwhile."""
        actor: SimActor = invocation.actor
        assert invocation.link is not None
        invocation.begin_again()
        invocation.then = self.arrive
        row = (self._kernel.now_ns, "raise", invocation.id, actor.process.label, invocation.label)
        self._trace_add(row)
        self._network.send(invocation.link, invocation)
        if actor.lanes is not None:
            self._leave_lane(actor, invocation)
            return
        actor.current = None
        if actor.mailbox:
            self._take_next(actor, actor.mailbox)

    def _take_next(self, actor: SimActor, mailbox: deque[Invocation]) -> None:
        """The next call's turn has come."""
        following = actor.current = mailbox.popleft()
        following.then = self._start
        self._kernel.ready.append(following)

    # Several side by side

    def _begin(self, invocation: Invocation, lane: Lane, *, waited: bool = False) -> None:
        actor: SimActor = invocation.actor
        assert actor.lanes is not None
        lane.running[invocation] = None
        if not actor.lanes.is_async:
            begin = functools.partial(self._run_thread, invocation, actor.process)
            self._kernel.timer(self._thread_start(), begin, actor.process, "begin", invocation)
            return
        loop = actor.lanes.loop_of(group_of(invocation), self._kernel, actor.process)
        # In no order that anybody promises, as on Ray. A call that was cancelled on its way may have been sent or not.
        never = invocation.is_canceled and (waited or not self._kernel.choices.number("canceled", 2))
        begin = functools.partial(self._run_on_loop, invocation, actor.process, loop, never=never)
        self._kernel.timer(self._thread_start(), begin, actor.process, "begin", invocation)

    def _run_thread(self, invocation: Invocation, process: Process) -> None:
        actor = invocation.actor
        if process.gone:
            return  # it never started there, and may be on its way elsewhere
        if process.halted:
            process.park(Timer(functools.partial(self._run_thread, invocation, process)))
            return
        self._trace_add((self._kernel.now_ns, "start", invocation.id, process.label, invocation.label))
        context = self._context_for(invocation)
        assert actor.lanes is not None
        lane = actor.lanes.by_group[group_of(invocation)]
        thread = lane.take_thread(process)
        thread.call = invocation
        try:
            reply: tuple[Outcome, ...] | None = run_as(thread, lambda: self._run(invocation, context))
        except BaseException as error:  # the user's code may raise anything
            kind, reply = "raise", self._failed(invocation, process, error)
        else:
            kind = "return"
        lane.give_back(thread)
        if reply is not None and not process.gone:
            self._answer(actor, invocation, kind, reply)

    def _run_on_loop(self, invocation: Invocation, process: Process, loop: SimLoop, *, never: bool) -> None:
        if process.gone:
            return  # as above
        if process.halted:
            process.park(Timer(functools.partial(self._run_on_loop, invocation, process, loop, never=never)))
            return
        if never:
            self._answer(invocation.actor, invocation, "raise", (canceled(invocation),))
            return
        loop.create_task(self._coroutine(invocation, process), context=self._context_for(invocation))

    async def _coroutine(self, invocation: Invocation, process: Process) -> None:
        """A call of an async actor from its start to its answer; nothing the user's code raises leaves it."""
        actor = invocation.actor
        if process.gone:
            return
        self._trace_add((self._kernel.now_ns, "start", invocation.id, process.label, invocation.label))
        if not invocation.is_canceled:  # else, as on Ray, it runs to its end, and does not hear of that
            invocation.particulars().coroutine = asyncio.current_task()
        try:
            after = self._points.after
            if self._points.begin(invocation):
                return
            method = actor.cls.bind(actor.instance, invocation.function)
            reply: tuple[Outcome, ...] | None
            try:
                reply = as_canceled(invocation, await self._executor.run_coroutine(invocation, method))
            finally:
                if after is not None and not process.gone:
                    after(invocation)
        except BaseException as error:  # the user's code may raise anything
            kind, reply = "raise", self._failed_async(invocation, process, error)
        else:
            kind = "return"
        if reply is not None and not process.gone:
            self._answer(actor, invocation, kind, reply)

    def _failed_async(self, invocation: Invocation, process: Process, error: BaseException) -> _Told | None:
        if isinstance(error, SimulationEnded):
            return None  # a task's own exception would only be logged
        if isinstance(error, asyncio.CancelledError):
            error = exceptions.TaskCancelledError(f"Task: {invocation} was cancelled.")
            return (executor.failure_of(invocation, error),) * max(invocation.num_returns, 1)
        return self._failed(invocation, process, error)

    def _context_for(self, invocation: Invocation) -> Any:
        """Calls that run side by side share no context variables."""
        actor: SimActor = invocation.actor
        base = actor.context or context_of(actor.process)
        context = base.copy()
        context.run(executor.current_call.set, invocation)
        return context

    def _answer(self, actor: SimActor, invocation: Invocation, kind: str, reply: tuple[Outcome, ...]) -> None:
        if invocation.leaves is Leaves.UNANSWERED:
            self._leave(actor, invocation, 0)
            return
        self._trace_add((self._kernel.now_ns, kind, invocation.id, actor.process.label, invocation.label))
        self._network.reply(invocation, reply)
        if invocation.leaves is not None and actor.lanes is not None:
            self.leaving.after_others(actor, actor.lanes)
        self._leave_lane(actor, invocation)

    def _leave_lane(self, actor: SimActor, invocation: Invocation) -> None:
        lanes = actor.lanes
        assert lanes is not None
        lane = lanes.lane(group_of(invocation))
        if lane is None or invocation not in lane.running:
            return
        del lane.running[invocation]
        if lane.waiting and lanes.depart is None:
            self._begin(lanes.take_waiting(lane, self._kernel.choices), lane, waited=True)
        if lanes.depart is not None and not lanes.under_way:
            lanes.depart()
