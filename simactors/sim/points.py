"""Where a fault plan may step in around calls: before one starts, and after it has run.

Not what it does there (`faults.py`); `turns.py` and `tasks.py` ask.
"""

from __future__ import annotations

from collections.abc import Callable

from simactors.sim.invocation import Invocation


class Points:
    """What a fault plan wants to do around calls; nothing by default.

    Attributes:
        before: asked when a call is about to start; true if it has ended the process.
        after: the same when it has run, before its reply is sent.
    """

    before: Callable[[Invocation], bool] | None = None
    after: Callable[[Invocation], bool] | None = None
