"""Calls that are passed over: they have arrived at their actor, and others that came later are answered before them.

Not calls that only take long, nor those whose message is late: an actor can't help that.
"""

from __future__ import annotations

from simactors.exceptions import StarvationError
from simactors.sim.config import NS
from simactors.sim.fail_on import FailOn
from simactors.sim.invocation import Invocation
from simactors.sim.lines import definition


class _Waiting:
    """A call that is not answered.

    Attributes:
        passed: how many that came later were.
    """

    __slots__ = ("arrived_ns", "passed")

    def __init__(self, arrived_ns: int) -> None:
        self.arrived_ns = arrived_ns
        self.passed = 0


class Starvation:
    """The calls that have arrived at their actors in one run."""

    def __init__(self, fail_on: FailOn) -> None:
        self._most_calls = fail_on.starvation_calls
        self._most_ns = None if fail_on.starvation_s is None else round(fail_on.starvation_s * NS)
        self._waiting: dict[int, dict[Invocation, _Waiting]] = {}  # by actor, in the order of arrival

    def arrived(self, call: Invocation, now_ns: int) -> None:
        """A call is at its actor; a generator is answered item by item, and doesn't count."""
        if call.stream is None:
            self._waiting.setdefault(call.actor.id, {})[call] = _Waiting(now_ns)

    def lost(self, call: Invocation) -> None:
        """It is there no more."""
        if call.actor is not None:
            self._waiting.get(call.actor.id, {}).pop(call, None)

    def answered(self, call: Invocation, now_ns: int) -> StarvationError | None:
        """Who has waited for too long by now, if somebody has."""
        if call.actor is None or call not in self._waiting.get(call.actor.id, {}):
            return None
        waiting = self._waiting[call.actor.id]
        found = None
        for other, since in waiting.items():
            if other is call:
                break
            since.passed += 1
            if found is None and self._is_too_much(since, now_ns):
                found = self._error(other, since, call, now_ns)
        del waiting[call]
        return found

    def _is_too_much(self, since: _Waiting, now_ns: int) -> bool:
        if self._most_calls is not None and since.passed >= self._most_calls:
            return True
        return self._most_ns is not None and now_ns - since.arrived_ns > self._most_ns

    def _error(self, call: Invocation, since: _Waiting, other: Invocation, now_ns: int) -> StarvationError:
        actor = call.actor
        calls = "1 call" if since.passed == 1 else f"{since.passed} calls"
        return StarvationError(
            f"{call} of {call.caller.label} starves: it arrived at {actor} at {since.arrived_ns / NS:.6f}s of virtual "
            f"time, and is not answered at {now_ns / NS:.6f}s, though {calls} that came later were, the last of them "
            f"{other} of {other.caller.label}. See to it that whoever came first has its turn.\n"
            f"{definition(actor.cls.functions.get(call.function))}".rstrip()
        )
