"""What remote code raises, and how it arrives."""

from __future__ import annotations

import os
import threading
from types import ModuleType
from typing import Any

import pytest

import simactors


class PlainError(Exception):
    """Can be rebuilt from its arguments."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)
        self.a = a


class StubbornError(Exception):
    """Can't be rebuilt: its arguments are not its constructor's."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a}-{b}")


@simactors.remote
def fail(kind: str) -> None:
    if kind == "value":
        raise ValueError("bad", 3)
    if kind == "plain":
        raise PlainError(1, 2)
    if kind == "stubborn":
        raise StubbornError(1, 2)
    if kind == "base":
        raise BaseException("b")
    if kind == "exit":
        raise SystemExit(1)
    raise StopIteration("s")


@simactors.remote
def outer(kind: str) -> Any:
    return simactors.get(fail.remote(kind))


@simactors.remote
def take(x: Any) -> Any:
    return x


@simactors.remote
def unpicklable() -> Any:
    return threading.Lock()


@simactors.remote
def return_error() -> Any:
    return ValueError("returned, not raised")


@simactors.remote
class Fragile:
    """Counts its attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    def attempt(self) -> int:
        self.attempts += 1
        return self.attempts


@simactors.remote
def flaky(fragile: Any, succeed_at: int) -> int:
    attempt: int = simactors.get(fragile.attempt.remote())
    if attempt < succeed_at:
        raise PlainError(attempt, 0)
    return attempt


def test_an_error_is_both_a_task_error_and_of_its_own_class(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="bad") as raised:
        ray.get(fail.remote("value"))
    error = raised.value
    assert isinstance(error, ray.exceptions.RayTaskError)
    assert type(error).__name__ == "RayTaskError(ValueError)"
    assert error.cause.args == ("bad", 3)
    assert error.args == (error.cause,)


def test_the_text_of_an_error_is_the_remote_traceback(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.RayTaskError) as raised:
        ray.get(fail.remote("value"))
    text = str(raised.value)
    assert text.startswith("ray::fail()")
    assert 'raise ValueError("bad", 3)' in text
    assert text.endswith("ValueError: ('bad', 3)")
    assert "simactors/" not in text


def test_attributes_of_the_users_exception_can_be_read(ray: ModuleType) -> None:
    with pytest.raises(PlainError) as raised:
        ray.get(fail.remote("plain"))
    assert raised.value.a == 1


def test_every_get_raises_another_object(ray: ModuleType) -> None:
    ref = fail.remote("value")
    errors = []
    for _ in range(2):
        with pytest.raises(ValueError, match="bad") as raised:
            ray.get(ref)
        errors.append(raised.value)
    assert errors[0] is not errors[1]


def test_an_error_keeps_its_class_through_several_processes(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="bad") as raised:
        ray.get(outer.remote("value"))
    assert "ray::outer()" in str(raised.value)
    assert "ray::fail()" in str(raised.value)


def test_a_failed_argument_fails_the_call_that_takes_it(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="input arguments for this task could not be computed"):
        ray.get(take.remote(fail.remote("value")))


def test_what_depends_on_a_dead_process_fails_as_a_task_that_met_its_death(ray: ModuleType) -> None:
    crashed = fail.options(max_retries=0).remote("exit")
    with pytest.raises(ray.exceptions.RayTaskError) as raised:
        ray.get(take.remote(crashed))
    assert type(raised.value).__name__ == "RayTaskError(WorkerCrashedError)"
    assert isinstance(raised.value, ray.exceptions.WorkerCrashedError)


def test_a_failed_argument_fails_only_its_own_call_of_an_actor(ray: ModuleType) -> None:
    @simactors.remote
    class Keeper:
        def __init__(self) -> None:
            self.kept: list[Any] = []

        def keep(self, x: Any) -> list[Any]:
            self.kept.append(x)
            return self.kept

    keeper = Keeper.remote()
    failed, fine = keeper.keep.remote(fail.remote("value")), keeper.keep.remote(2)
    assert ray.get(fine) == [2]
    with pytest.raises(ValueError, match="bad"):
        ray.get(failed)


def test_an_exception_that_cannot_be_rebuilt_keeps_its_text(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.UnserializableException, match="StubbornError: 1-2"):
        ray.get(fail.remote("stubborn"))


def test_a_base_exception_arrives_as_a_plain_task_error(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.RayTaskError) as raised:
        ray.get(fail.remote("base"))
    assert type(raised.value) is ray.exceptions.RayTaskError
    assert isinstance(raised.value.cause, BaseException)


def test_stop_iteration_arrives_like_any_other_exception(ray: ModuleType) -> None:
    with pytest.raises(StopIteration):
        ray.get(fail.remote("stop"))


def test_system_exit_in_a_task_is_a_crash_of_its_worker(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(fail.options(max_retries=0).remote("exit"))


def test_an_unpicklable_result_is_a_type_error_of_the_task(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match="cannot pickle") as raised:
        ray.get(unpicklable.remote())
    assert isinstance(raised.value, ray.exceptions.RayTaskError)


def test_an_exception_can_be_a_result(ray: ModuleType) -> None:
    assert isinstance(ray.get(return_error.remote()), ValueError)


def test_get_of_a_list_raises_a_failure_without_waiting_for_the_rest(ray: ModuleType) -> None:
    never = take.options(num_cpus=1000).remote(1)
    with pytest.raises(ValueError, match="bad"):
        ray.get([never, fail.remote("value")])


def test_a_task_that_raises_is_not_run_again_by_default(ray: ModuleType) -> None:
    fragile = Fragile.remote()
    with pytest.raises(PlainError):
        ray.get(flaky.remote(fragile, 2))
    assert ray.get(fragile.attempt.remote()) == 2


@pytest.mark.parametrize("exceptions", [True, [PlainError]])
def test_retry_exceptions_runs_a_task_again(ray: ModuleType, exceptions: Any) -> None:
    fragile = Fragile.remote()
    again = flaky.options(retry_exceptions=exceptions, max_retries=3)
    assert ray.get(again.remote(fragile, 4)) == 4


def test_retries_end_at_max_retries_and_for_other_classes(ray: ModuleType) -> None:
    fragile = Fragile.remote()
    with pytest.raises(PlainError):
        ray.get(flaky.options(retry_exceptions=True, max_retries=1).remote(fragile, 9))
    assert ray.get(fragile.attempt.remote()) == 3
    with pytest.raises(PlainError):
        ray.get(flaky.options(retry_exceptions=[KeyError]).remote(fragile, 9))
    assert ray.get(fragile.attempt.remote()) == 5


@simactors.remote
def die(code: int) -> None:
    os._exit(code)


@simactors.remote
def die_unless(fragile: Any, succeed_at: int) -> int:
    attempt: int = simactors.get(fragile.attempt.remote())
    if attempt < succeed_at:
        os._exit(1)
    return attempt


def test_a_task_whose_worker_dies_is_run_again(ray: ModuleType) -> None:
    assert ray.get(die_unless.remote(Fragile.remote(), 4)) == 4


def test_a_task_whose_workers_all_die_is_a_worker_crash(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.options(max_retries=1).remote(7))


@pytest.mark.not_yet(ray="Ray points at the worker's log")
def test_a_worker_crash_names_the_exit_code(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError, match="code 7"):
        ray.get(die.options(max_retries=0).remote(7))


class Unpicklable(Exception):
    """Can't be sent."""

    def __init__(self) -> None:
        super().__init__("unpicklable")
        self.lock = threading.Lock()


class OwnBase(BaseException):
    """No Exception."""


class Undecodable:
    """Can be sent, but raises where it arrives."""

    def __reduce__(self) -> Any:
        return eval, ("1/0",)


@simactors.remote
def fail_oddly(kind: str) -> Any:
    if kind == "plain":
        raise Exception("plain")
    if kind == "own base":
        raise OwnBase("b")
    if kind == "group":
        raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
    if kind == "unpicklable":
        raise Unpicklable
    return Undecodable()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("plain", "RayTaskError"),
        ("own base", "RayTaskError(OwnBase)"),
        ("group", "RayTaskError(ExceptionGroup)"),
        ("unpicklable", "RayTaskError"),
        ("undecodable", "RaySystemError"),
    ],
)
def test_odd_exceptions_arrive_as_ray_has_them(ray: ModuleType, kind: str, name: str) -> None:
    with pytest.raises(ray.exceptions.RayError) as raised:
        ray.get(fail_oddly.remote(kind))
    assert type(raised.value).__name__ == name
    if kind == "unpicklable":
        assert "Unpicklable isn't serializable" in str(raised.value.cause)
        assert "raise Unpicklable" in str(raised.value)
    if kind == "undecodable":
        assert "System error: division by zero" in str(raised.value)


def test_an_argument_that_cannot_be_decoded_fails_its_call(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.RaySystemError, match="division by zero") as raised:
        ray.get(take.remote(Undecodable()))
    assert isinstance(raised.value, ray.exceptions.RayTaskError)


@simactors.remote
def interrupt() -> None:
    raise KeyboardInterrupt


@simactors.remote
def exhaust() -> None:
    raise MemoryError("too much")


def test_a_keyboard_interrupt_that_a_task_raises_is_its_cancellation(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.TaskCancelledError) as raised:
        ray.get(interrupt.remote())
    assert isinstance(raised.value, ray.exceptions.RayTaskError)


def test_built_in_exceptions_with_a_layout_of_their_own_keep_their_class(ray: ModuleType) -> None:
    with pytest.raises(MemoryError, match="too much"):
        ray.get(exhaust.remote())


class NoBaseError(Exception):
    """Can't be derived from, not even by what is both its instance and a `RayTaskError`."""

    def __init_subclass__(cls, **options: Any) -> None:
        raise RuntimeError("no subclasses")


class WordlessError(Exception):
    """Can be neither sent nor told in words of its own."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    def __reduce__(self) -> Any:
        raise TypeError("no pickle")


class _Blind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        raise RuntimeError("can't tell")


class BlindError(Exception, metaclass=_Blind):
    """Can't say what is an instance of it."""


@simactors.remote(max_retries=3)
def fail_secretively(kind: str) -> None:
    raise NoBaseError("odd") if kind == "no base" else WordlessError


@pytest.mark.parametrize("kind", ["no base", "wordless"])
@pytest.mark.parametrize("retried", [False, True, [KeyError], [NoBaseError], [BlindError]])
def test_an_error_whose_class_raises_when_it_is_looked_at_is_told_all_the_same(
    ray: ModuleType, kind: str, retried: Any
) -> None:
    ref = fail_secretively.options(retry_exceptions=retried).remote(kind)
    for _ in range(2):
        with pytest.raises(ray.exceptions.RayTaskError, match=r"NoBaseError: odd|WordlessError"):
            ray.get(ref, timeout=60)
    assert ray.get(take.options(num_cpus=4).remote(1), timeout=60) == 1  # no worker is left behind


class Hostile(Exception):
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise SystemExit(2)

    __repr__ = __str__

    def __reduce__(self) -> Any:
        raise OwnBase("never")


@simactors.remote
def sink(kind: str) -> Any:
    def there(depth: int) -> Any:
        return back(depth + 1)

    def back(depth: int) -> Any:
        return there(depth + 1)

    if kind == "hostile":
        raise Hostile
    return there(0)


@simactors.remote
class Sinking:
    """The same, in an actor that must live on."""

    def sink(self, kind: str) -> Any:
        return sink._function(kind)

    def answer(self) -> int:
        return 1


@simactors.remote
class AsyncSinking:
    """The same, on an event loop."""

    async def sink(self, kind: str) -> Any:
        return sink._function(kind)

    async def answer(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("endless", RecursionError),
        pytest.param(
            "hostile",
            simactors.exceptions.RayTaskError,
            marks=pytest.mark.not_yet(ray="what describing an exception raises ends Ray's worker"),
        ),
    ],
)
def test_an_error_that_is_hard_to_describe_is_told_all_the_same(
    ray: ModuleType, kind: str, error: type[Exception]
) -> None:
    actors = [Sinking.remote(), Sinking.options(max_concurrency=2).remote(), AsyncSinking.remote()]
    for ref in [sink.remote(kind), *(actor.sink.remote(kind) for actor in actors)]:
        with pytest.raises(error):
            ray.get(ref, timeout=30)
    assert ray.get([actor.answer.remote() for actor in actors], timeout=30) == [1, 1, 1]


@pytest.mark.not_yet(ray="Ray tells all of it, in 126,000 characters")
def test_the_traceback_of_endless_recursion_is_short(ray: ModuleType) -> None:
    with pytest.raises(RecursionError) as raised:
        ray.get(sink.remote("endless"), timeout=30)
    assert len(str(raised.value)) < 30_000
    assert "frames are left out here" in str(raised.value)
