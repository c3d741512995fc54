"""What an exception says of the operation that it ended: answered, never begun, or nobody knows.

Exceptions are told apart by the names of their classes, so that Ray's own say the same as ours, and Ray is never
imported.
"""

from __future__ import annotations

from simactors.core.history import Status

REFUSED = frozenset(
    {"ActorUnschedulableError", "PendingCallsLimitExceeded", "RuntimeEnvSetupError", "TaskUnschedulableError"}
)
"""Exceptions, by class name, that mean that a call never began."""

ANSWERED = frozenset({"RayTaskError", "UnserializableException"})
"""Exceptions, by class name, that mean that the remote code raised."""

UNKNOWN = frozenset(
    {
        "CancelledError",
        "ConnectionError",
        "GeneratorExit",
        "KeyboardInterrupt",
        "RayError",
        "SystemExit",
        "TimeoutError",
    }
)
"""Exceptions, by class name, that say nothing of whether a call took effect: of Ray's all but the ones above."""


def ending(
    error: BaseException,
    *,
    unknown: tuple[type[BaseException], ...] = (),
    refused: tuple[type[BaseException], ...] = (),
) -> tuple[Status, BaseException]:
    """What `error` says of its operation; and what the remote code raised, if it did.

    Args:
        unknown, refused: further classes that say nothing of whether an operation took effect, or that it did not.
    """
    names = names_of(type(error))
    cause = getattr(error, "cause", None)
    if not ANSWERED.isdisjoint(names) and isinstance(cause, BaseException) and cause is not error:
        # That the remote code gave up waiting is no answer, either.
        return ending(cause, unknown=unknown, refused=refused)
    if isinstance(error, refused) or not REFUSED.isdisjoint(names):
        return "refused", error
    if isinstance(error, unknown):
        return "unknown", error
    if not ANSWERED.isdisjoint(names) or UNKNOWN.isdisjoint(names):
        return "raised", error
    return "unknown", error


def names_of(kind: type[BaseException]) -> list[str]:
    """The name of a class of exceptions, then those of the classes that it was made of, up to `Exception`."""
    return [base.__name__ for base in kind.__mro__ if base not in (BaseException, object)]
