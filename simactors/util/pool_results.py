"""`AsyncResult`: what becomes of the work that a `Pool` of `multiprocessing` has sent out."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from multiprocessing import TimeoutError  # noqa: A004  # the one that the standard library's pools raise
from typing import Any

from simactors import exceptions
from simactors.api.objects import get, wait
from simactors.core.refs import ObjectRef


class PoolTaskError(Exception):
    """What a call has raised, on its way to whoever asks for its result.

    Attributes:
        underlying: the exception itself.
    """

    def __init__(self, underlying: Exception) -> None:
        super().__init__(underlying)
        self.underlying = underlying


class AsyncResult:
    """The results of chunks that were sent out.

    Args:
        chunks: what the actors were asked.
        callback, error_callback: see `Pool.map_async`; they are called in a thread.
        single_result: one call was made, and not a list of them.
    """

    def __init__(
        self,
        chunks: Sequence[ObjectRef[list[Any]]],
        callback: Callable[[Any], object] | None = None,
        error_callback: Callable[[Exception], object] | None = None,
        single_result: bool = False,
    ) -> None:
        self._chunks = list(chunks)
        self._callback = callback
        self._error_callback = error_callback
        self._single_result = single_result
        self._watcher: threading.Thread | None = None
        if callback is not None or error_callback is not None:
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()

    def wait(self, timeout: float | None = None) -> None:
        """Return when all results are there and callbacks have been called, or after so many seconds."""
        if self._watcher is not None:
            self._watcher.join(timeout)
        elif self._chunks:
            wait(self._chunks, num_returns=len(self._chunks), timeout=timeout)

    def get(self, timeout: float | None = None) -> Any:
        """The result, or the list of results in the order of the arguments.

        Raises:
            multiprocessing.TimeoutError: not there after so many seconds.
            Exception: what the first call that failed has raised.
        """
        self.wait(timeout)
        if timeout is not None and not self.ready():
            raise TimeoutError
        results = list(itertools.chain.from_iterable(map(results_of, self._chunks)))
        for result in results:
            if isinstance(result, Exception):
                raise result.underlying if isinstance(result, PoolTaskError) else result
        return results[0] if self._single_result else results

    def ready(self) -> bool:
        """Whether all results are there, and callbacks have been called."""
        if self._watcher is not None:
            return not self._watcher.is_alive()
        return not self._chunks or not wait(self._chunks, num_returns=len(self._chunks), timeout=0)[1]

    def successful(self) -> bool:
        """Whether no call has failed.

        Raises:
            ValueError: the results are not there yet.
        """
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return not any(
            isinstance(result, Exception) for chunk in self._chunks for result in results_of(chunk)
        )

    def _watch(self) -> None:
        results: list[Any] = []
        rest = self._chunks
        while rest:
            done, rest = wait(rest)
            results += results_of(done[0])
            error = next((result for result in results if isinstance(result, Exception)), None)
            if error is not None:
                if self._error_callback is not None:
                    self._error_callback(error)
                if rest:
                    wait(rest, num_returns=len(rest))
                return
        if self._callback is not None:
            self._callback(results[0] if self._single_result else results)


def results_of(chunk: ObjectRef[list[Any]]) -> list[Any]:
    """What came of a chunk; an error of the runtime's is the only result then."""
    try:
        return get(chunk)
    except exceptions.RayError as error:
        return [error]


__all__ = ["AsyncResult", "PoolTaskError"]
