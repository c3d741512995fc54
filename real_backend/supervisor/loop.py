"""`Supervisor`: the loop, and what each message to it means. Started by `backend`, as a process of its own."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NoReturn

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
    HowAreYou,
    KillActor,
    KillWorker,
    Leaving,
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
from real_backend.frames import KEY_SIZE
from real_backend.membership import TOO_MANY, raise_file_limit
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER, Audit, Squeeze
from real_backend.placement import NODE, Placement
from real_backend.supervisor.leasing import Leasing
from real_backend.supervisor.lives import Lives
from real_backend.supervisor.processes import Process, Processes
from real_backend.supervisor.rounds import Rounds
from simactors.core import ids
from simactors.core.resources import quantities_of


class Supervisor:
    """Everything that concerns more than one process."""

    def __init__(self, told: Mapping[str, Any], key: bytes, ledger: Ledger) -> None:
        self._epoll = select.epoll()
        total, namespace = told["total"], told["namespace"]
        labels = {"ray.io/node-id": ids.node_id(NODE).hex(), **told["labels"]}
        self._placement = Placement(total, labels, told["gpus"])
        self._processes = Processes(self._epoll, namespace, key, ledger)
        spare = max(1, int(total.get("CPU", 0)))
        self._leasing = Leasing(self._processes, self._placement, spare)
        self._lives = lives = Lives(self._processes, self._placement)
        self._rounds = Rounds(self._ask_all)
        self._handlers: dict[type, Callable[[Process, Any], None]] = {
            StartActor: lives.start,
            Furnish: lives.furnish,
            Constructed: lives.constructed,
            FindActor: lives.find,
            Ask: self._tell,
            CreateGroup: self._create_group,
            RemoveGroup: self._remove_group,
            StatusIs: lambda p, m: self._rounds.answered(p.number, m),
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

    def run(self, driver: socket.socket, driver_pid: int) -> None:
        """Serve until the driver closes its channel or is gone."""
        process = self._processes.add_driver(driver, driver_pid)
        self._processes.send(DRIVER, Welcome(os.getpid()))
        while not process.channel.closed:
            # Channels first: what a process said before it died must be heard before it is reaped.
            events = sorted(self._epoll.poll(self._rounds.patience_s), key=lambda e: self._is_pidfd(e[0]))
            self._rounds.look()
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
            self._placement.place_groups()
            self._leasing.grant(others_wait=self._lives.place())

    def _ask_all(self, question: HowAreYou) -> list[int]:
        workers = [number for number in self._processes.living if number != DRIVER]
        for number in workers:
            self._processes.send(number, question)
        return workers

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
        self._rounds.gone(process.number)
        for group in self._placement.groups_owned_by(process.number):
            self._end_group(group)

    def _reach_process(self, asker: Process, message: ReachProcess) -> None:
        try:
            self._processes.connect(asker.number, message.process)
        except OSError as error:
            text = f"It could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(asker.number, Died(message.process, text, restarts=False))

    # What is told of the session

    def _tell(self, asker: Process, message: Ask) -> None:
        if message.what == "timeline":
            self._rounds.begin(
                functools.partial(self._tell_timeline, asker.number, message.request), wants_events=True
            )
            return
        answer: object = None
        if message.what == "names":
            answer = self._lives.names()
        elif message.what == "groups":
            answer = [asdict(group) for group in self._placement.groups()]
        elif message.what == "node":
            answer = self._node()
        self._processes.send(asker.number, Told(message.request, answer))

    def _node(self) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
        """What there is, what is free, and the labels."""
        itself = {f"node:{ids.node_address(NODE)}": 1.0, "node:__internal_head__": 1.0}
        total = quantities_of(self._placement.pool.total.items())
        return {**total, **itself}, {**self._placement.available(), **itself}, dict(self._placement.labels)

    def _tell_timeline(self, asker: int, request: int, answers: dict[int, StatusIs]) -> None:
        events: list[dict[str, Any]] = [
            {
                "cat": f"task::{label}",
                "cname": "generic_work",
                "name": label,
                "ph": "X",
                "pid": "this machine",
                "tid": f"process {number}",
                "ts": begin * 1e6,
                "dur": (end - begin) * 1e6,
                "args": {"call": call_id, "ended": "return" if returned else "raise"},
            }
            for number, status in answers.items()
            for label, call_id, begin, end, returned in status.events
        ]
        self._processes.send(asker, Told(request, sorted(events, key=lambda event: event["ts"])))

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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    raise_file_limit()
    driver = socket.socket(fileno=told["fd"])
    key = driver.recv(KEY_SIZE, socket.MSG_WAITALL)
    if len(key) < KEY_SIZE:  # the driver is gone already
        os._exit(0)
    supervisor = Supervisor(told, key, Ledger(told["ledger"]))
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
