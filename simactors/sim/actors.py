"""How simulated actors live: creation, placement, restarts, death; names and handles.

Not which of their calls runs when (`turns.py`) nor how calls reach them (`calls.py`).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from simactors import exceptions
from simactors.core.concurrency import concurrency_of
from simactors.core.outcome import Failure, failure
from simactors.core.refs import ActorRef
from simactors.sim import executor
from simactors.sim.actor import BUSY, SharedRef, SimActor
from simactors.sim.answers import describe, leaves_soon, lost_actor, unavailable
from simactors.sim.cluster import Cluster, Process, context_of
from simactors.sim.executor import Executor
from simactors.sim.exports import Exports
from simactors.sim.invocation import OWNER_DIED, Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.lanes import Lanes
from simactors.sim.lifecycle import Event, State
from simactors.sim.network import Network
from simactors.sim.offer import ALL
from simactors.sim.placement import Claim, Grant, Placement
from simactors.sim.trace import Trace
from simactors.sim.turns import Turns
from simactors.sim.waiting import Timer

_NAMES = "names of actors"


class Actors:
    """All actors of one run.

    Attributes:
        is_ranked: a fault plan may mean an actor by its rank in its class; set before there are any.
        forsaken: told of each actor whose last handle is gone; None: nobody is.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        cluster: Cluster,
        placement: Placement,
        network: Network,
        run: Executor,
        turns: Turns,
        exports: Exports,
    ) -> None:
        self._exports = exports
        self._kernel = kernel
        self._trace_add, self._meet = trace.add, trace.meet
        self._cluster = cluster
        self._placement = placement
        self._network = network
        self._executor = run
        self._turns = turns
        turns.leaving.left, turns.leaving.crashed, turns.lost = self._left, self.crash, self.lost
        turns.leaving.given_up = self._given_up
        self._names: dict[tuple[str, str], SimActor] = {}
        self.is_ranked = False
        self.forsaken: Callable[[SimActor], None] | None = None
        self._ranks: dict[str, int] = {}
        self._handles_gone = self._out_of_scope  # bound once: stored in every `SharedRef`

    # Names and handles

    def register(self, actor: SimActor, name: tuple[str, str]) -> None:
        """Give an actor a (namespace, name); the caller has looked that it is free."""
        actor.particulars().name = name
        self._names[name] = actor
        self._kernel.touches(_NAMES)

    def free_name(self, actor: SimActor) -> None:
        """Others may have the name of an actor that ends, or will end as soon as it hears of that."""
        name = actor.extra.name
        if name is not None and self._names.get(name) is actor:
            del self._names[name]
            self._kernel.touches(_NAMES)

    def enrol(self, actor: SimActor) -> None:
        """Count a new actor among those of its class, if somebody may ask for its rank."""
        if self.is_ranked:
            name = actor.cls.interface.class_name
            self._kernel.touches(f"rank of {name}")
            actor.particulars().rank = self._ranks[name] = self._ranks.get(name, 0) + 1

    def named(self, name: tuple[str, str]) -> SimActor | None:
        """The living actor of that (namespace, name)."""
        self._kernel.counts(_NAMES)
        return self._names.get(name)

    def handle(self, actor: SimActor) -> ActorRef:
        """Another handle to a living actor; it doesn't keep it alive."""
        return ActorRef(actor, actor.cls.interface)

    def first_handle(self, actor: SimActor) -> ActorRef:
        """What its creator gets; unless the actor is detached, it ends once that is gone."""
        return self.handle(actor) if actor.owner is None else SharedRef(actor, self._handles_gone)

    @property
    def names(self) -> list[tuple[str, str]]:
        """Every (namespace, name) that is taken, the oldest first."""
        self._kernel.counts(_NAMES)
        return list(self._names)

    def _out_of_scope(self, actor: SimActor) -> None:
        # This runs in the middle of whatever dropped the last handle: nothing is done here but remember it. When that
        # happens repeats from run to run, because cycles are collected at fixed steps only.
        if self.forsaken is not None:
            self.forsaken(actor)
        if actor.death is None and not self._kernel.closing:
            self._kernel.soon(functools.partial(self._retire, actor))

    def _retire(self, actor: SimActor) -> None:
        """Nobody has a handle any more: the actor ends as soon as the runtime has noticed."""
        if actor.death is not None:
            return
        assert actor.owner is not None  # a detached one is not watched
        link = self._network.link(actor.owner, actor.id)
        end = functools.partial(self.end, actor, Event.OUT_OF_SCOPE, "all references to it are gone")
        leave = functools.partial(self._turns.leaving.after_farewell, actor, end)
        self._network.notify(link, actor.owner.node, actor.process.node, leave)

    # Birth

    def place(self, invocation: Invocation) -> None:
        """A creation has arrived, or an actor is to be restarted: find a node for it."""
        actor: SimActor = invocation.actor
        process = invocation.process = actor.process
        if actor.death is not None:
            return
        if invocation.caller.gone and not invocation.caller.dead and not actor.extra.was_restarted:
            return  # its creator is behind a partition, and taken for dead: nobody hears it
        assert invocation.extra is not None
        granted = functools.partial(self._granted, invocation, process)
        refused = functools.partial(self._refused, actor)
        near = invocation.caller.node
        self._placement.claim(
            Claim(actor, invocation.label, invocation.extra.request, near, True, granted, refused)
        )

    def _granted(self, invocation: Invocation, process: Process, grant: Grant) -> None:
        actor: SimActor = invocation.actor
        if actor.death is not None or actor.process is not process:
            self._placement.release(grant)  # it has died before it began
            return
        if not grant.node.alive:  # it was declared dead since
            self.place(invocation)
            return
        assert invocation.extra is not None
        process.grant = self._placement.keep(grant, invocation.extra.request.to_keep)
        process.variables = invocation.extra.variables
        self._cluster.move(process, grant.node)
        construct = functools.partial(self.construct, invocation, process)
        again = actor.extra.was_restarted
        self._network.start_process(construct, self._network.head, process.node, again=again)

    def _refused(self, actor: SimActor, why: exceptions.RayError) -> None:
        if actor.step(Event.UNSCHEDULABLE) is not State.DEAD:
            self._bury(actor, failure(why), str(why))

    def construct(self, invocation: Invocation, process: Process) -> None:
        """Run an actor's constructor in `process`; `invocation` carries its arguments."""
        actor: SimActor = invocation.actor
        if actor.death is not None or actor.process is not process:
            return  # it died before it began, perhaps to start again in another process
        if process.halted:
            process.park(Timer(functools.partial(self.construct, invocation, process)))
            return
        invocation.process = process
        actor.current = invocation
        if self._kernel.offers is not None:
            self._kernel.offers.run(process)
        self._trace_add((self._kernel.now_ns, "start", invocation.id, process.label, invocation.label))
        actor.context = context_of(process)
        concurrency = concurrency_of(actor.cls.interface, invocation.options)
        if concurrency is not None:
            actor.lanes = Lanes(concurrency)
        try:
            load = functools.partial(
                self._exports.actor_class, is_threaded=concurrency is not None and not concurrency.is_async
            )
            actor.cls = actor.context.run(load, actor.cls.origin or actor.cls)
            actor.instance = self._executor.construct(invocation, actor.context, actor.cls.cls)
        except executor.FATAL:
            raise
        except BaseException as error:  # the user's code may raise anything
            if not process.gone:
                self._constructor_raised(invocation, error)
        else:
            if not process.gone:
                self._is_alive(actor, invocation)

    def _is_alive(self, actor: SimActor, invocation: Invocation) -> None:
        """The constructor has returned."""
        actor.step(Event.CONSTRUCTED)
        actor.current = None
        if actor.context is not None and len(actor.context) == 1:
            actor.context = None  # it only says who is running: most actors do nothing for long
        if actor.extra.restarts == 0:
            actor.creation = None  # never run again: what its arguments hold may go, as on Ray
        actor.process.known_label = None
        assert invocation.link is not None
        self._network.settle(invocation.link)
        self._turns.go_on(actor)

    def _constructor_raised(self, invocation: Invocation, error: BaseException) -> None:
        if isinstance(error, SystemExit):
            self._turns.leaving.exits(invocation.actor, error.code)
        else:
            self.fail_creation(invocation, executor.failure_of(invocation, error))

    def fail_creation(self, invocation: Invocation, why: Failure) -> None:
        """The constructor raised, or never ran because one of its arguments failed."""
        actor: SimActor = invocation.actor
        if actor.process.gone:
            return
        actor.step(Event.CONSTRUCTOR_RAISED)
        text = f"The actor died because of an error raised in its creation task, {why.error()}"
        death = lost_actor(exceptions.ActorDiedError, actor, text)
        self._bury(actor, death, "its constructor failed")

    # Death

    def _left(self, actor: SimActor, why: str) -> None:
        self.end(actor, Event.EXITED, why)

    def _given_up(self, actor: SimActor, call: Invocation) -> None:
        self.lost(call, leaves_soon(actor))

    def end(self, actor: SimActor, event: Event, why: str) -> None:
        """End an actor's process: running and queued calls fail, its name is free, its children end too."""
        if actor.step(event) is not State.DEAD:
            text = describe(exceptions.ActorDiedError.default, actor, f"The actor is dead because {why}.")
            self._bury(
                actor, lost_actor(exceptions.ActorDiedError, actor, text), why, is_wanted=event.is_wanted
            )

    def crash(self, actor: SimActor, why: str, *, disowned: bool = False, is_wanted: bool = False) -> None:
        """An actor's process ended unasked: start it again if it has restarts left, else it is dead.

        Args:
            disowned: it has not ended, but the cluster does not know that; it runs on until it hears of it.
            is_wanted: the program itself has killed it.
        """
        if actor.state is State.DEAD:
            return
        if disowned:
            self._cluster.disown(actor.process)
        if actor.extra.restarts == 0:
            self.end(actor, Event.KILLED if is_wanted else Event.CRASHED, why)
            return
        actor.step(Event.RESTARTED)
        extra = actor.particulars()
        extra.restarts -= 1
        unanswered = self._end_process(actor, why, is_wanted=is_wanted)
        lost = unavailable(actor, why)
        for invocation in unanswered:
            self.lost(invocation, lost)
        extra.was_restarted = True
        creation = actor.creation
        assert creation is not None
        node = creation.caller.node if actor.owner is not None else self._network.head
        actor.process = process = self._cluster.start_process(None, node)
        process.actor = actor
        if creation.process is None:
            return  # it is still on its way, and will find the new process
        assert creation.link is not None
        self._placement.withdraw(actor)
        again = functools.partial(self._place_again, creation, process)
        self._network.notify(creation.link, node, node, again)

    def _place_again(self, creation: Invocation, process: Process) -> None:
        if creation.actor.process is process:  # else it has been restarted once more meanwhile
            self.place(creation)

    def lost(self, invocation: Invocation, why: Failure) -> None:
        """A call was lost with the process or the connection that it needs: fail it, or make it again."""
        self._network.lose(invocation, why, self.resend)

    def resend(self, invocation: Invocation) -> None:
        """The caller has noticed that its call was lost, and makes it again."""
        assert invocation.link is not None
        self._kernel.touches(ALL)
        if invocation.caller.dead:
            self._network.fail(invocation, OWNER_DIED)  # for others who have its ref
        else:
            invocation.then = self._turns.arrive_again
            invocation.process = invocation.actor.process
            row = (self._kernel.now_ns, "retry", invocation.id, invocation.caller.label, invocation.label)
            self._trace_add(row)
            self._network.send(invocation.link, invocation)

    def _bury(self, actor: SimActor, death: Failure, why: str, *, is_wanted: bool = False) -> None:
        actor.death = death
        unanswered = self._end_process(actor, why, is_wanted=is_wanted)
        self.free_name(actor)
        for link in actor.extra.holders:
            held, link.held = link.held, None
            unanswered += held or ()
        unanswered += actor.extra.awaiting
        actor.extra.awaiting.clear()
        for invocation in unanswered:
            if invocation.function is not None:  # not its constructor
                self._network.fail(invocation, death)
        actor.creation = None  # its arguments may hold handles
        self._placement.withdraw(actor)
        if actor.owner is not None:
            actor.owner.links[actor.id].child = None

    def _end_process(self, actor: SimActor, why: str, *, is_wanted: bool) -> list[Invocation]:
        """End the present process and what it created; returns the calls that it leaves unanswered."""
        process = actor.process
        self._kernel.touches(ALL)
        tell = self._trace_add if is_wanted else self._meet
        tell((self._kernel.now_ns, "die", actor.id, process.label, why))
        if process.grant is not None:
            self._placement.release(process.grant)
        if not process.gone or not process.node.up:
            self._cluster.end_process(process)  # a disowned one ends when it hears of it
        actor.instance = actor.context = None  # handles that it held are dropped with it
        unanswered = _under_way(actor)
        for invocation in unanswered:
            if invocation in self._kernel.ready:
                self._kernel.ready.remove(invocation)  # its turn had come, but it had not started
            elif self._kernel.offers is not None:  # the same
                self._kernel.take_off(functools.partial(operator.is_, invocation))
        if actor.lanes is not None:
            for patience in actor.lanes.leaving.values():
                self._kernel.cancel(patience)
            actor.lanes.close(end_loops=process.dead)
        actor.current = actor.mailbox = actor.lanes = None
        actor.extra.stuck.clear()
        for child in process.children:
            self.end(child, Event.OWNER_DIED, f"its owner {process.label} is dead")
        return [invocation for invocation in unanswered if invocation.function is not None]

    # A process that stands still

    def pause(self, actor: SimActor) -> None:
        """No call starts until the process goes on."""
        if actor.current is None:
            actor.current = BUSY

    def resume(self, actor: SimActor) -> None:
        """Undo `pause`."""
        if actor.current is BUSY and actor.state is State.ALIVE and actor.lanes is None:
            actor.current = None
        if actor.current in (None, BUSY) and actor.state is State.ALIVE:
            self._turns.go_on(actor)


def _under_way(actor: SimActor) -> list[Invocation]:
    """The calls that have reached the actor and are not answered yet."""
    found: list[Any] = [] if actor.current is None or actor.current is BUSY else [actor.current]
    if actor.lanes is not None:
        found += [*actor.lanes.leaving, *actor.lanes.under_way, *actor.lanes.waiting]
    return [*found, *(actor.mailbox or ()), *actor.extra.stuck]
