"""Starting pytest itself, for the tests of its plugin."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

import simactors.hypothesis
import simactors.testing.coroutines
import simactors.testing.fixture
import simactors.testing.hunts  # noqa: F401  # what a pytest in this process would load anew each time

OTHERS = ("randomly", "timeout", "asyncio", "xdist")
Run = Callable[..., pytest.RunResult]


def _arguments(used: tuple[str, ...]) -> list[str]:
    left_out = [word for name in OTHERS if name not in used for word in ("-p", f"no:{name}")]
    is_installed = any(e.value == "simactors.pytest_plugin" for e in metadata.entry_points(group="pytest11"))
    return [*left_out, *(() if is_installed else ("-p", "simactors.pytest_plugin"))]


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tests lie that a test runs; no variable of its own says anything to them."""
    for name in ("SEED", "SEEDS", "REPLAY", "BACKEND", "CHECK_DETERMINISM", "TRACE"):
        monkeypatch.delenv(f"SIMACTORS_{name}", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for name in ("CI", "BUILD_NUMBER"):  # with them pytest's summary repeats the whole message of a failure
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makeini("[pytest]\nsim_shrink_s = 2\naddopts = --strict-markers -p no:cacheprovider\n")
    return pytester.path


@pytest.fixture
def run(pytester: pytest.Pytester, folder: Path) -> Run:
    """Run pytest on a file's text (or on what is there), in this process."""

    def run(text: str | None, *arguments: str) -> pytest.RunResult:
        if text is not None:
            pytester.makepyfile(test_it=text)
        return pytester.runpytest_inprocess(*_arguments(()), *arguments)

    return run


@pytest.fixture
def start(pytester: pytest.Pytester, folder: Path) -> Run:
    """The same in a process of its own, with some of the other plugins."""

    def start(text: str | None, *arguments: str, used: tuple[str, ...] = ()) -> pytest.RunResult:
        if text is not None:
            pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess(*_arguments(used), *arguments, timeout=60)

    return start
