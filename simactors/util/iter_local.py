"""`LocalIterator`: one stream of items with what is done to them, as ``ray.util.iter`` has it.

Built when it is first asked for an item, so that it can be sent to other processes before that.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from simactors.api.objects import get, wait
from simactors.api.remote import remote

_GREEDY = 100
"""So many items at most are taken in a row from an iterator whose weight is "*"."""


_BREATH_S = 0.001
"""How long a union waits between two rounds in which none of its iterators had an item."""


class NextValueNotReady:
    """Stands in a stream for an item that is not there yet, where the reader must not wait."""


NOT_READY = NextValueNotReady
Transform = Callable[[Iterator[Any]], Iterator[Any]]
Source = Callable[[float | None], Iterable[Any]]
"""Makes the items; with a timeout in seconds, one that does not wait longer, and gives `NextValueNotReady` instead."""

_current = threading.local()


class MetricsContext:
    """What the functions of one iterator share.

    Attributes:
        counters: numbers by name, 0 at first.
        info: whatever they like.
        current_actor: who has made the item at hand, after `gather_async`.
    """

    def __init__(self) -> None:
        self.counters: defaultdict[str, float] = defaultdict(int)
        self.info: dict[str, Any] = {}
        self.current_actor: Any = None


class _Shared:
    """Where all iterators that are made of one another find their `MetricsContext`.

    Attributes:
        joined: what they share it with since a union of theirs was made.
    """

    def __init__(self) -> None:
        self.context = MetricsContext()
        self.joined: _Shared | None = None

    def root(self) -> _Shared:
        """The one whose context counts."""
        found = self
        while found.joined is not None:
            found = found.joined
        return found


class LocalIterator:
    """An iterator over items that come from one place, to be read by one process.

    Args:
        base_iterator: see `Source`.
        shared: by all that is made of one another.
    """

    def __init__(
        self,
        base_iterator: Source,
        shared: _Shared | None = None,
        local_transforms: Sequence[Transform] = (),
        timeout: float | None = None,
        name: str = "unknown",
    ) -> None:
        self.base_iterator = base_iterator
        self._shared = shared or _Shared()
        self.local_transforms = list(local_transforms)
        self.timeout = timeout
        self.name = name
        self._built: Iterator[Any] | None = None

    @property
    def metrics(self) -> MetricsContext:
        """What its functions share."""
        return self._shared.root().context

    @staticmethod
    def get_metrics() -> MetricsContext:
        """What the functions of the iterator share that has called this one.

        Raises:
            ValueError: not called by a function of an iterator.
        """
        metrics: MetricsContext | None = getattr(_current, "metrics", None)
        if metrics is None:
            raise ValueError("Cannot access context outside an iterator.")
        return metrics

    def __iter__(self) -> Iterator[Any]:
        if self._built is None:
            items = iter(self.base_iterator(self.timeout))
            for transform in self.local_transforms:
                items = transform(items)
            self._built = items
        return self._built

    def __next__(self) -> Any:
        return next(iter(self))

    def __repr__(self) -> str:
        return f"LocalIterator[{self.name}]"

    def transform(self, fn: Callable[[Iterable[Any]], Iterable[Any]]) -> LocalIterator:
        """The items that `fn` makes of all of them."""
        return self._then(lambda items: iter(fn(items)), ".transform()")

    def for_each(
        self, fn: Callable[[Any], Any], max_concurrency: int = 1, resources: dict[str, Any] | None = None
    ) -> LocalIterator:
        """``fn(item)`` for each item; with a `max_concurrency` that is not 1 in tasks, in the order in which they end.

        Args:
            max_concurrency: how many tasks at a time; 0 for any number.
            resources: options of those tasks.
        """
        if max_concurrency == 1:
            return self._then(lambda items: self._each(fn, items), ".for_each()")
        task = remote(fn).options(**(resources or {}))
        return self._then(lambda items: _in_tasks(task, items, max_concurrency), ".for_each()")

    def filter(self, fn: Callable[[Any], Any]) -> LocalIterator:
        """The items for which `fn` says yes."""

        def keep(items: Iterator[Any]) -> Iterator[Any]:
            return (item for item in items if isinstance(item, NOT_READY) or self._call(fn, item))

        return self._then(keep, ".filter()")

    def batch(self, n: int) -> LocalIterator:
        """Lists of `n` items; the last may be shorter."""
        return self._then(lambda items: _batches(items, n), f".batch({n})")

    def flatten(self) -> LocalIterator:
        """The items of the items."""
        return self._then(_flat, ".flatten()")

    def combine(self, fn: Callable[[Any], Iterable[Any]]) -> LocalIterator:
        """The items of ``fn(item)`` for each item."""
        return self.for_each(fn).flatten()._named(f"{self.name}.combine()")

    def shuffle(self, shuffle_buffer_size: int, seed: int | None = None) -> LocalIterator:
        """The items in a random order.

        Args:
            shuffle_buffer_size: each is picked from so many that were read.
        """
        chance = random.Random(seed)
        name = f".shuffle(shuffle_buffer_size={shuffle_buffer_size}, seed={seed})"
        return self._then(lambda items: _shuffled(items, shuffle_buffer_size, chance), name)

    def zip_with_source_actor(self) -> LocalIterator:
        """Pairs of the actor that has made an item, and the item; after `gather_async` only."""

        def pair(item: Any) -> Any:
            actor = LocalIterator.get_metrics().current_actor
            if actor is None:
                raise ValueError("Could not identify source actor of item")
            return actor, item

        return self.for_each(pair)._named(f"{self.name}.zip_with_source_actor()")

    def take(self, n: int) -> list[Any]:
        """The next `n` items, or as many as there are."""
        found: list[Any] = []
        for item in self:
            found.append(item)
            if len(found) >= n:
                break
        return found

    def show(self, n: int = 20) -> None:
        """Print the next `n` items."""
        for item in self.take(n):
            print(item)

    def duplicate(self, n: int) -> list[LocalIterator]:
        """So many iterators, each with all items; give them to `union`, which lets none of them fall behind.

        Raises:
            ValueError: fewer than 2.
        """
        if n < 2:
            raise ValueError("Number of copies must be >= 2")
        waiting: list[deque[Any]] = [deque() for _ in range(n)]

        def items_of(mine: deque[Any], timeout: float | None) -> Iterator[Any]:
            while True:
                if len(mine) < max(map(len, waiting)):
                    yield NOT_READY()  # another one has more to read first
                    continue
                if not mine:
                    self.timeout = timeout
                    for item in self:
                        for queue in waiting:
                            queue.append(item)
                        break
                    else:
                        return
                yield mine.popleft()

        return [
            LocalIterator(
                lambda timeout, mine=queue: items_of(mine, timeout),  # type: ignore[misc]  # bound here and now
                self._shared,
                name=f"{self.name}.duplicate[{index}]",
            )
            for index, queue in enumerate(waiting)
        ]

    def union(
        self,
        *others: LocalIterator,
        deterministic: bool = False,
        round_robin_weights: Sequence[Any] | None = None,
    ) -> LocalIterator:
        """The items of this one and of others.

        Args:
            deterministic: one of each in turn; else of whichever has one.
            round_robin_weights: how many of each in turn; "*" for as many as are there.

        Raises:
            ValueError: not a `LocalIterator`, or weights that are too many or too few.
        """
        for other in others:
            if not isinstance(other, LocalIterator):
                raise ValueError(f"other must be of type LocalIterator, got {type(other)}")
        parents = [self, *others]
        if round_robin_weights and len(round_robin_weights) != len(parents):
            raise ValueError("Length of round robin weights must equal number of iterators total.")
        weights = list(round_robin_weights or [1] * len(parents))
        shared = _Shared()
        for parent in parents:
            root = parent._shared.root()
            if root is not shared:  # else another one of the parents has shared it with this one before
                root.joined = shared  # functions of theirs share it from now on
        active = [
            (
                weight,
                parent._anew(shared, _patience(weight, round_robin_weights, deterministic=deterministic)),
            )
            for weight, parent in zip(weights, parents, strict=True)
        ]
        name = f"LocalUnion[{self}, {', '.join(map(str, others))}]"
        return LocalIterator(lambda timeout: _in_turn(active, timeout), shared, name=name)

    def _anew(self, shared: _Shared, timeout: float | None) -> LocalIterator:
        return LocalIterator(self.base_iterator, shared, self.local_transforms, timeout)

    def _then(self, transform: Transform, name: str) -> LocalIterator:
        transforms = [*self.local_transforms, transform]
        return LocalIterator(self.base_iterator, self._shared, transforms, name=self.name + name)

    def _named(self, name: str) -> LocalIterator:
        self.name = name
        return self

    def _call(self, fn: Callable[[Any], Any], item: Any) -> Any:
        _current.metrics = self.metrics
        return fn(item)

    def _each(self, fn: Callable[[Any], Any], items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            yield item if isinstance(item, NOT_READY) else self._call(fn, item)


def _patience(weight: Any, weights: Sequence[Any] | None, *, deterministic: bool) -> float | None:
    """How long a union waits for an item of one iterator."""
    if weights:
        return 0 if weight == "*" else None
    return None if deterministic else 0


def _in_turn(active: list[tuple[Any, LocalIterator]], timeout: float | None) -> Iterator[Any]:
    while active:
        came = False
        for entry in list(active):
            weight, source = entry
            for _ in range(_GREEDY if weight == "*" else _whole(weight)):
                try:
                    item = next(source)
                except StopIteration:
                    active.remove(entry)
                    break
                if not isinstance(item, NOT_READY):
                    came = True
                    yield item
                    continue
                if timeout is not None:
                    yield item
                break
        if active and not came and timeout is None:
            time.sleep(
                _BREATH_S
            )  # looking again and again would keep a core busy, and virtual time standing still


def _whole(weight: float) -> int:
    """A whole number near a weight that is `weight` on average."""
    return int(weight) + (random.random() < weight - int(weight))


def _in_tasks(task: Any, items: Iterator[Any], most: int) -> Iterator[Any]:
    under_way: list[Any] = []
    for item in items:
        if isinstance(item, NOT_READY):
            yield item
            continue
        if most and len(under_way) >= most:
            done, under_way = wait(under_way)
            yield from get(done)
        under_way.append(task.remote(item))
    while under_way:
        done, under_way = wait(under_way)
        yield from get(done)


def _batches(items: Iterator[Any], n: int) -> Iterator[Any]:
    batch: list[Any] = []
    for item in items:
        if isinstance(item, NOT_READY):
            yield item
            continue
        batch.append(item)
        if len(batch) >= n:
            yield batch
            batch = []
    if batch:
        yield batch


def _flat(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, NOT_READY):
            yield item
        else:
            yield from item


def _shuffled(items: Iterator[Any], size: int, chance: random.Random) -> Iterator[Any]:
    read: list[Any] = []
    for item in items:
        if isinstance(item, NOT_READY):
            yield item
            continue
        read.append(item)
        if len(read) >= size:
            yield read.pop(chance.randrange(len(read)))
    while read:
        yield read.pop(chance.randrange(len(read)))


__all__ = ["LocalIterator", "MetricsContext"]
