"""`Producers`: the generators that this process runs, as far as they may not run too far ahead of their consumers.

Not running them: `worker/producing` enters itself here. What consumers say arrives at the client.
"""

from __future__ import annotations

from collections.abc import Callable

from real_backend.messages import Taken

ALL = 1 << 62
"""More items than any generator yields: as many have been taken where nobody takes any."""


class Producers:
    """Under the lock of the process.

    Args:
        is_there: whether the process of that number is known, and not gone.
    """

    def __init__(self, is_there: Callable[[int], bool]) -> None:
        self._is_there = is_there
        self._entered: dict[int, tuple[int, Callable[[int], None]]] = {}

    def enter(self, call_id: int, asker: int, hear: Callable[[int], None]) -> None:
        """From now on, tell `hear` how many items of this call have been taken by the process that made it."""
        self._entered[call_id] = asker, hear
        if not self._is_there(asker):  # its death was told before
            hear(ALL)

    def leave(self, call_id: int) -> None:
        """No more items of this call will come."""
        self._entered.pop(call_id, None)

    def on_taken(self, message: Taken) -> None:
        """A consumer has taken items."""
        _, hear = self._entered.get(message.call_id, (0, None))
        if hear is not None:
            hear(message.taken)

    def process_gone(self, process: int) -> None:
        """What that process would take nobody will: its generators run on, as on Ray."""
        for asker, hear in list(self._entered.values()):
            if asker == process:
                hear(ALL)
