"""Errors of Ray's as values: who returns, puts or passes one raises it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.exceptions import ActorDiedError, GetTimeoutError, RayTaskError


@simactors.remote
def fail() -> None:
    raise ValueError("x")


RAISES_ITS_OWN = "Ray knows its own classes only; code on this backend catches those of simactors"


def caught() -> Exception:
    with pytest.raises(ValueError, match="x") as raised:
        simactors.get(fail.remote())
    return raised.value


@simactors.remote
def returns_it() -> Exception | None:
    try:
        simactors.get(fail.remote())
    except ValueError as error:
        return error
    return None


@simactors.remote
def returns_its_cause() -> Any:
    try:
        simactors.get(fail.remote())
    except RayTaskError as error:
        return error.cause


@simactors.remote(num_returns=2)
def returns_it_and_two() -> tuple[Any, int]:
    try:
        simactors.get(fail.remote())
    except ValueError as error:
        return error, 2
    return None, 2


@simactors.remote
def yields_it_and_two() -> Iterator[Any]:
    try:
        simactors.get(fail.remote())
    except ValueError as error:
        yield error
    yield 2


@simactors.remote
class Taker:
    async def returns_it(self) -> Any:
        try:
            await fail.remote()
        except ValueError as error:
            return error

    def take(self, x: Any) -> str:
        return type(x).__name__


@pytest.mark.not_yet(ray=RAISES_ITS_OWN)
def test_a_remote_error_that_code_returns_is_raised(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="x") as raised:
        ray.get(returns_it.remote())
    assert isinstance(raised.value, RayTaskError)
    with pytest.raises(ValueError, match="x"):
        ray.get(Taker.remote().returns_it.remote())
    first, second = returns_it_and_two.remote()
    assert ray.get(second) == 2
    with pytest.raises(ValueError, match="x"):
        ray.get(first)
    one, two = yields_it_and_two.remote()
    assert ray.get(two) == 2
    with pytest.raises(ValueError, match="x"):
        ray.get(one)


@pytest.mark.not_yet(ray=RAISES_ITS_OWN)
def test_one_that_is_put_or_passed_is_raised(ray: ModuleType) -> None:
    error = caught()
    with pytest.raises(ValueError, match="x"):
        ray.get(ray.put(error))
    taker = Taker.remote()
    with pytest.raises(ValueError, match="x"):
        ray.get(taker.take.remote(error))
    with pytest.raises(ValueError, match="x"):
        ray.get(taker.take.remote(x=ray.put(error)))


@pytest.mark.not_yet(ray=RAISES_ITS_OWN)
@pytest.mark.parametrize("error", [ActorDiedError(), GetTimeoutError("late")], ids=["died", "late"])
def test_so_is_any_error_of_rays(ray: ModuleType, error: Exception) -> None:
    with pytest.raises(type(error)):
        ray.get(ray.put(error))
    with pytest.raises(type(error)) as raised:
        ray.get(Taker.remote().take.remote(error))
    assert isinstance(raised.value, RayTaskError)


def test_other_errors_and_those_inside_of_values_are_values(ray: ModuleType) -> None:
    assert type(ray.get(returns_its_cause.remote())) is ValueError
    assert type(ray.get(ray.put(KeyError("k")))) is KeyError
    (error,) = ray.get(ray.put([caught()]))
    assert isinstance(error, RayTaskError)
    assert ray.get(Taker.remote().take.remote([error])) == "list"
