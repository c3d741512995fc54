"""`Play`: one program under way in a thread of the driver: it makes calls, and sees to it that all of them end well."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import simactors as ray
from simactors import exceptions
from tests.soak.journal import Promise

GET_S = 120.0
"""Far more than anything takes here: what is not there by then never comes."""

_ANY = object()


class SoakError(AssertionError):
    """A finding."""


@dataclass(slots=True)
class Made:
    """A call that was made."""

    ref: Any
    promise: Promise
    expected: Any
    allowed: tuple[type[Exception], ...]


class Play:
    """See above.

    Args:
        name: of the program and its turn.
        seed: of everything that is random in it.
        folder: where the journal is.

    Attributes:
        waits_for: what the thread waits for, or has waited for last, for the report of a hang.
        longest: the longest wait in seconds, and what for.
        kinds: how its calls ended.
    """

    def __init__(self, name: str, seed: str, folder: Path) -> None:
        self.name = name
        self.rng = random.Random(seed)
        self.path = folder / name
        self.journal = str(self.path)
        self.promises: list[Promise] = []
        self.waits_for = ""
        self.longest = (0.0, "")
        self.kinds: list[str] = []

    def call(
        self,
        remote: Any,
        *arguments: Any,
        expected: Any = _ANY,
        allowed: tuple[type[Exception], ...] = (),
        again: bool = False,
        line: str | None = None,
        **options: Any,
    ) -> Made:
        """Make a call.

        Args:
            remote: the function or method.
            arguments: behind journal and token.
            expected: its value.
            allowed: the errors that it may end in.
            again: it may run more than once.
            line: see `Promise`.
            options: of the call.
        """
        promise = self.promise(again=again, line=line)
        remote = remote.options(**options) if options else remote
        ref = remote.remote(self.journal, promise.token, *arguments)
        return Made(ref, promise, expected, allowed)

    def promise(self, *, again: bool = False, line: str | None = None) -> Promise:
        """A new token."""
        number = len(self.promises)
        promise = Promise(f"{self.name}.{number}", number, again, line)
        self.promises.append(promise)
        return promise

    def settle(self, made: list[Made]) -> list[Any]:
        """The values of all calls, with None for those that failed as they may."""
        if self.rng.random() < 0.3 and made:
            refs = [m.ref for m in made]
            ready, _ = self.wait(refs)
            if len(ready) != len(refs):
                raise SoakError(f"{self.name}: wait gave {len(ready)} of {len(refs)} refs within {GET_S} s")
        return [self.value(m) for m in made]

    def wait(self, refs: list[Any]) -> tuple[list[Any], list[Any]]:
        """All of them."""
        self.waits_for = f"wait for {len(refs)} calls up to {self.promises[-1].token}"
        return ray.wait(refs, num_returns=len(refs), timeout=GET_S)

    def value(self, made: Made) -> Any:
        """The value of a call, or None if it failed as it may."""
        token = made.promise.token
        try:
            value = self.get(made.ref, token)
        except exceptions.GetTimeoutError:
            raise
        except Exception as error:  # whatever a call may end in
            self.kinds.append(type(error).__name__)
            if isinstance(error, made.allowed):
                return None
            raise SoakError(f"{token} ended in what it may not ({made.allowed}): {error!r}") from error
        made.promise.answered = True
        self.kinds.append("value")
        if made.expected is not _ANY and not _same(value, made.expected):
            raise SoakError(f"{token} gave {value!r} instead of {made.expected!r}")
        return value

    def get(self, ref: Any, what: str) -> Any:
        """`ray.get`, with a note of what is waited for."""
        self.waits_for = f"get of {what}, {ref}"
        began = time.monotonic()
        try:
            return ray.get(ref, timeout=GET_S)
        finally:
            self.longest = max(self.longest, (time.monotonic() - began, what))


def _same(value: Any, expected: Any) -> bool:
    return bool(np.array_equal(value, expected)) if isinstance(expected, np.ndarray) else value == expected
