"""Module globals, class attributes, closures and defaults: each process has its own."""

from __future__ import annotations

import enum
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# Its fixtures write modules for all backends alike, in the simulator, too.
pytestmark = pytest.mark.filterwarnings("ignore::simactors.exceptions.EscapeWarning")

SEEN: list[str] = []
FLAG = "as it was"
LOCK = threading.Lock()


class Counted:
    made = 0

    def __init__(self) -> None:
        Counted.made += 1


class Color(enum.Enum):
    RED = 1


class Odd(Exception):
    count = 0


def note(text: str) -> int:
    SEEN.append(text)
    return len(SEEN)


def test_each_actor_sees_its_own_globals_and_the_driver_sees_none(ray: ModuleType) -> None:
    @ray.remote
    class Log:
        def add(self, text: str) -> int:
            SEEN.append(text)
            return len(SEEN)

    first, second = Log.remote(), Log.remote()
    assert ray.get([first.add.remote("a"), first.add.remote("b"), second.add.remote("c")]) == [1, 2, 1]
    assert not SEEN


def test_helpers_of_an_importable_module_share_the_globals_of_their_process(ray: ModuleType) -> None:
    @ray.remote
    class Log:
        def add(self, text: str) -> int:
            return note(text)

    first, second = Log.remote(), Log.remote()
    assert ray.get([first.add.remote("a"), first.add.remote("b"), second.add.remote("c")]) == [1, 2, 1]
    assert not SEEN


def test_class_attributes_are_private_to_each_process(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "made", 0)  # other tests make some, in the driver

    @ray.remote
    class Maker:
        total = 0

        def make(self) -> tuple[int, int]:
            Counted()
            type(self).total += 1
            return Counted.made, type(self).total

    first, second = Maker.remote(), Maker.remote()
    assert ray.get([first.make.remote(), first.make.remote(), second.make.remote()]) == [
        (1, 1),
        (2, 2),
        (1, 1),
    ]
    assert Counted.made == 0


def test_closures_and_defaults_are_private_to_each_process(ray: ModuleType) -> None:
    seen: list[int] = []

    @ray.remote
    class Log:
        def add(self, more: list[int] = []) -> tuple[int, int]:  # noqa: B006  # what the test is about
            seen.append(1)
            more.append(1)
            return len(seen), len(more)

    first, second = Log.remote(), Log.remote()
    assert ray.get([first.add.remote(), first.add.remote(), second.add.remote()]) == [(1, 1), (2, 2), (1, 1)]
    assert not seen


def test_later_changes_of_the_driver_are_unseen(ray: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    local = "before"

    @ray.remote
    class Reader:
        def read(self) -> tuple[str, str]:
            return FLAG, local

    @ray.remote
    def read() -> tuple[str, str]:
        return FLAG, local

    monkeypatch.setattr(sys.modules[__name__], "FLAG", "at the first call")
    reader = Reader.remote()
    assert ray.get([reader.read.remote(), read.remote()]) == [("at the first call", "before")] * 2
    monkeypatch.setattr(sys.modules[__name__], "FLAG", "later")
    local = "after"
    later = Reader.remote()
    calls = [reader.read.remote(), later.read.remote(), read.remote()]
    assert ray.get(calls) == [("at the first call", "before")] * 3


def test_two_functions_share_nothing_and_calls_of_one_go_on_with_its_copy(ray: ModuleType) -> None:
    seen: list[int] = []

    @ray.remote
    def first() -> tuple[int, int]:
        seen.append(1)
        return os.getpid(), len(seen)

    @ray.remote
    def second() -> tuple[int, int]:
        seen.append(1)
        return os.getpid(), len(seen)

    counts: dict[Any, int] = {}
    for function in (first, second, first, second, first):
        pid, length = ray.get(function.remote())
        counts[function, pid] = counts.get((function, pid), 0) + 1
        assert length == counts[function, pid]


def test_instances_and_errors_are_of_each_process_s_own_class(ray: ModuleType) -> None:
    class Local:
        tags: list[int] = []  # noqa: RUF012  # what makes the class a process's own

    @ray.remote
    class Judge:
        def knows(self, local: Any, counted: Any, color: Any) -> tuple[bool, bool, bool]:
            return isinstance(local, Local), type(counted) is Counted, color is Color.RED

        def make(self) -> tuple[Any, Any, Any]:
            return Local(), Counted(), Color.RED

        def fail(self) -> None:
            Odd.count += 1
            raise Odd("no")

        def catch(self, other: Any) -> str:
            try:
                ray.get(other.fail.remote())
            except Odd as error:
                return str(error.args[0].args[0]) if isinstance(error.args[0], Odd) else "caught"
            return "nothing"

    first, second = Judge.remote(), Judge.remote()
    assert ray.get(first.knows.remote(Local(), Counted(), Color.RED)) == (True, True, True)
    local, counted, color = ray.get(first.make.remote())
    assert isinstance(local, Local)
    assert type(counted) is Counted
    assert color is Color.RED
    assert ray.get(second.knows.remote(local, counted, color)) == (True, True, True)
    assert ray.get(second.catch.remote(first)) in ("no", "caught")
    with pytest.raises(Odd):
        ray.get(first.fail.remote())
    assert Odd.count == 0


@pytest.mark.not_yet(ray="Ray gets a function anew from each process that calls it")
def test_a_function_that_is_handed_on_keeps_its_copy(ray: ModuleType) -> None:
    seen: list[int] = []

    @ray.remote
    def count() -> tuple[int, int]:
        seen.append(1)
        return os.getpid(), len(seen)

    @ray.remote(num_cpus=0)
    class Caller:
        def call(self) -> tuple[int, int]:
            found: tuple[int, int] = ray.get(count.remote())
            return found

    counts = {ray.get(count.remote())[0]: 1}
    caller = Caller.remote()
    for ask in (caller.call.remote, count.remote, caller.call.remote):
        pid, length = ray.get(ask())
        counts[pid] = counts.get(pid, 0) + 1
        assert length == counts[pid]


def test_code_that_uses_a_lock_of_the_driver_is_refused(ray: ModuleType) -> None:
    @ray.remote
    def locked() -> bool:
        return LOCK.locked()

    with pytest.raises(TypeError, match="Could not serialize the function"):
        locked.remote()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of two modules with state."""
    folder = tmp_path / "countinghouse"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .state import bump, Box\nNAMES = []\n")
    (folder / "state.py").write_text(
        "import os\n"
        "COUNT = 0\n"
        "class Box:\n"
        "    made = 0\n"
        "    def __init__(self):\n"
        "        Box.made += 1\n"
        "def bump():\n"
        "    global COUNT\n"
        "    from . import NAMES\n"
        "    NAMES.append(COUNT)\n"
        "    COUNT += 1\n"
        "    return COUNT, len(NAMES)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))  # Ray's workers know nothing of the driver's path
    import countinghouse  # type: ignore[import-not-found]  # just written

    yield countinghouse
    for name in ("countinghouse", "countinghouse.state"):
        del sys.modules[name]


@pytest.mark.own_cluster
def test_a_module_is_imported_afresh_in_each_process(package: ModuleType, ray: ModuleType) -> None:
    package.bump()

    @ray.remote
    class User:
        def by_name(self) -> Any:
            import countinghouse.state

            countinghouse.state.Box()
            return countinghouse.bump(), countinghouse.state.COUNT, countinghouse.Box.made

        def by_value(self) -> Any:
            return package.bump()

        def is_box(self, box: Any) -> bool:
            from countinghouse.state import Box

            return isinstance(box, Box) and type(package.Box()) is Box

    first, second = User.remote(), User.remote()
    assert ray.get(first.by_name.remote()) == ((1, 1), 1, 1)
    assert ray.get(first.by_value.remote()) == (2, 2)
    assert ray.get(second.by_name.remote()) == ((1, 1), 1, 1)
    assert ray.get(second.is_box.remote(package.Box()))
    assert package.bump() == (2, 2)
    assert package.Box.made == 1
