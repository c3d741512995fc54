"""What runs in an actor whose process ends: `__ray_shutdown__`, and the `__del__` of what it holds."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.exceptions import RayActorError


@simactors.remote
class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)

    def read(self) -> list[str]:
        return self.lines


class Leaver:
    def __init__(self, log: Any, how: str = "") -> None:
        self.log = log
        self.how = how

    def work(self) -> int:
        time.sleep(0.01)
        self.add("worked")
        return 1

    def add(self, line: str) -> None:
        simactors.get(self.log.add.remote(line))

    def leave(self) -> None:
        simactors.exit_actor()

    def exit(self, code: int) -> None:
        raise SystemExit(code)

    def __ray_shutdown__(self) -> None:
        self.add("shutdown" if threading.current_thread() is threading.main_thread() else "in a thread")
        if self.how == "raises":
            raise ValueError(self.how)
        time.sleep(0.01)
        self.add("end")


Plain = simactors.remote(Leaver)
Threaded = simactors.remote(max_concurrency=2)(Leaver)


@simactors.remote
class Async(Leaver):
    async def work_on(self) -> int:
        await asyncio.sleep(0.01)
        return 1


@simactors.remote
class Holder:
    def __init__(self, folder: Path) -> None:
        self.held = Held(folder / "held")
        self.path = folder / "holder"

    def ping(self) -> None: ...

    def leave(self) -> None:
        simactors.exit_actor()

    def __del__(self) -> None:
        if hasattr(self, "path"):  # Ray's own object for the class has none
            self.path.touch()


class Held:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __del__(self) -> None:
        self.path.touch()


def said(log: Any, count: int) -> list[str]:
    """The first so many lines; the end of an actor takes its time."""
    for _ in range(300):
        lines: list[str] = simactors.get(log.read.remote())
        if len(lines) >= count:
            break
        time.sleep(0.02)
    return lines


def ends(ref: Any) -> None:
    with pytest.raises(RayActorError):
        simactors.get(ref)


@pytest.mark.parametrize("cls", [Plain, Threaded, Async], ids=["plain", "threaded", "async"])
def test_an_actor_whose_last_handle_is_dropped_is_told(ray: ModuleType, cls: Any) -> None:
    log = Log.remote()
    actor = cls.remote(log)
    assert ray.get([actor.work.remote() for _ in range(2)]) == [1, 1]
    del actor
    assert said(log, 4) == ["worked", "worked", "shutdown", "end"]


def test_so_is_one_that_leaves_or_exits(ray: ModuleType) -> None:
    log = Log.remote()
    leaver = Plain.remote(log)
    ends(leaver.leave.remote())
    assert said(log, 2) == ["shutdown", "end"]
    ends(Plain.remote(log).exit.remote(0))
    assert said(log, 4) == ["shutdown", "end"] * 2
    ends(Plain.remote(log).exit.remote(3))
    assert said(log, 6) == ["shutdown", "end"] * 3
    terminated = Threaded.remote(log)
    terminated.__ray_terminate__.remote()
    assert said(log, 8) == ["shutdown", "end"] * 4


def test_what_it_raises_changes_nothing(ray: ModuleType) -> None:
    log = Log.remote()
    leaver = Plain.remote(log, "raises")
    ends(leaver.leave.remote())
    ends(leaver.work.remote())
    assert said(log, 1) == ["shutdown"]


def test_one_that_restarts_is_told_by_each_incarnation(ray: ModuleType) -> None:
    log = Log.remote()
    leaver = Plain.options(max_restarts=1, max_task_retries=-1).remote(log)
    leaver.exit.remote(3)
    assert said(log, 4) == ["shutdown", "end"] * 2


def test_one_that_is_killed_is_not(ray: ModuleType) -> None:
    log = Log.remote()
    killed = Plain.remote(log)
    assert ray.get(killed.work.remote()) == 1
    ray.kill(killed)
    ends(killed.work.remote())
    time.sleep(0.1)  # so long a farewell would have had
    assert ray.get(log.read.remote()) == ["worked"]


@pytest.mark.filterwarnings("ignore:.*leaves the simulation")
@pytest.mark.parametrize("leaves", [False, True], ids=["dropped", "leaves"])
def test_what_it_holds_is_finalized(ray: ModuleType, tmp_path: Path, *, leaves: bool) -> None:
    holder = Holder.remote(tmp_path)
    ray.get(holder.ping.remote())
    if leaves:
        ends(holder.leave.remote())
    del holder
    for _ in range(300):
        if {"held", "holder"} <= {path.name for path in tmp_path.iterdir()}:
            return
        time.sleep(0.02)
    pytest.fail(f"only {sorted(tmp_path.iterdir())}")
