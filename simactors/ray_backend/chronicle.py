"""Writes into the trace of a run what Ray knows of the deaths of its actors; see `core.tracing`."""

from __future__ import annotations

from typing import Any

import ray
from ray._private import state
from ray._private.worker import global_worker

from simactors.core import tracing

_ID_DIGITS = 24
"""So many of the digits of an actor's id are its own; see `entries.RayActor.id`."""

_WANTED = ("RAY_KILL", "REF_DELETED", "OUT_OF_SCOPE", "OWNER_DIED")
"""Reasons of deaths, in Ray's words, that nothing has gone wrong with; and what leaves by itself is ``INTENDED``."""


def write_deaths() -> None:
    """To be called at the end of a session: of actors that were started again, Ray keeps the last death alone."""
    if global_worker.mode == ray.WORKER_MODE:  # whose sessions end, too, and the driver tells of all
        return
    lines = tracing.lines_of_this_process()
    if lines is None:
        return
    job = ray.get_runtime_context().get_job_id()
    rows: Any = state.actors()
    for row in rows.values():
        if row["JobID"] == job and row["State"] == "DEAD":
            what, wanted = _cause(row["DeathCause"])
            actor = f"{int(row['ActorID'][:_ID_DIGITS], 16):x}"
            lines.write("died", row["EndTime"] / 1000, actor=actor, pid=row["Pid"], what=what, wanted=wanted)
    lines.close()


def _cause(cause: Any) -> tuple[str, bool]:
    """What an actor has died of, in a sentence, and whether that was wanted."""
    if cause.HasField("creation_task_failure_context"):
        return "its constructor raised", False
    if not cause.HasField("actor_died_error_context"):
        return "Ray does not say of what", False
    context = cause.actor_died_error_context
    reason = type(context).Reason.Name(context.reason)
    told = context.error_message.removeprefix("The actor is dead because ")
    return told.partition(" Some common causes")[0], reason in _WANTED or "INTENDED" in told
