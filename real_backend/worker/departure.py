"""`Departure`: that a worker is to end, and why; `Farewell`: that it does."""

from __future__ import annotations

import os

from msgspec import Struct

from real_backend.control import Birth, Leaving
from real_backend.messages import Unanswered
from simactors.core import ids
from simactors.core.outcome import failure
from simactors.exceptions import ActorUnavailableError


class Departure(Struct, frozen=True):
    """To ourselves: end, once no call is under way any more.

    Attributes:
        text: why.
        code: the exit code.
        crash: it may be restarted then.
    """

    text: str
    code: int
    crash: bool = False


ASKED = Departure("exit_actor() was called in it, or its __ray_terminate__", 0)


class Farewell(BaseException):
    """Unwinds the main thread, so that its frames hold nothing any more, before the process ends.

    Attributes:
        last: what to tell the supervisor then.
        code: the exit code.
    """

    def __init__(self, last: Leaving, code: int) -> None:
        super().__init__(last.text)
        self.last = last
        self.code = code


class _Terminated(int):
    """The code of the `SystemExit` that SIGTERM raises, to be known from one that user code has raised."""


TERMINATED = _Terminated(1)


def departure_of(code: object, *, is_task: bool) -> Departure:
    """What comes of code that has raised ``SystemExit(code)``."""
    if isinstance(code, int | float) and code == 0 and not is_task:
        return ASKED
    if type(code) is _Terminated:
        return Departure("SIGTERM was sent to it", code, crash=True)
    text = f"sys.exit({'' if code is None else repr(code)}) was called in it"
    # As an interpreter ends: None is success, a text is printed, and counts as 1. For an actor, all but 0 is a crash.
    number = code if isinstance(code, int) else int(code is not None)
    return Departure(text, number, crash=True)


def unanswered(call_id: int, birth: Birth) -> Unanswered:
    """What the caller of the call with which an actor wants to end is told if others keep it for long."""
    text = (
        f"{ActorUnavailableError.default}\n\tclass_name: {birth.start.class_name}\n"
        f"\tactor_id: actor-{birth.actor_id}\n\tpid: {os.getpid()}\n"
        "It wants to end, and waits for other calls that are under way."
    )
    told = failure(ActorUnavailableError(text, actor_id=ids.actor_id(birth.actor_id).hex()), by_value=True)
    return Unanswered(call_id, told.packed, told.text)
