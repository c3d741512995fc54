"""One call under way: a single object from ``.remote()`` to `get`.

It is the message, the mailbox entry, the reply and the state of its ref, because a call is what a simulation is made
of and every further object would cost each of them. Who acts on it is not here: network, actors, executor and
objects each touch the part that is theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simactors.core.calls import Arguments
from simactors.core.outcome import Outcome, failure
from simactors.core.refs import ActorRef, ObjectRef
from simactors.exceptions import OwnerDiedError
from simactors.sim.cluster import Link, Process


class StoredObject:
    """The state of a ref that no call of its own stands behind: `put`, and the further returns of a call.

    Attributes:
        caller: the process that owns it.
        outcome: None until it is ready.
        waiters: whom to tell then.
        label: what traces call it.
    """

    __slots__ = ("caller", "id", "label", "outcome", "waiters")

    def __init__(self, number: int, label: str, caller: Process, outcome: Outcome | None = None) -> None:
        self.caller = caller
        self.id = number
        self.label = label
        self.outcome = outcome
        self.waiters: list[Any] | None = None

    def __str__(self) -> str:
        return f"{self.label} #{self.id}"


class Invocation:
    """A call of a method or a task, or the construction of an actor.

    Attributes:
        id, label, outcome, waiters: the state of its (first) ref, as in `StoredObject`.
        num_returns: how many refs it has.
        more: the states of its second and further refs.
        caller: the process that made the call and owns the result.
        process: where it runs; None before it is placed.
        actor: the `SimActor` it goes to; None for a task.
        handle: keeps that actor alive until the answer is home.
        then: what happens when it is next ready, as a step of the kernel.
        function: the name of the method, or the task's `calls.Function`; None for a construction.
        options: of the task or the construction; of a method only if it may be retried.
        retries: how often it may still be run again; negative for no limit.
        reply: the outcomes on their way back, one for each return value.
        link: the way there and back.
        cpus: what it holds while it runs, in CPUs.
    """

    __slots__ = (
        "actor",
        "arguments",
        "caller",
        "cpus",
        "function",
        "handle",
        "id",
        "label",
        "link",
        "more",
        "num_returns",
        "options",
        "outcome",
        "process",
        "reply",
        "retries",
        "then",
        "waiters",
    )
    callbacks = None  # it simply becomes ready when it is due; see `kernel.Scheduled`

    def __init__(
        self, number: int, label: str, caller: Process, arguments: Arguments | tuple[Any, ...]
    ) -> None:
        self.id = number
        self.label = label
        self.caller = caller
        self.arguments = arguments
        self.outcome: Outcome | None = None
        self.waiters: list[Any] | None = None
        self.num_returns = 1
        self.more: tuple[StoredObject, ...] = ()
        self.process: Process | None = None
        self.actor: Any = None
        self.handle: ActorRef | None = None
        self.function: Any = None
        self.options: Any = None
        self.retries = 0
        self.cpus = 0.0
        self.link: Link | None = None
        # Set by the network before anybody looks.
        self.then: Callable[[Any], None]
        self.reply: tuple[Outcome, ...]

    def may_retry(self, error: BaseException) -> bool:
        """Whether its options want it to be run again after `error`."""
        if self.options is None or self.retries == 0 or not isinstance(error, Exception):
            return False
        wanted: bool | list[Any] | tuple[Any, ...] = self.options.retry_exceptions
        return isinstance(error, tuple(wanted)) if isinstance(wanted, list | tuple) else bool(wanted)

    @property
    def refs(self) -> tuple[ObjectRef[Any], ...]:
        """The refs among its arguments, whose values it needs to run."""
        return self.arguments.refs if isinstance(self.arguments, Arguments) else ()

    def __str__(self) -> str:
        return f"{self.label} #{self.id}"


OWNER_DIED = failure(OwnerDiedError("The object's owner is dead, and the object with it."))


def outcome_of(state: State) -> Outcome:
    """How the object behind a ref came out, for any process but its dead owner."""
    assert state.outcome is not None
    return OWNER_DIED if state.caller.dead else state.outcome


State = StoredObject | Invocation
"""What stands behind an `ObjectRef` in the simulator."""
