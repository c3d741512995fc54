"""What a session takes: processes, descriptors, memory, and the entries of the driver's tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil

from simactors.api import session as sessions

_CALM_S = 60.0
_LOOK_S = 0.05
_PER_WORKER = 4
"""Descriptors of the supervisor: its channel, its pidfd, and what it prints to both streams."""
_ENOUGH = 4
"""Samples a third; fewer tell nothing, for the first ones are of a session that still gets warm."""


def tables() -> dict[str, int]:
    """How many entries each table of the driver has that must be empty when nothing is under way."""
    client: Any = sessions.active()
    with client.pump.lock:
        return {
            "pending calls": len(client._calls.pending),
            "own objects that others hold": client.objects.kept(),
            "borrowed objects": client.objects.borrowed(),
            "objects asked for": len(client._borrowing._asked),
            "lines to actors": len(client._actors._lines),
            "handles": len(client._actors._entries),
            "streams": len(client._streams._by_id),
            "counts of own": len(client.counting._held),
            "counts of others'": len(client.counting._received),
            "audits": len(client.counting._audits),
            "queued tasks": sum(len(s.queue) for s in client._tasks._shapes.values()),
            "leases at work": sum(e.call is not None for e in client._tasks._leases.values()),
        }


def usage(supervisor: psutil.Process) -> dict[str, int]:
    """What the session takes now, in pieces and in KiB."""
    driver = psutil.Process()
    client: Any = sessions.active()
    children = supervisor.children()
    return {
        "workers": len(children),
        "zombies": sum(_is_zombie(c) for c in children),
        # How many workers the pool keeps goes up and down: what they need is no growth.
        "descriptors of the driver but for peers": driver.num_fds() - len(client.peers._peers),
        "descriptors of the supervisor but for workers": supervisor.num_fds() - _PER_WORKER * len(children),
        "peers of the driver": len(client.peers._peers),
        "shared KiB": client.sharing.usage().bytes >> 10,
        "shared objects": client.sharing.usage().objects,
        "USS of the driver in KiB": driver.memory_full_info().uss >> 10,
        # What it shares with the workers that it has forked is its own, too: the USS goes up and down with these.
        "RSS of the supervisor in KiB": supervisor.memory_info().rss >> 10,
    }


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def settle(supervisor: psutil.Process, most_workers: int, nudge: Callable[[], object]) -> list[str]:
    """Wait until nothing is under way; what still is after a minute, in words.

    Args:
        most_workers: so many may stay in the pool.
        nudge: called before each look.
    """
    deadline = time.monotonic() + _CALM_S
    while True:
        nudge()
        left = [f"{count} {what} are left" for what, count in tables().items() if count]
        workers = len(supervisor.children())
        if workers > most_workers:
            left.append(f"{workers} workers are left, more than {most_workers}")
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_S)


def growth(samples: list[dict[str, int]]) -> list[str]:
    """What has grown from the first third of the samples to the last one, beyond noise."""
    third = len(samples) // 3
    if third < _ENOUGH:
        return []
    found = []
    for what in samples[0]:
        early, late = (
            sum(s[what] for s in part) / third
            for part in (samples[third // 2 : third // 2 + third], samples[-third:])
        )
        allowed = early * 1.1 + (2048 if "SS of" in what else 16384 if "KiB" in what else 8)
        if late > allowed:
            found.append(f"{what}: {early:.0f} in the first third, {late:.0f} in the last one")
    return found
