"""What asyncio makes for a simulated loop, in an order that is the same in every run: futures, tasks, timers."""

from __future__ import annotations

import asyncio
from typing import Any

from simactors.sim import threads

# Sets of futures and tasks, which asyncio and programs make, are iterated by their numbers.


class NumberedFuture(asyncio.Future[Any]):
    """See above."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class NumberedTask(asyncio.Task[Any]):
    """Numbered before the constructor puts it into a set."""

    number = 0

    def __hash__(self) -> int:
        return self.number

    def set_name(self, value: object) -> None:
        """As asyncio's; some Pythons say None where nobody gave a name."""
        if value is not None:
            super().set_name(value)


NumberedFuture.__name__ = NumberedFuture.__qualname__ = "Future"  # as messages and `repr` say it
NumberedTask.__name__ = NumberedTask.__qualname__ = "Task"


def numbered_task(loop: Any, coro: Any, **options: Any) -> NumberedTask:
    """See `asyncio.AbstractEventLoop.set_task_factory`."""
    made = NumberedTask.__new__(NumberedTask)
    made.number = loop._kernel.next_number()
    if options.get("name") is None:  # asyncio's own count goes on from run to run, and over all processes
        mine = threads.of(loop._process)
        mine.tasks += 1
        options["name"] = f"Task-{mine.tasks}"
    NumberedTask.__init__(made, coro, loop=loop, **options)
    return made


class NumberedTimer(asyncio.TimerHandle):
    """Of two with the same time, the one that was set first comes first: a real clock goes on between them.

    asyncio's own come as its heap has them, which is no order at all where several have the same time.
    """

    __slots__ = ("_number",)

    def __init__(self, number: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._number = number

    def __lt__(self, other: Any) -> bool:
        return (self._when, self._number) < (other._when, other._number)  # type: ignore[attr-defined]  # asyncio's
