"""`Directory`: the actors of a session, where they live, and what they are called. Kept by the supervisor."""

from __future__ import annotations

from dataclasses import dataclass, field

from real_backend.messages import StartActor, owner_of
from simactors.exceptions import RayActorError


@dataclass(slots=True)
class ActorRecord:
    """One actor.

    Attributes:
        start: what its owner asked for.
        owner: the process that created it.
        process: where it lives; None until it is placed, and when it is dead.
        reachers: who asked for it before it had a process.
        death: what callers are told, once it is dead.
    """

    start: StartActor
    owner: int
    process: int | None = None
    reachers: list[int] = field(default_factory=list)
    death: str | None = None

    @property
    def id(self) -> int:
        """The actor's id."""
        return self.start.actor_id


class Directory:
    """All of them. A name belongs to one living actor of its namespace."""

    def __init__(self) -> None:
        self._records: dict[int, ActorRecord] = {}
        self._names: dict[tuple[str | None, str], int] = {}
        # A handle may travel faster, from process to process, than the news of the actor's start travels here.
        self._asked_early: dict[int, list[int]] = {}
        self._killed_early: set[int] = set()

    def add(self, start: StartActor, owner: int) -> ActorRecord | None:
        """A new actor, or None if its name is taken."""
        if start.name is not None:
            key = start.namespace, start.name
            if key in self._names:
                return None
            self._names[key] = start.actor_id
        record = self._records[start.actor_id] = ActorRecord(start, owner)
        record.reachers = self._asked_early.pop(start.actor_id, [])
        return record

    def ask_early(self, actor_id: int, asker: int) -> None:
        """Somebody wants to reach an actor of which the owner has not told yet."""
        self._asked_early.setdefault(actor_id, []).append(asker)

    def kill_early(self, actor_id: int) -> None:
        """Somebody wants to kill an actor of which the owner has not told yet."""
        self._killed_early.add(actor_id)

    def was_killed_early(self, actor_id: int) -> bool:
        """Whether the actor is to die as soon as it is there; answers yes only once."""
        killed = actor_id in self._killed_early
        self._killed_early.discard(actor_id)
        return killed

    def never_told(self, owner: int) -> dict[int, list[int]]:
        """What was asked about actors of a process that has ended without telling of them; forgotten here."""
        ids = [i for i in self._asked_early if owner_of(i) == owner]
        return {i: self._asked_early.pop(i) for i in ids}

    def find(self, actor_id: int) -> ActorRecord | None:
        """The actor of that id, dead or alive, unless it was forgotten."""
        return self._records.get(actor_id)

    def named(self, name: str, namespace: str | None) -> ActorRecord | None:
        """The living actor of that name."""
        actor_id = self._names.get((namespace, name))
        return None if actor_id is None else self._records[actor_id]

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

    def owned_by(self, process: int) -> list[ActorRecord]:
        """The living, not detached actors that this process created."""
        return [
            r
            for r in self._records.values()
            if r.owner == process and r.death is None and not r.start.detached
        ]


def describe_death(record: ActorRecord, pid: int | None, why: str) -> str:
    """What a caller of a dead actor reads; Ray's sentence first."""
    lines = [
        RayActorError.default,
        f"\tclass_name: {record.start.class_name}",
        f"\tactor_id: actor-{record.id}",
    ]
    if record.start.name is not None:
        lines.append(f"\tname: {record.start.name}")
    if pid is not None:
        lines.append(f"\tpid: {pid}")
    return "\n".join([*lines, f"The actor is dead because {why}"])
