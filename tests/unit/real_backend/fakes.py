"""Fakes of what the parts of the supervisor talk to."""

from __future__ import annotations

from typing import Any

from real_backend.control import Surroundings
from real_backend.messages import DRIVER, Message
from real_backend.supervisor.processes import Process


class FakeProcesses:
    """Processes that nobody forks: they only have numbers, and it is noted what they are told.

    Attributes:
        said: what was sent, as (receiver, message).
        refused: pairs that can't be connected, for lack of descriptors.
    """

    def __init__(self) -> None:
        self.living: dict[int, Process] = {}
        self.said: list[tuple[int, Message]] = []
        self.killed: list[int] = []
        self.refused: set[tuple[int, int]] = set()
        self._last = DRIVER - 1
        self.add()

    def add(self, actor_id: int | None = None) -> Process:
        self._last += 1
        channel: Any = None
        process = Process(self._last, 1000 + self._last, -1, channel, self._last, actor_id)
        self.living[process.number] = process
        return process

    def start_worker(self, actor_id: int | None = None, surroundings: Surroundings | None = None) -> Process:
        return self.add(actor_id)

    def connect(self, one: int, other: int) -> bool:
        if (one, other) in self.refused:
            raise OSError(24, "Too many open files")
        self.living[one].connected.add(other)
        self.living[other].connected.add(one)
        return True

    def send(self, number: int, message: Message) -> None:
        if number in self.living:
            self.said.append((number, message))

    def kill(self, process: Process) -> None:
        self.killed.append(process.number)

    def told(self, number: int, kind: type[Any]) -> list[Any]:
        """The messages of that kind that a process was sent, oldest first."""
        return [message for receiver, message in self.said if receiver == number and type(message) is kind]
