"""Judges of recorded histories by their names in scenario files, for `drive.py` and for whoever checks the names."""

from __future__ import annotations

from typing import Any, get_args

from simactors.checkers import specs
from simactors.checkers.isolation import Level, isolated
from simactors.checkers.linearizability import linearizable
from simactors.checkers.recording import Recording
from simactors.checkers.verdict import Verdict
from simactors.workload.load import EntryError, Judged

# What people say, for the level that forbids it: a lost update is the least that snapshot isolation rules out.
_IN_WORDS = {"free of lost updates": "snapshot-isolation"}
PROPERTIES = ("linearizable", *_IN_WORDS, *get_args(Level))
"""What a history may be judged for."""
SPECS = tuple(name for name in specs.__all__ if name not in ("ANYTHING", "Sequential"))
"""What may be linearizable."""


def judge(judged: Judged, namespace: dict[str, Any]) -> Verdict:
    """The verdict on what a program has recorded.

    Raises:
        EntryError: it has no such recording, or the judge does not take these arguments.
    """
    recording = namespace.get(judged.recording)
    if not isinstance(recording, Recording):
        raise EntryError(f"{judged.recording!r} is no Recording: write {judged.recording} = Recording()")
    try:
        if judged.promise == "linearizable":
            spec = getattr(specs, judged.spec)(**judged.arguments)
        else:
            level: Any = _IN_WORDS.get(judged.promise, judged.promise)
            return isolated(recording.history(), level=level, **judged.arguments)
    except TypeError as error:
        raise EntryError(f"{judged.name}: {error}") from None
    return linearizable(recording.history(), spec)
