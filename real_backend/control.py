"""What processes and the supervisor say to each other: about processes, actors, resources, and the session as a whole.

Not what processes say to one another, and not how it travels: `messages`. `supervisor/loop` says who hears what.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from simactors.core.requests import Request
from simactors.core.resources import Amounts


class Grant(Struct, frozen=True):
    """What a process holds of the machine's resources.

    Attributes:
        amounts: how much of each, in ten-thousandths.
        gpus: which GPUs.
        group, bundle: where they come from, if from a placement group.
        captures: what the holder starts belongs to that group, too.
    """

    amounts: Amounts = ()
    gpus: tuple[int, ...] = ()
    group: int | None = None
    bundle: int = -1
    captures: bool = False


NOTHING_HELD = Grant()


class Surroundings(Struct, frozen=True):
    """What a process is to be started in, beyond what all are: the option `runtime_env`.

    Attributes:
        variables: of the environment, (name, value).
        folder: the working directory, and first on `sys.path`; None for the driver's.
    """

    variables: tuple[tuple[str, str], ...] = ()
    folder: str | None = None

    def search_path(self) -> list[str]:
        """What comes first on `sys.path`."""
        given = dict(self.variables).get("PYTHONPATH", "").split(os.pathsep)
        folder = self.folder or ""
        return [*filter(None, [folder]), *(os.path.abspath(os.path.join(folder, p)) for p in given if p)]


class Need(Struct, frozen=True, cache_hash=True):
    """What a task or an actor needs to run: tasks that need the same use each other's workers."""

    request: Request
    surroundings: Surroundings | None = None


class KillWorker(Struct, frozen=True):
    """To the supervisor: SIGKILL for the worker of this lease."""

    lease: int


class Broken(Struct, frozen=True):
    """To the supervisor: no use in the connection to this process any more; one of us, `by_us` says who, must end."""

    process: int
    text: str
    by_us: bool


class Birth(Struct, frozen=True):
    """From the supervisor to a process: become this actor.

    Attributes:
        incarnation: how often the actor has been restarted.
        creation: as in `Furnish`.
        start: what its owner has said of it.
        names: what a fault plan may call it, see `core.fault_plan`.
    """

    actor_id: int
    incarnation: int
    creation: bytes
    start: StartActor
    grant: Grant
    names: tuple[str, ...]


class Terminate(Struct, frozen=True):
    """From the supervisor to an actor: no handle is left, end after the calls that came before."""


class StartActor(Struct, frozen=True):
    """To the supervisor: here is a new actor, owned by the sender; it starts when `Furnish` has come.

    Attributes:
        described: the interface of the actor and its limits, pickled, for those who find it by name.
        max_restarts: how often it may start again after a crash; -1 without end.
        is_async: its process will need an event loop.
    """

    actor_id: int
    class_name: str
    need: Need
    name: str | None
    namespace: str | None
    get_if_exists: bool
    detached: bool
    described: bytes
    max_restarts: int
    is_async: bool


class Furnish(Struct, frozen=True):
    """To the supervisor: what the actor is made of; sent when the arguments of its constructor are ready.

    The supervisor keeps it as long as the actor may start again, so that a restart needs nobody else.

    Attributes:
        creation: pickled: the definition of the class and the arguments, see `client/births.py`.
        carried: the ids of the refs and handles in it, with the number of copies.
    """

    actor_id: int
    creation: bytes
    carried: tuple[tuple[int, int], ...]


class Constructed(Struct, frozen=True):
    """To the supervisor: the constructor of this process's actor has returned."""


class FindActor(Struct, frozen=True):
    """To the supervisor: who has this name? Answered by `Found`."""

    request: int
    name: str
    namespace: str | None


class ReachActor(Struct, frozen=True):
    """To the supervisor: connect me to the process of this actor."""

    actor_id: int


class ReachProcess(Struct, frozen=True):
    """To the supervisor: connect me to this process."""

    process: int


class Ask(Struct, frozen=True):
    """To the supervisor: tell me of the session; answered by `Told`.

    Attributes:
        what: ``names``, ``node``, ``groups`` or ``timeline``.
    """

    request: int
    what: str


class CreateGroup(Struct, frozen=True):
    """To the supervisor: reserve these bundles as soon as all of them fit; see `abilities.PlacesGroups`.

    Attributes:
        request: it becomes the id of the group.
    """

    request: int
    bundles: tuple[Mapping[str, float], ...]
    strategy: str
    name: str
    detached: bool
    selectors: tuple[Mapping[str, str], ...]


class RemoveGroup(Struct, frozen=True):
    """To the supervisor: give the reservation back, and end what runs in it; answered when that is done."""

    request: int
    group_id: int


NAME_MARK = b"\x1e"
"""In what a worker prints: the rest of the line is who it is from now on."""


class Printed(Struct, frozen=True):
    """From the supervisor to the driver: a worker has printed these lines."""

    name: str
    pid: int
    is_error: bool
    text: str


class Goodbye(Struct, frozen=True):
    """From the driver to the supervisor: end all, and tell what was still printed."""


class HowAreYou(Struct, frozen=True):
    """From the supervisor: how is it going? Answered by `StatusIs`.

    Attributes:
        wants_events: what ran here and when is wanted, too.
    """

    edition: int
    wants_events: bool


class StatusIs(Struct, frozen=True):
    """To the supervisor: how it is going.

    Attributes:
        pending: calls that have come and are not answered.
        done: calls that were answered.
        waits_for: calls to others that are not answered.
        label: of the call that the main thread runs; empty for none.
        events: what ran here: (label, call id, begin and end in seconds since the epoch, whether it returned).
    """

    edition: int
    pending: int
    done: int
    waits_for: int
    label: str
    events: tuple[tuple[str, int, float, float, bool], ...]


class KillActor(Struct, frozen=True):
    """To the supervisor: SIGKILL."""

    actor_id: int
    no_restart: bool


class EndActor(Struct, frozen=True):
    """To the supervisor, from the owner: this actor is not needed any more, or can't be.

    Attributes:
        text: why it can't be constructed; None: no handle to it is left.
    """

    actor_id: int
    text: str | None


class ForgetActor(Struct, frozen=True):
    """To the supervisor: nobody can ask for this actor any more."""

    actor_id: int


class AskLease(Struct, frozen=True):
    """To the supervisor: I need a pool worker."""

    need: Need


class ReturnLease(Struct, frozen=True):
    """To the supervisor: I am done with that worker; if `worn`, it is not to be used again."""

    lease: int
    worn: bool


class Blocked(Struct, frozen=True):
    """To the supervisor: the task of this lease waits; others may have its resources."""

    lease: int


class Unblocked(Struct, frozen=True):
    """To the supervisor: it runs on."""

    lease: int


class Leaving(Struct, frozen=True):
    """To the supervisor: this process is about to end on purpose.

    Attributes:
        whole: `text` is all that callers get to read; otherwise it is added to what is known of the death.
        crash: an actor that ends like this may be restarted.
    """

    text: str
    whole: bool
    crash: bool


class Staying(Struct, frozen=True):
    """To the supervisor, answering `Retire`: others still need what this process owns."""


class Unneeded(Struct, frozen=True):
    """To the supervisor, some time after `Staying`: nobody does any more."""


class Welcome(Struct, frozen=True):
    """From the supervisor: ready.

    Attributes:
        pid: the supervisor's.
    """

    pid: int


class GivingUp(Struct, frozen=True):
    """From the supervisor to the driver: its last words, if something in itself has failed."""

    text: str


class Connected(Struct, frozen=True):
    """From the supervisor: the `descriptor`, set where it arrives if there is room, leads to this process."""

    process: int
    descriptor: int | None = None


class ActorAt(Struct, frozen=True):
    """From the supervisor: this actor is constructed and lives in this process, to which you are connected."""

    actor_id: int
    process: int


class ActorDead(Struct, frozen=True):
    """From the supervisor: this actor is dead for good, and you were not connected to its last process."""

    actor_id: int
    text: str
    error: str = "ActorDiedError"


class Found(Struct, frozen=True):
    """From the supervisor: the living actor of a name, if there is one.

    Also answers `StartActor` with a name (`request` is the actor's id): itself if it now has the name.
    """

    request: int
    actor_id: int | None
    described: bytes


class Told(Struct, frozen=True):
    """From the supervisor: the answer to `Ask`: plain data, whose shape depends on the question."""

    request: int
    answer: object


class LeaseFailed(Struct, frozen=True):
    """From the supervisor: there will be no worker; `text` says why, `error` which of `exceptions` that is."""

    need: Need
    error: str
    text: str


class Leased(Struct, frozen=True):
    """From the supervisor: this worker is yours until you return the lease."""

    lease: int
    process: int
    need: Need
    grant: Grant


class Recall(Struct, frozen=True):
    """From the supervisor: others wait; return this lease as soon as its worker is idle."""

    lease: int


class Died(Struct, frozen=True):
    """From the supervisor: this process has ended; `text` says of what.

    Attributes:
        restarts: the actor that lived there starts again, in another process.
    """

    process: int
    text: str
    restarts: bool


class Retire(Struct, frozen=True):
    """From the supervisor to an idle pool worker: end, unless others need what you own."""
