"""What the supervisor of real processes survives, and what is said where it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

import simactors as ray
from real_backend.control import CreateGroup
from simactors.core import current

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
