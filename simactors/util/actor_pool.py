"""`ActorPool`: hand work to whichever of a fixed set of actors is free, as ``ray.util.ActorPool`` does.

Not a scheduler: it only calls actors that the program made, through `get` and `wait`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from simactors.api.objects import get, wait
from simactors.core.refs import ObjectRef

Results = ObjectRef[Any] | list[ObjectRef[Any]]
"""What a call gives: several refs, if it has `num_returns` > 1."""
Work = Callable[[Any, Any], Results]


class ActorPool:
    """Actors that take work in turn, each one piece at a time.

    Examples:
        >>> pool = ActorPool([Worker.remote(), Worker.remote()])        # doctest: +SKIP
        >>> list(pool.map(lambda a, v: a.double.remote(v), [1, 2, 3]))  # doctest: +SKIP
        [2, 4, 6]
    """

    def __init__(self, actors: Iterable[Any]) -> None:
        self._idle = list(actors)
        # Results still to be fetched, by the number of their submission; a number is in one of the two.
        self._running: dict[int, tuple[Results, Any]] = {}
        self._queued: list[tuple[Work, Any]] = []
        self._submitted = 0
        self._next = 0

    def map(self, fn: Work, values: Iterable[Any]) -> Iterator[Any]:
        """Results of ``fn(actor, value)`` for each value, in the order of the values.

        Work submitted before and not fetched yet is dropped. All values are submitted at once; the results
        are waited for as the iterator is used.
        """
        self._submit_all(fn, values)
        return self._drain(self.get_next)

    def map_unordered(self, fn: Work, values: Iterable[Any]) -> Iterator[Any]:
        """As `map`, but each result as soon as it is there."""
        self._submit_all(fn, values)
        return self._drain(self.get_next_unordered)

    def submit(self, fn: Work, value: Any) -> None:
        """Call ``fn(actor, value)``, which returns what a call of the actor gave, as soon as an actor is free.

        A call with `num_returns` > 1 counts as one result, a list.
        """
        if not self._idle:
            self._queued.append((fn, value))
            return
        actor = self._idle.pop()
        self._running[self._submitted] = (fn(actor, value), actor)
        self._submitted += 1

    def has_next(self) -> bool:
        """Whether a result is left to be fetched."""
        return bool(self._running)

    def get_next(self, timeout: float | None = None, ignore_if_timedout: bool = False) -> Any:
        """The next result in the order of submission.

        Args:
            timeout: seconds; None waits for ever.
            ignore_if_timedout: drop a result that did not come in time, and let its actor take other work.

        Raises:
            StopIteration: nothing is left.
            TimeoutError: not ready in time.
            ValueError: `get_next_unordered` took a result since, so that there is no order to keep.
        """
        self._check_next()
        if self._next not in self._running:
            raise ValueError("It is not allowed to call get_next() after get_next_unordered().")
        ref, _ = self._running[self._next]
        ready, _ = wait([_first(ref)], timeout=timeout)
        if not ready and not ignore_if_timedout:
            raise TimeoutError("Timed out waiting for result")
        self._release(self._next)
        if not ready:
            raise TimeoutError(f"Timed out waiting for result. The task {ref} has been ignored.")
        return get(ref)

    def get_next_unordered(self, timeout: float | None = None, ignore_if_timedout: bool = False) -> Any:
        """The next result to be there, whichever it is.

        Args:
            timeout: seconds; None waits for ever.
            ignore_if_timedout: drop one result if none came in time, and let its actor take other work.

        Raises:
            StopIteration: nothing is left.
            TimeoutError: none was ready in time.
        """
        self._check_next()
        number_of = {_first(ref): number for number, (ref, _) in self._running.items()}
        ready, _ = wait(list(number_of), timeout=timeout)
        if ready:
            number = number_of[ready[0]]
            results, _ = self._running[number]
            self._release(number)
            return get(results)
        if not ignore_if_timedout:
            raise TimeoutError("Timed out waiting for result")
        dropped = next(iter(number_of))
        self._release(number_of[dropped])
        raise TimeoutError(f"Timed out waiting for result. The task {dropped} has been ignored.")

    def has_free(self) -> bool:
        """Whether an actor is idle and no work waits."""
        return bool(self._idle) and not self._queued

    def pop_idle(self) -> Any:
        """Take an idle actor out of the pool; None if there is none."""
        return self._idle.pop() if self.has_free() else None

    def push(self, actor: Any) -> None:
        """Add an actor.

        Raises:
            ValueError: it is in the pool already.
        """
        if actor in self._idle or any(actor == busy for _, busy in self._running.values()):
            raise ValueError("Actor already belongs to current ActorPool")
        self._return(actor)

    def _submit_all(self, fn: Work, values: Iterable[Any]) -> None:
        while self.has_next():  # as Ray does: results nobody fetched are dropped
            for number in list(self._running):
                self._release(number)
        for value in values:
            self.submit(fn, value)

    def _drain(self, fetch: Callable[[], Any]) -> Iterator[Any]:
        while self.has_next():
            yield fetch()

    def _check_next(self) -> None:
        if not self.has_next():
            raise StopIteration("No more results to get")

    def _release(self, number: int) -> None:
        """Forget a submission and let its actor take other work."""
        _, actor = self._running.pop(number)
        self._next = max(self._next, number + 1)
        self._return(actor)

    def _return(self, actor: Any) -> None:
        self._idle.append(actor)
        if self._queued:
            self.submit(*self._queued.pop(0))


def _first(results: Results) -> ObjectRef[Any]:
    """The ref that tells when a call is done: all its results come together."""
    return results[0] if isinstance(results, list) else results
