"""`Late`: takes messages from the inbox as a fault plan lets them come: some late, and what is behind them later.

Not which calls are late, and by how much: `mishaps` knows the plan. `process` takes from here instead of from the inbox
where a plan has such faults.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from real_backend.messages import Call, Task

if TYPE_CHECKING:  # loaded where something is to go wrong
    from real_backend.mishaps import Mishaps

Item = tuple[int, Any]


class Late:
    """The messages of one process that are held back.

    Args:
        label_of: what the plan calls a message; None for one that it can't mean.
    """

    def __init__(self, label_of: Callable[[object], str | None], mishaps: Mishaps) -> None:
        self._label_of = label_of
        self._mishaps = mishaps
        # By sender: what one sends keeps its order.
        self._held: dict[int, deque[tuple[float, Item]]] = {}

    def next(
        self, inbox: deque[Item], wait_until: Callable[[Callable[[], object], float | None], bool]
    ) -> Item:
        """The next message whose time has come."""
        while True:
            due = self._take_due()
            if due is not None:
                return due
            if inbox:
                item = inbox.popleft()
                if not self._holds(item):
                    return item
            else:
                wait_until(lambda: inbox, self._patience_s())

    def _holds(self, item: Item) -> bool:
        sender, message = item
        late_s = 0.0
        label = self._label_of(message) if isinstance(message, Call | Task) else None
        if label is not None:
            attempt = 0 if message.options is None else message.options.attempt
            late_s = self._mishaps.late_s(label, attempt)
        if late_s:
            self._held.setdefault(sender, deque()).append((time.monotonic() + late_s, item))
        elif sender in self._held:
            self._held[sender].append((0.0, item))
        return bool(late_s) or sender in self._held

    def _take_due(self) -> Item | None:
        for sender, held in self._held.items():
            if held[0][0] <= time.monotonic():
                _, item = held.popleft()
                if not held:
                    del self._held[sender]
                return item
        return None

    def _patience_s(self) -> float | None:
        if not self._held:
            return None
        return max(0.0, min(held[0][0] for held in self._held.values()) - time.monotonic())
