"""The specification of a lock: mutual exclusion, by whoever it is implemented."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

from simactors.checkers.answers import or_nothing, or_raised
from simactors.checkers.specification import Names, Vocabulary
from simactors.checkers.values import normal
from simactors.core.history import Operation


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a lock (None: nobody), and the greatest fencing token that was given out."""

    owner: Any = None
    token: float = float("-inf")

    def __repr__(self) -> str:
        tokens = "" if self.token == float("-inf") else f", token {self.token}"
        return ("free" if self.owner is None else f"held by {self.owner}") + tokens


@dataclass(frozen=True)
class Lock:
    """A lock, which at most one owner has at a time.

    ``acquire`` of a free lock answers with True, or with nothing; that of a lock that somebody has, also the owner,
    with False, or it does not answer before it is free. ``release`` answers with True or nothing if the owner asks;
    if anybody else does, it changes nothing, and answers with False or raises.

    Args:
        tokens: ``acquire`` answers with a fencing token, a number greater than all before; with None or False if it
            failed.
        acquire, release: the names of ``acquire(owner)`` and ``release(owner)``. The owner may be left out: it is
            the client.
        holder, locked: the names of ``holder()``, which answers with the owner or None, and ``locked()``.
        not_owner: the classes of exceptions, by name, that say that the lock is not the owner's to release.

    Sources: fencing tokens: M. Kleppmann, "How to do distributed locking", 2016.
    """

    _: KW_ONLY
    tokens: bool = False
    acquire: Names = ("acquire", "lock", "try_acquire", "try_lock")
    release: Names = ("release", "unlock")
    holder: Names = ("holder", "owner")
    locked: Names = ("locked", "is_locked")
    not_owner: Names = ("RuntimeError", "ValueError", "PermissionError", "NotOwner")

    @property
    def initial(self) -> Held:
        """Nobody has it."""
        return Held()

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "acquire": (self.acquire, "owner?"),
            "release": (self.release, "owner?"),
            "holder": (self.holder, ""),
            "locked": (self.locked, ""),
        }
        return Vocabulary("Lock", meanings)

    def apply(self, state: Held, operation: Operation) -> tuple[Held, Any]:
        """One operation."""
        meaning = self._words.meaning(operation)
        if meaning == "holder":
            return state, state.owner
        if meaning == "locked":
            return state, state.owner is not None
        owner = normal(operation.args[0]) if operation.args else operation.client
        if meaning == "release":
            if state.owner != owner:
                return state, or_raised(operation, False, self.not_owner)
            return Held(None, state.token), or_nothing(operation, True)
        return self._acquired(state, operation, owner)

    def _acquired(self, state: Held, operation: Operation, owner: Any) -> tuple[Held, Any]:
        told = operation.result
        if state.owner is not None:
            return state, None if self.tokens and told is None else False
        if not self.tokens:
            return Held(owner, state.token), or_nothing(operation, True)
        if operation.status == "unknown":
            return Held(owner, state.token), None
        if isinstance(told, bool) or not isinstance(told, int | float) or told <= state.token:
            return Held(owner, state.token), f"a token greater than {state.token}"
        return Held(owner, told), told

    def reads(self, operation: Operation) -> bool:
        """Whether it only looks."""
        return self._words.meaning(operation) in ("holder", "locked")
