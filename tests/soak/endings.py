"""`end_in_the_middle`: sessions that are shut down, one after the other, while everything is under way in them."""

from __future__ import annotations

import gc
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import simactors as ray
from simactors.api import session as sessions
from tests import started
from tests.soak import remote
from tests.soak.play import Play

_GONE_S = 20.0


def end_in_the_middle(seed: int, count: int, folder: Path) -> list[str]:
    """Open and shut down so many sessions; what was left of them, in words."""
    found: list[str] = []
    end_one(f"{seed} first", folder, found)  # what the driver loads once for all is none of theirs
    gc.collect()
    before = psutil.Process().num_fds(), threading.active_count()
    for number in range(count):
        end_one(f"{seed} {number}", folder, found)
    gc.collect()
    now = psutil.Process().num_fds(), threading.active_count()
    if now > before:
        found.append(f"descriptors and threads: {before} before {count} sessions, {now} after them")
    return found


def end_one(seed: str, folder: Path, found: list[str]) -> None:
    """One session."""
    play = Play(f"ending-{seed.replace(' ', '-')}", seed, folder)
    ray.init(backend="local", num_cpus=4)
    supervisor = started.supervisor()
    waiting = threading.Thread(target=_waits, args=(sessions.active(), _begin(play), found), daemon=True)
    waiting.start()
    time.sleep(play.rng.random() / 4)
    family = [supervisor, *supervisor.children(recursive=True)]
    for process in family[1:]:
        if play.rng.random() < 0.2:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(play.rng.choice([signal.SIGSTOP, signal.SIGKILL]))
    ray.shutdown()
    _, alive = psutil.wait_procs(family, _GONE_S)
    found += [f"{p} has outlived its session {seed}" for p in alive]
    waiting.join(_GONE_S)
    if waiting.is_alive():
        found.append(f"a thread still waits for calls of the session {seed} that is over")
    play.path.unlink(missing_ok=True)
    for where in folder.glob("stack-*"):
        where.unlink()


def _begin(play: Play) -> list[Any]:
    """Refs of calls of every kind, which will not end soon."""
    plain, threaded = (
        remote.Account.remote(),
        remote.Account.options(max_concurrency=3, max_restarts=-1).remote(),
    )
    waiter = remote.Waiter.options(max_restarts=1, max_task_retries=-1).remote()
    stream = remote.count.options(num_returns="streaming", _generator_backpressure_num_objects=1)
    journal = play.journal
    refs = [stream.remote(journal, "s", 5, 0).completed()]
    for n in range(play.rng.randrange(5, 20)):
        data = remote.array(remote.ARRAY, 1)
        refs += [
            plain.echo.remote(journal, f"p{n}", data, 0.1),
            threaded.child.remote(journal, f"t{n}", n),
            waiter.echo.remote(journal, f"w{n}", n, 60.0),
            remote.echo.remote(journal, f"e{n}", n, 60.0),
            remote.tree.remote(journal, f"r{n}", 2, 2),
            remote.forward.remote(journal, f"f{n}", [ray.put(data), refs[-1]]),
        ]
    return refs


def _waits(backend: Any, refs: list[Any], found: list[str]) -> None:
    """A thread of the driver's that waits for all of them; `ray.get` would open the next session itself."""
    for ref in refs:
        try:
            if not backend.wait([ref], 1, None):
                found.append(f"a wait without a timeout that the shutdown met gave nothing for {ref}")
        except RuntimeError:  # the session is over
            return
