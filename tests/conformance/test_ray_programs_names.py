"""What Ray programs use though it is private or little known: `_remote`, `__ray_metadata__`, `actor_id` of errors."""

from __future__ import annotations

import contextlib
import os
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors import exceptions


@simactors.remote
def numbers(n: int) -> list[int]:
    return list(range(n))


@simactors.remote
class Pair:
    def __init__(self, first: int = 0, second: int = 0) -> None:
        self.values = first, second

    def both(self, plus: int = 0) -> tuple[int, int]:
        return self.values[0] + plus, self.values[1] + plus

    def end(self) -> None:
        os._exit(1)


@simactors.remote
class Broken:
    def __init__(self) -> None:
        raise ValueError("never up")

    def ask(self) -> None: ...


def test_calls_are_made_with_arguments_and_options_as_values(ray: ModuleType) -> None:
    assert ray.get(numbers._remote([2])) == [0, 1]
    assert ray.get(numbers._remote(kwargs={"n": 2}, num_returns=2)) == [0, 1]
    assert numbers._remote([0], num_returns=0) is None
    pair = Pair._remote([1], {"second": 2}, num_cpus=0)
    assert ray.get(pair.both._remote()) == (1, 2)
    assert ray.get(pair.both._remote(args=[1])) == (2, 3)
    assert ray.get(pair.both._remote(kwargs={"plus": 2}, num_returns=2)) == [3, 4]
    with pytest.raises(TypeError, match="missing a required argument: 'n'"):
        numbers._remote()


def test_the_plain_class_can_be_tested_without_an_actor(ray: ModuleType) -> None:
    metadata = Pair.__ray_metadata__
    assert metadata.class_name == "Pair"
    assert metadata.modified_class(3, 4).both() == (3, 4)
    assert isinstance(metadata.modified_class(), metadata.modified_class)


def test_an_actor_class_lists_the_names_of_its_methods(ray: ModuleType) -> None:
    assert {"both", "end", "options", "remote"} <= set(dir(Pair))
    assert "values" not in dir(Pair)


@pytest.mark.parametrize("how", ["killed", "crashed", "broken"])
def test_an_error_about_an_actor_says_which(ray: ModuleType, how: str) -> None:
    actor: Any = Broken.remote() if how == "broken" else Pair.remote()
    if how == "killed":
        ray.get(actor.both.remote())
        ray.kill(actor)
    elif how == "crashed":
        with contextlib.suppress(exceptions.RayActorError):
            ray.get(actor.end.remote())
    with pytest.raises(exceptions.ActorDiedError) as raised:
        ray.get(actor.ask.remote() if how == "broken" else actor.both.remote())
    assert raised.value.actor_id == actor._actor_id.hex() == actor._ray_actor_id.hex()
    assert raised.value.error_msg == str(raised.value)


def test_so_does_one_about_a_restart(ray: ModuleType) -> None:
    actor = Pair.options(max_restarts=1).remote()
    with pytest.raises(exceptions.ActorUnavailableError) as raised:
        ray.get(actor.end.remote())
    assert raised.value.actor_id == actor._actor_id.hex()
    assert exceptions.RayActorError().actor_id is None


@pytest.mark.parametrize("name", ["", None])
def test_an_actor_is_not_looked_up_without_a_name(ray: ModuleType, name: Any) -> None:
    with pytest.raises(ValueError, match="Please supply a non-empty value to get_actor"):
        ray.get_actor(name)


def test_num_returns_may_be_left_open(ray: ModuleType) -> None:
    assert ray.get(simactors.remote(num_returns=None)(lambda: 1).remote()) == 1
    assert ray.get(numbers.options(num_returns=None).remote(1)) == [0]
    with pytest.raises(
        TypeError, match=r"'num_returns' must be \(<class 'int'>, <class 'str'>, <class 'NoneType'>\)"
    ):
        simactors.remote(num_returns=1.5)(lambda: 1)


def test_a_pool_takes_calls_with_several_results(ray: ModuleType) -> None:
    pool = simactors.util.ActorPool([Pair.remote(n, 10 * n) for n in (1, 2)])
    work: Any = lambda actor, plus: actor.both.options(num_returns=2).remote(plus)  # noqa: E731  # as users write it
    for plus in range(3):
        pool.submit(work, plus)
    results = [pool.get_next() for _ in range(3)]
    assert all(isinstance(result, list) and len(result) == 2 for result in results)
    pool.submit(work, 0)
    assert pool.get_next_unordered() in ([1, 10], [2, 20])


@pytest.mark.own_cluster
@pytest.mark.parametrize(("namespace", "error"), [("", ValueError), (123, TypeError)])
def test_a_namespace_is_a_text_that_is_not_empty(
    ray: ModuleType, namespace: Any, error: type[Exception]
) -> None:
    ray.shutdown()
    with pytest.raises(error, match="namespace"):
        ray.init(namespace=namespace)
