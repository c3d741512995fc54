"""Each process's own copies of the user's code, where no real backend can be asked."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import simactors
from simactors.exceptions import ActorDiedError, EscapeWarning, RayTaskError
from simactors.sim.config import SimConfig

SEEN: list[int] = []


class Odd(Exception):
    tags: list[int] = []  # noqa: RUF012  # what makes the class a process's own


def test_a_restarted_actor_has_fresh_copies() -> None:
    @simactors.remote(max_restarts=1)
    class Log:
        def add(self) -> int:
            SEEN.append(1)
            return len(SEEN)

    with simactors.simulate():
        log = Log.remote()
        assert simactors.get([log.add.remote(), log.add.remote()]) == [1, 2]
        simactors.kill(log, no_restart=False)
        time.sleep(5)
        assert simactors.get(log.add.remote()) == 1


def test_all_processes_share_globals_if_the_config_says_so() -> None:
    @simactors.remote
    class Log:
        def add(self) -> int:
            SEEN.append(1)
            return len(SEEN)

    with simactors.simulate(config=SimConfig(share_globals=True)):
        assert sorted(simactors.get([Log.remote().add.remote() for _ in range(3)])) == [1, 2, 3]
    assert SEEN == [1, 1, 1]
    SEEN.clear()


def test_retries_know_the_errors_of_another_process() -> None:
    runs: list[int] = []

    @simactors.remote(retry_exceptions=[Odd], max_retries=5)
    def fail() -> None:
        runs.append(1)
        Odd.tags.append(1)
        if len(runs) < 3:
            raise Odd
        raise KeyError(len(runs))

    with simactors.simulate(), pytest.raises(KeyError):
        simactors.get(fail.remote())
    assert not runs


def test_refs_and_handles_in_closures_arrive() -> None:
    @simactors.remote
    class Counter:
        def add(self) -> int:
            SEEN.append(1)
            return len(SEEN)

    with simactors.simulate():
        counter, ref = Counter.remote(), simactors.put([1])

        @simactors.remote
        def use() -> Any:
            SEEN.append(1)
            return simactors.get([counter.add.remote(), ref])

        assert simactors.get(use.remote()) == [1, [1]]
        assert simactors.get(use.remote()) == [2, [1]]


def test_a_module_that_cannot_be_imported_there_fails_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fragile.py").write_text(
        "import os\nSTATE = []\nif os.getpid() > 4_000_000: raise OSError('no')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fragile", raising=False)
    fragile = importlib.import_module("fragile")

    @simactors.remote
    def use() -> Any:
        return fragile.STATE

    @simactors.remote
    class User:
        def use(self) -> Any:
            return fragile.STATE

    with simactors.simulate():
        with pytest.raises(RayTaskError, match=r"The remote function use failed to import on the worker"):
            simactors.get(use.remote())
        with pytest.raises(ActorDiedError, match=r"The actor class User failed to import on the worker"):
            simactors.get(User.remote().use.remote())


def test_imports_are_as_before_when_the_simulation_is_over() -> None:
    before = builtins.__import__, importlib.import_module
    with pytest.raises(ZeroDivisionError), simactors.simulate():
        _ = 1 // (builtins.__import__ is before[0])
    assert (builtins.__import__, importlib.import_module) == before


def test_runs_repeat_and_leave_no_state_behind() -> None:
    @simactors.remote
    class Log:
        def add(self) -> int:
            SEEN.append(1)
            return len(SEEN)

    digests = []
    for _ in range(2):
        with simactors.simulate(seed=3) as sim:
            assert simactors.get(Log.remote().add.remote()) == 1
        digests.append(sim.digest)
    assert digests[0] == digests[1]


class Node:
    tags: list[int] = []  # noqa: RUF012  # what makes the class a process's own


class Child(Node):
    pass


def test_a_subclass_that_arrives_is_one_of_the_process_s_own_class() -> None:
    @simactors.remote
    def is_node(node: Any) -> bool:
        return isinstance(node, Node)

    with simactors.simulate():
        assert simactors.get([is_node.remote(Child()), is_node.remote(Node())]) == [True, True]


def test_a_package_that_imports_its_own_parts_is_imported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "owned"
    package.mkdir()
    (package / "__init__.py").write_text("from .part import STATE, add\n")
    (package / "part.py").write_text("STATE = []\ndef add():\n    STATE.append(1)\n    return len(STATE)\n")
    monkeypatch.syspath_prepend(tmp_path)
    part = importlib.import_module("owned.part")
    owned = importlib.import_module("owned")

    @simactors.remote
    def use() -> Any:
        return part.add(), owned.add(), owned.STATE is part.STATE

    with simactors.simulate():
        assert simactors.get(use.remote()) == (1, 2, True)
    monkeypatch.delitem(sys.modules, "owned")
    monkeypatch.delitem(sys.modules, "owned.part")


def test_a_compiled_module_of_the_users_is_shared_and_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec("xxlimited")  # of the library, for tests like this one
    if found is None or not found.origin:
        pytest.skip("this Python has no compiled module that nobody has loaded")
    shutil.copy(found.origin, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xxlimited", raising=False)
    compiled: Any = importlib.import_module("xxlimited")

    @simactors.remote
    class Actor:
        def put(self, value: int | None) -> Any:
            SEEN.append(1)  # has its own copies by that
            if value is not None:
                compiled.value = value
            return getattr(compiled, "value", None), len(SEEN)

    def program() -> None:
        with simactors.simulate():
            one, other = Actor.remote(), Actor.remote()
            assert simactors.get(one.put.remote(3)) == (3, 1)
            assert simactors.get(other.put.remote(None)) == (3, 1)

    with pytest.warns(EscapeWarning, match="module 'xxlimited' is compiled") as told:
        program()
    assert len([warning for warning in told if warning.category is EscapeWarning]) == 1
    monkeypatch.delitem(sys.modules, "xxlimited")


class Stats:
    hits = 0


class Holder:
    pass


def called() -> None:
    pass


called.calls = 0  # type: ignore[attr-defined]  # what the test is about


def test_code_that_writes_into_what_itself_reaches_no_state_is_private_too() -> None:
    @simactors.remote
    class Writer:
        def write(self) -> Any:
            Stats.hits += 1
            Holder.inst = getattr(Holder, "inst", 0) + 1  # type: ignore[attr-defined]  # as above
            called.calls += 1  # type: ignore[attr-defined]  # as above
            return Stats.hits, Holder.inst, called.calls  # type: ignore[attr-defined]  # as above

    for _ in range(2):
        with simactors.simulate():
            first, second = Writer.remote(), Writer.remote()
            found = simactors.get([first.write.remote(), first.write.remote(), second.write.remote()])
            assert found == [(1, 1, 1), (2, 2, 2), (1, 1, 1)]
    assert (Stats.hits, hasattr(Holder, "inst")) == (0, False)
