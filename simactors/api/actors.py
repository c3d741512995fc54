"""`kill`, `cancel`, `get_actor`, `exit_actor`: what is done to actors and calls rather than asked of them."""

from __future__ import annotations

from typing import Any, NoReturn

from simactors.api import session
from simactors.api.generators import ObjectRefGenerator
from simactors.api.handles import ActorHandle
from simactors.core.abilities import Cancels, EndsActors, KnowsItself
from simactors.core.calls import ActorExit
from simactors.core.refs import ObjectRef


def get_actor(name: str, namespace: str | None = None) -> ActorHandle:
    """A handle to the living actor of that name.

    Raises:
        ValueError: there is none, or the name is empty or None.
        TypeError: the name is something else.
    """
    if not name:
        raise ValueError("Please supply a non-empty value to get_actor")
    if not isinstance(name, str):
        raise TypeError(f"the name of an actor is a str, not {type(name).__name__}")
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


def cancel(
    ray_waitable: ObjectRef[Any] | ObjectRefGenerator, *, force: bool = False, recursive: bool = True
) -> None:
    """Ask for a call to be stopped; returns at once. A call that has ended is left alone.

    A task that runs gets a `KeyboardInterrupt`, a call of an async actor an `asyncio.CancelledError`; a call of another
    actor is not interrupted, but can ask `RuntimeContext.is_canceled`. `get` raises `TaskCancelledError` then.

    Args:
        ray_waitable: what the call returned.
        force: end the process of a task that runs.
        recursive: cancel what the call itself has started, too.

    Raises:
        TypeError: neither a ref nor a generator of refs.
        ValueError: `force` for a call of an actor.
    """
    ref = ray_waitable._generator_ref if isinstance(ray_waitable, ObjectRefGenerator) else ray_waitable
    if not isinstance(ref, ObjectRef):
        raise TypeError(
            f"ray.cancel() only supported for object refs. For actors, try ray.kill(). Got: {type(ref)}."
        )
    session.able(Cancels, "cancel()").cancel(ref, force=force, recursive=recursive)


def exit_actor() -> NoReturn:
    """End the actor that calls this, after its running method; it is not restarted.

    Raises:
        TypeError: not called by an actor.
    """
    backend = session.active() if session.is_initialized() else None
    if backend is None or (isinstance(backend, KnowsItself) and backend.runtime_info().actor is None):
        raise TypeError(
            "exit_actor API is called on a non-actor worker. Call this API inside an actor methods"
            "if you'd like to exit the actor gracefully."
        )
    if isinstance(backend, EndsActors):
        raise backend.end_this_actor()
    raise ActorExit
