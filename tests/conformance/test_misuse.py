"""Wrong use is answered where it is written, in Ray's words."""

from __future__ import annotations

import abc
import threading
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
def task(x: int, *, y: int = 0) -> int:
    return x + y


@simactors.remote
class Log:
    """Takes notes."""

    def __init__(self, first: str = "") -> None:
        self.notes = [first]

    def add(self, s: str) -> None:
        self.notes.append(s)


def test_remote_things_cannot_be_called_directly(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"Instead of 'Log\(\)', use 'Log.remote\(\)'"):
        Log()
    with pytest.raises(TypeError, match=r"Instead of running 'object.add\(\)', try 'object.add.remote\(\)'"):
        Log.remote().add("x")
    with pytest.raises(TypeError, match=r"task\(\)', try '.*task.remote\(\)'"):
        task(1)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 's'"),
        (("a", "b"), {}, "too many positional arguments"),
        (("a",), {"t": 1}, "unexpected keyword argument 't'"),
    ],
)
def test_wrong_arguments_are_a_type_error_at_the_call(
    ray: ModuleType, args: Any, kwargs: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        Log.remote().add.remote(*args, **kwargs)


def test_wrong_arguments_of_tasks_and_constructors(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match="too many positional arguments"):
        task.remote(1, 2)
    with pytest.raises(TypeError, match="too many positional arguments"):
        Log.remote(1, 2)


def test_unknown_options_are_refused_with_the_valid_ones(ray: ModuleType) -> None:
    with pytest.raises(
        ValueError, match=r"Invalid option keyword foo for actors. Valid ones are \['num_cpus'"
    ):
        Log.options(foo=1)
    with pytest.raises(ValueError, match="Invalid option keyword foo for remote functions"):
        task.options(foo=1)
    with pytest.raises(ValueError, match="Invalid option keyword foo"):
        simactors.remote(foo=1)(lambda: 1)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'num_cpus'"):
        Log.remote().add.options(num_cpus=1)


def test_option_values_are_checked(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="num_cpus cannot be negative"):
        task.options(num_cpus=-1)
    with pytest.raises(TypeError, match="The type of keyword 'num_cpus' must be"):
        task.options(num_cpus="a")
    with pytest.raises(ValueError, match="Actor name cannot be an empty string"):
        Log.options(name="")


def test_the_decorator_says_how_it_is_used(ray: ModuleType) -> None:
    for wrong in (lambda: ray.remote(), lambda: ray.remote(5), lambda: ray.remote(task, num_cpus=1)):
        with pytest.raises(AssertionError, match="decorator must be applied"):
            wrong()


def test_a_class_cannot_inherit_from_an_actor_class(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.ActorClassInheritanceException, match="'Child' of actor class 'Log'"):

        class Child(Log):  # type: ignore[misc]
            pass


def test_unpicklable_arguments_are_a_type_error_at_the_call(ray: ModuleType) -> None:
    log, lock = Log.remote(), threading.Lock()
    for call in (
        lambda: task.remote(lock),
        lambda: task.remote(1, y=lock),
        lambda: log.add.remote(lock),
        lambda: Log.remote(lock),
    ):
        with pytest.raises(TypeError, match=r"Could not serialize the argument <unlocked _thread.lock"):
            call()
    with pytest.raises(TypeError, match="Could not serialize the put value"):
        ray.put(lock)


class Unshowable:
    """Can neither be sent nor shown."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __repr__(self) -> str:
        if not self.size:
            raise ZeroDivisionError
        return "x" * self.size

    def __reduce__(self) -> Any:
        raise ValueError("stays here")


@pytest.mark.not_yet(ray="what pickling raises goes through Ray as it is, if it is no TypeError")
@pytest.mark.parametrize("size", [0, 10_000_000])
def test_the_reason_is_told_for_a_value_that_cannot_be_shown(ray: ModuleType, size: int) -> None:
    value = Unshowable(size)
    for call in (lambda: task.remote(value), lambda: task.remote(1, y=value), lambda: ray.put([value])):
        with pytest.raises(TypeError, match=r"Could not serialize.*ValueError: stays here") as raised:
            call()
        assert len(str(raised.value)) < 1000


@pytest.mark.not_yet(ray="as above: a PicklingError")
def test_the_reason_is_told_for_a_value_that_is_nested_too_deeply(ray: ModuleType) -> None:
    nested: list[Any] = []
    for _ in range(20_000):
        nested = [nested]
    for call in (lambda: task.remote(nested), lambda: ray.put(nested)):
        with pytest.raises(TypeError, match=r"\[\[.*excessively deep recursion"):
            call()


def test_get_takes_a_ref_or_a_list_of_refs(ray: ModuleType) -> None:
    ref = ray.put(1)
    for wrong in (5, None, (ref,), {}):
        with pytest.raises(ValueError, match="Invalid type of object refs"):
            ray.get(wrong)
    with pytest.raises(TypeError, match="Attempting to call `get` on the value 5"):
        ray.get([ref, 5])


def test_put_takes_no_ref(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"Calling 'put' on an ray.ObjectRef is not allowed"):
        ray.put(ray.put(1))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_returns": 0}, "Invalid number of objects to return 0"),
        ({"num_returns": 2}, "num_returns cannot be greater"),
        ({"timeout": -1}, "must be nonnegative"),
    ],
)
def test_wait_checks_its_numbers(ray: ModuleType, kwargs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ray.wait([ray.put(1)], **kwargs)


def test_wait_takes_a_list_of_distinct_refs(ray: ModuleType) -> None:
    ref = ray.put(1)
    for wrong in (ref, (ref,), iter([ref]), [5]):
        with pytest.raises(TypeError, match=r"wait\(\) expected a list"):
            ray.wait(wrong)
    with pytest.raises(ValueError, match="unique"):
        ray.wait([ref, ref])


def test_kill_and_get_actor_say_what_they_take(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="only supported for actors"):
        ray.kill(ray.put(1))
    with pytest.raises(ValueError, match="non-empty"):
        ray.get_actor("")


def test_init_twice_is_an_error_unless_ignored(ray: ModuleType) -> None:
    assert ray.is_initialized()
    with pytest.raises(RuntimeError, match=r"called ray.init twice by accident"):
        ray.init()
    ray.init(ignore_reinit_error=True)
    with pytest.raises(RuntimeError, match="Unknown keyword argument"):
        ray.init(foo=1, ignore_reinit_error=True)


def test_a_ref_is_no_sequence(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(ray.put(1))


@pytest.mark.not_yet(ray="Ray gives bytes, and never frees what they name")
def test_a_ref_cannot_be_pickled_by_itself(ray: ModuleType) -> None:
    import pickle

    with pytest.raises(TypeError, match="can't be pickled by itself"):
        pickle.dumps(ray.put(1))


def test_code_that_uses_what_cannot_be_sent_is_a_type_error_at_the_call(ray: ModuleType) -> None:
    lock = threading.Lock()

    @simactors.remote
    def locked() -> bool:
        return lock.locked()

    @simactors.remote
    class Locked:
        def locked(self) -> bool:
            return lock.locked()

    with pytest.raises(TypeError, match=r"(?s)Could not serialize the function .*locked:.*lock"):
        locked.remote()
    with pytest.raises(TypeError, match=r"(?s)Could not serialize the actor class .*Locked.*: .*lock"):
        Locked.remote()


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


def test_an_abstract_class_is_a_type_error_where_it_is_decorated(ray: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"Can't instantiate abstract class .*area"):
        simactors.remote(Shape)
    with pytest.raises(TypeError, match=r"Can't instantiate abstract class .*area"):
        simactors.remote(num_cpus=0)(Shape)


def test_the_object_store_is_an_option_of_actors_only(ray: ModuleType) -> None:
    Log.options(object_store_memory=1 << 20)
    task.options(object_store_memory=None)
    with pytest.raises(ValueError, match="not implemented for tasks"):
        task.options(object_store_memory=1 << 20)
    with pytest.raises(ValueError, match="not implemented for tasks"):
        simactors.remote(object_store_memory=1 << 20)(lambda: None)
