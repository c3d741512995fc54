"""What a run is to fail for without any assertion, besides deadlocks and limits: frozen data, and its words.

Who looks for it is `oversights.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simactors.core import nearest

KINDS = ("unread-error", "leaked-actor", "starvation", "livelock", "get-timeout")
"""The words; `starvation` takes a bound, as in ``starvation=100`` or ``starvation=5s``, and so does `livelock`."""

_DEFAULT_CALLS = 100
_DEFAULT_STEPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailOn:
    """What a run is to fail for; by default nothing.

    Attributes:
        unread_error: a task or a method raised, and nobody ever asked for its result. As where Ray logs "Unhandled
            error": a `get` of several refs asks for all of them, `wait` for none, and a call that takes the ref as its
            argument reads it, and fails with it itself. A call that was cancelled, or whose caller has died or is still
            at work when the program ends, does not count.
        leaked_actor: an actor is left when the program has ended: a detached one, which nothing but `kill` ends; or one
            to which only the state of such actors has handles, so that nobody can ever reach it, and it never ends
            (Ray counts handles, and two actors that have each other's are never freed).
        starvation_calls: so many calls that arrived at an actor after another one were answered, and it was not.
        starvation_s: a call arrived at its actor so long ago, and is not answered, though one that came later was.
        livelock_steps: so many steps were run since the driver last got an answer, and it still waits for one.
        get_timeout: a `get` of the driver timed out, even if the program catches that.
    """

    unread_error: bool = False
    leaked_actor: bool = False
    starvation_calls: int | None = None
    starvation_s: float | None = None
    livelock_steps: int | None = None
    get_timeout: bool = False

    def __post_init__(self) -> None:
        for name in ("starvation_calls", "starvation_s", "livelock_steps"):
            bound = getattr(self, name)
            if bound is not None and not bound > 0:
                raise ValueError(f"FailOn needs {name} > 0, not {bound}")

    def __bool__(self) -> bool:
        return self != FailOn()

    @property
    def is_about_turns(self) -> bool:
        """Whether calls that wait at their actors are to be watched."""
        return self.starvation_calls is not None or self.starvation_s is not None

    @classmethod
    def parse(cls, words: Sequence[str]) -> FailOn:
        """What ``unread-error`` or ``starvation=5s`` stands for, several together.

        Raises:
            ValueError: there is no such kind (the message names the nearest), or its bound is none.
        """
        found: dict[str, bool | int | float] = {}
        for word in words:
            kind, equals, bound = word.partition("=")
            if kind not in KINDS:
                hint = nearest.question(kind, KINDS, f"use some of {', '.join(KINDS)}")
                raise ValueError(f"there is no kind of failure {kind!r}; {hint}")
            if kind == "starvation":
                found.update(_starvation(word, bound if equals else str(_DEFAULT_CALLS)))
            elif kind == "livelock":
                found["livelock_steps"] = _whole(word, bound if equals else str(_DEFAULT_STEPS))
            elif equals:
                raise ValueError(f"{kind!r} has no bound: leave out '={bound}'")
            else:
                found[kind.replace("-", "_")] = True
        return cls(**found)  # type: ignore[arg-type]  # each by its own branch above


def _starvation(word: str, bound: str) -> dict[str, int | float]:
    if not bound.endswith("s"):
        return {"starvation_calls": _whole(word, bound)}
    try:
        seconds = float(bound[:-1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(
            f"{word!r} has no bound: write starvation=100 (calls) or starvation=5s (of virtual time)"
        )
    return {"starvation_s": seconds}


def _whole(word: str, bound: str) -> int:
    if not bound.isdecimal() or not int(bound):
        also = " or starvation=5s (of virtual time)" if word.startswith("starvation") else ""
        raise ValueError(f"{word!r} has no bound: write {word.partition('=')[0]}=100{also}")
    return int(bound)
