"""`tracing`: what it holds on to, and what it does where threads come together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

import simactors
from simactors import tracing
from simactors.api import session
from simactors.core.abilities import KnowsItself, RuntimeInfo
from simactors.core.refs import onlookers
from simactors.core.tracing import SUFFIX, Lines
from simactors.traces import Trace


def open_traces() -> list[str]:
    return [file.path for file in psutil.Process().open_files() if file.path.endswith(SUFFIX)]


def test_a_session_that_is_over_holds_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMACTORS_TRACE_TO", str(tmp_path))
    simactors.init(backend="local", num_cpus=1)
    try:
        assert len(open_traces()) == 1
    finally:
        simactors.shutdown()
    assert open_traces() == []
    assert Trace.load(tmp_path).backend == "local"


SOMEWHERE = RuntimeInfo(job_id=1, node_id=1, worker_id=1, namespace="", task_id=7)


class SlowToObserve(KnowsItself):
    """A backend whose methods are looked at by two threads at the same time, if ever they may."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in vars(self):
            return super().__getattribute__(name)
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(0.1)
        return lambda *_: SOMEWHERE


def test_calls_that_begin_together_have_one_observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two, the second would write down once more whatever the first one has let through."""
    backend = SlowToObserve()
    monkeypatch.setenv("SIMACTORS_TRACE_TO", str(tmp_path))
    monkeypatch.setattr(session, "active", lambda: backend)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: tracing._here(), range(2))
    assert first is second
    assert first is not None
    tracing.observe(backend)  # type: ignore[arg-type]  # the thread that has opened the session comes later
    assert tracing._here() is first
    first.close()


def test_names_with_half_characters_are_written_as_well_as_can_be(tmp_path: Path) -> None:
    """The program failed where it was measured: as it made the actor, or as its session closed."""
    lines = Lines(tmp_path, most_kept=1)
    lines.write("create", name="a\ud800", holds={"CPU": 1.0})
    lines.write("begin", label="é")
    lines.close()
    (file,) = tmp_path.glob(f"*{SUFFIX}")
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line.get("name"), line.get("label")) for line in written] == [("a?", None), (None, "é")]


def test_where_the_folder_is_not_nothing_is_written_if_nobody_depends_on_it(tmp_path: Path) -> None:
    """As on another machine of a Ray cluster: no task fails because its run is measured."""
    Lines(tmp_path / "elsewhere", is_optional=True).write("begin")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        Lines(tmp_path / "elsewhere").write("begin")


@simactors.remote
class Doubler:
    def double(self, n: int) -> int:
        return 2 * n

    def fail(self) -> None:
        raise ValueError("no")

    def items(self) -> Iterator[int]:
        yield 1


def test_of_times_alone_answers_are_seen_in_whatever_way_code_asks_for_them_and_no_values_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMACTORS_TRACE_TO", str(tmp_path))
    monkeypatch.setenv("SIMACTORS_TRACE_TIMES_ONLY", "yes")
    simactors.init(backend="local", num_cpus=1)
    try:
        doubler = Doubler.remote()
        refs = [doubler.double.remote(4321) for _ in range(5)]
        simactors.get(refs[0])
        simactors.get(refs[0])
        simactors.wait([refs[1]])
        asyncio.run(asyncio.wait_for(refs[2], 60))
        refs[3].future().result()
        failing = doubler.fail.remote()
        with pytest.raises(ValueError, match="no"):
            simactors.get(failing)
        assert [simactors.get(ref) for ref in doubler.items.remote()] == [1]  # of which no item is the answer
        simactors.wait(
            [doubler.double.remote(1)]
        )  # after which that of the call that nobody asks for has run
    finally:
        simactors.shutdown()
    assert onlookers == []
    lines = [json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    numbers = [line["call"] for line in lines if line["event"] == "call"]
    seen = [(numbers.index(line["call"]), line["ok"]) for line in lines if line["event"] == "seen"]
    assert sorted(seen) == [(0, True), (1, None), (2, True), (3, True), (5, False), (7, None)]
    ran = [line for line in lines if line["event"] == "end" and line["call"] in numbers]
    assert [line["raised"] for line in ran] == [False] * 5 + [True, False, False]
    assert not any("4321" in file.read_text() for file in tmp_path.iterdir())
