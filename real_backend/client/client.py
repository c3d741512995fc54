"""`Client`: the `Backend` of one process; wires the parts of this package together.

The driver and every worker have one. Whoever starts it gives it the channel to the supervisor. What a worker is
asked to run is put into `inbox` and taken from there by `worker`, on the main thread.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from real_backend import control, messages
from real_backend.client.actors import Actors
from real_backend.client.belonging import Belonging
from real_backend.client.borrowing import Borrowing
from real_backend.client.cancels import Cancels
from real_backend.client.console import Console
from real_backend.client.demands import Needs
from real_backend.client.drafts import NO_RETRIES, Drafts, call_options, retries_of
from real_backend.client.exports import Exports
from real_backend.client.knowing import Knowing
from real_backend.client.leases import TaskPool
from real_backend.client.lifetimes import Lifetimes
from real_backend.client.orders import Orders
from real_backend.client.peers import SUPERVISOR, Peer, Peers
from real_backend.client.pending import Calls, retry_on
from real_backend.client.producers import Producers
from real_backend.client.pump import Pump
from real_backend.client.questions import Questions
from real_backend.client.running import CallsHere
from real_backend.client.sharing import Sharing
from real_backend.client.shield import Shield
from real_backend.client.streams import Streams
from real_backend.client.travel import Travel
from real_backend.client.under_way import UnderWay
from real_backend.client.waiting import Waiting
from real_backend.membership import Membership
from real_backend.objects import ObjectTable
from real_backend.transport import Channel
from simactors import exceptions
from simactors.core import codec
from simactors.core.calls import ActorExit, Creation, MethodCall, TaskCall, pack_arguments, unserializable
from simactors.core.options import PLAIN_METHOD
from simactors.core.outcome import Outcome, Value, failure
from simactors.core.refs import ActorRef, ObjectRef

log = logging.getLogger("simactors")

_WELCOME_S = 60.0
_GOODBYE_S = 10.0
Answer = messages.Reply | messages.Failed | messages.Unanswered | messages.Item | messages.Interrupted


class Client(Knowing, UnderWay):
    """See `simactors.core.backend.Backend`. Safe for threads.

    Args:
        process: the number of this process.
        namespace: where names of actors live unless said otherwise.
        membership: what makes it one of the session's.
        surroundings: what this process was started in.
        on_close: ends what only the driver has started.
        on_orphaned: called when the supervisor is gone.

    Attributes:
        belonging: what a value may carry.
        orders: what this process is asked to run, and the code for it.
        inbox: of the `orders`.
        imports: of the `orders`.
        here: the calls that it runs.
        producers: the generators among them whose consumers may hold them up.
        end_actor: what `exit_actor` does here.
    """

    name = "local"

    def __init__(
        self,
        channel: Channel,
        process: int,
        namespace: str,
        membership: Membership,
        surroundings: control.Surroundings | None = None,
        on_close: Callable[[], None] = lambda: None,
        on_orphaned: Callable[[], None] = lambda: None,
    ) -> None:
        self.process = process
        self.namespace = namespace
        self.grant = control.NOTHING_HELD
        self.surroundings = surroundings
        self.here = CallsHere()
        self.end_actor: Callable[[], BaseException] = ActorExit
        self.console = Console()
        self.shield = Shield()
        self.welcomed = False
        self._on_close = on_close
        self._on_orphaned = on_orphaned
        self._pid = os.getpid()
        self._over: Exception | None = None
        self._control = channel
        self._handlers: dict[type, Callable[[Channel, Any], None]] = {}
        self.pump = Pump(self.shield, self._handlers, self._channel_lost, self._settle, self._failed)
        self.objects = ObjectTable(process, self.pump.note, self.pump.settle_soon)
        self.belonging = Belonging(self.objects)
        self.exports = Exports(self.belonging.check)
        self._lifetimes = Lifetimes(process, self.objects, self.pump.settle_soon)
        self.counting = counting = self._lifetimes.counting
        self._key = membership.key
        self.sharing = Sharing(process, membership.ledger, membership.account)
        share = self.sharing.piece
        self.travel = Travel(self.objects, counting.leaves, counting.arrives, self._actor_arrives, share)
        self.orders = Orders(self.travel)
        self.inbox = self.orders.inbox
        self.imports = self.orders.imports
        self.peers = Peers(self.pump, channel, self.travel, self._open_channel, self._peer_gone)
        self.producers = Producers(lambda number: self.peers.find(number) is not None)
        self._assemble()
        self._handlers |= self._handler_table()
        self.pump.add(channel)
        self.pump.start()  # may fail; what comes now would outlive it
        self.sharing.open(self.pump, channel)

    def _assemble(self) -> None:
        """What calls, actors and objects need of each other."""
        counting, namespace = self.counting, self.namespace
        self._needs = Needs()
        self._questions = Questions(self.pump, self.objects, self.peers, self._check_usable)
        self._actors = Actors(self.pump, self.peers, self._questions, namespace, self._check_usable)
        self._borrowing = Borrowing(self.objects, self.peers, self.travel)
        self._calls = Calls(self.objects, self._borrowing, self.travel)
        self._tasks = TaskPool(self._calls, self.peers, self.travel)
        self.waiting = Waiting(
            self.pump, self.objects, self._borrowing, self._tasks, self.peers, self.here, self._check_usable
        )
        self.objects.home = self.waiting
        self._streams = Streams(self.pump, self.objects, self.waiting)
        self._drafts = Drafts(self.belonging, self.objects, self._calls, self._streams, self.here)
        self._cancels = Cancels(self.objects, self._calls, self.peers, self.here)
        self._actors.bind(self._calls, self.travel, counting, self.waiting)
        self._lifetimes.bind(self.peers, self._actors)

    # Submission

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        options = call.options
        need = self._needs.of_task(options, self.captured, self.surroundings)
        label = call.function.spec.label
        export = self.exports.export(call.function)
        arguments = pack_arguments(label, call.args, call.kwargs, by_value=True)
        retries = options.max_retries, retry_on(options.retry_exceptions)
        with self.pump.change:
            self._check_usable()
            pending = self._drafts.new(export, label, arguments, options.num_returns, retries)
            pending.options = call_options(options, None)
            refs = self._drafts.register(pending)
            pending.max_calls = options.max_calls
            self._tasks.submit(pending, need)
        return refs

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        spec, options = call.method, call.options
        arguments = pack_arguments(spec.label, call.args, call.kwargs, by_value=True)
        line = self._actors.entry_of(call.actor).line
        retries = retries_of(options, line.limits)
        with self.pump.change:
            self._check_usable()
            line.check_room(spec.label)
            returns = options.num_returns
            pending = self._drafts.new(spec.name, spec.label, arguments, returns, retries, line.actor_id)
            if options is not PLAIN_METHOD:
                pending.options = call_options(options, options.concurrency_group)
            refs = self._drafts.register(pending)
            line.submit(pending)
        return refs

    # Actors

    def create_actor(self, creation: Creation) -> ActorRef:
        """See `Backend`."""
        made, options = creation.actor_class, creation.options
        need = self._needs.of_actor(options, self.captured, self.surroundings)
        label = made.constructor.label
        export = self.exports.export(made)
        arguments = pack_arguments(label, creation.args, creation.kwargs, by_value=True)
        with self.pump.change:
            self._check_usable()
            constructor = self._drafts.new(export, label, arguments, 0, NO_RETRIES)
        return self._actors.create(made, options, constructor, need)

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        """See `Backend`."""
        return self._actors.find(name, namespace)

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """See `Backend`."""
        with self.pump.change:
            self._check_usable()
            self._actors.kill(actor, no_restart=no_restart)

    # Objects

    def put(self, value: object) -> ObjectRef[Any]:
        """See `Backend`."""
        try:
            with self.shield:  # what a signal handler raises is not what pickling raised
                packed = codec.pack(value, by_value=True)
        except exceptions.ObjectStoreFullError:
            raise
        except Exception as error:  # pickling runs the user's code
            raise unserializable("put value", value, error) from error
        self.belonging.check_packed(packed)
        with self.pump.change:
            self._check_usable()
            entry = self.objects.new()
            entry.outcome = Value(packed)
        return ObjectRef(entry)

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        return self.waiting.wait(refs, num_returns, timeout_s, stop_at_error)

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """See `Backend`."""
        outcome = self.waiting.entry_of(ref).outcome
        assert outcome is not None
        return outcome

    def answer(self, asker: int, message: Answer) -> None:
        """Send what a call has come to, or an item of it, to whoever made it; from any thread."""
        with self.pump.change:
            peer = self.peers.find(asker)
            if peer is not None:  # else it has died meanwhile
                self.peers.post(peer, self.travel.answer(message, asker), now=True)

    # The end

    def await_welcome(self) -> None:
        """Wait for the supervisor's first word.

        Raises:
            RaySystemError: it ended before that, or says nothing.
        """
        self.pump.wait_until(lambda: self.welcomed or self._over is not None, _WELCOME_S)
        if not self.welcomed:
            raise exceptions.RaySystemError(
                "The supervisor process of backend='local' did not start; what it wrote to stderr says why."
            )

    def has_no_calls(self) -> bool:
        """Whether every call that this process has made to others is answered."""
        return all(call.goes_to(self.process) for call in list(self._calls.pending.values()))

    def is_needed(self) -> bool:
        """Whether other processes still need what this one owns; if so, the supervisor is told when they don't."""
        with self.pump.change:
            return self._lifetimes.is_needed()

    def close(self) -> None:
        """See `Backend`. In a forked child of the driver it does nothing: the session is not the child's."""
        if os.getpid() != self._pid:
            return
        try:
            with self.shield:
                self._close()
        finally:
            self.shield.uninstall()

    def _close(self) -> None:
        with self.pump.change:
            if isinstance(self._over, RuntimeError):
                return
            self.peers.tell_supervisor(control.Goodbye())
            closed = RuntimeError("This session of backend='local' has been shut down: call init() again.")
            self._end_session(closed, "The session has been shut down.")
        try:
            if not self.pump.is_interrupted():  # else nobody can wait for what was printed
                self.pump.wait_until(lambda: self._control.closed, _GOODBYE_S)
        finally:  # a Ctrl-C meanwhile must leave nothing open
            self.console.close()
            self.pump.close()
            self._on_close()
            self.sharing.close()  # last: memory that a worker uses, be it about to end, is not given back

    def _end_session(self, why: Exception, text: str) -> None:
        """Nothing will come any more: answer everything that somebody may wait for."""
        self._over = why
        outcome = failure(exceptions.RaySystemError(text))
        self._tasks.fail_all(outcome)
        self.peers.lose_all(text)
        self._actors.all_dead(f"{exceptions.RayActorError.default} {text}")
        for call in list(self._calls.pending.values()):
            self._calls.fail(call, outcome)
        self._borrowing.fail_all(outcome)
        self._settle()

    def _check_usable(self) -> None:
        if self._over is not None:
            raise self._over

    # What comes in; under the lock of the pump

    def _handler_table(self) -> dict[type, Callable[[Channel, Any], None]]:
        calls, tasks, borrowing, actors = self._calls, self._tasks, self._borrowing, self._actors
        return {
            **self.orders.handlers(),
            **self._lifetimes.handlers(),
            messages.Reply: calls.on_reply,
            messages.Failed: lambda c, m: calls.on_failed(c.peer, m),
            messages.Unanswered: lambda c, m: calls.on_unanswered(c.peer, m),
            messages.Item: lambda c, m: calls.on_item(c.peer, m),
            messages.Interrupted: lambda c, m: calls.on_interrupted(c.peer, m),
            messages.Taken: lambda _, m: self.producers.on_taken(m),
            messages.Cancel: lambda _, m: self._cancels.on_cancel(m),
            messages.CancelObject: lambda _, m: self._cancels.on_cancel_object(m),
            messages.Fetch: lambda c, m: borrowing.on_fetch(c.peer, m),
            messages.Fetched: lambda c, m: borrowing.on_fetched(c.peer, m),
            messages.FetchFailed: lambda c, m: borrowing.on_fetch_failed(c.peer, m),
            control.Connected: lambda _, m: self.peers.connected(m.process, m.descriptor),
            messages.Squeeze: lambda _, m: self.sharing.make_room(hard=m.hard),
            control.Leased: lambda _, m: tasks.granted(m),
            control.LeaseFailed: lambda _, m: tasks.refused(m),
            control.Recall: lambda _, m: tasks.recalled(m.lease),
            control.Died: lambda _, m: self.peers.died(m.process, m.text, restarts=m.restarts),
            control.ActorAt: lambda _, m: actors.on_actor_at(m),
            control.ActorDead: lambda _, m: actors.on_actor_dead(m),
            control.Found: lambda _, m: self._questions.on_answer(m),
            control.Told: lambda _, m: self._questions.on_answer(m),
            control.HowAreYou: lambda _, m: self.tell_how_it_is(m),
            control.Welcome: self._on_welcome,
            control.GivingUp: lambda _, m: self._end_session(exceptions.RaySystemError(m.text), m.text),
            control.Printed: lambda _, m: self.console.show(m),
            messages.Remark: lambda _, m: self.console.show(m),
        }

    def _open_channel(self, descriptor: int, process: int) -> Channel:
        return Channel(socket.socket(fileno=descriptor), process, self._key, self.sharing.store)

    def _on_welcome(self, *_: object) -> None:
        self.welcomed = True

    def _actor_arrives(self, actor_id: int, described: bytes, counted: bool) -> ActorRef:
        return self._actors.arrived(actor_id, described, counted)

    def _channel_lost(self, channel: Channel) -> None:
        if channel.peer != SUPERVISOR:
            self.peers.channel_ended(channel)
        elif self._over is None:
            self._on_orphaned()
            text = (
                "The supervisor process of backend='local' has ended, and every actor and task with it. "
                "Call shutdown() and init() to start again."
            )
            self._end_session(exceptions.RaySystemError(text), text)

    def _failed(self, message: messages.Message, error: Exception) -> None:
        """Handling a message has failed: what it should have changed is half changed."""
        text = f"a fault of simactors in process {self.process}, at {type(message).__name__}: {error!r}"
        log.error("The session ends: %s", text, exc_info=error)
        self._end_session(exceptions.InternalError(text), text)
        self.pump.drop(self._control)  # so that the supervisor ends the rest
        self._on_orphaned()

    def _peer_gone(self, peer: Peer, text: str) -> None:
        self._actors.peer_gone(peer, text)
        self._tasks.gone(peer, text)
        self._borrowing.owner_gone(peer.number, text)
        self.counting.process_gone(peer.number)
        self.sharing.process_gone(peer.number)
        self.producers.process_gone(peer.number)

    def _settle(self) -> None:
        """Tell whoever waits for what has been sealed; look after refs and handles that were dropped."""
        self.peers.settle()
        self.sharing.tell_dropped(self.peers)
        objects = self.objects
        while (entry := objects.next_sealed()) is not None:
            if entry.askers:
                self._borrowing.tell_askers(entry)
            watchers, entry.watchers = entry.watchers or (), None
            for watcher in watchers:
                watcher(entry)
        self._streams.look_after_dropped()
        self._lifetimes.look_after_dropped()
