"""`Worker`: takes what others ask of this process from the inbox, and runs it or has it run.

A pool worker until `Create` makes it an actor. Not the talk: `client` fills the inbox, in the order of arrival.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from real_backend.client.client import Client
from real_backend.client.peers import SUPERVISOR
from real_backend.client.running import CallsHere, Running
from real_backend.control import Constructed, Leaving, Retire, Staying, Surroundings, Terminate
from real_backend.membership import Membership
from real_backend.messages import Call, Create, Failed, Interrupted, Item, Message, Reply, Task
from real_backend.transport import Channel
from real_backend.worker import arrival
from real_backend.worker.departure import ASKED, TERMINATED, Departure, Farewell, departure_of, unanswered
from real_backend.worker.execution import Answer, Execution
from real_backend.worker.lanes import Lanes
from real_backend.worker.late import Late
from real_backend.worker.sign import Sign
from real_backend.worker.variables import Hints
from simactors.core import calls, metering
from simactors.core import current as sessions
from simactors.core.outcome import format_user_traceback

if TYPE_CHECKING:  # loaded where something is to go wrong
    from real_backend.mishaps import Mishaps

_FAREWELL_S = 30.0
"""So long a process that ends on purpose goes on handing over answers that a busy receiver has not read yet."""

_PATIENCE_S = 1.5
"""So long, as on Ray, the call with which an actor wants to end waits for others; then its caller is told of that."""


def main(
    sock: socket.socket,
    number: int,
    namespace: str,
    membership: Membership,
    supervisor: int,
    surroundings: Surroundings | None,
    mishaps: Mishaps | None,
) -> NoReturn:
    """Be a worker; called in a freshly forked process that has closed what it inherited."""
    arrival.settle_in(supervisor)
    channel = Channel(sock, SUPERVISOR, membership.key)
    if surroundings is not None:
        try:
            arrival.enter(surroundings)
        except (OSError, ValueError) as error:  # what was there when it was asked for may be gone
            channel.post(Leaving(f"its runtime_env could not be entered: {error}", whole=False, crash=False))
            channel.flush()  # nothing was said before: there is room
            os._exit(1)
    client = Client(channel, number, namespace, membership, surroundings, on_orphaned=lambda: os._exit(1))
    sessions.open_session(client, scoped=True).initialized = True
    folder = os.environ.get(metering.FOLDER)
    if folder is not None:
        from real_backend.client.metering import Meter  # lazily: hardly ever

        client.here.meter = Meter(folder, lambda: client.objects.minted)
    Worker(client, mishaps).run()


class Worker:
    """The main loop, and the actor if this process has become one."""

    def __init__(self, client: Client, mishaps: Mishaps | None) -> None:
        self._client = client
        self._inbox: deque[tuple[int, Message | Departure]] = client.inbox  # type: ignore[assignment]  # wider: ours
        self._here: CallsHere = client.here
        where = f"pid={os.getpid()}"
        self._where = where
        self._execution = Execution(client, where, mishaps)
        self._mishaps = mishaps
        self._late = None if mishaps is None or not mishaps.makes_late else Late(self._label_of, mishaps)
        self._sign = Sign()
        self._hints = Hints()
        self._instance: Any = None
        self._lanes: Lanes | None = None
        self._bound: dict[str, Callable[..., Any]] = {}
        self._class: calls.ActorClass | None = None
        self._departure: Departure | None = None
        # Calls of others may arrive before the owner's arguments for the constructor.
        self._early: deque[tuple[int, Message | Departure]] = deque()
        client.end_actor = self._asked_to_end
        client.shield.install(lambda: self._here.main is not None and self._here.main.take_interrupt())
        on_terminate = self._on_terminate
        client.shield.let_through(on_terminate)
        signal.signal(signal.SIGTERM, on_terminate)

    def run(self) -> NoReturn:
        """Serve until told to end."""
        try:
            self._serve()
        except Farewell as farewell:
            last, code = farewell.last, farewell.code
        # Only now: the frames that held the instance, too, are gone with what was raised.
        self._say_farewell()
        self._go(last, code)

    def _serve(self) -> NoReturn:
        inbox, wait_until = self._inbox, self._client.pump.wait_until
        while True:
            if self._late is not None:
                asker, message = self._late.next(inbox, wait_until)
            else:
                if not inbox:
                    wait_until(inbox.__len__, None)
                asker, message = inbox.popleft()
            if isinstance(message, Call):
                self._call(asker, message)
            elif isinstance(message, Task):
                self._task(asker, message)
            elif isinstance(message, Create):
                self._create(message)
            elif isinstance(message, Terminate):
                self._depart(Departure("all its handles were dropped", 0))
            elif isinstance(message, Departure):
                self._depart(message)
            elif isinstance(message, Retire):
                self._retire()
            del message  # with the refs in it, before we wait

    # Calls, one after the other

    def _call(self, asker: int, message: Call) -> None:
        if self._class is None:
            self._early.append((asker, message))
        elif self._lanes is not None:
            if not self._lanes.enter(asker, message):
                self._leave_for_unknown_group(message)
        else:
            if message.options is not None and message.options.group is not None:
                self._leave_for_unknown_group(message)
            running = self.begin(asker, message)
            self._here.begin_main(running)
            method = self._bound.get(message.method) or self.method(message.method)
            self._run_main(running, message, method)

    def _task(self, asker: int, message: Task) -> None:
        running = Running(asker, message.call_id, "task", message.num_returns, message.options, is_task=True)
        self._here.begin_main(running)
        if message.grant is not None:
            self._client.grant = message.grant
            self._hints.show(message.grant)
        waiting = self._client.waiting
        waiting.lease = message.lease
        self._run_main(running, message, functools.partial(self._load_and_run, running, message))

    def _load_and_run(self, running: Running, message: Task, *args: Any, **kwargs: Any) -> Any:
        if running.take_interrupt():  # cancelled before its turn
            raise KeyboardInterrupt
        # A module that is interrupted while it is imported may be broken for all that come after.
        with self._client.shield:
            function: calls.Function = self._client.imports.load(message.digest)
        running.label = function.spec.label
        running.module = function.spec.module
        self._sign.show(running.name)
        if self._mishaps is not None:
            self._mishaps.names = running.label, f"worker-{self._client.process}"
            self._mishaps.before(running.label)
        return function.function(*args, **kwargs)

    def _run_main(self, running: Running, message: Call | Task, function: Callable[..., Any]) -> None:
        answer: Answer | None = None
        try:
            answer = self._execution.run(running, message, function)
        except SystemExit as error:
            self._here.main = None
            self.exits(running, error.code)
        except BaseException as error:  # of a cancellation or a signal handler, just as the code had ended
            answer = self._execution.failed(running, error)
        self._here.main = None
        self._client.waiting.lease = None
        assert answer is not None
        self.answered(running, answer)

    # See `lanes.Owner`

    def begin(self, asker: int, message: Call) -> Running:
        """Describe a call whose turn has come."""
        assert self._class is not None
        spec = self._class.interface.methods[message.method]
        running = Running(asker, message.call_id, spec.label, message.num_returns, message.options)
        running.module = spec.module
        return running

    def method(self, name: str) -> Callable[..., Any]:
        """The bound method."""
        assert self._class is not None
        spec = self._class.interface.methods[name]
        method = self._bound[name] = self._class.called(calls.bind(self._instance, name), spec)
        return method

    def answered(self, running: Running, answer: Answer) -> None:
        """A call has ended."""
        if running.leaves and type(answer) is not Failed:
            if isinstance(answer, Interrupted) and isinstance(running.num_returns, str):
                # As on Ray: what a generator raised is an item, and the end of its call is that of the actor.
                item = Item(answer.call_id, answer.number, answer.packed, answer.text)
                self._client.answer(running.asker, item)
            self.exits(running, 0)
            return
        self._here.answered(running, returned=type(answer) is Reply)
        # At once, though a batch would be cheaper: the next call may end this process, and this one is done.
        self._client.answer(running.asker, answer)
        if running.leaves:
            self.exits(running, 0)

    def ended(self) -> None:
        """A lane has one call less."""
        if self._departure is not None:
            self._ask_to_depart(self._departure)

    def exits(self, running: Running, code: object) -> None:
        """The code of a call has raised `SystemExit`; as on Ray, only the code 0 says that it wants to end."""
        if self._lanes is not None:
            late = threading.Timer(_PATIENCE_S, self._tell_unanswered, [running])
            late.daemon = True
            late.start()
        self._ask_to_depart(departure_of(code, is_task=running.is_task))

    def _tell_unanswered(self, running: Running) -> None:
        assert self._client.birth is not None
        self._client.answer(running.asker, unanswered(running.id, self._client.birth))

    def _ask_to_depart(self, departure: Departure) -> None:
        if self._lanes is not None:
            self._lanes.close()  # as on Ray: what has not begun never does
        if threading.current_thread() is threading.main_thread():
            self._depart(departure)
        else:
            self._inbox.appendleft((SUPERVISOR, departure))
            self._client.pump.poke()

    # The end

    def _depart(self, departure: Departure) -> None:
        """End this process as soon as no call is under way."""
        if self._lanes is not None:
            self._departure = self._departure or departure
            if not self._lanes.is_idle():
                return
        if not departure.crash:
            # As on Ray, who ends on purpose sees the calls through that it has made: their results may be wanted.
            self._client.pump.wait_until(self._client.has_no_calls, None)
        self._leave(departure.text, departure.code, crash=departure.crash)

    def _asked_to_end(self) -> BaseException:
        """The actor's code has called `exit_actor`, and may yet catch what that raises: the actor ends all the same."""
        running = self._here.interruptible()
        if running is None or running.ended_at:  # in a thread or an asyncio task that a call has started
            self._ask_to_depart(ASKED)
        else:
            running.leaves = True
        return calls.ActorExit() if self._lanes is None else self._lanes.exit()

    def _leave_for_unknown_group(self, message: Call) -> NoReturn:
        group = None if message.options is None else message.options.group
        self._go(Leaving(f"it has no concurrency group {group!r}", whole=False, crash=True), 1)

    def _on_terminate(self, *_: object) -> None:
        if self._here.main is None:
            # No exit code would name it.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        sys.exit(TERMINATED)

    def _label_of(self, message: object) -> str | None:
        """What a fault plan calls a call; None for what is none, or nobody's code."""
        if isinstance(message, Call) and self._class is not None:
            return self._class.interface.methods[message.method].label
        if isinstance(message, Task):
            try:
                function: calls.Function = self._client.imports.load(message.digest)
            except Exception:  # importing runs the user's code; it is told when the task runs
                return None
            return function.spec.label
        return None

    def _retire(self) -> None:
        if self._client.is_needed():
            with self._client.pump.change:
                self._client.peers.tell_supervisor(Staying())
        else:
            self._leave("it was idle")

    def _leave(self, text: str, code: int = 0, *, whole: bool = False, crash: bool = False) -> NoReturn:
        """End this process once its code has unwound."""
        raise Farewell(Leaving(text, whole, crash), code)

    def _say_farewell(self) -> None:
        instance, self._instance = self._instance, None
        if calls.has_farewell(instance):
            calls.say_farewell(instance)
        self._bound.clear()
        del instance  # and its `__del__` runs, as that of what only it held

    def _go(self, last: Leaving, code: int) -> NoReturn:
        """End this process, after what was answered so far has been handed over."""
        pump = self._client.pump
        with pump.change:
            self._client.peers.tell_supervisor(last)
        pump.wait_until(pump.drained, _FAREWELL_S)
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    # The constructor

    def _create(self, message: Create) -> None:
        label = "actor.__init__"
        running = Running(SUPERVISOR, message.actor_id, label)  # as on Ray, it goes by its actor's id
        self._here.begin_main(running)
        birth = self._client.birth
        assert birth is not None
        self._client.grant = birth.grant
        self._hints.show(birth.grant)
        self._sign.show(birth.start.class_name)
        if self._mishaps is not None:
            self._mishaps.names = birth.names
        try:
            made: calls.ActorClass = self._client.imports.load(message.digest)
            label = running.label = made.constructor.label
            running.module = made.constructor.module
            args, kwargs = self._execution.arguments(message)
            self._instance = self._construct(
                message, made, lambda f: made.called(f, made.constructor)(*args, **kwargs)
            )
            self._execution.strays.end()
        except SystemExit as error:
            self._execution.strays.end(error)
            departure = departure_of(error.code, is_task=False)
            self._leave(departure.text, departure.code, crash=departure.crash)
        except BaseException as error:  # the user's code runs here
            self._execution.strays.end(error)
            text = (
                "The actor died because of an error raised in its creation task, "
                f"ray::{label}() ({self._where})\n{format_user_traceback(error)}"
            )
            self._leave(text, 1, whole=True)
        self._here.constructed()
        self._class = made
        if "__repr__" in _defined_by(type(self._instance)):
            self._sign.show_repr(self._instance)
        with self._client.pump.change:
            self._client.peers.tell_supervisor(Constructed())
        self._inbox.extendleft(reversed(self._early))
        self._early.clear()

    def _construct(self, message: Create, made: calls.ActorClass, call: Callable[[Any], Any]) -> Any:
        if message.concurrency is None:
            return call(made.cls)
        self._lanes = Lanes(message.concurrency, self, self._execution, self._here)
        begun = self._lanes.construct(made.cls, call, self._client.pump.poke)
        if begun is None:
            return call(made.cls)
        self._client.pump.wait_until(lambda: begun.is_over, None)
        if begun.error is not None:
            raise begun.error
        return begun.instance


def _defined_by(cls: type) -> set[str]:
    """The names that a class and its bases define, without what every object has."""
    return {name for base in cls.__mro__ if base is not object for name in vars(base)}
