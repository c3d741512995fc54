"""What the supervisor of real processes survives, and what is said where it does not."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import simactors as ray
from real_backend.client.client import Client
from real_backend.control import CreateGroup
from simactors.core import current
from tests.started import children

NOTICED_S = 30.0


@pytest.fixture
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=2)
    yield
    ray.shutdown()


def bother_the_supervisor() -> None:
    """Say something that its handler chokes on; no part of the client would."""
    session = current.session()
    assert session is not None
    client: Any = session.backend
    bundles = ({"CPU": math.inf},)
    client._questions.ask(lambda request: CreateGroup(request, bundles, "PACK", "", False, ()))


@ray.remote
class Bystander:
    def ping(self) -> str:
        return "pong"


@ray.remote(max_retries=0)
def culprit() -> None:
    bother_the_supervisor()


@pytest.mark.usefixtures("session")
def test_a_message_of_a_worker_that_cant_be_handled_ends_the_worker_and_nobody_else() -> None:
    bystander = Bystander.remote()
    with pytest.raises(ray.exceptions.WorkerCrashedError, match=r"CreateGroup.*OverflowError"):
        ray.get(culprit.remote(), timeout=NOTICED_S)
    assert ray.get(bystander.ping.remote(), timeout=NOTICED_S) == "pong"


@pytest.mark.usefixtures("session")
def test_a_message_of_the_driver_that_cant_be_handled_ends_the_session_and_is_named() -> None:
    bystander = Bystander.remote()
    ray.get(bystander.ping.remote())
    with pytest.raises(ray.exceptions.RaySystemError, match=r"CreateGroup.*OverflowError"):
        bother_the_supervisor()
    with pytest.raises(ray.exceptions.RaySystemError, match="CreateGroup"):
        bystander.ping.remote()


@pytest.mark.parametrize(
    "quantities",
    [
        {"resources": {"x": math.inf}},
        {"num_gpus": math.nan},
        {"_memory": math.inf},
        {"object_store_memory": math.inf},
    ],
)
def test_no_session_has_an_infinity_of_anything(quantities: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be a"):
        ray.init(backend="local", **quantities)
    assert not ray.is_initialized()


# Beginnings that fail


def descriptors() -> int:
    return psutil.Process().num_fds()


def no_more(*_: object, **__: object) -> Any:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@pytest.mark.parametrize(("owner", "name"), [(subprocess, "Popen"), (Client, "__init__")])
def test_a_session_that_cant_begin_leaves_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    ray.init(backend="local", num_cpus=1)  # what is opened once for all sessions
    ray.shutdown()
    before = descriptors()
    monkeypatch.setattr(owner, name, no_more)
    with pytest.raises(
        ray.exceptions.RaySystemError, match=r"could not be started: .*temporarily unavailable"
    ):
        ray.init(backend="local", num_cpus=1)
    assert descriptors() == before
    assert not ray.is_initialized()
    assert not children()


@ray.remote
class Holder:
    def folder(self) -> str:
        return os.getcwd()


@ray.remote(max_retries=0)
def folder() -> str:
    return os.getcwd()


@pytest.mark.usefixtures("session")
def test_a_working_dir_that_is_gone_when_the_process_starts_is_named(tmp_path: Path) -> None:
    where = tmp_path / "here"
    where.mkdir()
    env = {"working_dir": str(where)}
    actor = Holder.options(runtime_env=env, max_restarts=1, max_task_retries=-1, num_cpus=2).remote()
    assert ray.get(actor.folder.remote(), timeout=NOTICED_S) == str(where)
    waiting = folder.options(runtime_env=env).remote()  # the actor has all CPUs
    where.rmdir()
    ray.kill(actor, no_restart=False)
    named = r"runtime_env could not be entered: .*No such file"
    with pytest.raises(ray.exceptions.ActorDiedError, match=named):
        ray.get(actor.folder.remote(), timeout=NOTICED_S)
    with pytest.raises(ray.exceptions.WorkerCrashedError, match=named):
        ray.get(waiting, timeout=NOTICED_S)


def test_workers_are_forked_from_a_process_that_has_loaded_what_their_code_asks_for() -> None:
    """Else each of them would load it at its first use of the API."""
    loaded = "sorted(name for name in sys.modules if name.startswith('simactors.api.'))"
    program = f"""import sys
import simactors as ray
ray.init(backend="local", num_cpus=1)
names = ("cancel", "get", "get_runtime_context", "init", "ObjectRefGenerator", "remote")
for name in names:
    getattr(ray, name)
print(ray.get(ray.remote(lambda: {loaded}).remote()) == {loaded})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"
