"""`Actors`: the actors that one process knows: creating, finding, reaching and forgetting them.

Not their calls (`lines`). The supervisor knows where actors live; it is asked by `StartActor`, `FindActor`,
`ReachActor` and answers in `Found`, `ActorAt`, `ActorDead`.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable

from real_backend.client import demands
from real_backend.client.lines import ActorEntry, Line
from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.pump import Pump
from real_backend.client.travel import Limits, Travel, describe, undescribe
from real_backend.messages import (
    ActorAt,
    ActorDead,
    FindActor,
    ForgetActor,
    Found,
    KillActor,
    ReachActor,
    StartActor,
)
from real_backend.objects import ObjectTable
from simactors import exceptions
from simactors.core.calls import ActorClass
from simactors.core.concurrency import concurrency_of
from simactors.core.interface import ActorInterface
from simactors.core.options import ActorOptions
from simactors.core.refs import ActorRef


class Actors:
    """Safe for threads where a method says so; the rest is used under the lock of the pump."""

    def __init__(
        self, pump: Pump, objects: ObjectTable, peers: Peers, namespace: str | None, check: Callable[[], None]
    ) -> None:
        self._pump = pump
        self._objects = objects
        self._peers = peers
        self._namespace = namespace
        self._check = check
        self._entries: dict[int, weakref.ref[ActorEntry]] = {}
        self._lines: dict[int, Line] = {}
        self._dropped: deque[int] = deque()
        self._found: dict[int, Found] = {}
        self._calls: Calls
        self._travel: Travel

    def bind(self, calls: Calls, travel: Travel) -> None:
        """What lines need and what itself needs us."""
        self._calls = calls
        self._travel = travel

    def create(self, made: ActorClass, options: ActorOptions, constructor: PendingCall) -> ActorRef:
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
            demands.demand(options, default_cpus=0),
            options.name,
            namespace,
            options.get_if_exists,
            options.lifetime == "detached",
            describe(made.interface, limits),
        )
        with self._pump.shield, self._pump.lock:
            self._check()
            line = self._lines[start.actor_id] = Line(
                start.actor_id, limits, self._calls, self._peers, self._travel
            )
            line.owned = not start.detached
            line.concurrency = concurrency
            self._peers.tell_supervisor(start)
        if start.name is not None:
            found = self._answer(start.actor_id)
            if found.actor_id != start.actor_id:
                with self._pump.shield, self._pump.lock:
                    del self._lines[start.actor_id]
                    return self._existing(start, found)
        with self._pump.shield, self._pump.lock:
            ref = self._dress(line, made.interface, start.described)
            line.submit(constructor)
        return ref

    def _existing(self, start: StartActor, found: Found) -> ActorRef:
        if start.get_if_exists and found.actor_id is not None:
            return self.arrived(found.actor_id, found.described)
        raise exceptions.ActorAlreadyExistsError(
            f"The name {start.name} (namespace={start.namespace}) is already taken. Please use a different name "
            f"or get the existing actor using ray.get_actor('{start.name}', namespace='{start.namespace}')"
        )

    def find(self, name: str, namespace: str | None) -> ActorRef | None:
        """The living actor of that name. Safe for threads."""
        with self._pump.shield, self._pump.lock:
            self._check()
            request = self._objects.mint()
            space = self._namespace if namespace is None else namespace
            self._peers.tell_supervisor(FindActor(request, name, space))
        found = self._answer(request)
        if found.actor_id is None:
            return None
        with self._pump.shield, self._pump.lock:
            return self.arrived(found.actor_id, found.described)

    def kill(self, actor_id: int) -> None:
        """End its process."""
        self._lines[actor_id].kill()
        self._peers.tell_supervisor(KillActor(actor_id))

    def _answer(self, request: int) -> Found:
        self._pump.wait_until(lambda: request in self._found or self._is_over(), None)
        found = self._found.pop(request, None)
        if found is None:
            self._check()
        assert found is not None
        return found

    def _is_over(self) -> bool:
        try:
            self._check()
        except (RuntimeError, exceptions.RayError):
            return True
        return False

    # Under the lock

    def any_owned(self) -> bool:
        """Whether a living actor would end with this process."""
        return any(line.owned and line.death is None for line in self._lines.values())

    def arrived(self, actor_id: int, described: bytes) -> ActorRef:
        """A live ref for a handle that came from another process."""
        noted = self._entries.get(actor_id)
        entry = None if noted is None else noted()
        if entry is not None:
            return ActorRef(entry, entry.interface)
        interface, limits = undescribe(described)
        line = self._lines.get(actor_id)
        if line is None:
            line = self._lines[actor_id] = Line(actor_id, limits, self._calls, self._peers, self._travel)
            self._peers.tell_supervisor(ReachActor(actor_id))
        return self._dress(line, interface, described)

    def _dress(self, line: Line, interface: ActorInterface, described: bytes) -> ActorRef:
        entry = ActorEntry(line, interface, described)
        actor_id = line.actor_id
        # Runs wherever the last handle dies, perhaps in the middle of anything: it only takes a note.
        self._entries[actor_id] = weakref.ref(entry, lambda _: self._note_dropped(actor_id))
        return ActorRef(entry, interface)

    def _note_dropped(self, actor_id: int) -> None:
        self._dropped.append(actor_id)
        self._pump.ring_if_sitting()

    def look_after_dropped(self) -> None:
        """End, or forget, the actors whose last handle here is gone."""
        while self._dropped:
            actor_id = self._dropped.popleft()
            noted = self._entries.get(actor_id)
            if noted is None or noted() is not None:
                continue  # another handle has come in meanwhile
            del self._entries[actor_id]
            line = self._lines[actor_id]
            if line.owned and not line.left:
                line.end()
            self._forget_if_done(line)

    def _forget_if_done(self, line: Line) -> None:
        if line.actor_id in self._entries:
            return
        ours = line.owned and not line.left
        if line.death is not None or (not ours and line.idle()):
            self._lines.pop(line.actor_id, None)
            if ours:
                self._peers.tell_supervisor(ForgetActor(line.actor_id))

    def on_actor_at(self, message: ActorAt) -> None:
        """The supervisor says where an actor lives."""
        line = self._lines.get(message.actor_id)
        if line is not None:
            line.reached(self._peers.expect(message.process))

    def on_actor_dead(self, message: ActorDead) -> None:
        """The supervisor says that an actor has no process any more."""
        self._bury([message.actor_id], message.text)

    def on_found(self, message: Found) -> None:
        """An answer for `_answer`."""
        self._found[message.request] = message

    def peer_gone(self, peer: Peer, text: str) -> None:
        """Whoever lived there is dead."""
        self._bury([i for i, line in self._lines.items() if line.peer is peer], text)

    def all_dead(self, text: str) -> None:
        """The session is over."""
        self._bury(list(self._lines), text)

    def _bury(self, actor_ids: list[int], text: str) -> None:
        for actor_id in actor_ids:
            line = self._lines.get(actor_id)
            if line is not None:
                line.died(text)
                self._forget_if_done(line)
