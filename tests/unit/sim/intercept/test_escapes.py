"""What reaches for the real world is refused, warned about or let through, for simulated code of the user only."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import multiprocessing
import os
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import simactors
from simactors import SimConfig, simulate
from simactors.exceptions import EscapeError, EscapeWarning
from simactors.sim import escapes
from simactors.sim.intercept import escapes as intercepted

NO_PROCESS = 99_000_000  # larger than any pid that a system gives


REFUSED: dict[str, tuple[str, Callable[[], Any]]] = {
    "socket": ("socket", lambda: socket.socket()),
    "connection": ("socket", lambda: socket.create_connection(("127.0.0.1", 1))),
    "name": ("socket", lambda: socket.gethostbyname("localhost")),
    "run": ("subprocess", lambda: subprocess.run(["true"], check=True)),
    "system": ("subprocess", lambda: os.system("true")),
    "popen": ("subprocess", lambda: os.popen("true")),
    "exec": ("subprocess", lambda: os.execlp("true", "true")),
    "spawn": ("subprocess", lambda: os.spawnlp(os.P_WAIT, "true", "true")),
    "posix_spawn": ("subprocess", lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "fork": ("fork", lambda: os.fork()),
    "Process": ("multiprocessing", lambda: multiprocessing.Process(target=print).start()),
    "Pool": ("multiprocessing", lambda: multiprocessing.Pool(1)),
    "Manager": ("multiprocessing", lambda: multiprocessing.Manager()),
    "ProcessPoolExecutor": ("multiprocessing", lambda: ProcessPoolExecutor(1)),
    "kill": ("kill", lambda: os.kill(NO_PROCESS, 15)),
    "killpg": ("kill", lambda: os.killpg(NO_PROCESS, 15)),
}


@simactors.remote
class Runs:
    def run(self, code: Callable[[], Any]) -> Any:
        return code()


def in_an_actor(code: Callable[[], Any]) -> Any:
    return simactors.get(Runs.remote().run.remote(code))


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("where", [in_an_actor, lambda code: code()], ids=["actor", "driver"])
def test_it_is_refused_with_the_line_and_what_to_do(name: str, where: Callable[[Any], Any]) -> None:
    kind, code = REFUSED[name]
    with simulate(), pytest.raises(EscapeError) as caught:
        where(code)
    said = str(caught.value)
    assert (
        f"test_escapes.py:{code.__code__.co_firstlineno} leaves the simulation" in said or "asyncio" in name
    )
    assert escapes.KINDS[kind].instead in said
    assert 'backend="local"' in said


def writing(folder: Path) -> dict[str, Callable[[], Any]]:
    return {
        "open": lambda: open(folder / "a", "w").close(),
        "append": lambda: open(folder / "a", "ab").close(),
        "pathlib": lambda: (folder / "b").write_text("b"),
        "os.open": lambda: os.close(os.open(folder / "c", os.O_CREAT | os.O_WRONLY)),
        "makedirs": lambda: os.makedirs(folder / "d" / "e"),
        "sqlite3": lambda: sqlite3.connect(folder / "f").close(),
        "remove": lambda: os.remove(folder / "a"),
        "chdir": lambda: os.chdir(os.getcwd()),
    }


@pytest.mark.parametrize("name", writing(Path()))
def test_what_writes_files_is_told_once_for_each_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    code = writing(tmp_path)[name]

    def twice() -> None:
        with simulate():
            code()
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                code()

    with pytest.warns(EscapeWarning, match=r"test_escapes\.py:\d+ leaves") as told:
        twice()
    assert len([one for one in told if one.filename == __file__]) == 1


def test_each_run_tells_it_again(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.warns(EscapeWarning), simulate():
            (tmp_path / "a").write_text("a")


def test_what_harms_nobody_is_no_escape(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    def harmless() -> None:
        (tmp_path / "a").read_text()
        open(os.devnull, "w").close()
        sqlite3.connect(":memory:").close()
        socket.gethostname()
        os.kill(os.getpid(), 0)
        with tempfile.TemporaryDirectory(), tempfile.NamedTemporaryFile():
            pass
        logging.FileHandler(tmp_path / "log").close()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()

    with simulate():
        harmless()
        in_an_actor(harmless)


def test_tools_see_the_real_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with simulate():
        monkeypatch.chdir(tmp_path)


def test_what_is_allowed_goes_through() -> None:
    def program() -> tuple[bytes, bytes]:
        one, other = socket.socketpair()
        with one, other:
            one.send(b"x")
            return other.recv(1), subprocess.run(["echo", "y"], capture_output=True, check=True).stdout

    with simulate(config=SimConfig(escapes={"socket": "allow", "subprocess": "allow"})):
        assert in_an_actor(program) == (b"x", b"y\n")


def test_what_only_warns_may_be_refused(tmp_path: Path) -> None:
    with simulate(config=SimConfig(escapes={"write": "raise"})), pytest.raises(EscapeError, match="open"):
        in_an_actor(lambda: (tmp_path / "a").write_text("a"))
    assert not (tmp_path / "a").exists()


def test_a_call_that_the_runtime_was_given_is_one_too() -> None:
    with simulate(), ThreadPoolExecutor(1) as pool, pytest.raises(EscapeError):
        pool.submit(os.system, "true").result()


def test_actors_have_nothing_to_read_as_on_ray() -> None:
    with simulate(), pytest.raises(EOFError, match="EOF when reading a line"):
        in_an_actor(lambda: input())


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"sockets": "allow"}, "did you mean 'socket'"),
        ({"socket": "alow"}, "did you mean 'allow'"),
        ({"x": "allow"}, "it is one of socket, subprocess"),
    ],
)
def test_wrong_policies_are_answered_with_the_nearest_right_one(given: dict[str, str], answer: str) -> None:
    with pytest.raises(ValueError, match=answer):
        SimConfig(escapes=given)


def everything() -> list[Any]:
    owners = [names._owner for names in intercepted.names]
    return [value for owner in owners for value in vars(owner).values()]


def test_everything_is_restored_after_errors_nesting_and_repeated_use() -> None:
    def fail() -> None:
        with simulate(), simulate(seed=1):
            raise KeyError

    before = everything()
    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert all(one is other for one, other in zip(before, everything(), strict=True))
    assert builtins.open is io.open


def test_outside_a_simulation_nothing_is_asked(tmp_path: Path) -> None:
    kept = []
    with simulate():
        kept.append((socket.socket, os.remove, open))
    made, remove, opened = kept[0]
    made().close()
    opened(tmp_path / "a", "w").close()
    remove(tmp_path / "a")
