"""Values that were lost: the calls that they came of are made again, if that may be.

When and how a value is lost is up to `stores.py`; what a generator had come to when something of it was lost, to
`objects.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from simactors import exceptions
from simactors.core.outcome import Failure, failure
from simactors.sim.actors import Actors
from simactors.sim.cluster import Process
from simactors.sim.invocation import FIRST_ITEM, Invocation, State, StoredObject
from simactors.sim.kernel import Kernel
from simactors.sim.objects import Objects
from simactors.sim.offer import ALL
from simactors.sim.placement import Placement
from simactors.sim.stores import StoredValue, Stores, is_lost, is_out_of_reach
from simactors.sim.trace import Trace


class Recovery:
    """Of one run.

    Args:
        submit: runs a task as soon as its arguments are ready.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        placement: Placement,
        objects: Objects,
        stores: Stores,
        actors: Actors,
        submit: Callable[[Invocation], None],
    ) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._placement = placement
        self._objects = objects
        self._stores = stores
        self._actors = actors
        self._submit = submit
        objects.remake = self._remake

    def recover(self, process: Process, state: State) -> None:
        """See `Stores`: make the call again whose result was lost, if that can be done; what was `put` is gone."""
        self._begin(state)
        if state.outcome is None:
            self._wait_for(process, state)

    def fetch_again(self, invocation: Invocation) -> None:
        """Arguments of a task were lost before it began: as on Ray, it holds nothing until they are there again."""
        states = arguments_of(invocation)
        for state in states:
            if is_lost(state.outcome):
                self._begin(state)
        if any(is_out_of_reach(state.outcome) for state in states):  # and soon everybody will know
            self._stores.when_node_dies(functools.partial(self.fetch_again, invocation))
        else:
            self._submit(invocation)

    def _begin(self, state: State) -> None:
        self._kernel.touches(ALL)
        call = state if isinstance(state, Invocation) else state.call
        if state.outcome is None:
            return  # somebody else has found out before
        if call is None:
            why: Exception = exceptions.ObjectLostError(
                f"Failed to retrieve object {state}: all copies of it were lost, and what was put can't be made again."
            )
            _fail(state, failure(why))
        elif call.retries == 0 and not _is_under_way(call):
            limit = (
                "max_task_retries" if call.actor is not None else f"max_retries={call.options.max_retries}"
            )
            why = exceptions.ObjectReconstructionFailedError(
                f"Failed to retrieve object {state}: it was lost, and its call may not be made again: none is left of "
                f"{limit}."
            )
            _fail(state, failure(why))
        else:
            self._run_again(call, state)

    def _wait_for(self, process: Process, state: State) -> None:
        """As `get`: a task lends its CPUs meanwhile, or what it waits for might never run."""
        grant = process.grant if process.task is not None else None
        if grant is not None:
            self._placement.lend(grant)
        self._objects.wait_one(process, state, None)
        if grant is not None:
            self._placement.take_back(grant)

    def _run_again(self, call: Invocation, lost: State) -> None:
        extra, is_under_way = call.particulars(), _is_under_way(call)
        states: list[State] = [call, *extra.more]
        for state in states:
            if isinstance(state.outcome, StoredValue) and not state.outcome.copies:
                state.outcome = None
        if lost not in states:  # an item of a generator
            lost.outcome = None
            assert isinstance(lost, StoredObject)
            extra.remade[lost.position - FIRST_ITEM] = lost
            if is_under_way:
                extra.lost_meanwhile.append(lost)
        if not is_under_way:
            self._remake(call)

    def _remake(self, call: Invocation) -> None:
        call.begin_again()
        call.particulars().is_remade = True
        self._trace_add((self._kernel.now_ns, "recover", call.id, call.caller.label, call.label))
        call.process = None
        if call.actor is not None:
            self._actors.resend(call)
        else:
            self._submit(call)


def _fail(state: State, why: Failure) -> None:
    state.outcome = why


def arguments_of(invocation: Invocation) -> list[State]:
    """What stands behind the refs among its arguments."""
    return [ref.entry for ref in invocation.refs]  # type: ignore[misc]  # our own entries


def _is_under_way(call: Invocation) -> bool:
    """Whether it runs or will run anyhow: a generator has given items before, and others were made again before."""
    return call.outcome is None or call.particulars().is_remade
