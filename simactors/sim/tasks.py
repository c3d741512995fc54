"""Tasks: from their arguments to a worker, running them, running them again.

Not how they are asked for (`calls.py`), nor which node they get (`placement.py`).
"""

from __future__ import annotations

import functools
from typing import Any

from simactors import exceptions
from simactors.core import calls
from simactors.core.outcome import Failure, Outcome, dependency_failure, failure
from simactors.sim import executor
from simactors.sim.actors import Actors
from simactors.sim.cluster import Cluster, Process
from simactors.sim.executor import Executor
from simactors.sim.invocation import OWNER_DIED, Invocation, State, outcome_of
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event
from simactors.sim.network import Network
from simactors.sim.nodes import Node
from simactors.sim.objects import Objects
from simactors.sim.placement import Claim, Grant, Placement
from simactors.sim.stores import StoredValue
from simactors.sim.trace import Trace
from simactors.sim.turns import Points


class Tasks:
    """All tasks of one run."""

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        cluster: Cluster,
        placement: Placement,
        network: Network,
        objects: Objects,
        actors: Actors,
        run: Executor,
        points: Points,
    ) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._cluster = cluster
        self._placement = placement
        self._network = network
        self._objects = objects
        self._actors = actors
        self._executor = run
        self._points = points
        self._workers = 0

    def submit(self, invocation: Invocation) -> None:
        """Run a task as soon as its arguments are ready."""
        states: Any = [ref.entry for ref in invocation.refs]
        self._objects.when_ready(states, functools.partial(self._request, invocation))

    def _request(self, invocation: Invocation) -> None:
        """The arguments are ready: ask for a worker."""
        if invocation.is_canceled:
            return  # it was answered then
        failed = OWNER_DIED if invocation.caller.dead else failed_dependency(invocation)
        if failed is not None:
            self._network.fail(invocation, failed)
            return
        assert invocation.extra is not None
        granted = functools.partial(self._lease, invocation)
        refused = functools.partial(self._refused, invocation)
        near = invocation.caller.node
        self._placement.claim(Claim(invocation, invocation.extra.request, near, granted, refused))

    def _refused(self, invocation: Invocation, why: str) -> None:
        text = f"The task {invocation.label} is not schedulable: {why}."
        self._network.fail(invocation, failure(exceptions.TaskUnschedulableError(text)))

    def _lease(self, invocation: Invocation, grant: Grant) -> None:
        """The resources are there: send the task to a worker."""
        assert invocation.link is not None
        if invocation.is_canceled:
            self._placement.release(grant)
            return
        process, is_new = self._worker(grant.node)
        process.grant = grant
        process.task = invocation
        invocation.process = process
        invocation.then = self._run
        send = functools.partial(self._network.send, invocation.link, invocation)
        if is_new:
            self._network.start_process(send)
        else:
            send()

    def _worker(self, node: Node) -> tuple[Process, bool]:
        """A process for a task; one that is idle, if there is one: which, is nobody's promise."""
        idle = node.idle
        if idle:
            index = -1 - (self._kernel.choices.pick("worker", idle) if len(idle) > 1 else 0)
            return idle.pop(index), False
        self._workers += 1
        return self._cluster.start_process(f"worker-{self._workers}", node), True

    def _run(self, invocation: Invocation) -> None:
        process = invocation.process
        assert process is not None
        if process.halted:
            process.park(invocation)
            return
        if invocation.is_canceled:
            self._finish(invocation)
            self._network.fail(invocation, failure(exceptions.TaskCancelledError()))
            return
        self._trace_add((self._kernel.now_ns, "start", invocation.id, process.label, invocation.label))
        kind = "return"
        reply: tuple[Outcome, ...] | None
        try:
            reply = self._execute(invocation, process)
        except executor.FATAL:
            raise
        except (SystemExit, calls.ActorExit):
            if not process.gone:
                self.crash(invocation, "it called sys.exit()")
            return
        except BaseException as error:  # the user's code may raise anything
            if process.gone:
                return
            kind, reply = "raise", self._failed(invocation, error)
        if process.gone:
            return
        self._trace_add((self._kernel.now_ns, kind, invocation.id, process.label, invocation.label))
        self._finish(invocation)
        if reply is None:
            self._request(invocation)
        else:
            self._network.reply(invocation, reply)

    def _execute(self, invocation: Invocation, process: Process) -> tuple[Outcome, ...] | None:
        before, after = self._points.before, self._points.after
        if before is not None and before(invocation):
            return None
        context = executor.context_of(process)
        reply = self._executor.execute(invocation, context, invocation.function.function)
        if after is not None and not process.gone and after(invocation):
            return None
        return reply

    def _failed(self, invocation: Invocation, error: BaseException) -> tuple[Failure, ...] | None:
        """What to answer for a task that raised; None if it is run again."""
        if invocation.may_retry(error):
            invocation.retries -= 1
            invocation.particulars().attempt += 1
            return None
        return (executor.failure_of(invocation, error),) * invocation.num_returns

    def _finish(self, invocation: Invocation) -> None:
        """The task has left its worker, which waits for another one; or ends, if it has run enough of them."""
        process = invocation.process
        assert process is not None
        process.task = None
        if process.grant is not None:
            self._placement.release(process.grant)
            process.grant = None
        process.served += 1
        most = invocation.options.max_calls
        if process.gone:
            return
        if most and process.served >= most:
            self._end_process(process)
        else:
            process.node.idle.append(process)

    def _end_process(self, process: Process) -> None:
        self._cluster.end_process(process)
        for child in list(process.children or ()):
            self._actors.end(child, Event.OWNER_DIED, f"its owner {process.label} is dead")

    def crash(
        self,
        invocation: Invocation,
        why: str,
        error: type[exceptions.RayError] = exceptions.WorkerCrashedError,
        *,
        disowned: bool = False,
    ) -> None:
        """The process of a task ended: run the task again, or give up.

        Args:
            error: what it is answered with then.
            disowned: see `Actors.crash`.
        """
        process = invocation.process
        assert process is not None
        if process.gone:
            return
        self._trace_add((self._kernel.now_ns, "die", invocation.id, process.label, why))
        if invocation in self._kernel.ready:
            self._kernel.ready.remove(invocation)
        if disowned:
            self._cluster.disown(process)
        else:
            self._end_process(process)
        self._finish(invocation)
        text = (
            f"The worker died unexpectedly while executing this task: {invocation.label} in "
            f"{process.where}; {why}."
        )
        told = error() if invocation.is_canceled else error(text)
        self.lost(invocation, failure(told))

    def lost(self, invocation: Invocation, why: Failure) -> None:
        """A task was lost with its process or connection: run it again, or give up."""
        if invocation.retries == 0 or invocation.is_canceled:
            self._network.fail(invocation, why)
        else:
            invocation.retries -= 1
            invocation.particulars().attempt += 1
            invocation.process = None
            self._request(invocation)

    def lose_answer(self, invocation: Invocation) -> None:
        """A task has run, but its answer was on a node that is dead now."""
        text = (
            f"The worker died unexpectedly while executing this task: {invocation.label}; its node is dead."
        )
        self.lost(invocation, failure(exceptions.WorkerCrashedError(text)))

    # Lost objects

    def recover(self, process: Process, state: State) -> None:
        """See `Stores`: run the task again whose result was lost, if that can be done.

        Only results of tasks have a lineage: what was `put`, or what an actor returned, is gone.
        """
        call = state if isinstance(state, Invocation) else state.call
        if call is None or not isinstance(call.function, calls.Function):
            why: Exception = exceptions.ObjectLostError(
                f"Failed to retrieve object {state}: all copies of it were lost, and it can't be made again, because "
                f"it was made by {'put' if call is None else 'an actor'}."
            )
            _fail(state, failure(why))
        elif call.retries == 0:
            why = exceptions.ObjectReconstructionFailedError(
                f"Failed to retrieve object {state}: it was lost, and its task may not be run again (max_retries)."
            )
            _fail(state, failure(why))
        else:
            self._run_again(call)
            self._objects.wait_one(process, state, None)

    def _run_again(self, call: Invocation) -> None:
        call.retries -= 1
        call.particulars().attempt += 1
        self._trace_add((self._kernel.now_ns, "recover", call.id, call.caller.label, call.label))
        states: list[State] = [call, *call.more]
        for state in states:
            if isinstance(state.outcome, StoredValue):
                state.outcome = None
        self.submit(call)


def _fail(state: State, why: Failure) -> None:
    state.outcome = why


def failed_dependency(invocation: Invocation) -> Failure | None:
    """The failure of a call one of whose ref arguments failed."""
    for ref in invocation.refs:
        outcome = outcome_of(ref.entry)  # type: ignore[arg-type]  # our own entry
        if isinstance(outcome, Failure):
            return dependency_failure(invocation.label, outcome.error())
    return None
