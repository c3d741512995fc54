"""`Lives`: actors from `StartActor` to their death: placing, starting, restarting, burying, and who is told.

Not the table of them (`directory`) and not processes as such (`processes`). The supervisor keeps what an actor is
made of as long as it may start again, so that a restart needs neither its owner nor anybody else.
"""

from __future__ import annotations

import importlib
from collections import Counter

from real_backend.control import (
    ActorAt,
    ActorDead,
    Birth,
    Constructed,
    EndActor,
    FindActor,
    ForgetActor,
    Found,
    Furnish,
    Grant,
    KillActor,
    ReachActor,
    StartActor,
    Terminate,
)
from real_backend.directory import ActorRecord, Directory, describe_death, describe_restart
from real_backend.limits import TOO_MANY
from real_backend.messages import Audit, Audited, Lend, Release, owner_of
from real_backend.placement import Placement, Refusal
from real_backend.supervisor.processes import Death, Process, Processes
from simactors.core.resources import Amounts
from simactors.exceptions import RayActorError

_KILLED = "it was killed by `ray.kill`."
_KILLED_TO_RESTART = "it was killed by `ray.kill(no_restart=False)`."
_GONE = f"{RayActorError.default}\nIts owner has ended, and so has the actor."
_FORGOTTEN = f"{RayActorError.default}\nIt has ended, and all its counted handles were dropped."


class Lives:
    """All actors of the session."""

    def __init__(self, processes: Processes, placement: Placement) -> None:
        self._processes = processes
        self._placement = placement
        self._directory = Directory()
        # Actors that found no room yet, those that start again before new ones.
        self._unplaced: list[ActorRecord] = []

    # Birth

    def start(self, owner: Process, message: StartActor) -> None:
        """A process has made an actor."""
        record = self._directory.add(message, owner.number)
        if message.name is not None:
            holder = record or self._directory.named(message.name, message.namespace)
            assert holder is not None
            described = holder.start.described
            self._processes.send(owner.number, Found(message.actor_id, holder.id, described))
        if record is not None:
            for no_restart in self._directory.killed_early(record.id):
                self._kill(record, no_restart=no_restart)

    def furnish(self, owner: Process, message: Furnish) -> None:
        """What an actor is made of has come: it starts as soon as there is room, before those that come later."""
        record = self._directory.find(message.actor_id)
        if record is None or record.death is not None:
            self._release(owner.number, message.carried)
            return
        record.furnish(message.creation, message.carried)
        if not self._try(record):
            self._unplaced.append(record)

    def place(self) -> bool:
        """Start what has found room.

        Returns:
            Whether some have not.
        """
        self._unplaced = [r for r in self._unplaced if r.death is None and not self._try(r)]
        return bool(self._unplaced)

    def _try(self, record: ActorRecord) -> bool:
        """Whether it could be started, or never can be."""
        request = record.start.need.request
        found = self._placement.grant(request)
        if isinstance(found, Grant):
            self._start_process(record, self._placement.keep(found, request.to_keep))
        elif isinstance(found, Refusal):
            self._refuse(record, found)
        return found is not None

    def _refuse(self, record: ActorRecord, why: Refusal) -> None:
        text = (
            "The placement group corresponding to this Actor has been removed."
            if why.kind == "PlacementGroupRemoved"
            else f"The actor is not schedulable: {why.text}."
        )
        record.ending = True
        self._directory.free_name(record)
        record.error = why.actor_error
        self._bury_unborn(record, text)

    def _start_process(self, record: ActorRecord, grant: Grant) -> None:
        if record.start.is_async:
            # Once here, and not in each process that is forked from this one.
            importlib.import_module("real_backend.worker.loops")
        try:
            process = self._processes.start_worker(record.id, record.start.need.surroundings)
        except OSError as error:
            self._placement.release(grant)
            self._end_now(record, f"its process could not be started: {error.strerror}; {TOO_MANY}")
            return
        record.grant = grant
        record.process = process.number
        assert record.creation is not None
        for ref_id, copies in record.carried:
            self._processes.send(owner_of(ref_id), Lend(ref_id, process.number, copies))
        birth = Birth(record.id, record.incarnation, record.creation, record.start, grant, record.names)
        self._processes.send(process.number, birth)
        if record.restarts == 0:
            self._release(record.owner, record.strip())  # may be large, and won't be needed again

    def constructed(self, process: Process, _: Constructed) -> None:
        """Callers may come now: as on Ray, a call that was made before is not lost if the constructor crashes."""
        record = self._record_of(process)
        if record is not None and record.process == process.number:
            record.constructed = True
            for follower in sorted(record.followers):
                self._introduce(follower, record)

    # Finding and reaching

    def find(self, asker: Process, message: FindActor) -> None:
        """Who has this name?"""
        record = self._directory.named(message.name, message.namespace)
        if record is None:
            self._processes.send(asker.number, Found(message.request, None, b""))
        else:
            self._processes.send(asker.number, Found(message.request, record.id, record.start.described))

    def reach(self, asker: Process, message: ReachActor) -> None:
        """Tell `asker` where the actor lives, now and after each restart."""
        record = self._directory.find(message.actor_id)
        if record is None:
            self._reach_unknown(asker.number, message.actor_id)
        elif record.death is not None:
            self._processes.send(asker.number, ActorDead(record.id, record.death, record.error))
        else:
            record.followers.add(asker.number)
            if record.constructed:
                self._introduce(asker.number, record)

    def _reach_unknown(self, asker: int, actor_id: int) -> None:
        if self._directory.was_forgotten(actor_id):
            self._processes.send(asker, ActorDead(actor_id, _FORGOTTEN))
        elif owner_of(actor_id) in self._processes.living:
            self._directory.ask_early(actor_id, asker)
        else:
            self._processes.send(asker, ActorDead(actor_id, _GONE))

    def _introduce(self, follower: int, record: ActorRecord) -> None:
        assert record.process is not None
        if follower not in self._processes.living:
            record.followers.discard(follower)
            return
        try:
            if self._processes.connect(follower, record.process):
                self._processes.send(follower, ActorAt(record.id, record.process))
        except OSError as error:
            text = f"{RayActorError.default}\nIt could not be connected to: {error.strerror}; {TOO_MANY}"
            self._processes.send(follower, ActorDead(record.id, text))

    # Death

    def kill(self, _: Process, message: KillActor) -> None:
        """Somebody has called `kill`."""
        record = self._directory.find(message.actor_id)
        if record is not None:
            self._kill(record, no_restart=message.no_restart)
        elif (
            not self._directory.was_forgotten(message.actor_id)
            and owner_of(message.actor_id) in self._processes.living
        ):
            self._directory.kill_early(message.actor_id, no_restart=message.no_restart)

    def _kill(self, record: ActorRecord, *, no_restart: bool) -> None:
        if no_restart or record.ending or record.restarts == 0:
            self._end_now(record, _KILLED)
            return
        process = self._process_of(record)
        if process is None or (process.killed and not record.constructed):
            record.spend_restart()  # it starts afresh in any case; as on Ray, each kill counts until it is there
        else:
            process.killed = process.killed or _KILLED_TO_RESTART
            self._processes.kill(process)

    def end(self, _: Process, message: EndActor) -> None:
        """Its owner says that it is not needed, or can't be made."""
        record = self._directory.find(message.actor_id)
        if record is None or record.death is not None:
            return
        process = self._process_of(record)
        if message.text is not None:
            self._bury_unborn(record, message.text)
        elif process is None:
            self._end_now(record, "all its handles were dropped.")
        else:
            record.ending = True
            self._processes.send(process.number, Terminate())

    def forget(self, _: Process, message: ForgetActor) -> None:
        """Nobody can ask for it any more."""
        self._directory.forget(message.actor_id)

    def death_of(self, process: Process, status: str, *, is_idle: bool) -> Death:
        """What those are told that talked to a process which has ended; decides about a restart.

        Args:
            is_idle: it is no actor's, and has no task.
        """
        leaving = process.leaving
        why = process.killed or (f"{leaving.text}; {status}" if leaving is not None else status)
        record = self._record_of(process)
        has_left = leaving is not None and not leaving.crash
        wanted = has_left or process.killed is not None
        if record is None:
            text = f"pid: {process.pid}\n\tThe worker is dead because {why}"
            return Death(text, why=why, wanted=wanted or is_idle)
        wanted = wanted or record.ending
        if not record.ending and not has_left and record.restarts != 0:
            text = describe_restart(record, process.pid, why)
            return Death(text, restarts=True, why=why, wanted=wanted)
        if leaving is not None and leaving.whole:
            return Death(leaving.text, why=leaving.text, wanted=wanted)
        return Death(describe_death(record, process.pid, why), why=why, wanted=wanted)

    def ended(self, process: Process, death: Death) -> None:
        """A process has ended, and those that talked to it have been told: its actor, and those that it owned."""
        record = self._record_of(process)
        if record is not None:
            self._placement.release(record.grant)
            if death.restarts:
                record.start_again()
                self._unplaced.insert(0, record)
            else:
                told = process.connected if record.constructed else set()
                self._bury(record, death.text, record.followers - told)
        for child in self._directory.owned_by(process.number):
            self._end_now(child, "its owner has ended.")
        self._directory.forget_dead_of(process.number)
        for unknown, askers in self._directory.never_told(process.number).items():
            for asker in askers:
                self._processes.send(asker, ActorDead(unknown, _GONE))

    def _end_now(self, record: ActorRecord, why: str) -> None:
        if record.death is not None:
            return
        record.ending = True
        self._directory.free_name(record)
        process = self._process_of(record)
        if process is None:
            self._bury_unborn(record, describe_death(record, None, why))
        else:
            if process.killed in (None, _KILLED_TO_RESTART):
                process.killed = why
            self._processes.kill(process)

    def _bury_unborn(self, record: ActorRecord, text: str) -> None:
        self._bury(record, text, record.followers)

    def _bury(self, record: ActorRecord, text: str, mourners: set[int]) -> None:
        self._directory.bury(record, text)
        self._release(record.owner, record.strip())
        for mourner in sorted(mourners):
            self._processes.send(mourner, ActorDead(record.id, text, record.error))
        if record.owner not in self._processes.living:
            self._directory.forget(record.id)

    def _release(self, owner: int, carried: tuple[tuple[int, int], ...]) -> None:
        """The supervisor holds these refs and handles no more; to their owners it is a process like any other."""
        for ref_id, copies in carried:
            self._processes.send(owner_of(ref_id), Release(((ref_id, owner, copies),)))

    def audit(self, asker: Process, message: Audit) -> None:
        """An owner wants to know what is held here that came from a process which has died."""
        held = Counter(dict.fromkeys(message.ref_ids, 0))
        for record in self._directory.made_by(message.process):
            held.update(dict(record.carried))
        items = tuple((ref_id, held[ref_id]) for ref_id in message.ref_ids)
        self._processes.send(asker.number, Audited(message.process, items))

    def group_removed(self, group: int) -> None:
        """What runs in a placement group ends with it."""
        for record in self._directory.living():
            if record.process is not None and record.grant.group == group:
                self._end_now(record, "its placement group was removed.")

    def names_of(self, process: Process) -> list[str]:
        """What a fault plan may call the actor of a process; empty if it is none's."""
        record = self._record_of(process)
        return [] if record is None else list(record.names)

    def names(self) -> tuple[tuple[str, str], ...]:
        """The (namespace, name) of every living named actor, oldest first."""
        return self._directory.names()

    def living(self) -> list[ActorRecord]:
        """The actors that are not dead."""
        return self._directory.living()

    @property
    def waiting(self) -> int:
        """How many actors wait for a place."""
        return len(self._unplaced)

    def unplaced(self) -> list[ActorRecord]:
        """Those actors."""
        return self._unplaced

    def held(self) -> list[Amounts]:
        """What actors keep as long as they live, outside of placement groups."""
        homes = [record for record in self.living() if record.process is not None]
        return [record.grant.amounts for record in homes if record.grant.group is None]

    def _record_of(self, process: Process) -> ActorRecord | None:
        return None if process.actor_id is None else self._directory.find(process.actor_id)

    def _process_of(self, record: ActorRecord) -> Process | None:
        return None if record.process is None else self._processes.living.get(record.process)
