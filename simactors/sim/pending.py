"""Keeps the limit of an actor's `max_pending_calls`: how many unanswered calls each process may have with it."""

from __future__ import annotations

from simactors import exceptions
from simactors.sim.cluster import Link
from simactors.sim.invocation import Invocation

_ONE_IN = 12
"""With a limit of 1, Ray 2.60 refused 83 of 1,000 ``get(actor.f.remote())`` in a loop; none after a break of 0.2 ms."""


def count(link: Link, limit: int, invocation: Invocation) -> None:
    """Count a call as pending.

    As on Ray, one whose answer its caller has only just got may still be counted: code that makes its next call at once
    may be refused. On Ray that is a thread of its own, which has yet to note the answer.

    Raises:
        PendingCallsLimitExceeded: the caller has `limit` unanswered calls already.
    """
    kernel = invocation.caller.backend.kernel  # type: ignore[attr-defined]  # our own backend
    if kernel.offers is not None:
        kernel.offers.touch_replies(invocation.caller)
    invocation.particulars()  # where the time of its answer is noted
    kept = [call for call in link.pending or () if _may_count(call, kernel.now_ns)]
    link.pending = kept
    is_full = sum(call.outcome is None for call in kept) >= limit
    may_be_full = len(kept) >= limit
    if is_full or (may_be_full and kernel.choices.number("pending", _ONE_IN) == _ONE_IN - 1):
        raise exceptions.PendingCallsLimitExceeded(
            f"{invocation.label} could not be submitted because {limit} calls are pending already. This limit can be "
            "adjusted with the `max_pending_calls` actor option."
        )
    kept.append(invocation)


def _may_count(call: Invocation, now_ns: int) -> bool:
    return call.outcome is None or call.particulars().answered_ns == now_ns
