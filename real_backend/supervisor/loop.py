"""`Supervisor`: the loop, and what each message to it means. Started by `backend`, as a process of its own."""

from __future__ import annotations

import base64
import functools
import json
import logging
import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import setproctitle

from real_backend.control import (
    Ask,
    AskLease,
    Blocked,
    Broken,
    Constructed,
    CreateGroup,
    Died,
    EndActor,
    FindActor,
    ForgetActor,
    Furnish,
    GivingUp,
    Goodbye,
    KillActor,
    KillWorker,
    Leaving,
    Printed,
    ReachActor,
    ReachProcess,
    RemoveGroup,
    ReturnLease,
    StartActor,
    StatusIs,
    Staying,
    Told,
    Unblocked,
    Unneeded,
    Welcome,
)
from real_backend.limits import TOO_MANY, raise_file_limit
from real_backend.membership import KEY_SIZE
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER, NODE, Audit, Message, Remark, Squeeze
from real_backend.placement import Placement
from real_backend.supervisor.chronicle import Chronicle
from real_backend.supervisor.leasing import Leasing
from real_backend.supervisor.lives import Lives
from real_backend.supervisor.outputs import Outputs
from real_backend.supervisor.processes import Process, Processes
from real_backend.supervisor.shortage import Shortage, Waiting
from real_backend.supervisor.telling import Telling
from simactors.core import ids, starters

if TYPE_CHECKING:  # loaded where something is to go wrong
    from real_backend.mishaps import Mishaps
    from real_backend.supervisor.misfortunes import Misfortunes

_FAREWELL_S = 5.0


class UnhandledError(Exception):
    """A message of the driver that was too much for us; its text names it."""


class Supervisor:
    """Everything that concerns more than one process."""

    def __init__(self, told: Mapping[str, Any], key: bytes, ledger: Ledger) -> None:
        self._epoll = select.epoll()
        self._misfortunes: Misfortunes | None = None
        self._chronicle = Chronicle()
        total, namespace = told["total"], told["namespace"]
        labels = {**told["labels"], "ray.io/node-id": ids.node_id(NODE).hex()}
        self._placement = Placement(total, labels, told["gpus"])
        new_mishaps = None if told["faults"] is None else self._prepare_faults(told["faults"])
        self._outputs = Outputs(self._epoll, self._show)
        self._shows = bool(told["log_to_driver"])
        self._processes = Processes(self._epoll, namespace, key, ledger, self._outputs, new_mishaps)
        spare = max(1, int(total.get("CPU", 0)))
        self._leasing = Leasing(self._processes, self._placement, spare)
        self._lives = lives = Lives(self._processes, self._placement)
        self._telling = telling = Telling(
            self._epoll, self._processes, self._placement, lives, self._leasing, namespace
        )
        self._shortage = Shortage(self._placement, lives.held, self._warn)
        self._processes.private += telling.descriptors()
        self._parting = False
        self._handlers: dict[type, Callable[[Process, Any], None]] = {
            StartActor: lives.start,
            Furnish: lives.furnish,
            Constructed: lives.constructed,
            FindActor: lives.find,
            Ask: telling.answer,
            Goodbye: self._goodbye,
            CreateGroup: self._create_group,
            RemoveGroup: self._remove_group,
            StatusIs: lambda p, m: telling.rounds.answered(p.number, m),
            ReachActor: lives.reach,
            KillActor: lives.kill,
            EndActor: lives.end,
            ForgetActor: lives.forget,
            Audit: lives.audit,
            ReachProcess: self._reach_process,
            AskLease: lambda p, m: self._leasing.ask(p.number, m.need),
            ReturnLease: lambda _, m: self._leasing.give_back(m.lease, worn=m.worn),
            KillWorker: lambda _, m: self._leasing.kill(m.lease),
            Blocked: lambda _, m: self._leasing.block(m.lease),
            Unblocked: lambda _, m: self._leasing.unblock(m.lease),
            Leaving: self._leaving,
            Broken: self._broken,
            Squeeze: self._squeeze,
            Staying: lambda p, _: self._leasing.stay(p),
            Unneeded: lambda p, _: self._leasing.may_go(p),
        }

    def _prepare_faults(self, text: str) -> Callable[[], Mishaps]:
        """What makes those that strike at calls, for a worker; those that strike at a time are the supervisor's."""
        # Here, and not for every session: the types of a plan alone take as long to load as three of our packages.
        from real_backend.mishaps import Counters, Mishaps
        from real_backend.supervisor.misfortunes import Misfortunes

        plan = pickle.loads(base64.b64decode(text))
        tells = self._remark, self._chronicle.fault
        self._misfortunes = Misfortunes(plan, self._workers, self._names, *tells)
        return functools.partial(Mishaps, plan, Counters(len(plan.faults)), time.monotonic())

    def run(self, driver: socket.socket, driver_pid: int) -> None:
        """Serve until the driver closes its channel or is gone."""
        process = self._processes.add_driver(driver, driver_pid)
        self._processes.send(DRIVER, Welcome(os.getpid()))
        while not process.channel.closed:
            # Channels first: what a process said before it died must be heard before it is reaped.
            events = sorted(self._epoll.poll(self._patience_s()), key=lambda e: self._is_pidfd(e[0]))
            self._telling.rounds.look()
            if self._misfortunes is not None:
                self._misfortunes.look()
            for fd, mask in events:
                found = self._processes.by_fd.get(fd)
                if found is None:
                    self._hear(fd)
                elif fd != found.pidfd:
                    self._serve(found, mask)
                elif found is process:
                    return
                else:
                    self._ended(found)
            if self._parting:
                return
            self._outputs.pause(bool(process.channel.watched & select.EPOLLOUT))
            self._placement.place_groups()
            self._leasing.grant(others_wait=self._lives.place())
            self._shortage.look(self._waiting())

    def _waiting(self) -> list[Waiting]:
        tasks = [Waiting("a task", request) for request in self._leasing.wanted()]
        unplaced = [record.start for record in self._lives.unplaced()]
        return tasks + [Waiting(f"the actor {start.class_name}", start.need.request) for start in unplaced]

    def _patience_s(self) -> float | None:
        said = [self._telling.rounds.patience_s, self._shortage.patience_s]
        if self._misfortunes is not None:
            said.append(self._misfortunes.patience_s)
        return min((s for s in said if s is not None), default=None)

    def _hear(self, fd: int) -> None:
        """A descriptor that belongs to no process is ready."""
        if fd == self._telling.bell:
            self._telling.ring()
        else:
            self._outputs.read(fd)

    def give_up(self, error: BaseException) -> None:
        """Tell the driver why everything ends."""
        why = str(error) if isinstance(error, UnhandledError) else f"{type(error).__name__}: {error}"
        text = (
            f"The supervisor process of backend='local' has failed, and every actor and task with it. {why}. "
            "This is a bug of simactors. Call shutdown() and init() to start again."
        )
        self._processes.send(DRIVER, GivingUp(text))
        self._processes.drain(DRIVER, _FAREWELL_S)

    def end(self) -> None:
        """Leave nothing behind; what was printed is told to a driver that has said goodbye."""
        self._processes.kill_all()
        if self._parting:
            self._outputs.finish()
            self._processes.drain(DRIVER, _FAREWELL_S)

    def _goodbye(self, *_: object) -> None:
        self._parting = True

    def _show(self, printed: Printed) -> None:
        if self._shows:
            self._processes.send(DRIVER, printed)

    # What goes wrong on purpose

    def _workers(self) -> list[Process]:
        return [p for p in self._processes.living.values() if p.number != DRIVER]

    def _names(self, process: Process) -> list[str]:
        """What a fault plan may call a process, see `core.fault_plan`."""
        names = self._lives.names_of(process)
        return names or [self._outputs.name_of(process.pid), f"worker-{process.number}"]

    def _remark(self, text: str) -> None:
        self._show(Printed("simactors", os.getpid(), True, text))

    def _warn(self, text: str) -> None:
        if self._shows:
            self._processes.send(DRIVER, Remark(text))

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
            self._handle(process, message)
        if process.channel.closed:
            self._processes.drop_channel(process)
        if process.channel.fault is not None and process.number != DRIVER:
            process.killed = process.killed or process.channel.fault
            self._processes.kill(process)

    def _handle(self, process: Process, message: Message) -> None:
        """A bug of ours costs the process that has met it, and is told to those who wait for it; not the others.

        Raises:
            UnhandledError: it is the driver.
        """
        try:
            self._handlers[type(message)](process, message)
        except Exception as error:
            text = (
                f"{type(message).__name__} of process {process.number} could not be handled by the supervisor: "
                f"{type(error).__name__}: {error}"
            )
            if process.number == DRIVER:
                raise UnhandledError(text) from error
            traceback.print_exc()
            process.killed = process.killed or text
            self._processes.kill(process)

    def _ended(self, process: Process) -> None:
        # All that it said is in the socket; the end of the stream may never come, if a child of it lives on.
        self._listen(process, everything=True)
        death = self._processes.reap(
            process, functools.partial(self._lives.death_of, is_idle=self._leasing.is_idle(process))
        )
        self._chronicle.died(process, death)
        self._leasing.ended(process)
        self._lives.ended(process, death)
        self._telling.rounds.gone(process.number)
        for group in self._placement.groups_owned_by(process.number):
            self._end_group(group)

    def _reach_process(self, asker: Process, message: ReachProcess) -> None:
        try:
            self._processes.connect(asker.number, message.process)
        except OSError as error:
            text = f"It could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(asker.number, Died(message.process, text, restarts=False))

    # Placement groups

    def _create_group(self, owner: Process, message: CreateGroup) -> None:
        self._placement.create_group(
            message.request,
            message.name,
            message.strategy,
            message.bundles,
            message.selectors,
            None if message.detached else owner.number,
        )
        self._placement.place_groups()
        self._processes.send(owner.number, Told(message.request, None))

    def _remove_group(self, asker: Process, message: RemoveGroup) -> None:
        self._end_group(message.group_id)
        self._processes.send(asker.number, Told(message.request, None))

    def _end_group(self, group: int) -> None:
        if self._placement.remove_group(group):
            self._lives.group_removed(group)
            self._leasing.group_removed(group)

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
    setproctitle.setproctitle(f"simactors::supervisor driver={told['driver_pid']}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    if told["log_level"] is not None:
        logging.getLogger("simactors").setLevel(told["log_level"])
    starters.call(told["starters"])  # workers are forked from this process
    raise_file_limit()
    driver = socket.socket(fileno=told["fd"])
    key = driver.recv(KEY_SIZE, socket.MSG_WAITALL)
    if len(key) < KEY_SIZE:  # the driver is gone already
        os._exit(0)
    supervisor = Supervisor(told, key, Ledger(told["ledger"]))
    try:
        _serve(supervisor, driver, told["driver_pid"])
    finally:  # whatever has happened: nobody else ends those
        # What user code has started and not ended is in our process group, as we are.
        os.killpg(0, signal.SIGKILL)
        os._exit(0)


def _serve(supervisor: Supervisor, driver: socket.socket, driver_pid: int) -> None:
    try:
        supervisor.run(driver, driver_pid)
    except BaseException as error:
        traceback.print_exc()
        supervisor.give_up(error)
    finally:
        sys.stderr.flush()
        supervisor.end()
