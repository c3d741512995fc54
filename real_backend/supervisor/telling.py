"""`Telling`: answers what processes of the session ask about it, and writes its status for who asks from outside.

It changes nothing: it reads what `lives`, `leasing` and `processes` know. `loop` calls it when a process asks, and
when the bell rings. See `core.status` for what those outside read.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import time
from typing import Any

from msgspec.structs import asdict

from real_backend.control import Ask, HowAreYou, StatusIs, Told
from real_backend.directory import ActorRecord
from real_backend.messages import DRIVER, NODE
from real_backend.placement import Placement
from real_backend.supervisor.leasing import Leasing
from real_backend.supervisor.lives import Lives
from real_backend.supervisor.processes import Process, Processes
from real_backend.supervisor.rounds import Rounds
from simactors.core import ids
from simactors.core.resources import quantities_of
from simactors.core.status import FILE_NAME, Page, ProcessStatus, SessionStatus, write_page

_RINGS_AT_ONCE = 4096


class Telling:
    """What is known of one session.

    Attributes:
        rounds: the questions to all processes that are under way.
        bell: a descriptor that is readable when somebody wants the status to be written anew.
    """

    def __init__(
        self,
        epoll: select.epoll,
        processes: Processes,
        placement: Placement,
        lives: Lives,
        leasing: Leasing,
        namespace: str,
    ) -> None:
        self._processes = processes
        self._placement = placement
        self._lives = lives
        self._leasing = leasing
        self._namespace = namespace
        self._started_at = time.time()
        self.rounds = Rounds(self._ask_all)
        self._file = os.memfd_create(FILE_NAME, os.MFD_CLOEXEC)
        # Both ends stay open: a pipe without a writer would be readable all the time.
        self.bell, self._rope = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        epoll.register(self.bell, select.EPOLLIN)
        self._edition = 0
        self._write(None)

    def descriptors(self) -> list[int]:
        """What a forked child has to close: it is no business of a worker's."""
        return [self._file, self.bell, self._rope]

    def _ask_all(self, question: HowAreYou) -> list[int]:
        workers = [number for number in self._processes.living if number != DRIVER]
        for number in workers:
            self._processes.send(number, question)
        return workers

    # Inside

    def answer(self, asker: Process, message: Ask) -> None:
        """A process of the session asks."""
        if message.what == "timeline":
            tell = functools.partial(self._tell_timeline, asker.number, message.request)
            self.rounds.begin(tell, wants_events=True)
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

    # Outside

    def ring(self) -> None:
        """Somebody outside wants to know."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.bell, _RINGS_AT_ONCE)
        self.rounds.begin(lambda answers: self._write(self._status(answers)))

    def _write(self, status: SessionStatus | None) -> None:
        self._edition += status is not None
        write_page(self._file, Page(self._edition, self._rope, os.getpid()), status)

    def _status(self, answers: dict[int, StatusIs]) -> SessionStatus:
        living = self._processes.living
        homes = {record.process for record in self._lives.living()}
        driver = ProcessStatus(pid=living[DRIVER].pid, kind="driver", stored=self._stored(living[DRIVER]))
        actors = [self._actor(record, answers) for record in self._lives.living()]
        workers = [
            self._worker(process, answers.get(number))
            for number, process in living.items()
            if number != DRIVER and number not in homes
        ]
        return SessionStatus(
            supervisor_pid=os.getpid(),
            driver_pid=driver.pid or 0,
            namespace=self._namespace,
            started_at=self._started_at,
            total=quantities_of(self._placement.pool.total.items()),
            available=self._placement.available(),
            waiting=self._leasing.waiting + self._lives.waiting,
            processes=[driver, *actors, *workers],
        )

    def _actor(self, record: ActorRecord, answers: dict[int, StatusIs]) -> ProcessStatus:
        start = record.start
        process = None if record.process is None else self._processes.living.get(record.process)
        answer = None if process is None else answers.get(process.number)
        if process is None or not record.constructed:
            state = "RESTARTING" if record.incarnation else "PENDING_CREATION"
        else:
            state = "SILENT" if answer is None else "ALIVE"
        return ProcessStatus(
            pid=None if process is None else process.pid,
            kind="actor",
            name=start.class_name,
            actor_id=ids.actor_id(start.actor_id).hex(),
            actor_name=start.name,
            namespace=start.namespace,
            state=state,
            restarts=record.incarnation,
            max_restarts=start.max_restarts,
            resources={} if process is None else quantities_of(record.grant.amounts),
            stored=0 if process is None else self._stored(process),
            **_counts(answer),
        )

    def _worker(self, process: Process, answer: StatusIs | None) -> ProcessStatus:
        grant = self._leasing.grant_of(process)
        label = "" if answer is None else answer.label
        return ProcessStatus(
            pid=process.pid,
            kind="worker",
            name=label,
            state="SILENT" if answer is None else "BUSY" if label else "IDLE",
            resources={} if grant is None else quantities_of(grant.amounts),
            stored=self._stored(process),
            **_counts(answer),
        )

    def _stored(self, process: Process) -> int:
        return self._processes.ledger.bytes_of(process.account)


def _counts(answer: StatusIs | None) -> dict[str, Any]:
    if answer is None:
        return {"pending": None, "done": None, "waits_for": None}
    return {"pending": answer.pending, "done": answer.done, "waits_for": answer.waits_for}
