"""Judges of how often requests took effect: exactly once, at most once, at least once.

What clients asked, and what they were told, is compared with what the system says it applied. Not in which order: that
is for `ordering.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from simactors.checkers.verdict import Ok, Verdict, Violated
from simactors.core.history import History, Operation, Status


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt of a client to have something done.

    Attributes:
        key: what it is known by; attempts with the same key ask for the same thing, as retries do.
        status: how it ended, as for an `Operation`. ``returned``: it was done. ``refused``: it certainly was not.
            ``unknown``, ``raised``: it may have been; what an operation raises does not tell what it had done before.
    """

    key: Hashable
    status: Status = "returned"


def requests(history: History, key: Callable[[Operation], Hashable]) -> list[Request]:
    """The requests of a history.

    Args:
        key: what a request is known by: ``lambda operation: operation.args[0]``.
    """
    return [Request(key(operation), operation.status) for operation in history]


def exactly_once(requests: Iterable[Request], effects: Iterable[Hashable]) -> Verdict:
    """Whether what was acknowledged took effect once, what was refused never, and all else once or never.

    Args:
        requests: what clients attempted.
        effects: the keys of what the system applied, in order, each as often as it was.

    Returns:
        `Violated` names the first effect that is one too many; if there is none, the first that is missing.

    Examples:
        >>> print(exactly_once([Request("pay-1", "unknown"), Request("pay-1")], ["pay-1", "pay-1"]))
        exactly once: violated: pay-1 took effect twice; there were 2 attempts
          pay-1 attempted: unknown, returned
          pay-1 applied:   effect 1, effect 2
    """
    return _judge("exactly once", requests, effects, may_repeat=False, may_miss=False)


def at_most_once(requests: Iterable[Request], effects: Iterable[Hashable]) -> Verdict:
    """Whether nothing took effect twice, and nothing that was refused, or that nobody asked for; see `exactly_once`."""
    return _judge("at most once", requests, effects, may_repeat=False, may_miss=True)


def at_least_once(requests: Iterable[Request], effects: Iterable[Hashable]) -> Verdict:
    """Whether what was acknowledged took effect, and nothing else did than what may have; see `exactly_once`."""
    return _judge("at least once", requests, effects, may_repeat=True, may_miss=False)


def _judge(
    name: str,
    requests: Iterable[Request],
    effects: Iterable[Hashable],
    *,
    may_repeat: bool,
    may_miss: bool,
) -> Verdict:
    attempts: dict[Hashable, list[Status]] = {}
    for request in requests:
        attempts.setdefault(request.key, []).append(request.status)
    applied: dict[Hashable, list[int]] = {}
    for place, key in enumerate(effects):
        places = applied.setdefault(key, [])
        places.append(place)
        wrong = _one_too_many(key, attempts.get(key), places, may_repeat=may_repeat)
        if wrong:
            return Violated(name, wrong, _picture(key, attempts.get(key, ()), places), (key, tuple(places)))
    for key, statuses in attempts.items():
        if not may_miss and key not in applied and "returned" in statuses:
            reason = f"{key} was acknowledged, but never took effect"
            return Violated(name, reason, _picture(key, statuses, ()), (key, ()))
    return Ok(name, len(attempts))


def _one_too_many(
    key: Hashable, statuses: Sequence[Status] | None, places: Sequence[int], *, may_repeat: bool
) -> str:
    """What is wrong with the last effect so far; empty if nothing is."""
    if statuses is None:
        return f"{key} took effect, but nobody had asked for it"
    if all(status == "refused" for status in statuses):
        return f"{key} took effect, but it was refused"
    if len(places) > 1 and not may_repeat:
        attempts = "it was attempted once" if len(statuses) == 1 else f"there were {len(statuses)} attempts"
        return f"{key} took effect twice; {attempts}"
    return ""


def _picture(key: Hashable, statuses: Sequence[Status], places: Sequence[int]) -> str:
    attempted = ", ".join(statuses) or "never"
    applied = ", ".join(f"effect {place + 1}" for place in places) or "never"
    return f"  {key} attempted: {attempted}\n  {key} applied:   {applied}"
