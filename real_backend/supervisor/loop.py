"""`Supervisor`: the loop, and what each message to it means. Started by `backend`, as a process of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from real_backend.control import (
    AskLease,
    Blocked,
    Broken,
    Constructed,
    Demand,
    Died,
    EndActor,
    FindActor,
    ForgetActor,
    Furnish,
    KillActor,
    KillWorker,
    Leaving,
    ListNames,
    ReachActor,
    ReachProcess,
    ReturnLease,
    StartActor,
    Staying,
    Unblocked,
    Unneeded,
    Welcome,
)
from real_backend.frames import KEY_SIZE
from real_backend.membership import TOO_MANY, raise_file_limit
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER, Audit, Squeeze
from real_backend.placement import Placement
from real_backend.supervisor.leasing import Leasing
from real_backend.supervisor.lives import Lives
from real_backend.supervisor.processes import Process, Processes

_UNIT = 10_000


class Supervisor:
    """Everything that concerns more than one process."""

    def __init__(self, total: Demand, namespace: str | None, key: bytes, ledger: Ledger) -> None:
        self._epoll = select.epoll()
        self._placement = Placement(total)
        self._processes = Processes(self._epoll, namespace, key, ledger)
        spare = max(1, dict(total).get("CPU", 0) // _UNIT)
        self._leasing = Leasing(self._processes, self._placement, spare)
        self._lives = lives = Lives(self._processes, self._placement)
        self._handlers: dict[type, Callable[[Process, Any], None]] = {
            StartActor: lives.start,
            Furnish: lives.furnish,
            Constructed: lives.constructed,
            FindActor: lives.find,
            ListNames: lives.list_names,
            ReachActor: lives.reach,
            KillActor: lives.kill,
            EndActor: lives.end,
            ForgetActor: lives.forget,
            Audit: lives.audit,
            ReachProcess: self._reach_process,
            AskLease: lambda p, m: self._leasing.ask(p.number, m.demand),
            ReturnLease: lambda _, m: self._leasing.give_back(m.lease),
            KillWorker: lambda _, m: self._leasing.kill(m.lease),
            Blocked: lambda _, m: self._leasing.block(m.lease),
            Unblocked: lambda _, m: self._leasing.unblock(m.lease),
            Leaving: self._leaving,
            Broken: self._broken,
            Squeeze: self._squeeze,
            Staying: lambda p, _: self._leasing.stay(p),
            Unneeded: lambda p, _: self._leasing.may_go(p),
        }

    def run(self, driver: socket.socket, driver_pid: int) -> None:
        """Serve until the driver closes its channel or is gone."""
        process = self._processes.add_driver(driver, driver_pid)
        self._processes.send(DRIVER, Welcome(os.getpid()))
        while not process.channel.closed:
            # Channels first: what a process said before it died must be heard before it is reaped.
            events = sorted(self._epoll.poll(), key=lambda e: self._is_pidfd(e[0]))
            for fd, mask in events:
                found = self._processes.by_fd.get(fd)
                if found is None:
                    continue
                if fd != found.pidfd:
                    self._serve(found, mask)
                elif found is process:
                    return
                else:
                    self._ended(found)
            self._leasing.grant(others_wait=self._lives.place())

    def end(self) -> None:
        """Leave nothing behind."""
        self._processes.kill_all()

    def _is_pidfd(self, fd: int) -> bool:
        process = self._processes.by_fd.get(fd)
        return process is not None and process.pidfd == fd

    def _serve(self, process: Process, mask: int) -> None:
        if mask & select.EPOLLOUT:
            self._processes.flush(process)
        if mask & ~select.EPOLLOUT:
            self._listen(process)

    def _listen(self, process: Process, *, everything: bool = False) -> None:
        if process.channel.closed:
            return
        for message in process.channel.receive(everything=everything):
            self._handlers[type(message)](process, message)
        if process.channel.closed:
            self._processes.drop_channel(process)
        if process.channel.fault is not None and process.number != DRIVER:
            process.killed = process.killed or process.channel.fault
            self._processes.kill(process)

    def _ended(self, process: Process) -> None:
        # All that it said is in the socket; the end of the stream may never come, if a child of it lives on.
        self._listen(process, everything=True)
        death = self._processes.reap(process, self._lives.death_of)
        self._leasing.ended(process)
        self._lives.ended(process, death)

    def _reach_process(self, asker: Process, message: ReachProcess) -> None:
        try:
            self._processes.connect(asker.number, message.process)
        except OSError as error:
            text = f"It could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(asker.number, Died(message.process, text, restarts=False))

    def _leaving(self, process: Process, message: Leaving) -> None:
        process.leaving = message

    def _broken(self, process: Process, message: Broken) -> None:
        """Two processes can't talk any more: the one at fault ends, but for the driver."""
        other = self._processes.living.get(message.process)
        if other is None:
            return
        victim = process if message.by_us else other
        if victim.number == DRIVER:
            victim = other if message.by_us else process
        victim.killed = victim.killed or message.text
        self._processes.kill(victim)

    def _squeeze(self, process: Process, message: Squeeze) -> None:
        for number in [n for n in self._processes.living if n != process.number]:
            self._processes.send(number, message)


def main() -> NoReturn:
    """The process's main function; its first argument is what `backend` tells it."""
    told = json.loads(sys.argv[1])
    del sys.argv[1:]  # workers inherit the list, and user code may read it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    total = tuple((str(name), int(amount)) for name, amount in told["total"])
    raise_file_limit()
    driver = socket.socket(fileno=told["fd"])
    key = driver.recv(KEY_SIZE, socket.MSG_WAITALL)
    if len(key) < KEY_SIZE:  # the driver is gone already
        os._exit(0)
    supervisor = Supervisor(total, told["namespace"], key, Ledger(told["ledger"]))
    try:
        supervisor.run(driver, told["driver_pid"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        supervisor.end()
        # What user code has started and not ended is in our process group, as we are.
        os.killpg(0, signal.SIGKILL)
        os._exit(0)
