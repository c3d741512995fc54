"""`get`, `put` and `wait`: values behind refs, the same on every backend."""

from __future__ import annotations

import math
from typing import Any, TypeVar, overload

from simactors import exceptions
from simactors.api import session
from simactors.api.generators import ObjectRefGenerator
from simactors.core.abilities import Adopts
from simactors.core.refs import ObjectRef

T = TypeVar("T")


@overload
def get(object_refs: ObjectRef[T], *, timeout: float | None = None) -> T: ...
@overload
def get(object_refs: list[ObjectRef[T]], *, timeout: float | None = None) -> list[T]: ...
def get(object_refs: Any, *, timeout: float | None = None) -> Any:
    """The value of a ref, or the list of the values of a list of refs; waits until they exist.

    Args:
        timeout: seconds; None or a negative number waits for ever, as in Ray.

    Raises:
        GetTimeoutError: not ready in time; the call goes on.
        RayTaskError: the remote code raised; also an instance of the class that it raised.
        RayActorError: the actor could not answer.
        ValueError, TypeError: not a ref, or not a list of refs.
    """
    if timeout is not None and (timeout < 0 or timeout == math.inf):
        timeout = None
    if type(object_refs) is ObjectRef:
        backend = session.active()
        if not backend.wait((object_refs,), 1, timeout, stop_at_error=True):
            raise exceptions.GetTimeoutError("Get timed out: some object(s) not ready.")
        return backend.read(object_refs).unwrap()
    if isinstance(object_refs, ObjectRefGenerator):
        return object_refs  # as on Ray: iterate over it
    if not isinstance(object_refs, list):
        ref = _adopted(object_refs)
        if ref is not None:
            return get(ref, timeout=timeout)
        raise ValueError(
            f"Invalid type of object refs, {type(object_refs)}, is given. "
            "'object_refs' must either be an ObjectRef or a list of ObjectRefs. "
        )
    return _get_list([_own(ref) for ref in object_refs], timeout)


def _own(value: Any) -> ObjectRef[Any]:
    ref = value if isinstance(value, ObjectRef) else _adopted(value)
    if ref is None:
        raise TypeError(f"Attempting to call `get` on the value {value}, which is not an ray.ObjectRef.")
    return ref


def _adopted(value: Any) -> ObjectRef[Any] | None:
    """`value` as a ref of ours, if it is one of the runtime's that is open."""
    if not session.is_initialized():
        return None
    backend: Any = session.active()
    return backend.adopt(value) if isinstance(backend, Adopts) else None


def _get_list(refs: list[ObjectRef[Any]], timeout: float | None) -> list[Any]:
    if not refs:
        return []
    backend = session.active()
    # By id, as refs compare, but without a call of their `__hash__` for each.
    unique = list({ref.entry.id: ref for ref in refs}.values())
    if len(unique) < len(refs):  # some are given twice, or one is of another session
        unique = list(dict.fromkeys(refs))
    # A failure is raised at once, as in Ray, even if other refs are never ready.
    ready = backend.wait(unique, len(unique), timeout, stop_at_error=True)
    if len(ready) < len(unique):
        for ref in ready:
            backend.read(ref).unwrap()
        raise exceptions.GetTimeoutError("Get timed out: some object(s) not ready.")
    return [backend.read(ref).unwrap() for ref in refs]


def put(value: T) -> ObjectRef[T]:
    """Store a copy of `value` and return a ref to it.

    Raises:
        TypeError: `value` is a ref itself, or can't be serialized.
    """
    if isinstance(value, ObjectRef):
        raise TypeError(
            "Calling 'put' on an ray.ObjectRef is not allowed. If you really want to do this, you can wrap the "
            "ray.ObjectRef in a list and call 'put' on it."
        )
    return session.active().put(value)


@overload
def wait(
    ray_waitables: list[ObjectRef[T]],
    *,
    num_returns: int = 1,
    timeout: float | None = None,
    fetch_local: bool = True,
) -> tuple[list[ObjectRef[T]], list[ObjectRef[T]]]: ...
@overload
def wait(
    ray_waitables: list[Any], *, num_returns: int = 1, timeout: float | None = None, fetch_local: bool = True
) -> tuple[list[Any], list[Any]]: ...
def wait(
    ray_waitables: list[Any],
    *,
    num_returns: int = 1,
    timeout: float | None = None,
    fetch_local: bool = True,
) -> tuple[list[Any], list[Any]]:
    """Wait until `num_returns` of the refs are ready; a failed call counts as ready.

    A generator of refs stands for its next item, and is ready at its end.

    Args:
        timeout: seconds; None waits for ever, 0 only looks.
        fetch_local: taken for Ray's sake; values are fetched by `get`.

    Returns:
        The ready ones, at most `num_returns`, and all others, both in the order given. Which of several
        ready ones are picked is not promised.

    Raises:
        TypeError, ValueError: not a list of distinct refs, or numbers out of range.
    """
    given, ray_waitables = ray_waitables, _all_adopted(ray_waitables)
    has_generators = _check_waitables(ray_waitables, num_returns, timeout)
    if not ray_waitables:
        return [], []
    timeout = None if timeout == math.inf else timeout
    if has_generators:
        ready = _ready_of_mixed(ray_waitables, int(num_returns), timeout)
    else:
        ready = session.active().wait(ray_waitables, int(num_returns), timeout)
    taken = set(ready)
    if given is not ray_waitables:  # who gave refs of another kind gets them back
        originals = dict(zip(ray_waitables, given, strict=True))
        ready = [originals[ref] for ref in ready]
        return ready, [originals[ref] for ref in ray_waitables if ref not in taken]
    return ready, [ref for ref in ray_waitables if ref not in taken]


def _all_adopted(waitables: Any) -> Any:
    """The same list, if there is nothing to adopt in it."""
    if not isinstance(waitables, list) or all(
        isinstance(w, ObjectRef | ObjectRefGenerator) for w in waitables
    ):
        return waitables
    adopted = [w if isinstance(w, ObjectRef | ObjectRefGenerator) else _adopted(w) for w in waitables]
    return waitables if None in adopted else adopted


def _ready_of_mixed(waitables: list[Any], num_returns: int, timeout: float | None) -> list[Any]:
    refs = [w.peek() if isinstance(w, ObjectRefGenerator) else w for w in waitables]
    unique = list(dict.fromkeys(refs))  # a generator that has ended may stand for a ref of the list
    ready = set(session.active().wait(unique, min(num_returns, len(unique)), timeout))
    return [w for w, ref in zip(waitables, refs, strict=True) if ref in ready][:num_returns]


def _check_waitables(refs: Any, num_returns: int, timeout: float | None) -> bool:
    """Raise what `wait` raises; whether there are generators among the refs."""
    has_generators = _check_types(refs)
    if timeout is not None and timeout < 0:
        raise ValueError(f"The 'timeout' argument must be nonnegative. Received {timeout}")
    if not refs:
        return False
    if len(set(refs)) != len(refs):
        raise ValueError("Wait requires a list of unique ray_waitables.")
    if num_returns <= 0:
        raise ValueError(f"Invalid number of objects to return {num_returns}.")
    if num_returns > len(refs):
        raise ValueError(
            "num_returns cannot be greater than the number of ray_waitables provided to ray.wait."
        )
    return has_generators


def _check_types(refs: Any) -> bool:
    expected = "wait() expected a list of ray.ObjectRef or ray.ObjectRefGenerator, got"
    if isinstance(refs, ObjectRef | ObjectRefGenerator):
        raise TypeError(f"{expected} a single ray.ObjectRef or ray.ObjectRefGenerator {refs}")
    if not isinstance(refs, list):
        raise TypeError(f"{expected} {type(refs)}")
    has_generators = False
    for ref in refs:
        if isinstance(ref, ObjectRef):
            continue
        if not isinstance(ref, ObjectRefGenerator):
            raise TypeError(f"{expected} list containing {type(ref)}")
        has_generators = True
    return has_generators
