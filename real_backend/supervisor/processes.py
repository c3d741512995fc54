"""`Processes`: the driver and the workers: forking, connecting, reaping. Not what they are for."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from real_backend.control import Connected, Died, Leaving, Surroundings
from real_backend.membership import Membership
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER, Message
from real_backend.supervisor.oom import OomKills
from real_backend.supervisor.outputs import Outputs
from real_backend.transport import Channel
from real_backend.worker import process as worker

if TYPE_CHECKING:  # loaded where something is to go wrong
    from real_backend.mishaps import Mishaps

_REMEMBERED_DEATHS = 10_000
_OUR_FAULT = 70  # EX_SOFTWARE


class Process(Struct, eq=False):
    """A process of the session.

    Attributes:
        pidfd: readable when it has ended.
        account: its account in the ledger of shared memory.
        connected: the processes it has a channel to.
        actor_id: of the actor it was started for; None for the driver and pool workers.
        leaving: what it said when it was about to end.
        killed: it was killed on somebody's request, in these words.
    """

    number: int
    pid: int
    pidfd: int
    channel: Channel
    account: int
    actor_id: int | None = None
    connected: set[int] = field(default_factory=set)
    leaving: Leaving | None = None
    killed: str | None = None


class Death(Struct, frozen=True):
    """How a process ended, for those who talked to it; see `Died`.

    Attributes:
        why: the same in short.
        wanted: nothing has gone wrong.
    """

    text: str
    restarts: bool = False
    why: str = ""
    wanted: bool = False


class Processes:
    """All that live, by number.

    Args:
        epoll: where channels and pidfds are registered.
        key: what every frame of the session begins with.
        ledger: of shared memory.
        outputs: take what workers print.
        new_mishaps: makes the faults that one is to meet; None if none is to meet any.

    Attributes:
        private: descriptors that a forked child has to close.
    """

    def __init__(
        self,
        epoll: select.epoll,
        namespace: str,
        key: bytes,
        ledger: Ledger,
        outputs: Outputs,
        new_mishaps: Callable[[], Mishaps] | None,
    ) -> None:
        self._epoll = epoll
        self._namespace = namespace
        self._key = key
        self.ledger = ledger
        self._outputs = outputs
        self._new_mishaps = new_mishaps
        self.private: list[int] = []
        self._oom = OomKills()
        self._free_accounts: list[int] = []
        self._accounts = 0
        self._last = DRIVER
        self._deaths: dict[int, str] = {}
        self.living: dict[int, Process] = {}
        self.by_fd: dict[int, Process] = {}

    def add_driver(self, sock: socket.socket, pid: int) -> Process:
        """The driver is there already."""
        channel = Channel(sock, DRIVER, self._key)
        return self._add(Process(DRIVER, pid, os.pidfd_open(pid), channel, self._open_account()))

    def start_worker(self, actor_id: int | None = None, surroundings: Surroundings | None = None) -> Process:
        """Fork a worker.

        Raises:
            OSError: there are too many processes or open files.
        """
        self._last += 1
        number, account = self._last, self._open_account()
        ours = theirs = None
        pipes: tuple[tuple[int, int], ...] = ()
        try:
            ours, theirs = socket.socketpair()
            pipes = self._outputs.open()
            pid, pidfd = self._fork(ours, theirs, number, account, surroundings, pipes)
        except OSError:
            self._close_account(account)
            if ours is not None:
                ours.close()
            for reading, _ in pipes:
                os.close(reading)
            raise
        finally:
            if theirs is not None:
                theirs.close()
            for _, writing in pipes:
                os.close(writing)
        (out, _), (err, _) = pipes
        self._outputs.follow(out, err, pid)
        return self._add(Process(number, pid, pidfd, Channel(ours, number, self._key), account, actor_id))

    def _fork(
        self,
        ours: socket.socket,
        theirs: socket.socket,
        number: int,
        account: int,
        surroundings: Surroundings | None,
        pipes: tuple[tuple[int, int], ...],
    ) -> tuple[int, int]:
        gc.freeze()  # the child's collector must not touch, and so copy, pages that it shares with us
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                self._close_inherited(pipes)
                gc.unfreeze()
                membership = Membership(self._key, self.ledger, account)
                mishaps = None if self._new_mishaps is None else self._new_mishaps()
                worker.main(theirs, number, self._namespace, membership, supervisor, surroundings, mishaps)
            except BaseException:
                traceback.print_exc()  # a bug of ours: user code is caught where it runs
                sys.stderr.flush()
            finally:
                os._exit(_OUR_FAULT)
        try:
            return pid, os.pidfd_open(pid)
        except OSError:  # no descriptor is left to hear of its end
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _open_account(self) -> int:
        if self._free_accounts:
            account = self._free_accounts.pop()
        else:
            account = self._accounts
            self._accounts += 1
        self.ledger.open_account(account)
        return account

    def _close_account(self, account: int) -> None:
        self.ledger.close_account(account)
        self._free_accounts.append(account)

    def _add(self, process: Process) -> Process:
        self.living[process.number] = process
        for fd in (process.channel.fileno(), process.pidfd):
            self.by_fd[fd] = process
            self._epoll.register(fd, select.EPOLLIN)
        process.channel.watched = select.EPOLLIN
        return process

    def _close_inherited(self, pipes: tuple[tuple[int, int], ...]) -> None:
        """A new process keeps of ours what it has to; what it prints goes into the pipes."""
        for (reading, writing), standard in zip(pipes, (1, 2), strict=True):
            os.dup2(writing, standard)
            os.close(reading)
            os.close(writing)
        for fd in (*self._outputs.descriptors(), *self.private):
            os.close(fd)
        self._epoll.close()
        for process in self.living.values():
            process.channel.close()
            os.close(process.pidfd)

    def send(self, number: int, message: Message, descriptor: int | None = None) -> None:
        """Tell a process something, if it lives; `descriptor` is closed here in any case."""
        process = self.living.get(number)
        if process is None or process.channel.closed:
            if descriptor is not None:
                os.close(descriptor)
            return
        process.channel.post(message, descriptor)
        self.flush(process)

    def flush(self, process: Process) -> None:
        """Send what is queued, and watch for room if not all of it went."""
        channel = process.channel
        wanted = select.EPOLLIN if channel.flush() else select.EPOLLIN | select.EPOLLOUT
        if channel.watched != wanted:
            channel.watched = wanted
            self._epoll.modify(channel.fileno(), wanted)

    def connect(self, one: int, other: int) -> bool:
        """Give both a channel to each other, unless they have one.

        Returns:
            Whether `other` lives; if not, `one` is told what it died of.

        Raises:
            OSError: there are too many open files.
        """
        first, second = self.living.get(one), self.living.get(other)
        if first is None:
            return True
        if second is None:
            self.send(one, Died(other, self._deaths.get(other, "It ended long ago."), restarts=False))
            return False
        if other not in first.connected:
            ends = socket.socketpair()
            first.connected.add(other)
            second.connected.add(one)
            self.send(one, Connected(other), ends[0].detach())
            self.send(other, Connected(one), ends[1].detach())
        return True

    def drain(self, number: int, patience_s: float) -> None:
        """Wait until a process has been sent all that it was told, or is gone, or the time is up."""
        process = self.living.get(number)
        if process is None or process.channel.closed:
            return
        deadline = time.monotonic() + patience_s
        poll = select.poll()
        poll.register(process.channel.fileno(), select.POLLOUT)
        while not process.channel.flush() and time.monotonic() < deadline:
            poll.poll(100)

    def drop_channel(self, process: Process) -> None:
        """It has said its last word."""
        fd = process.channel.fileno()
        if self.by_fd.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            process.channel.close()

    def reap(self, process: Process, describe: Callable[[Process, str], Death]) -> Death:
        """It has ended: collect its status and tell everyone it talked to.

        Args:
            describe: makes what they are told of how it ended.
        """
        _, status = os.waitpid(process.pid, 0)
        self._epoll.unregister(process.pidfd)
        del self.by_fd[process.pidfd]
        os.close(process.pidfd)
        self.drop_channel(process)
        self._close_account(process.account)
        del self.living[process.number]
        how = _describe_status(status)
        if (
            process.killed is None
            and os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            and self._oom.any_new()
        ):
            how += " The kernel has killed for lack of memory meanwhile, so most likely this process."
        death = describe(process, how)
        self._deaths[process.number] = death.text
        if len(self._deaths) > _REMEMBERED_DEATHS:
            del self._deaths[next(iter(self._deaths))]
        for number in sorted(process.connected):
            other = self.living.get(number)
            if other is not None:
                other.connected.discard(process.number)
                self.send(number, Died(process.number, death.text, death.restarts))
        return death

    @staticmethod
    def kill(process: Process) -> None:
        """SIGKILL; its pid can't have been given to another, for it has not been reaped."""
        os.kill(process.pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """End every worker, and wait until they have ended."""
        workers = [p for p in self.living.values() if p.number != DRIVER]
        for process in workers:
            self.kill(process)
        for process in workers:
            os.waitpid(process.pid, 0)


def _describe_status(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == _OUR_FAULT:
        return (
            f"its process ended with exit code {code}: the code of simactors itself has failed in it. Either that is a "
            "fault of simactors, or user code has closed descriptors that it needs (os.closerange). Its stderr has "
            "the traceback."
        )
    if code >= 0:
        return f"its process ended with exit code {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:  # real-time signals have no names
        name = "signal"
    return f"its process was ended by {name} (signal {-code})."
