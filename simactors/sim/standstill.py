"""Says who waits for what when nothing can run any more: the text of a `DeadlockError`."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType

from simactors.sim.fiber import innermost_frame
from simactors.sim.kernel import Waiter
from simactors.sim.placement import Placement

_OURS = ("simactors", "greenlet", "simpy")


def explain(blocked: Sequence[Waiter], placement: Placement) -> str:
    """One line for each living process whose code waits, the longest first."""
    lines = []
    for waiter in blocked:
        if waiter.process.dead:
            continue
        place = _user_line(innermost_frame(waiter.fiber))
        lines.append(f"  {waiter.process.label} waits for {waiter.why}{place}")
    return "\n".join(lines)


def _user_line(frame: FrameType | None) -> str:
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _OURS:
            code = frame.f_code
            return f'\n    at File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}'
        frame = frame.f_back
    return ""
