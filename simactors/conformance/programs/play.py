"""`Play`: a program ready to run, on whichever backend is open, and what its driver sees: its `Outcome`."""

from __future__ import annotations

import json
import linecache
from collections.abc import Callable
from typing import Any

from simactors.exceptions import DeadlockError, GetTimeoutError, LimitError

Outcome = str
"""All that the driver saw, in order, as JSON. Nothing of it is of one run alone: no times, ids, or texts of errors."""


class Play:
    """See above.

    Args:
        source: of the program; see `rendering`.
        name: in tracebacks.

    Attributes:
        seen: what the driver has seen so far in the run that was begun last: names and values.
    """

    def __init__(self, source: str, name: str) -> None:
        # The module is nowhere to be imported from: its code travels by value, as a script's does.
        namespace: dict[str, Any] = {"__name__": name.replace("-", "_")}
        file = f"{name}.py"
        # Threads can be interrupted only in code whose source is known, and tracebacks show it.
        linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
        exec(compile(source, file, "exec", dont_inherit=True), namespace)
        self._main: Callable[..., None] = namespace["main"]
        self.seen: list[Any] = []

    def run(self, patience_s: float | None = None, token: str = "") -> Outcome:
        """One run on the open backend.

        Args:
            patience_s: what takes longer never ends, in seconds; None: the backend knows by itself.
            token: of this run: names of actors end so.
        """
        outcomes: list[Outcome] = []
        self.tell(outcomes.append, patience_s, token)
        return outcomes[0]

    def tell(self, told: Callable[[Outcome], None], patience_s: float | None = None, token: str = "") -> None:
        """As `run`, but what the simulator raises goes on: it must know how its run has ended."""
        seen = self.seen = []
        try:
            self._main(lambda *pair: seen.append(pair), patience_s, token)
        except GetTimeoutError:
            seen.append("hangs")
        except (DeadlockError, LimitError):  # really, it would take longer than anybody waits
            seen.append("hangs")
            told(json.dumps(seen))
            raise
        told(json.dumps(seen))
