"""Where a fault plan may step in around calls, before one starts and after it has run; and who else is told of that.

Not what they do there (`faults.py`, `call_log.py`); `turns.py` and `tasks.py` ask.
"""

from __future__ import annotations

from collections.abc import Callable

from simactors.sim.invocation import Invocation


class Points:
    """What is done around calls; nothing by default.

    Attributes:
        before: asked when a call is about to start; true if it has ended the process.
        after: the same when it has run, before its reply is sent.
        begun: told of each call of an actor that starts, whatever the plan is.
    """

    before: Callable[[Invocation], bool] | None = None
    after: Callable[[Invocation], bool] | None = None
    begun: Callable[[Invocation], None] | None = None

    def begin(self, invocation: Invocation) -> bool:
        """A call of an actor is about to start; true if that has ended its process."""
        if self.before is not None and self.before(invocation):
            return True
        if self.begun is not None:
            self.begun(invocation)
        return False
