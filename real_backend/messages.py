"""What the processes of a session say to each other: one type for each message.

Not how they travel: `transport` batches, frames and pickles them. Fields hold plain data only; a packed value
has its refs replaced by descriptors (`client/travel.py`).
"""

from __future__ import annotations

from msgspec import Struct

from real_backend.control import (
    ActorAt,
    ActorDead,
    Ask,
    AskLease,
    Birth,
    Blocked,
    Broken,
    Connected,
    Constructed,
    CreateGroup,
    Died,
    EndActor,
    FindActor,
    ForgetActor,
    Found,
    Furnish,
    GivingUp,
    Goodbye,
    Grant,
    HowAreYou,
    KillActor,
    KillWorker,
    Leased,
    LeaseFailed,
    Leaving,
    Printed,
    ReachActor,
    ReachProcess,
    Recall,
    RemoveGroup,
    Retire,
    ReturnLease,
    StartActor,
    StatusIs,
    Staying,
    Terminate,
    Told,
    Unblocked,
    Unneeded,
    Welcome,
)
from simactors.core.codec import Encoded
from simactors.core.concurrency import Concurrency

NODE = 1
"""The number of the only node."""

DRIVER = 0
"""The process number of the driver; workers count from 1."""

PROCESS_SHIFT = 40
"""An id is the number of the process that made it, shifted by this, plus a count of that process."""


def owner_of(number: int) -> int:
    """The number of the process that owns this object or actor."""
    return number >> PROCESS_SHIFT


class Define(Struct, frozen=True):
    """What later messages on this channel name by its digest; `sys_path` lets it find what it imports."""

    digest: bytes
    definition: Encoded
    sys_path: tuple[str, ...]


class Create(Struct, frozen=True):
    """Run the constructor; what the process of an actor makes of `Birth`."""

    actor_id: int
    digest: bytes
    packed: object
    bare: bool
    values: tuple[object, ...]
    concurrency: Concurrency | None


class CallOptions(Struct, frozen=True):
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


class Call(Struct, frozen=True):
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


class Task(Struct, frozen=True):
    """Run a function on a leased worker; see `Call`.

    Attributes:
        grant: what the worker holds from now on; None if it has been told.
    """

    call_id: int
    digest: bytes
    lease: int
    packed: object
    bare: bool
    values: tuple[object, ...]
    num_returns: int | str
    options: CallOptions | None
    grant: Grant | None


class Item(Struct, frozen=True):
    """A generator has yielded this, or, with a `text`, raised; `Reply` or `Failed` end the call."""

    call_id: int
    number: int
    packed: object
    text: str | None = None


class Interrupted(Struct, frozen=True):
    """A generator's code has raised after `number` items; it is the end of the call."""

    call_id: int
    number: int
    packed: object
    text: str


class Taken(Struct, frozen=True):
    """So many items of a generator have been taken; said only if the call limits how far it may be ahead."""

    call_id: int
    taken: int


class Cancel(Struct, frozen=True):
    """To who runs a call, or may have it in its queue: stop it.

    Attributes:
        recursive: and the calls that it has made.
    """

    call_id: int
    recursive: bool


class CancelObject(Struct, frozen=True):
    """To the owner of an object: cancel the call that it comes from."""

    object_id: int
    force: bool
    recursive: bool


class Reply(Struct, frozen=True):
    """A call returned these packed values."""

    call_id: int
    results: tuple[object, ...]


class Failed(Struct, frozen=True):
    """A call ended with a failure; the fields are those of `outcome.Failure`."""

    call_id: int
    packed: object
    text: str


class Unanswered(Struct, frozen=True):
    """An actor wants to end with this call, and others that are under way let it wait for long; as `Failed` otherwise.

    It may be made again like one that is lost with its process.
    """

    call_id: int
    packed: object
    text: str


class Fetch(Struct, frozen=True):
    """Tell me the outcome of an object that you own, as soon as there is one."""

    object_id: int


class Fetched(Struct, frozen=True):
    """The value of an object."""

    object_id: int
    packed: object


class FetchFailed(Struct, frozen=True):
    """An object's call failed, or the object is gone."""

    object_id: int
    packed: object
    text: str


class Lend(Struct, frozen=True):
    """To the owner of an object or an actor: copies of the ref are about to be sent to another process.

    The supervisor sends it, too, for what it forwards.
    """

    ref_id: int
    to: int
    copies: int


class Release(Struct, frozen=True):
    """To their owner: the last ref here is gone to each of these objects and actors.

    Attributes:
        items: (id, who had sent copies, how many).
    """

    items: tuple[tuple[int, int, int], ...]


class Audit(Struct, frozen=True):
    """From an owner to who may hold copies of its refs: this process has died, what had come from it?"""

    process: int
    ref_ids: tuple[int, ...]


class Audited(Struct, frozen=True):
    """The answer: (id, how many copies came from that process and were not given back yet)."""

    process: int
    items: tuple[tuple[int, int], ...]


class Squeeze(Struct, frozen=True):
    """Look whether others still use your shared memory; if `hard`, as the supervisor tells all, keep nothing warm."""

    hard: bool


class Remark(Struct, frozen=True):
    """From the supervisor to the driver: a warning for the user, which no worker has printed."""

    text: str


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
    | Unanswered
    | Birth
    | Terminate
    | Fetch
    | Fetched
    | FetchFailed
    | Lend
    | Release
    | Audit
    | Audited
    | StartActor
    | Furnish
    | Constructed
    | FindActor
    | Ask
    | CreateGroup
    | RemoveGroup
    | HowAreYou
    | Printed
    | Remark
    | Goodbye
    | StatusIs
    | ReachActor
    | ReachProcess
    | KillActor
    | EndActor
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
    | Unneeded
    | Welcome
    | GivingUp
    | Connected
    | ActorAt
    | ActorDead
    | Found
    | Told
    | Leased
    | LeaseFailed
    | Recall
    | Died
    | Retire
)
