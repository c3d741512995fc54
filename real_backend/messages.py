"""What the processes of a session say to each other: one type for each message.

Not how they travel: `transport` batches, frames and pickles them. Fields hold plain data only; a packed value
has its refs replaced by descriptors (`client/travel.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from simactors.core.codec import Encoded
from simactors.core.concurrency import Concurrency

DRIVER = 0
"""The process number of the driver; workers count from 1."""

PROCESS_SHIFT = 40
"""An id is the number of the process that made it, shifted by this, plus a count of that process."""

Demand = tuple[tuple[str, int], ...]
"""What a task or actor takes while it runs: (resource, ten-thousandths of a unit), sorted."""


def owner_of(number: int) -> int:
    """The number of the process that owns this object or actor."""
    return number >> PROCESS_SHIFT


class Define(NamedTuple):
    """What later messages on this channel name by its digest; `sys_path` lets it find what it imports."""

    digest: bytes
    definition: Encoded
    sys_path: tuple[str, ...]


class Create(NamedTuple):
    """Run the constructor; the first message that an actor's process gets from its owner."""

    actor_id: int
    digest: bytes
    packed: object
    bare: bool
    values: tuple[object, ...]
    concurrency: Concurrency | None


class CallOptions(NamedTuple):
    """What only some calls say.

    Attributes:
        name: the option `name`; None for the label of the function.
        group: the concurrency group; None for the default one.
        backpressure: how many items a generator may be ahead of their consumer; None for no limit.
        attempt: how often the call was begun before.
    """

    name: str | None = None
    group: str | None = None
    backpressure: int | None = None
    attempt: int = 0


class Call(NamedTuple):
    """Run a method.

    Attributes:
        values: those of the refs that stood at top level.
        num_returns: how many results it has; ``streaming`` and ``dynamic`` for a generator's items, see `Item`.
        options: None if nothing is special.
    """

    call_id: int
    method: str
    packed: object
    bare: bool
    values: tuple[object, ...]
    num_returns: int | str
    options: CallOptions | None


class Task(NamedTuple):
    """Run a function on a leased worker; see `Call`."""

    call_id: int
    digest: bytes
    lease: int
    packed: object
    bare: bool
    values: tuple[object, ...]
    num_returns: int | str
    options: CallOptions | None


class Item(NamedTuple):
    """A generator has yielded this; `Reply` or `Failed` end the call."""

    call_id: int
    number: int
    packed: object


class Interrupted(NamedTuple):
    """A generator's code has raised after `number` items; it is the end of the call."""

    call_id: int
    number: int
    packed: object
    text: str


class Taken(NamedTuple):
    """So many items of a generator have been taken; said only if the call limits how far it may be ahead."""

    call_id: int
    taken: int


class Cancel(NamedTuple):
    """To who runs a call, or may have it in its queue: stop it.

    Attributes:
        recursive: and the calls that it has made.
    """

    call_id: int
    recursive: bool


class CancelObject(NamedTuple):
    """To the owner of an object: cancel the call that it comes from."""

    object_id: int
    force: bool
    recursive: bool


class KillWorker(NamedTuple):
    """To the supervisor: SIGKILL for the worker of this lease."""

    lease: int


class Reply(NamedTuple):
    """A call returned these packed values."""

    call_id: int
    results: tuple[object, ...]


class Failed(NamedTuple):
    """A call ended with a failure; the fields are those of `outcome.Failure`."""

    call_id: int
    packed: object
    text: str


class Terminate(NamedTuple):
    """No handle is left: end after the calls that came before."""


class Fetch(NamedTuple):
    """Tell me the outcome of an object that you own, as soon as there is one."""

    object_id: int


class Fetched(NamedTuple):
    """The value of an object."""

    object_id: int
    packed: object


class FetchFailed(NamedTuple):
    """An object's call failed, or the object is gone."""

    object_id: int
    packed: object
    text: str


class StartActor(NamedTuple):
    """To the supervisor: start a process for an actor; the sender owns it.

    Attributes:
        described: the interface of the actor and its limits, pickled, for those who find it by name.
    """

    actor_id: int
    class_name: str
    demand: Demand
    name: str | None
    namespace: str | None
    get_if_exists: bool
    detached: bool
    described: bytes


class FindActor(NamedTuple):
    """To the supervisor: who has this name? Answered by `Found`."""

    request: int
    name: str
    namespace: str | None


class ReachActor(NamedTuple):
    """To the supervisor: connect me to the process of this actor."""

    actor_id: int


class ReachProcess(NamedTuple):
    """To the supervisor: connect me to this process."""

    process: int


class KillActor(NamedTuple):
    """To the supervisor: SIGKILL."""

    actor_id: int


class ForgetActor(NamedTuple):
    """To the supervisor: nobody can ask for this actor any more."""

    actor_id: int


class AskLease(NamedTuple):
    """To the supervisor: I need a pool worker."""

    demand: Demand


class ReturnLease(NamedTuple):
    """To the supervisor: I am done with that worker."""

    lease: int


class Blocked(NamedTuple):
    """To the supervisor: the task of this lease waits; others may have its resources."""

    lease: int


class Unblocked(NamedTuple):
    """To the supervisor: it runs on."""

    lease: int


class Leaving(NamedTuple):
    """To the supervisor: this process ends on purpose; if `whole`, callers get to read nothing but `text` of it."""

    text: str
    whole: bool


class Broken(NamedTuple):
    """To the supervisor: no use in the connection to this process any more; one of us, `by_us` says who, must end."""

    process: int
    text: str
    by_us: bool


class Squeeze(NamedTuple):
    """Look whether others still use your shared memory; if `hard`, as the supervisor tells all, keep nothing warm."""

    hard: bool


class Staying(NamedTuple):
    """To the supervisor, answering `Retire`: others still need what this process owns."""


class Welcome(NamedTuple):
    """From the supervisor: ready.

    Attributes:
        pid: the supervisor's.
    """

    pid: int


class Connected(NamedTuple):
    """From the supervisor: the `descriptor`, set where it arrives if there is room, leads to this process."""

    process: int
    descriptor: int | None = None


class ActorAt(NamedTuple):
    """From the supervisor: this actor lives in this process, to which you are connected."""

    actor_id: int
    process: int


class ActorDead(NamedTuple):
    """From the supervisor: this actor is dead and you are not connected to what was its process."""

    actor_id: int
    text: str


class Found(NamedTuple):
    """From the supervisor: the living actor of a name, if there is one.

    Also answers `StartActor` with a name (`request` is the actor's id): itself if it now has the name.
    """

    request: int
    actor_id: int | None
    described: bytes


class LeaseFailed(NamedTuple):
    """From the supervisor: there will be no worker; `text` says why."""

    demand: Demand
    text: str


class Leased(NamedTuple):
    """From the supervisor: this worker is yours until you return the lease."""

    lease: int
    process: int
    demand: Demand


class Recall(NamedTuple):
    """From the supervisor: others wait; return this lease as soon as its worker is idle."""

    lease: int


class Died(NamedTuple):
    """From the supervisor: this process has ended; `text` says of what."""

    process: int
    text: str


class Retire(NamedTuple):
    """From the supervisor to an idle pool worker: end, unless others need what you own."""


Message = (
    Define
    | Create
    | Call
    | Task
    | Item
    | Interrupted
    | Taken
    | Cancel
    | CancelObject
    | Reply
    | Failed
    | Terminate
    | Fetch
    | Fetched
    | FetchFailed
    | StartActor
    | FindActor
    | ReachActor
    | ReachProcess
    | KillActor
    | ForgetActor
    | AskLease
    | ReturnLease
    | KillWorker
    | Blocked
    | Unblocked
    | Leaving
    | Broken
    | Squeeze
    | Staying
    | Welcome
    | Connected
    | ActorAt
    | ActorDead
    | Found
    | Leased
    | LeaseFailed
    | Recall
    | Died
    | Retire
)
