"""The life of an actor as a table: state and event give the next state.

Not what happens on the way: `actors.py` does that. A pair that is not in the table can't happen, and raises.
"""

from __future__ import annotations

import enum

from simactors.exceptions import InternalError


class State(enum.Enum):
    """Where an actor is in its life."""

    UNREADY = "waiting for the arguments of its constructor"
    PENDING = "pending creation"
    ALIVE = "alive"
    RESTARTING = "restarting"
    DEAD = "dead"


class Event(enum.Enum):
    """What can happen to an actor's life."""

    DEPENDENCIES_READY = "the arguments of its constructor are there"
    CONSTRUCTED = "its constructor returned"
    CONSTRUCTOR_RAISED = "its constructor raised"
    UNSCHEDULABLE = "no node will ever take it"
    EXITED = "it asked to end"
    KILLED = "somebody killed it for good"
    CRASHED = "its process ended, and it has no restarts left"
    RESTARTED = "its process ended, and it starts again"
    OUT_OF_SCOPE = "nobody has a handle to it any more"
    OWNER_DIED = "the process that created it ended"

    @property
    def is_wanted(self) -> bool:
        """Whether an actor that it ends is to end: nothing has gone wrong."""
        return self in (Event.EXITED, Event.KILLED, Event.OUT_OF_SCOPE, Event.OWNER_DIED)


_U, _P, _A, _R, _D = State.UNREADY, State.PENDING, State.ALIVE, State.RESTARTING, State.DEAD

LIFECYCLE: dict[tuple[State, Event], State] = {
    (_U, Event.DEPENDENCIES_READY): _P,
    (_U, Event.CONSTRUCTOR_RAISED): _D,  # an argument failed: it never ran
    (_U, Event.KILLED): _D,
    (_U, Event.CRASHED): _D,
    (_U, Event.RESTARTED): _U,
    (_U, Event.OUT_OF_SCOPE): _D,
    (_U, Event.OWNER_DIED): _D,
    (_P, Event.CONSTRUCTED): _A,
    (_P, Event.CONSTRUCTOR_RAISED): _D,
    (_P, Event.UNSCHEDULABLE): _D,
    (_P, Event.EXITED): _D,
    (_P, Event.KILLED): _D,
    (_P, Event.CRASHED): _D,
    (_P, Event.RESTARTED): _R,
    (_P, Event.OUT_OF_SCOPE): _D,
    (_P, Event.OWNER_DIED): _D,
    (_A, Event.EXITED): _D,
    (_A, Event.KILLED): _D,
    (_A, Event.CRASHED): _D,
    (_A, Event.RESTARTED): _R,
    (_A, Event.OUT_OF_SCOPE): _D,
    (_A, Event.OWNER_DIED): _D,
    (_R, Event.CONSTRUCTED): _A,
    (_R, Event.CONSTRUCTOR_RAISED): _D,
    (_R, Event.UNSCHEDULABLE): _D,
    (_R, Event.EXITED): _D,
    (_R, Event.KILLED): _D,
    (_R, Event.CRASHED): _D,
    (_R, Event.RESTARTED): _R,
    (_R, Event.OUT_OF_SCOPE): _D,
    (_R, Event.OWNER_DIED): _D,
    (_D, Event.UNSCHEDULABLE): _D,
    (_D, Event.KILLED): _D,  # killing twice is fine
    (_D, Event.OUT_OF_SCOPE): _D,
    (_D, Event.OWNER_DIED): _D,
}


def diagram() -> str:
    """The table as a Mermaid state diagram: one arrow for all events that lead from one state to another."""
    arrows: dict[tuple[State, State], list[Event]] = {}
    for (state, event), after in LIFECYCLE.items():
        arrows.setdefault((state, after), []).append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {State.UNREADY.name}"]
    lines += [f"    {state.name}: {state.value}" for state in State]
    for (state, after), events in arrows.items():
        lines.append(f"    {state.name} --> {after.name}: {'<br/>'.join(_word(event) for event in events)}")
    return "\n".join([*lines, f"    {State.DEAD.name} --> [*]"])


def _word(event: Event) -> str:
    return event.name.lower().replace("_", " ")


def next_state(who: str, state: State, event: Event) -> State:
    """The state after `event`; `who` is for the message."""
    try:
        return LIFECYCLE[state, event]
    except KeyError:
        raise InternalError(f"{who} is {state.value}, so that this can't happen: {event.value}") from None
