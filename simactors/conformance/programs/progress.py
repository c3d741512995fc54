"""How far a simulated run is on the way to an outcome: looked at before every step, not only when it has ended.

It reads what the simulator has, logs of actors and answers of calls among it, and changes nothing.
"""

from __future__ import annotations

import enum
import json
import pickletools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simactors.conformance.programs.play import Outcome
from simactors.core.choices import Offer
from simactors.core.outcome import Value
from simactors.sim.actor import SimActor
from simactors.sim.invocation import Invocation

_ARRIVES = "call"
_BEGINS = "begin"


class Waits(enum.Enum):
    """What a call waits for before it arrives, and before it begins."""

    FOR_NOTHING = enum.auto()
    FOR_CALLS = enum.auto()
    """Those that are logged before it have come so far, too."""
    FOR_LINES = enum.auto()
    """All that is to be logged before it has been logged."""


class Wanted:
    """What of an outcome shows while a run is under way.

    Attributes:
        seen: what the driver sees, in order.
        logs: by the name of an actor's class, what it has logged in the end.
        answers: by their tags, what calls return.
        tags: all lines of logs.
        calls: those of them that were met as calls, in any run; others are coroutines that their actor starts itself.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.seen: Sequence[Any] = json.loads(outcome)
        self.logs: Mapping[str, list[str]] = {
            pair[0].upper(): pair[1][0] for pair in self.seen if _is_of_actor(pair)
        }
        self.answers: dict[str, list[str]] = {}
        for text in _texts(self.seen):
            if "(" in text:
                self.answers.setdefault(_tag_of(text), []).append(text)
        self.tags = {tag for log in self.logs.values() for tag in log}
        self.calls: set[str] = set()


def _is_of_actor(seen: Any) -> bool:
    """Whether it is what an actor tells that is read: its log and its total."""
    if not isinstance(seen, list) or not isinstance(seen[1], list) or not seen[1]:
        return False
    return isinstance(seen[1][0], list) and all(isinstance(line, str) for line in seen[1][0])


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


def _tag_of(answer: str) -> str:
    return answer.partition("(")[0]


class Progress:
    """That of one run.

    Args:
        seen: tells what the driver has seen so far.
    """

    def __init__(self, wanted: Wanted, seen: Callable[[], Sequence[Any]]) -> None:
        self._wanted = wanted
        self._seen = seen
        self._logs: dict[SimActor, list[str]] = {}  # as they are wanted
        self._answers: dict[Invocation, bool] = {}  # whether they are right
        self._tags: dict[Invocation, str | None] = {}
        self._past: Mapping[str, set[str]] = {_ARRIVES: set(), _BEGINS: set()}

    def look(self, options: Sequence[Offer]) -> int | None:
        """How many things are right; None if any is wrong, as far as it shows.

        Args:
            options: what may happen next: there actors and answers are met.
        """
        for offer in options:
            self._meet(offer)
        if not all(self._answers.values()):
            return None
        right = len(self._answers)
        for actor, wanted in self._logs.items():
            log = _log_of(actor)
            if log != wanted[: len(log)]:
                return None
            right += len(log)
        seen = self._seen()
        if json.loads(json.dumps(seen)) != self._wanted.seen[: len(seen)]:
            return None
        return right + len(seen)

    def took(self, offer: Offer) -> None:
        """That happens now."""
        call = _call_of(offer)
        if call is not None and offer.kind in self._past and (tag := self._tag(call)) is not None:
            self._past[offer.kind].add(tag)

    def is_early(self, offer: Offer, waits: Waits) -> bool:
        """Whether it is a call that has to wait."""
        call = _call_of(offer) if offer.kind in self._past else None
        return call is not None and self._is_early(call, waits, self._past[offer.kind])

    def begins_early(self, call: Invocation, waits: Waits) -> bool:
        """Whether it has to wait before it begins."""
        return self._is_early(call, waits, self._past[_BEGINS])

    def _is_early(self, call: Invocation, waits: Waits, past: set[str]) -> bool:
        if waits is Waits.FOR_NOTHING or call.actor not in self._logs or (tag := self._tag(call)) is None:
            return False
        coming = self._logs[call.actor][len(_log_of(call.actor)) :]
        if tag not in coming:
            return False
        before = coming[: coming.index(tag)]
        if waits is Waits.FOR_LINES:
            return bool(before)
        return any(other in self._wanted.calls and other not in past for other in before)

    def _meet(self, offer: Offer) -> None:
        call = _call_of(offer)
        if call is None:
            return
        if call.actor is not None and call.actor not in self._logs:
            log = self._wanted.logs.get(call.actor.cls.interface.class_name)
            if log is not None:
                self._logs[call.actor] = log
        if offer.kind == "reply" and call not in self._answers:
            outcome = call.reply[0] if call.reply else None
            text = outcome.packed if isinstance(outcome, Value) else None
            if isinstance(text, str) and (wanted := self._wanted.answers.get(_tag_of(text))) is not None:
                self._answers[call] = text in wanted

    def _tag(self, call: Invocation) -> str | None:
        if call not in self._tags:
            self._tags[call] = tag = _tag_among(call.arguments, self._wanted.tags)
            if tag is not None:
                self._wanted.calls.add(tag)
        return self._tags[call]


def _log_of(actor: SimActor) -> list[str]:
    """Empty before it is constructed."""
    return list(getattr(actor.instance, "log", ()))


def _call_of(offer: Offer) -> Invocation | None:
    """The call that arrives, begins, or is answered."""
    step = getattr(offer, "step", None)
    call = step if isinstance(step, Invocation) else getattr(step, "call", None)
    return call if isinstance(call, Invocation) else None


def _tag_among(arguments: Any, tags: set[str]) -> str | None:
    """The first argument that is a tag. What is pickled is not unpickled for that: refs would be used."""
    found = arguments if type(arguments) is tuple else _strings(arguments.packed.data)
    return next((item for item in found if isinstance(item, str) and item in tags), None)


def _strings(pickled: bytes) -> list[str]:
    return [argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)]
