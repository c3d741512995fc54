"""`as_completed` and `map_unordered`: results in the order in which they come, as in ``ray.util``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from simactors.api.objects import get, wait


def as_completed(
    refs: Sequence[Any], *, chunk_size: int = 10, yield_obj_refs: bool = False, **options: Any
) -> Iterator[Any]:
    """The results of `refs` as they become available.

    Args:
        chunk_size: how many to wait for at a time.
        yield_obj_refs: give the refs instead of their values.
        options: other arguments of `wait`.

    Raises:
        ValueError: a `chunk_size` below 1, or `num_returns` among the options.
    """
    _check(chunk_size, options)
    rest = list(refs)
    while rest:
        ready, rest = _next_ready(rest, chunk_size, yield_obj_refs, options)
        yield from ready


def map_unordered(
    fn: Any,
    items: Iterable[Any],
    *,
    backpressure_size: int | None = 100,
    chunk_size: int = 10,
    yield_obj_refs: bool = False,
    **options: Any,
) -> Iterator[Any]:
    """The results of ``fn.remote(item)`` for each item as they become available.

    Args:
        backpressure_size: how many calls may be under way at a time; None for any number.
        chunk_size, yield_obj_refs, options: see `as_completed`.

    Raises:
        ValueError: a size below 1, or `num_returns` among the options.
    """
    if backpressure_size is not None and backpressure_size <= 0:
        raise ValueError("backpressure_size must be positive.")
    _check(chunk_size, options)
    refs: list[Any] = []
    for item in items:
        refs.append(fn.remote(item))
        if backpressure_size is not None and len(refs) >= backpressure_size:
            ready, refs = _next_ready(refs, chunk_size, yield_obj_refs, options)
            yield from ready
    yield from as_completed(refs, chunk_size=chunk_size, yield_obj_refs=yield_obj_refs, **options)


def _next_ready(
    refs: list[Any], chunk_size: int, yield_obj_refs: bool, options: dict[str, Any]
) -> tuple[list[Any], list[Any]]:
    ready, rest = wait(refs, num_returns=min(chunk_size, len(refs)), **options)
    return (ready if yield_obj_refs else get(ready)), rest


def _check(chunk_size: int, options: dict[str, Any]) -> None:
    if chunk_size < 1:
        raise ValueError("`chunk_size` must be >= 1")
    if "num_returns" in options:
        raise ValueError("Use the `chunk_size` argument instead of `num_returns`.")
