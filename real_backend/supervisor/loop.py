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

from real_backend.directory import ActorRecord, Directory, describe_death
from real_backend.frames import KEY_SIZE
from real_backend.membership import TOO_MANY, raise_file_limit
from real_backend.memory.ledger import Ledger
from real_backend.messages import (
    DRIVER,
    ActorAt,
    ActorDead,
    AskLease,
    Blocked,
    Broken,
    Demand,
    Died,
    FindActor,
    ForgetActor,
    Found,
    KillActor,
    KillWorker,
    Leaving,
    ReachActor,
    ReachProcess,
    ReturnLease,
    Squeeze,
    StartActor,
    Staying,
    Unblocked,
    Welcome,
    owner_of,
)
from real_backend.placement import Placement
from real_backend.supervisor.leasing import Leasing
from real_backend.supervisor.processes import Process, Processes
from simactors.exceptions import RayActorError

_UNIT = 10_000
_KILLED = "it was killed by `ray.kill`."
_GONE = f"{RayActorError.default}\nIts owner has ended, and the actor with it."


class Supervisor:
    """Everything that concerns more than one process."""

    def __init__(self, total: Demand, namespace: str | None, key: bytes, ledger: Ledger) -> None:
        self._epoll = select.epoll()
        self._placement = Placement(total)
        self._processes = Processes(self._epoll, namespace, key, ledger)
        spare = max(1, dict(total).get("CPU", 0) // _UNIT)
        self._leasing = Leasing(self._processes, self._placement, spare)
        self._directory = Directory()
        # Actors that found no room yet.
        self._unplaced: list[ActorRecord] = []
        self._handlers: dict[type, Callable[[Process, Any], None]] = {
            StartActor: self._start_actor,
            FindActor: self._find_actor,
            ReachActor: self._reach_actor,
            ReachProcess: lambda p, m: self._reach_process(p, m),
            KillActor: self._kill_actor,
            ForgetActor: lambda _, m: self._directory.forget(m.actor_id),
            AskLease: lambda p, m: self._leasing.ask(p.number, m.demand),
            ReturnLease: lambda _, m: self._leasing.give_back(m.lease),
            KillWorker: lambda _, m: self._leasing.kill(m.lease),
            Blocked: lambda _, m: self._leasing.block(m.lease),
            Unblocked: lambda _, m: self._leasing.unblock(m.lease),
            Leaving: self._leaving,
            Broken: self._broken,
            Squeeze: self._squeeze,
            Staying: lambda p, _: self._leasing.stay(p),
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
            self._place()

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
        self._processes.reap(process, self._describe)
        self._leasing.ended(process)
        actor_id = process.actor_id
        record = None if actor_id is None else self._directory.find(actor_id)
        if record is not None:
            self._placement.give(record.start.demand)
        for child in self._directory.owned_by(process.number):
            self._end_actor(child, "its owner has ended.")
        for unknown, askers in self._directory.never_told(process.number).items():
            for asker in askers:
                self._processes.send(asker, ActorDead(unknown, _GONE))

    def _describe(self, process: Process, status: str) -> str:
        """What callers are told; buries the actor on the way, for its text is theirs."""
        leaving = process.leaving
        why = process.killed or (f"{leaving.text}; {status}" if leaving is not None else status)
        record = None if process.actor_id is None else self._directory.find(process.actor_id)
        if record is None:
            return f"pid: {process.pid}\n\tThe worker is dead because {why}"
        text = (
            leaving.text
            if leaving is not None and leaving.whole
            else describe_death(record, process.pid, why)
        )
        self._directory.bury(record, text)
        return text

    # Actors

    def _start_actor(self, owner: Process, start: StartActor) -> None:
        record = self._directory.add(start, owner.number)
        if start.name is not None:
            holder = record or self._directory.named(start.name, start.namespace)
            assert holder is not None
            self._processes.send(owner.number, Found(start.actor_id, holder.id, holder.start.described))
        if record is not None:
            self._unplaced.append(record)
            if self._directory.was_killed_early(record.id):
                self._end_actor(record, _KILLED)

    def _place(self) -> None:
        """Start what has found room."""
        still = []
        for record in self._unplaced:
            if record.death is None and self._placement.fits(record.start.demand):
                self._start_process(record)
            elif record.death is None:
                still.append(record)
        self._unplaced = still
        self._leasing.grant(others_wait=bool(still))

    def _start_process(self, record: ActorRecord) -> None:
        try:
            process = self._processes.start_worker(record.id)
        except OSError as error:
            self._end_actor(record, f"its process could not be started: {error.strerror}; {TOO_MANY}")
            return
        self._placement.take(record.start.demand)
        record.process = process.number
        for reacher in (record.owner, *record.reachers):
            self._introduce(reacher, record)
        record.reachers.clear()

    def _introduce(self, reacher: int, record: ActorRecord) -> None:
        assert record.process is not None
        try:
            if self._processes.connect(reacher, record.process):
                self._processes.send(reacher, ActorAt(record.id, record.process))
        except OSError as error:
            text = f"{RayActorError.default}\nIt could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(reacher, ActorDead(record.id, text))

    def _find_actor(self, asker: Process, message: FindActor) -> None:
        record = self._directory.named(message.name, message.namespace)
        if record is None:
            self._processes.send(asker.number, Found(message.request, None, b""))
        else:
            self._processes.send(asker.number, Found(message.request, record.id, record.start.described))

    def _reach_actor(self, asker: Process, message: ReachActor) -> None:
        record = self._directory.find(message.actor_id)
        if record is None and owner_of(message.actor_id) in self._processes.living:
            self._directory.ask_early(message.actor_id, asker.number)
        elif record is None or record.death is not None:
            text = _GONE if record is None else record.death
            self._processes.send(asker.number, ActorDead(message.actor_id, text or _GONE))
        elif record.process is None:
            record.reachers.append(asker.number)
        else:
            self._introduce(asker.number, record)

    def _reach_process(self, asker: Process, message: ReachProcess) -> None:
        try:
            self._processes.connect(asker.number, message.process)
        except OSError as error:
            text = f"It could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(asker.number, Died(message.process, text))

    def _kill_actor(self, _: Process, message: KillActor) -> None:
        record = self._directory.find(message.actor_id)
        if record is not None:
            self._end_actor(record, _KILLED)
        elif owner_of(message.actor_id) in self._processes.living:
            self._directory.kill_early(message.actor_id)

    def _end_actor(self, record: ActorRecord, why: str) -> None:
        if record.death is not None:
            return
        self._directory.free_name(record)
        process = None if record.process is None else self._processes.living.get(record.process)
        if process is not None:
            process.killed = process.killed or why
            self._processes.kill(process)
            return
        text = describe_death(record, None, why)
        self._directory.bury(record, text)
        for asker in (record.owner, *record.reachers):
            self._processes.send(asker, ActorDead(record.id, text))

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
