"""What calls are answered with that nobody runs to their end: cancelled, or lost with a process.

Only the texts: who decides that is elsewhere.
"""

from __future__ import annotations

from simactors import exceptions
from simactors.core import ids
from simactors.core.outcome import Failure, Outcome, failure
from simactors.sim.actor import SimActor
from simactors.sim.executor import failure_of
from simactors.sim.invocation import Invocation


def canceled(invocation: Invocation) -> Failure:
    """What a cancelled call is answered with."""
    if invocation.actor is None or invocation.particulars().is_told:
        return failure(exceptions.TaskCancelledError(f"Task: {invocation} was cancelled."))
    text = f"The task {invocation} is canceled from an actor {invocation.actor} before it executes."
    return failure(exceptions.TaskCancelledError(text))


def as_canceled(invocation: Invocation, reply: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """What a call is answered with that has run to its end: that it was cancelled, if it was meanwhile."""
    if not invocation.is_canceled:
        return reply
    lanes = invocation.actor.lanes
    told = canceled(invocation)
    if lanes is not None and lanes.is_async:
        told = failure(exceptions.TaskCancelledError(f"Task: {invocation} was cancelled."))
        if invocation.particulars().coroutine is not None:  # else it has not heard of that
            told = failure_of(invocation, told.error())
    return (told,) * max(invocation.num_returns, 1)


def unavailable(actor: SimActor, why: str) -> Failure:
    """What a call is answered with that a restart has lost."""
    text = describe(exceptions.ActorUnavailableError.default, actor, f"The actor restarts because {why}.")
    return lost_actor(exceptions.ActorUnavailableError, actor, text)


def leaves_soon(actor: SimActor) -> Failure:
    """What the call is answered with by which an actor is to end, if other calls keep it alive for long."""
    why = "It wants to end, and waits for other calls that are under way."
    text = describe(exceptions.ActorUnavailableError.default, actor, why)
    return lost_actor(exceptions.ActorUnavailableError, actor, text)


def lost_actor(kind: type[exceptions.RayActorError], actor: SimActor, text: str) -> Failure:
    """What a call is answered with whose actor can't answer it."""
    return failure(kind(text, actor_id=ids.actor_id(actor.id).hex()))


def describe(first: str, actor: SimActor, last: str) -> str:
    """The text of an error about an actor."""
    return (
        f"{first}\n\tclass_name: {actor.cls.interface.class_name}\n\tactor_id: actor-{actor.id}\n"
        f"\tpid: {actor.process.pid}\n{last}"
    )


def out_of_reach(actor: SimActor) -> str:
    """What a caller is told whose connection to an actor broke."""
    return describe(exceptions.ActorUnavailableError.default, actor, "The connection to the actor broke.")
