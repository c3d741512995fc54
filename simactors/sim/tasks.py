"""Tasks: from their arguments to a worker, running them, running them again.

Not how they are asked for (`calls.py`), nor which node they get (`placement.py`), nor what is lost (`recovery.py`).
"""

from __future__ import annotations

import functools
from typing import Any

from simactors import exceptions
from simactors.core.environments import Variables
from simactors.core.outcome import Failure, Outcome, dependency_failure, failure
from simactors.sim import executor
from simactors.sim.actors import Actors
from simactors.sim.cluster import Cluster, Process, context_of
from simactors.sim.executor import Executor
from simactors.sim.exports import Exports
from simactors.sim.invocation import OWNER_DIED, Invocation, outcome_of
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event
from simactors.sim.network import Network
from simactors.sim.nodes import Node
from simactors.sim.objects import Objects
from simactors.sim.offer import ALL
from simactors.sim.placement import Claim, Grant, Placement
from simactors.sim.points import Points
from simactors.sim.recovery import Recovery, arguments_of
from simactors.sim.stores import Stores, is_out_of_reach
from simactors.sim.trace import Trace

_IDLE = "idle workers"


class Tasks:
    """All tasks of one run.

    Attributes:
        recovery: makes their results again, and those of actors.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        cluster: Cluster,
        placement: Placement,
        network: Network,
        objects: Objects,
        stores: Stores,
        actors: Actors,
        run: Executor,
        exports: Exports,
        points: Points,
    ) -> None:
        self._exports = exports
        self._kernel = kernel
        self._trace_add, self._meet = trace.add, trace.meet
        self._cluster = cluster
        self._placement = placement
        self._network = network
        self._objects = objects
        self._actors = actors
        self._executor = run
        self._points = points
        self._workers = 0
        self.recovery = Recovery(kernel, trace, placement, objects, stores, actors, self.submit)
        self._cut_off: list[Invocation] = []  # of callers that are taken for dead, and don't know it

    def submit(self, invocation: Invocation) -> None:
        """Run a task as soon as its arguments are ready."""
        self._objects.when_ready(arguments_of(invocation), functools.partial(self._request, invocation))

    def _request(self, invocation: Invocation) -> None:
        """The arguments are ready: ask for a worker."""
        if invocation.is_canceled:
            return  # it was answered then
        if invocation.caller.gone and not invocation.caller.dead:
            self._cut_off.append(invocation)
            return
        failed = OWNER_DIED if invocation.caller.dead else failed_dependency(invocation)
        if failed is not None:
            self._network.fail(invocation, failed)
            return
        assert invocation.extra is not None
        granted = functools.partial(self._lease, invocation)
        refused = functools.partial(self._refused, invocation)
        near = invocation.caller.node
        request = invocation.extra.request
        self._placement.claim(Claim(invocation, invocation.label, request, near, False, granted, refused))

    def _refused(self, invocation: Invocation, why: exceptions.RayError) -> None:
        self._network.fail(invocation, failure(why))

    def _lease(self, invocation: Invocation, grant: Grant) -> None:
        """The resources are there: send the task to a worker."""
        if invocation.is_canceled:
            self._placement.release(grant)
            return
        if invocation.caller.gone or not grant.node.alive:  # since it was granted
            self._placement.release(grant)
            self._request(invocation)
            return
        assert invocation.extra is not None
        process, is_new = self._worker(invocation, grant.node, invocation.extra.variables)
        process.grant = grant
        process.task = invocation
        invocation.process = process
        invocation.then = self._run
        send = functools.partial(self._send, invocation, process)
        if is_new:
            self._network.start_process(send, invocation.caller.node, process.node)
        else:
            send()

    def _send(self, invocation: Invocation, process: Process) -> None:
        if process.task is invocation:  # else the process has died before it was there
            assert invocation.link is not None
            self._network.send(invocation.link, invocation)

    def _worker(self, invocation: Invocation, node: Node, variables: Variables) -> tuple[Process, bool]:
        """A process for a task; one that is idle, if there is one: which, is nobody's promise.

        Args:
            variables: what it has in its environment because of a `runtime_env`: others are no good.
        """
        idle = node.idle
        self._kernel.touches(_IDLE)
        if variables or node.has_dressed:
            node.has_dressed = True
            idle = [process for process in idle if process.variables == variables]
        options: list[Process | None] = [*reversed(idle)]
        if not idle or invocation.caller in idle:
            # A new one, or one that was there before this run: in its owner's, a task that crashes ends its owner, too.
            options.append(None)
        found = options[self._kernel.choices.pick("worker", options) if len(options) > 1 else 0]
        if found is not None:
            node.idle.remove(found)
            return found, False
        self._workers += 1
        process = self._cluster.start_process(f"worker-{self._workers}", node)
        process.variables = variables
        return process, True

    def _run(self, invocation: Invocation) -> None:
        process = invocation.process
        assert process is not None
        if process.halted:
            process.park(invocation)
            return
        if invocation.is_canceled:
            self._finish(invocation)
            self._network.fail(invocation, failure(exceptions.TaskCancelledError()))
        elif not process.gone and any(is_out_of_reach(state.outcome) for state in arguments_of(invocation)):
            self._give_back(invocation)
            process.node.idle.append(process)
            self._kernel.counts(_IDLE)
            invocation.process = None
            self.recovery.fetch_again(invocation)
        else:
            self._run_in(process, invocation)

    def _run_in(self, process: Process, invocation: Invocation) -> None:
        name = invocation.options.name or invocation.label
        self._trace_add((self._kernel.now_ns, "start", invocation.id, process.label, name))
        kind = "return"
        reply: tuple[Outcome, ...] | None
        try:
            reply = self._execute(invocation, process)
        except executor.FATAL:
            raise
        except SystemExit as error:
            if not process.gone:
                self.crash(invocation, f"its process exited with code {error.code}")
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
            invocation.then = self._again
            self._network.send_home(invocation)
        else:
            self._network.reply(invocation, reply)

    def _execute(self, invocation: Invocation, process: Process) -> tuple[Outcome, ...] | None:
        before, after = self._points.before, self._points.after
        if before is not None and before(invocation):
            return None
        context = context_of(process)
        try:
            function = context.run(self._exports.function, invocation.function)
            return self._executor.execute(invocation, context, function)
        finally:
            if after is not None and not process.gone:
                after(invocation)  # who has ended the process by that hears nothing of what it came to

    def _again(self, invocation: Invocation) -> None:
        """The caller has heard that its task failed, and makes it again."""
        invocation.process = None
        self._kernel.touches(ALL)
        if invocation.is_canceled:
            self._network.fail(invocation, failure(exceptions.TaskCancelledError()))
            return
        row = (self._kernel.now_ns, "retry", invocation.id, invocation.caller.label, invocation.label)
        self._trace_add(row)
        self.submit(invocation)

    def _failed(self, invocation: Invocation, error: BaseException) -> tuple[Failure, ...] | None:
        """What to answer for a task that raised; None if it is run again."""
        if invocation.may_retry(error):
            invocation.begin_again()
            return None
        return (executor.failure_of(invocation, error),) * invocation.num_returns

    def _finish(self, invocation: Invocation) -> None:
        """The task has left its worker, which waits for another one; or ends, if it has run enough of them."""
        process = self._give_back(invocation)
        served = process.has_served()
        most = invocation.options.max_calls
        if process.gone:
            return
        if most and served >= most:
            if not process.may_own:  # else it stays for the sake of that, and takes no other task
                self._end_process(process)
        else:
            process.node.idle.append(process)
            self._kernel.counts(_IDLE)

    def _give_back(self, invocation: Invocation) -> Process:
        """A task runs in its process no more, and needs no resources."""
        process = invocation.process
        assert process is not None
        process.task = None
        if process.grant is not None:
            self._placement.release(process.grant)
            process.grant = None
        return process

    def end_worker(self, process: Process, *, disowned: bool) -> None:
        """A worker that runs nothing has ended."""
        self._end_process(process, disowned=disowned)

    def give_up_cut_off(self) -> None:
        """Some processes have heard that they are taken for dead: what they wanted to run never starts."""
        self._cut_off, waiting = [], self._cut_off
        for invocation in waiting:
            self._request(invocation)

    def _end_process(self, process: Process, *, disowned: bool = False) -> None:
        self._kernel.touches(ALL)
        if disowned:
            self._cluster.disown(process)
        else:
            self._cluster.end_process(process)
        for child in process.children:
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
        if process is None or process.gone or process.task is not invocation:
            return
        self._meet((self._kernel.now_ns, "die", invocation.id, process.label, why))
        if invocation in self._kernel.ready:  # or on its way there: nothing must bring it there twice
            self._kernel.ready.remove(invocation)
        self._kernel.take_off(lambda event: event is invocation)
        self._end_process(process, disowned=disowned)
        self._finish(invocation)
        happened = (
            "the node it was running on is dead"
            if error is exceptions.NodeDiedError
            else "the worker died unexpectedly"
        )
        text = f"The task {invocation.label} failed because {happened} ({process.where}: {why})."
        told = error() if invocation.is_canceled else error(text)
        self.lost(invocation, failure(told))

    def lost(self, invocation: Invocation, why: Failure) -> None:
        """A task was lost with its process or connection: run it again, or give up."""
        self._network.lose(invocation, why, self._again)

    def lose_answer(self, invocation: Invocation, error: type[exceptions.RayError], why: str) -> None:
        """A task has run, but its answer will never come."""
        self.lost(invocation, failure(error(f"The task {invocation.label} failed because {why}.")))


def failed_dependency(invocation: Invocation) -> Failure | None:
    """The failure of a call one of whose ref arguments failed."""
    for ref in invocation.refs:
        state: Any = ref.entry  # our own entry
        outcome = None if state.outcome is None else outcome_of(state)  # a lost one may be under way again
        if isinstance(outcome, Failure):
            return dependency_failure(invocation.label, outcome.error())
    return None
