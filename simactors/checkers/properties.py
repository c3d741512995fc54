"""Properties that a program states about itself, in its own code: `always`, `sometimes`, `eventually` and their kin.

To be called by actors, tasks, drivers and tests, in a simulation and anywhere else. What was met is noted in
`core.sightings`, from where a runner tells, after many runs, what never happened; what is stated and never reached is
found by `declarations.py`. Sources: the sometimes assertions of FoundationDB's simulation (Zhou et al., FoundationDB,
SIGMOD 2021, section 4) and Antithesis's properties::

    sometimes(len(queue) == limit, "the queue is full")
    eventually(lambda: ray.get(replica.lag.remote()) == 0, within_s=5)
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from typing import Any

from simactors.core import sightings
from simactors.core.sightings import Kind, Property
from simactors.exceptions import EscapeError, Finding, InternalError, ViolationError

_INSTANT_S = 1e-6
"""Less than this is no time to wait for: it could be rounded to nothing."""


def always(condition: object, message: str, /, **details: Any) -> None:
    """State what must hold whenever the program comes by.

    Args:
        condition: whether it does.
        message: what must hold: ``"no account is overdrawn"``; it is the name of the property as well.
        details: what helps to understand it if it does not.

    Raises:
        ViolationError: it does not hold.
        TypeError: the condition is no answer, but a function or something to wait for.

    Examples:
        >>> balance = -3
        >>> always(balance >= 0, "no account is overdrawn", balance=balance)
        Traceback (most recent call last):
        simactors.exceptions.ViolationError: not always: no account is overdrawn with balance=-3
    """
    __tracebackhide__ = True
    held = _held(condition)
    _note("always", message, held=held)
    if not held:
        raise ViolationError(f"not always: {message}{_told(details)}")


def sometimes(condition: object, name: str) -> None:
    """State what should hold at least once in many runs when the program comes by: that a test gets there at all.

    Args:
        condition: whether it holds now.
        name: what should happen: ``"the queue is full"``.

    Raises:
        TypeError: as for `always`.
    """
    _note("sometimes", name, held=_held(condition))


def reachable(name: str) -> None:
    """State that the program should come by at least once in many runs."""
    _note("reachable", name, held=True)


def unreachable(name: str, /, **details: Any) -> None:
    """State that the program must never come by.

    Args:
        name: what must not happen: ``"two leaders in one term"``.
        details: what helps to understand it if it does.

    Raises:
        ViolationError: always.
    """
    __tracebackhide__ = True
    _note("unreachable", name, held=False)
    raise ViolationError(f"reached: {name}{_told(details)}")


def eventually(
    condition: Callable[[], object],
    within_s: float,
    every_s: float = 0.1,
    *,
    name: str = "",
    after_s: float | None = None,
) -> None:
    """Wait until something holds, which it must once nothing more goes wrong.

    It blocks as `time.sleep` does: in a simulation for virtual time, in an async actor with all that runs there.

    Args:
        condition: whether it holds; asked again and again. While it raises, it does not; findings are passed on.
        within_s: how long it may take, counted from the moment when the last planned fault is over, so that what can
            be asked of a system while it is disturbed is not asked of it. Seconds, as the program sees them.
        every_s: how long to wait before it is asked again.
        name: what must hold; the condition's own name if not given.
        after_s: count from so many seconds from now instead, whatever the faults do.

    Raises:
        ViolationError: it did not hold in time.
        ValueError: a time that is no time to wait.
        TypeError: what the condition returns is no answer, as for `always`; get what a call returns.
    """
    __tracebackhide__ = True
    if not (within_s >= 0 and every_s >= _INSTANT_S):
        raise ValueError(f"eventually needs within_s >= 0 and every_s > 0, not {within_s} and {every_s}")
    name = name or getattr(condition, "__qualname__", type(condition).__name__)
    begun_s = time.monotonic()
    calm_s = begun_s + (after_s or 0.0)
    while True:
        held, error = _ask(condition)
        if held:
            break
        now_s = time.monotonic()
        if after_s is None:
            disturbed_s = sightings.current().calm_in_s()
            calm_s = now_s + disturbed_s if disturbed_s > 0 else calm_s
        left_s = calm_s + within_s - now_s
        if left_s < _INSTANT_S:
            break
        time.sleep(min(every_s, left_s))
    _note("eventually", name, held=held)
    if not held:
        waited = f"waited {now_s - begun_s:g} s"
        before = f", {calm_s - begun_s:g} s of it before faults were over" if calm_s > begun_s else ""
        last = f"; the last time, it raised {error!r}" if error else ""
        told = f"not within {within_s:g} s: {name}: {waited}{before}{last}{_stood_still()}"
        raise ViolationError(told) from error


def _stood_still() -> str:
    """What async code may not have thought of."""
    running = getattr(sys.modules.get("asyncio"), "get_running_loop", None)
    try:
        if running is None or running() is None:
            return ""
    except RuntimeError:  # there is none
        return ""
    return "; the event loop stood still meanwhile: `await asyncio.to_thread(eventually, ...)` lets it run"


def _ask(condition: Callable[[], object]) -> tuple[bool, Exception | None]:
    """Whether it holds, and what it raised: a call to a node that is down does, and so does an `assert`."""
    try:
        answer = condition()
        held = bool(answer)
    except (Finding, InternalError, EscapeError):
        raise  # these are not about the state of the program, and waiting does not change them
    except Exception as error:
        return False, error
    return held and _held(answer), None


def _held(condition: object) -> bool:
    """Whether a condition holds; functions and what is to be awaited, references to objects as well, would always."""
    if inspect.isroutine(condition) or hasattr(type(condition), "__await__"):
        if inspect.iscoroutine(condition):
            condition.close()  # or it would be complained of that nobody has awaited it
        raise TypeError(
            f"whether it holds is not told by {condition!r}: call it, `get` its answer, or await it, and give that"
        )
    return bool(condition)


def _note(kind: Kind, name: str, *, held: bool) -> None:
    """Note that the caller of a function of this module has met a property."""
    frame = sys._getframe(2)
    met = Property(frame.f_code.co_filename, frame.f_lineno, kind, name)
    sightings.current().note(met, held=held)


def _told(details: dict[str, Any]) -> str:
    return "".join(
        f"{' with' if not place else ','} {name}={details[name]!r}" for place, name in enumerate(details)
    )
