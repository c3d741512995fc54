"""`Directory`: the actors of a session, where they live, and what they are called. Kept by the supervisor."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from real_backend.control import NOTHING_HELD, Grant, StartActor
from real_backend.messages import owner_of
from simactors.exceptions import ActorUnavailableError, RayActorError

_FORGOTTEN_REMEMBERED = 10_000
"""So many ids of forgotten actors are kept, the latest: handles found by name may come to new processes later."""


class ActorRecord(Struct):
    """One actor.

    Attributes:
        start: what its owner asked for.
        owner: the process that created it.
        restarts: how often it may still start again; -1 without end.
        creation: what it is made of, as long as it may have to be made (again).
        carried: the refs and handles in that, with the number of copies.
        furnished: `creation` has been there.
        incarnation: how often it has started again.
        process: where it lives; None until it is placed, while it waits to start again, and when it is dead.
        constructed: the constructor has returned in `process`.
        followers: who wants to be told where it lives.
        ending: it will not start again, whatever ends it.
        death: what callers are told, once it is dead.
        error: which error that is, by its name in `exceptions`.
        grant: what its process holds.
        rank: how many of its class were made before, plus one.
    """

    start: StartActor
    owner: int
    restarts: int = 0
    creation: bytes | None = None
    carried: tuple[tuple[int, int], ...] = ()
    furnished: bool = False
    incarnation: int = 0
    process: int | None = None
    constructed: bool = False
    followers: set[int] = field(default_factory=set)
    ending: bool = False
    death: str | None = None
    error: str = "ActorDiedError"
    grant: Grant = NOTHING_HELD
    rank: int = 1

    @property
    def id(self) -> int:
        """The actor's id."""
        return self.start.actor_id

    @property
    def names(self) -> tuple[str, ...]:
        """What a fault plan may call it, see `core.fault_plan`."""
        start = self.start
        named = () if start.name is None else (start.name,)
        return f"{start.class_name}#{self.rank}", start.class_name, *named

    def furnish(self, creation: bytes, carried: tuple[tuple[int, int], ...] = ()) -> None:
        """All that it is made of is there."""
        self.creation = creation
        self.carried = carried
        self.furnished = True

    def strip(self) -> tuple[tuple[int, int], ...]:
        """It won't start again; returns what was carried in what it was made of, if that was still there."""
        carried, self.carried, self.creation = self.carried, (), None
        return carried

    def spend_restart(self) -> None:
        """It may start again one time less."""
        self.restarts -= self.restarts > 0

    def start_again(self) -> None:
        """Its process has crashed, and it may have another one."""
        self.spend_restart()
        self.incarnation += 1
        self.process = None
        self.constructed = False


class Directory:
    """All of them. A name belongs to one living actor of its namespace."""

    def __init__(self) -> None:
        self._records: dict[int, ActorRecord] = {}
        self._made: Counter[str] = Counter()
        self._names: dict[tuple[str | None, str], int] = {}
        # A handle may travel faster, from process to process, than the news of the actor's start travels here.
        self._asked_early: dict[int, list[int]] = {}
        self._killed_early: dict[int, list[bool]] = {}
        self._forgotten: dict[int, None] = {}

    def add(self, start: StartActor, owner: int) -> ActorRecord | None:
        """A new actor, or None if its name is taken."""
        if start.name is not None:
            key = start.namespace, start.name
            if key in self._names:
                return None
            self._names[key] = start.actor_id
        record = self._records[start.actor_id] = ActorRecord(start, owner, start.max_restarts)
        self._made[start.class_name] += 1
        record.rank = self._made[start.class_name]
        record.followers = {owner, *self._asked_early.pop(start.actor_id, ())}
        return record

    def ask_early(self, actor_id: int, asker: int) -> None:
        """Somebody wants to reach an actor of which the owner has not told yet."""
        self._asked_early.setdefault(actor_id, []).append(asker)

    def kill_early(self, actor_id: int, *, no_restart: bool) -> None:
        """Somebody wants to kill an actor of which the owner has not told yet."""
        self._killed_early.setdefault(actor_id, []).append(no_restart)

    def killed_early(self, actor_id: int) -> list[bool]:
        """`no_restart` of each wish to kill this actor, told only once."""
        return self._killed_early.pop(actor_id, [])

    def never_told(self, owner: int) -> dict[int, list[int]]:
        """What was asked about actors of a process that has ended without telling of them; forgotten here."""
        for actor_id in [i for i in self._killed_early if owner_of(i) == owner]:
            del self._killed_early[actor_id]
        ids = [i for i in self._asked_early if owner_of(i) == owner]
        return {i: self._asked_early.pop(i) for i in ids}

    def find(self, actor_id: int) -> ActorRecord | None:
        """The actor of that id, dead or alive, unless it was forgotten."""
        return self._records.get(actor_id)

    def named(self, name: str, namespace: str | None) -> ActorRecord | None:
        """The living actor of that name."""
        actor_id = self._names.get((namespace, name))
        return None if actor_id is None else self._records[actor_id]

    def names(self) -> tuple[tuple[str, str], ...]:
        """The (namespace, name) of every living named actor, oldest first."""
        return tuple((namespace or "", name) for namespace, name in self._names)

    def living(self) -> list[ActorRecord]:
        """The actors that are not dead, oldest first."""
        return [record for record in self._records.values() if record.death is None]

    def free_name(self, record: ActorRecord) -> None:
        """Another actor may have its name now."""
        key = record.start.namespace, record.start.name or ""
        if self._names.get(key) == record.id:
            del self._names[key]

    def bury(self, record: ActorRecord, text: str) -> None:
        """It is dead."""
        self.free_name(record)
        record.death = text
        record.process = None

    def forget(self, actor_id: int) -> None:
        """Nobody can ask for it any more."""
        record = self._records.get(actor_id)
        if record is not None and record.death is not None:
            del self._records[actor_id]
            self._forgotten[actor_id] = None
            if len(self._forgotten) > _FORGOTTEN_REMEMBERED:
                del self._forgotten[next(iter(self._forgotten))]

    def was_forgotten(self, actor_id: int) -> bool:
        """Whether it is dead and its owner, still alive, has let it go: not the same as one not heard of yet."""
        return actor_id in self._forgotten

    def forget_dead_of(self, owner: int) -> None:
        """That process has ended, and won't say any more who can be forgotten."""
        for actor_id in [i for i, r in self._records.items() if r.owner == owner and r.death is not None]:
            del self._records[actor_id]
        for actor_id in [i for i in self._forgotten if owner_of(i) == owner]:
            del self._forgotten[actor_id]  # that the owner is dead says enough

    def made_by(self, process: int) -> list[ActorRecord]:
        """The actors that this process created and whose making is kept."""
        return [r for r in self._records.values() if r.owner == process and r.creation is not None]

    def owned_by(self, process: int) -> list[ActorRecord]:
        """The living actors that end with this process: detached ones too, if it still had to furnish them."""
        return [
            r
            for r in self._records.values()
            if r.owner == process and r.death is None and not (r.start.detached and r.furnished)
        ]


def describe_death(record: ActorRecord, pid: int | None, why: str) -> str:
    """What a caller of a dead actor reads; Ray's sentence first."""
    return _describe(RayActorError.default, record, pid, f"The actor is dead because {why}")


def describe_restart(record: ActorRecord, pid: int, why: str) -> str:
    """What those read whose calls a restart has lost; Ray's sentence first."""
    return _describe(ActorUnavailableError.default, record, pid, f"The actor restarts because {why}")


def _describe(first: str, record: ActorRecord, pid: int | None, last: str) -> str:
    lines = [
        first,
        f"\tclass_name: {record.start.class_name}",
        f"\tactor_id: actor-{record.id}",
    ]
    if record.start.name is not None:
        lines.append(f"\tname: {record.start.name}")
    if pid is not None:
        lines.append(f"\tpid: {pid}")
    return "\n".join([*lines, last])
