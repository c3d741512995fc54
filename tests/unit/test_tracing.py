"""`tracing`: what it holds on to, and what it does where threads come together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import simactors
from simactors import tracing
from simactors.api import session
from simactors.core.abilities import RuntimeInfo
from simactors.core.tracing import SUFFIX
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


class SlowToObserve:
    """A backend whose methods are looked at by two threads at the same time, if ever they may."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2)

    def __getattr__(self, name: str) -> Callable[..., None]:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(0.1)
        return lambda *_: SOMEWHERE


def test_calls_that_begin_together_have_one_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two, the second would write down once more whatever the first one has let through."""
    backend = SlowToObserve()
    monkeypatch.setenv("SIMACTORS_TRACE_TO", "nothing is written")
    monkeypatch.setattr(session, "active", lambda: backend)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: tracing._here(), range(2))
    assert first is second
    assert first is not None
    first.close()
