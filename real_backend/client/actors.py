"""`Actors`: the actors that one process knows: creating, finding, reaching and forgetting them.

Not their calls (`lines`). The supervisor knows where actors live; it is asked by `StartActor`, `FindActor`,
`ReachActor` and answers in `Found`, `ActorAt`, `ActorDead`.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable

from real_backend.client import births
from real_backend.client.counting import Counting
from real_backend.client.lines import ActorEntry, Line
from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.pump import Pump
from real_backend.client.questions import Questions
from real_backend.client.travel import Limits, Travel, describe, undescribe
from real_backend.control import (
    ActorAt,
    ActorDead,
    EndActor,
    FindActor,
    ForgetActor,
    Found,
    KillActor,
    Need,
    ReachActor,
    StartActor,
)
from real_backend.objects import Home
from simactors import exceptions
from simactors.core.calls import ActorClass
from simactors.core.concurrency import Concurrency, concurrency_of
from simactors.core.interface import ActorInterface
from simactors.core.options import ActorOptions
from simactors.core.refs import ActorRef, foreign


class Actors:
    """Safe for threads where a method says so; the rest is used under the lock of the pump.

    Attributes:
        dropped: ids of actors for `look_after_dropped`.
    """

    def __init__(
        self, pump: Pump, peers: Peers, questions: Questions, namespace: str | None, check: Callable[[], None]
    ) -> None:
        self._pump = pump
        self._questions = questions
        self._peers = peers
        self._namespace = namespace
        self._check = check
        # By id and whether they are counted.
        self._entries: dict[tuple[int, bool], weakref.ref[ActorEntry]] = {}
        self._lines: dict[int, Line] = {}
        self._itself: ActorRef | None = None
        self.dropped: deque[int] = deque()
        self._calls: Calls
        self._travel: Travel
        self._counting: Counting
        self._home: Home

    def bind(self, calls: Calls, travel: Travel, counting: Counting, home: Home) -> None:
        """What lines need and what itself needs us."""
        self._calls = calls
        self._travel = travel
        self._counting = counting
        self._home = home

    def entry_of(self, actor: ActorRef) -> ActorEntry:
        """What is behind a handle. Safe for threads.

        Raises:
            RuntimeError: it belongs to another session.
        """
        entry = actor.entry
        if type(entry) is not ActorEntry or entry.home is not self._home:
            raise foreign(actor)
        return entry

    def create(
        self, made: ActorClass, options: ActorOptions, constructor: PendingCall, need: Need
    ) -> ActorRef:
        """Start an actor, or find the one that has its name. Safe for threads.

        Raises:
            ActorAlreadyExistsError: the name is taken.
        """
        concurrency = concurrency_of(made.interface, options)
        in_order = concurrency is None and not options.allow_out_of_order_execution
        limits = Limits(options.max_pending_calls, options.max_task_retries, in_order)
        namespace = self._namespace if options.namespace is None else options.namespace
        start = StartActor(
            constructor.id,
            made.interface.class_name,
            need,
            options.name,
            namespace,
            options.get_if_exists,
            options.lifetime == "detached",
            describe(made.interface, limits),
            options.max_restarts,
            concurrency is not None and concurrency.is_async,
        )
        with self._pump.change:
            self._check()
            line = self._new_line(start.actor_id, limits)
            line.owned = not start.detached
            self._peers.tell_supervisor(start)
        if start.name is not None:
            found: Found = self._questions.answer(start.actor_id)
            if found.actor_id != start.actor_id:
                with self._pump.change:
                    del self._lines[start.actor_id]
                    return self._existing(start, found)
        with self._pump.change:
            ref = self._dress(line, made.interface, start.described, counted=line.owned)
            self._furnish(constructor, concurrency, line)
        return ref

    def _furnish(self, constructor: PendingCall, concurrency: Concurrency | None, line: Line) -> None:
        """Tell the supervisor what the actor is made of, as soon as all of that is there."""

        def ready() -> None:
            if line.death is not None:
                return
            why = self._calls.failed_argument(constructor)
            if why is None:
                self._peers.tell_supervisor(
                    births.pack(constructor, line.actor_id, concurrency, self._calls, self._travel)
                )
                constructor.packed, constructor.refs = None, ()
            else:
                # An actor whose constructor can't get its arguments has failed in its constructor.
                text = (
                    "The actor died because of an error raised in its creation task: an argument of its "
                    f"constructor could not be computed.\n{why.error()}"
                )
                self._peers.tell_supervisor(EndActor(line.actor_id, text))

        self._calls.await_arguments(constructor, ready)
        if not constructor.missing:
            ready()

    def _existing(self, start: StartActor, found: Found) -> ActorRef:
        if start.get_if_exists and found.actor_id is not None:
            return self.arrived(found.actor_id, found.described, counted=False)
        raise exceptions.ActorAlreadyExistsError(
            f"The name {start.name} (namespace={start.namespace}) is already taken. Please use a different name "
            f"or get the existing actor using ray.get_actor('{start.name}', namespace='{start.namespace}')"
        )

    def find(self, name: str, namespace: str | None) -> ActorRef | None:
        """The living actor of that name. Safe for threads."""
        space = self._namespace if namespace is None else namespace
        found: Found = self._questions.ask(lambda request: FindActor(request, name, space))
        if found.actor_id is None:
            return None
        with self._pump.change:
            return self.arrived(found.actor_id, found.described, counted=False)

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """End its process."""
        line = self.entry_of(actor).line
        if no_restart:
            line.kill()
        self._peers.tell_supervisor(KillActor(line.actor_id, no_restart))

    # Under the lock

    def any_owned(self) -> bool:
        """Whether a living actor would end with this process."""
        return any(line.owned and line.death is None for line in self._lines.values())

    def arrived(self, actor_id: int, described: bytes, counted: bool) -> ActorRef:
        """A live ref for a handle that came from another process, or by name and so doesn't keep the actor alive."""
        entry = self._entry(actor_id, counted=counted)
        if entry is not None:
            return ActorRef(entry, entry.interface)
        interface, limits = undescribe(described)
        line = self._lines.get(actor_id)
        if line is None:
            line = self._new_line(actor_id, limits)
            self._peers.tell_supervisor(ReachActor(actor_id))
        return self._dress(line, interface, described, counted=counted)

    def itself(self, actor_id: int, described: bytes) -> ActorRef:
        """The actor that lives in this process, in a handle that doesn't keep it alive. Safe for threads."""
        if self._itself is None:
            with self._pump.change:
                self._itself = self.arrived(actor_id, described, counted=False)
        return self._itself

    def _entry(self, actor_id: int, *, counted: bool) -> ActorEntry | None:
        noted = self._entries.get((actor_id, counted))
        return None if noted is None else noted()

    def _new_line(self, actor_id: int, limits: Limits) -> Line:
        line = Line(actor_id, limits, self._calls, self._peers, self._travel, self.note_dropped)
        self._lines[actor_id] = line
        return line

    def _dress(self, line: Line, interface: ActorInterface, described: bytes, *, counted: bool) -> ActorRef:
        entry = ActorEntry(line, self._home, interface, described, counted=counted)
        actor_id = line.actor_id
        # Runs wherever the last handle dies, perhaps in the middle of anything: it only takes a note.
        self._entries[actor_id, counted] = weakref.ref(entry, lambda _: self.note_dropped(actor_id))
        return ActorRef(entry, interface)

    def note_dropped(self, actor_id: int) -> None:
        """A handle here is gone, or the last one elsewhere; may be called from anywhere."""
        self.dropped.append(actor_id)
        self._pump.note()

    def look_after_dropped(self) -> None:
        """Give back, end or forget actors without handles here, once their calls from here are answered."""
        while self.dropped:
            actor_id = self.dropped.popleft()
            for counted in (True, False):
                if self._entry(actor_id, counted=counted) is None:
                    self._entries.pop((actor_id, counted), None)
            line = self._lines.get(actor_id)
            if line is None:
                continue
            line.forsaken = (actor_id, True) not in self._entries
            if line.forsaken and line.idle():
                self._let_go(line)

    def _let_go(self, line: Line) -> None:
        """No counted handle is left here, and no call is on its way."""
        actor_id = line.actor_id
        if not line.owned:
            self._counting.give_back(actor_id)
        elif self._counting.is_held(actor_id):
            line.forsaken = False  # until the last other process lets it go
            return
        elif line.death is None:
            if not line.ending:
                line.ending = True
                self._peers.tell_supervisor(EndActor(actor_id, None))
            return
        if (actor_id, False) in self._entries:
            line.forsaken = False  # nothing is to be done before that handle is gone
            return
        del self._lines[actor_id]
        if line.owned:
            self._peers.tell_supervisor(ForgetActor(actor_id))

    def on_actor_at(self, message: ActorAt) -> None:
        """The supervisor says where an actor lives."""
        line = self._lines.get(message.actor_id)
        if line is not None:
            line.reached(self._peers.expect(message.process))

    def on_actor_dead(self, message: ActorDead) -> None:
        """The supervisor says that an actor has no process any more."""
        self._bury([message.actor_id], message.text, message.error)

    def peer_gone(self, peer: Peer, text: str) -> None:
        """Whoever lived there is dead, or starts again elsewhere."""
        there = [line for line in self._lines.values() if line.peer is peer]
        if peer.restarts:
            for line in there:
                line.lost(text)
        else:
            self._bury([line.actor_id for line in there], text)

    def all_dead(self, text: str) -> None:
        """The session is over."""
        self._bury(list(self._lines), text)

    def _bury(self, actor_ids: list[int], text: str, error: str = "ActorDiedError") -> None:
        for actor_id in actor_ids:
            line = self._lines.get(actor_id)
            if line is not None:
                line.died(text, error)
        self._pump.settle_soon()  # a process that would end may have stayed for their sake
