"""`Shortage`: tells the user of tasks and actors that can't be placed as long as the actors that there are live.

As on Ray they wait, perhaps for ever: only `placement` decides who gets what.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from real_backend.placement import Placement
from simactors.core.requests import Bundle, Request
from simactors.core.resources import Amounts, quantities_of

PATIENCE_S = 5.0
"""So long something waits before that is looked at: what holds resources may be about to end."""


class Waiting(NamedTuple):
    """Who waits, ``a task`` or ``the actor Model``, and for what."""

    who: str
    request: Request


class Shortage:
    """Of one session; each thing that is asked for is told once.

    Args:
        held: what actors keep as long as they live, outside of placement groups.
        tell: shows the user a warning.
    """

    def __init__(
        self, placement: Placement, held: Callable[[], Sequence[Amounts]], tell: Callable[[str], None]
    ) -> None:
        self._placement = placement
        self._held = held
        self._tell = tell
        self._due: dict[Amounts, float] = {}
        self._told: set[Amounts] = set()

    @property
    def patience_s(self) -> float | None:
        """In how many seconds `look` has to be called; None if nobody waits."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def look(self, waiting: Sequence[Waiting]) -> None:
        """So much waits now."""
        if not waiting and not self._due:
            return
        now = time.monotonic()
        # Bundles have resources of their own, and may be placed when their group is.
        wanted = {
            each.request.to_place: each.who for each in waiting if type(each.request.where) is not Bundle
        }
        self._due = {
            amounts: self._due.get(amounts, now + PATIENCE_S)
            for amounts in wanted
            if amounts not in self._told
        }
        for amounts in [amounts for amounts, due in self._due.items() if due <= now]:
            self._due[amounts] = now + PATIENCE_S
            self._judge(wanted[amounts], amounts)

    def _judge(self, who: str, amounts: Amounts) -> None:
        total, held = self._placement.pool.total, dict[str, int]()
        for each in self._held():
            for name, units in each:
                held[name] = held.get(name, 0) + units
        missing = [name for name, units in amounts if total.get(name, 0) - held.get(name, 0) < units]
        if not missing:
            return
        self._told.add(amounts)
        del self._due[amounts]
        there = {name: total.get(name, 0) for name in missing}
        kept = {name: held[name] for name in missing if held.get(name)}
        of_which = f", of which actors keep {_in_words(kept)} while they live" if kept else ""
        self._tell(
            f"{who} waits for {_in_words(dict(amounts))}, and may wait for ever: there are {_in_words(there)} in all"
            f"{of_which}. Ask for less (num_cpus=0, say), or tell init(num_cpus=, num_gpus=, resources=) that there "
            "is more"
        )


def _in_words(amounts: dict[str, int]) -> str:
    return " and ".join(f"{quantity:g} {name}" for name, quantity in quantities_of(amounts.items()).items())
