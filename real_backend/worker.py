"""`Worker`: runs what others ask of this process, on its main thread, one call at a time.

Forked by the supervisor; a pool worker until `Create` makes it an actor. Not the talk: `client` puts what is to
be run into its inbox, in the order of arrival.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import socket
import sys
import types
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from real_backend.client import demands
from real_backend.client.client import Client
from real_backend.client.peers import SUPERVISOR
from real_backend.messages import (
    Call,
    Create,
    Failed,
    Leaving,
    Message,
    Reply,
    Retire,
    Staying,
    Task,
    Terminate,
)
from real_backend.transport import Channel
from simactors.core import calls, codec, current
from simactors.core.interface import ActorInterface
from simactors.core.outcome import Failure, format_user_traceback, task_failure

_PR_SET_PDEATHSIG = 1
_FAREWELL_S = 30.0
"""So long a process that ends on purpose goes on handing over answers that a busy receiver has not read yet."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(sock: socket.socket, number: int, namespace: str | None, supervisor: int) -> NoReturn:
    """Be a worker; called in a freshly forked process that has closed what it inherited."""
    _settle_in(supervisor)
    channel = Channel(sock, SUPERVISOR, passes_descriptors=True)
    client = Client(channel, number, namespace, on_orphaned=lambda: os._exit(1))
    current.open_session(client, scoped=True).initialized = True
    Worker(client).run()


def _settle_in(supervisor: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor:  # it died before we asked to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    atexit._clear()  # what the supervisor's modules registered is not ours to do
    sys.modules["__main__"] = types.ModuleType("__main__")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a killed process flushes nothing


class Worker:
    """The main loop, and the actor if this process has become one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.inbox
        self._where = f"pid={os.getpid()}"
        self._instance: Any = None
        self._interface: ActorInterface | None = None
        self._bound: dict[str, Callable[..., Any]] = {}
        # Calls of others may arrive before the owner's arguments for the constructor.
        self._early: deque[tuple[int, Message]] = deque()

    def run(self) -> NoReturn:
        """Serve until told to end."""
        inbox, wait_until = self._inbox, self._client.pump.wait_until
        while True:
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
                self._leave("all its handles were dropped")
            elif isinstance(message, Retire):
                self._retire()

    def _call(self, asker: int, message: Call) -> None:
        interface = self._interface
        if interface is None:
            self._early.append((asker, message))
            return
        try:
            method = self._bound.get(message.method) or self._bind(message)
            args, kwargs = self._arguments(message)
            value = method(*args, **kwargs)
            results = calls.pack_results(value, message.num_returns, by_value=True)
        except calls.ActorExit:
            self._leave("exit_actor() was called in it, or its __ray_terminate__")
        except SystemExit as error:
            self._leave(f"sys.exit({'' if error.code is None else error.code!r}) was called in it")
        except BaseException as error:  # the user's code runs here
            label = interface.methods[message.method].label
            self._answer_failure(
                asker, message.call_id, task_failure(label, error, self._where, by_value=True)
            )
        else:
            self._answer(asker, message.call_id, results)

    def _bind(self, message: Call) -> Callable[..., Any]:
        method = calls.bind(self._instance, message.method)
        demands.refuse_generator(method, message.num_returns)
        self._bound[message.method] = method
        return method

    def _task(self, asker: int, message: Task) -> None:
        label = "task"
        client = self._client
        client.waiting.lease = message.lease
        try:
            function: calls.Function = client.imports.load(message.digest)
            label = function.spec.label
            args, kwargs = self._arguments(message)
            value = function.function(*args, **kwargs)
            results = calls.pack_results(value, message.num_returns, by_value=True)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            self._leave(f"sys.exit({'' if error.code is None else error.code!r}) was called in it", code)
        except BaseException as error:  # the user's code runs here
            failed = task_failure(label, error, self._where, by_value=True)
            client.waiting.lease = None
            self._answer_failure(asker, message.call_id, failed)
        else:
            client.waiting.lease = None
            self._answer(asker, message.call_id, results)

    def _create(self, message: Create) -> None:
        label = "actor.__init__"
        try:
            made: calls.ActorClass = self._client.imports.load(message.digest)
            label = made.constructor.label
            args, kwargs = self._arguments(message)
            self._instance = made.cls(*args, **kwargs)
        except calls.ActorExit:
            self._leave("exit_actor() was called in its constructor")
        except SystemExit:
            self._leave("sys.exit() was called in its constructor")
        except BaseException as error:  # the user's code runs here
            text = (
                "The actor died because of an error raised in its creation task, "
                f"ray::{label}() ({self._where})\n{format_user_traceback(error)}"
            )
            self._leave(text, 1, whole=True)
        self._interface = made.interface
        self._inbox.extendleft(reversed(self._early))
        self._early.clear()

    def _arguments(self, message: Call | Task | Create) -> tuple[Sequence[Any], dict[str, Any]]:
        if message.bare:
            return message.packed, {}  # type: ignore[return-value]  # bare: a tuple of atoms
        travel = self._client.travel
        with self._client.pump.lock:
            packed = travel.incoming(message.packed)
            values = [travel.incoming(v) for v in message.values]
        refs: Any = message.values  # only whether there are any counts here
        return calls.Arguments(packed, refs).unpack([codec.unpack(v) for v in values])

    def _answer(self, asker: int, call_id: int, results: tuple[object, ...]) -> None:
        # At once, though a batch would be cheaper: the next call may end this process, and this one is done.
        client = self._client
        with client.pump.lock:
            peer = client.peers.find(asker)
            if peer is not None:
                wire = tuple(map(client.travel.outgoing, results))
                client.peers.post(peer, Reply(call_id, wire), now=True)

    def _answer_failure(self, asker: int, call_id: int, failed: Failure) -> None:
        client = self._client
        with client.pump.lock:
            peer = client.peers.find(asker)
            if peer is not None:
                packed = client.travel.outgoing(failed.packed)
                client.peers.post(peer, Failed(call_id, packed, failed.text), now=True)

    def _retire(self) -> None:
        if self._client.is_needed():
            with self._client.pump.lock:
                self._client.peers.tell_supervisor(Staying())
        else:
            self._leave("it was idle")

    def _leave(self, text: str, code: int = 0, *, whole: bool = False) -> NoReturn:
        """End this process, after what was answered so far has been handed over."""
        pump = self._client.pump
        with pump.lock:
            self._client.peers.tell_supervisor(Leaving(text, whole))
        pump.wait_until(pump.drained, _FAREWELL_S)
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
