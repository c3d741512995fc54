"""Ray's errors in our classes."""

from __future__ import annotations

import pytest

from simactors import exceptions

pytest.importorskip("ray", reason="Ray is an extra")

import ray.exceptions

from simactors.ray_backend.errors import Raised, translated


class Unknown(ray.exceptions.RayError):  # type: ignore[misc]  # Ray is Any to mypy
    """One that a later Ray may have."""


def remote(cause: Exception) -> BaseException:
    carets = "    ^^^^^^^\n        ^^^^\n"
    text = f"ray::Bank.pay() (pid=7, ip=10.0.0.1)\n{carets}  File 'bank.py', line 3, in pay\nValueError: poor"
    found = translated(ray.exceptions.RayTaskError("Bank.pay", text, cause))
    assert isinstance(found, exceptions.RayTaskError)
    return found


def test_what_user_code_raised_is_of_its_class_and_of_ours() -> None:
    error = remote(ValueError("poor"))
    assert isinstance(error, ValueError)
    assert "ValueError: poor" in str(error)
    assert "Bank.pay" in str(error)
    assert "^" not in str(error)


def test_what_passed_through_several_processes_keeps_its_first_cause() -> None:
    inner = exceptions.RayTaskError("inner", "text", KeyError("k"))
    assert isinstance(remote(inner), KeyError)


@pytest.mark.parametrize(
    "name", ["GetTimeoutError", "WorkerCrashedError", "TaskCancelledError", "ActorDiedError"]
)
def test_rays_errors_are_ours_by_name(name: str) -> None:
    theirs = getattr(ray.exceptions, name)()
    assert type(translated(theirs)) is getattr(exceptions, name)


def test_an_error_that_we_have_not_is_its_base() -> None:
    assert type(translated(Unknown("new"))) is exceptions.RayError


def test_other_errors_stay_what_they_are() -> None:
    error = OSError("disk")
    with pytest.raises(OSError, match="disk") as raised:
        Raised(error).unwrap()
    assert raised.value is error
