"""Environment variables belong to each simulated process; the driver's are the real ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import environ as early_environ
from os import getenv as early_getenv
from typing import Any

import pytest

import simactors

NAME = "SIMACTORS_TEST_VARIABLE"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    os.environ.pop(NAME, None)
    yield
    os.environ.pop(NAME, None)


@simactors.remote
class Keeper:
    def set(self, value: str) -> None:
        os.environ[NAME] = value

    def read(self) -> list[str | None]:
        found = early_environ.get(NAME), early_getenv(NAME), os.environ.get(NAME), os.getenv(NAME)
        encoded = os.environb.get(NAME.encode()), os.getenvb(NAME.encode())
        return [*found, *(None if value is None else value.decode() for value in encoded)]

    def use(self) -> None:
        """Everything that `os.environ` can do."""
        variables = os.environ
        size = len(variables)
        variables.update({NAME: "1"})
        assert NAME in variables
        assert len(variables) == len(list(variables)) == len(dict(variables)) == size + 1
        assert variables.setdefault(NAME, "2") == "1"
        assert variables.copy()[NAME] == (variables | {})[NAME] == "1"
        assert NAME in repr(variables)
        variables |= {NAME: "3"}
        assert variables.pop(NAME) == "3"
        with pytest.raises(KeyError):
            del variables[NAME]
        with pytest.raises(TypeError):
            variables[NAME] = 3  # type: ignore[assignment]
        os.putenv(NAME, "4")
        os.unsetenv(NAME)
        assert NAME not in variables
        variables.clear()
        assert not variables


def test_each_process_has_its_own_variables_also_for_names_bound_early() -> None:
    with simactors.simulate():
        one, other = Keeper.remote(), Keeper.remote()
        simactors.get(one.set.remote("mine"))
        assert simactors.get(one.read.remote()) == ["mine"] * 6
        assert simactors.get(other.read.remote()) == [None] * 6
        assert NAME not in os.environ


def test_everything_that_os_environ_can_do_changes_nothing_outside() -> None:
    before = dict(os.environ)
    with simactors.simulate():
        simactors.get(Keeper.remote().use.remote())
        assert dict(os.environ) == before
    assert dict(os.environ) == before


def test_processes_start_with_what_the_driver_had_when_it_initialized() -> None:
    with simactors.simulate():
        os.environ[NAME] = "before"
        simactors.init()
        os.environ[NAME] = "after"
        assert simactors.get(Keeper.remote().read.remote())[0] == "before"
        simactors.shutdown()
        simactors.init()
        assert simactors.get(Keeper.remote().read.remote())[0] == "after"


def test_what_the_driver_sets_is_real_and_stays() -> None:
    with simactors.simulate():
        os.environ[NAME] = "real"
    assert os.environ[NAME] == "real"
    with os.popen(f"echo ${NAME}") as child:
        assert child.read() == "real\n"


def test_the_class_is_restored_after_errors_and_nesting() -> None:
    real = type(os.environ)
    functions = os.putenv, os.unsetenv

    def fail() -> None:
        with simactors.simulate():
            with simactors.simulate(seed=1):
                assert isinstance(os.environ, real)
            assert type(os.environ) is not real
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert type(os.environ) is type(os.environb) is real
    assert (os.putenv, os.unsetenv) == functions


@simactors.remote
def told() -> tuple[str | None, str | None]:
    return os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("OMP_NUM_THREADS")


@simactors.remote
class Told:
    def told(self) -> Any:
        return os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("OMP_NUM_THREADS")


def test_libraries_are_told_of_gpus_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with simactors.simulate():
        simactors.init(num_cpus=4, num_gpus=2)
        for _ in range(2):  # in the same worker
            assert simactors.get(told.remote()) == (None, "1")
            assert simactors.get(told.options(num_cpus=3).remote()) == (None, "3")
        assert simactors.get(told.options(num_gpus=2).remote()) == ("0,1", "1")
        assert simactors.get(told.options(num_gpus=0.5).remote()) == ("0", "1")
        assert simactors.get(told.remote()) == (None, "1")
        first = Told.options(num_gpus=1).remote()
        assert simactors.get(first.told.remote()) == ("0", "1")
        second = Told.options(num_gpus=1).remote()
        assert simactors.get(second.told.remote()) == ("1", "1")
        assert simactors.get(Told.remote().told.remote()) == (None, "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with simactors.simulate():
        assert simactors.get(told.options(num_cpus=3).remote()) == (None, "7")
