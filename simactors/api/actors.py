"""`kill`, `get_actor`, `exit_actor`: what is done to actors rather than asked of them."""

from __future__ import annotations

from typing import Any, NoReturn

from simactors.api import session
from simactors.api.handles import ActorHandle
from simactors.core.calls import ActorExit


def get_actor(name: str, namespace: str | None = None) -> ActorHandle:
    """A handle to the living actor of that name.

    Raises:
        ValueError: there is none.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of an actor is a str, not {type(name).__name__}")
    if not name:
        raise ValueError("Please supply a non-empty value to get_actor")
    actor = session.active().find_actor(name, namespace)
    if actor is None:
        raise ValueError(
            f"Failed to look up actor with name '{name}'. This could because 1. You are trying to look up a "
            "named actor you didn't create. 2. The named actor died. 3. You did not use a namespace matching "
            "the namespace of the actor."
        )
    return ActorHandle(actor)


def kill(actor: Any, *, no_restart: bool = True) -> None:
    """End an actor's process at once; its unfinished calls raise `ActorDiedError`. Killing twice is fine.

    Raises:
        ValueError: not an actor handle.
    """
    if not isinstance(actor, ActorHandle):
        raise ValueError(
            f"ray.kill() only supported for actors. For tasks, try ray.cancel(). Got: {type(actor)}."
        )
    session.active().kill(actor._actor, no_restart=no_restart)


def exit_actor() -> NoReturn:
    """End the actor that calls this, after its running method; it is not restarted."""
    raise ActorExit
