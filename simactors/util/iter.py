"""`ParallelIterator`: streams of items that actors make, as ``ray.util.iter``.

Ray has deprecated it, and still ships it; new programs take tasks that are generators. What is done to the items on the
way stands in `iter_local`.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from simactors.api.objects import get, wait
from simactors.api.remote import remote
from simactors.util.iter_local import NOT_READY, LocalIterator

LocalStep = Callable[[LocalIterator], LocalIterator]


def from_items(items: Sequence[Any], num_shards: int = 2, repeat: bool = False) -> ParallelIterator:
    """Deal items to so many actors in turn; `repeat` begins again at the end, for ever."""
    shards = [list(items[index::num_shards]) for index in range(num_shards)]
    kind = type(items[0]).__name__ if items else "None"
    name = f"from_items[{kind}, {len(items)}, shards={num_shards}{_repeating(repeat)}]"
    return from_iterators(shards, repeat=repeat, name=name)


def from_range(n: int, num_shards: int = 2, repeat: bool = False) -> ParallelIterator:
    """Cut the numbers below `n` into so many pieces, an actor for each."""
    size = n // num_shards
    starts = [index * size for index in range(num_shards)]
    shards = [range(start, end) for start, end in zip(starts, [*starts[1:], n], strict=True)]
    return from_iterators(
        shards, repeat=repeat, name=f"from_range[{n}, shards={num_shards}{_repeating(repeat)}]"
    )


def from_iterators(
    generators: Sequence[Any], repeat: bool = False, name: str | None = None
) -> ParallelIterator:
    """An actor for each iterable, or for each function that makes one."""
    actor_class = remote(ParallelIteratorWorker)
    actors = [actor_class.remote(generator, repeat) for generator in generators]
    return from_actors(actors, name or f"from_iterators[shards={len(generators)}{_repeating(repeat)}]")


def from_actors(actors: Sequence[Any], name: str | None = None) -> ParallelIterator:
    """The items of actors whose classes are derived from `ParallelIteratorWorker`."""
    return ParallelIterator([_ActorSet(list(actors), ())], name or f"from_actors[shards={len(actors)}]")


def _repeating(repeat: bool) -> str:
    return ", repeat=True" if repeat else ""


class _ActorSet(NamedTuple):
    """Actors, and what they do to their items."""

    actors: list[Any]
    steps: tuple[LocalStep, ...]


class ParallelIterator:
    """Items of several actors, the shards; can be sent to other processes, but each shard is read by one only.

    Made by `from_items`, `from_range`, `from_iterators` and `from_actors`.
    """

    def __init__(self, actor_sets: Sequence[_ActorSet], name: str, parents: Sequence[ParallelIterator] = ()):
        self.actor_sets = list(actor_sets)
        self.name = name
        self.parent_iterators = list(parents)  # whose actors must live as long as this one

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "You must use it.gather_sync() or it.gather_async() to iterate over the results of a ParallelIterator."
        )

    def __repr__(self) -> str:
        return f"ParallelIterator[{self.name}]"

    def transform(self, fn: Callable[[Iterable[Any]], Iterable[Any]]) -> ParallelIterator:
        """The items that `fn` makes of those of each shard."""
        return self._then(lambda local: local.transform(fn), ".transform()")

    def for_each(
        self, fn: Callable[[Any], Any], max_concurrency: int = 1, resources: dict[str, Any] | None = None
    ) -> ParallelIterator:
        """``fn(item)`` for each item, in its shard; see `LocalIterator.for_each`."""
        assert max_concurrency >= 0, "max_concurrency must be non-negative."
        return self._then(lambda local: local.for_each(fn, max_concurrency, resources), ".for_each()")

    def filter(self, fn: Callable[[Any], Any]) -> ParallelIterator:
        """The items for which `fn` says yes."""
        return self._then(lambda local: local.filter(fn), ".filter()")

    def batch(self, n: int) -> ParallelIterator:
        """Lists of `n` items of a shard; its last may be shorter."""
        return self._then(lambda local: local.batch(n), f".batch({n})")

    def flatten(self) -> ParallelIterator:
        """The items of the items."""
        return self._then(lambda local: local.flatten(), ".flatten()")

    def combine(self, fn: Callable[[Any], Iterable[Any]]) -> ParallelIterator:
        """The items of ``fn(item)`` for each item."""
        made = self.for_each(fn).flatten()
        made.name = f"{self.name}.combine()"
        return made

    def local_shuffle(self, shuffle_buffer_size: int, seed: int | None = None) -> ParallelIterator:
        """Each shard's items in a random order; see `LocalIterator.shuffle`."""
        name = f".local_shuffle(shuffle_buffer_size={shuffle_buffer_size}, seed={seed})"
        return self._then(lambda local: local.shuffle(shuffle_buffer_size, seed), name)

    def repartition(self, num_partitions: int, batch_ms: int = 0) -> ParallelIterator:
        """The same items in so many shards, each of which takes every n-th item of each shard of this one."""
        actors = self._start()

        def partition(index: int) -> Callable[[], Iterator[Any]]:
            def ask(actor: Any) -> Any:
                return actor.par_iter_slice_batch.remote(num_partitions, index, batch_ms)

            return lambda: (item for _, item in _as_they_come(actors, ask, 1, None))

        made = from_iterators([partition(index) for index in range(num_partitions)])
        made.name = f"{self.name}.repartition[num_partitions={num_partitions}]"
        made.parent_iterators = [self]
        return made

    def gather_sync(self) -> LocalIterator:
        """One item of each shard in turn."""
        made = self.batch_across_shards().flatten()
        made.name = f"{self}.gather_sync()"
        return made

    def batch_across_shards(self) -> LocalIterator:
        """Lists of one item of each shard that has one."""

        def rounds(timeout: float | None) -> Iterator[Any]:
            active = self._start()
            refs = [actor.par_iter_next.remote() for actor in active]
            while active:
                if wait(refs, num_returns=len(refs), timeout=timeout)[1]:
                    yield NOT_READY()
                    continue
                results, active = _next_round(refs, active)
                refs = [actor.par_iter_next.remote() for actor in active]
                if results:
                    yield results
                if timeout is not None:
                    yield NOT_READY()

        return LocalIterator(rounds, name=f"{self}.batch_across_shards()")

    def gather_async(self, batch_ms: int = 0, num_async: int = 1) -> LocalIterator:
        """Items of all shards, as they come.

        Args:
            batch_ms: each shard collects items for so many milliseconds before it sends them.
            num_async: how many requests are under way to each shard.

        Raises:
            ValueError: `batch_ms` below 0, or `num_async` below 1.
        """
        if num_async < 1:
            raise ValueError("queue depth must be positive")
        if batch_ms < 0:
            raise ValueError("batch time must be positive")

        def items(timeout: float | None) -> Iterator[Any]:
            def ask(actor: Any) -> Any:
                return actor.par_iter_next_batch.remote(batch_ms)

            for actor, item in _as_they_come(self._start(), ask, num_async, timeout):
                made.metrics.current_actor = actor
                yield item

        made = LocalIterator(items, name=f"{self}.gather_async()")
        return made

    def take(self, n: int) -> list[Any]:
        """The first `n` items, or as many as there are."""
        return self.gather_sync().take(n)

    def show(self, n: int = 20) -> None:
        """Print the first `n` items."""
        self.gather_sync().show(n)

    def union(self, other: ParallelIterator) -> ParallelIterator:
        """The shards of both.

        Raises:
            TypeError: not a `ParallelIterator`.
        """
        if not isinstance(other, ParallelIterator):
            raise TypeError(f"other must be of type ParallelIterator, got {type(other)}")
        parents = [*self.parent_iterators, *other.parent_iterators]
        return ParallelIterator(
            [*self.actor_sets, *other.actor_sets], f"ParallelUnion[{self}, {other}]", parents
        )

    def select_shards(self, shards_to_keep: Sequence[int]) -> ParallelIterator:
        """Some of the shards, by their numbers.

        Raises:
            ValueError: none at all, or of a union.
        """
        if len(self.actor_sets) > 1:
            raise ValueError("select_shards() is not allowed after union()")
        if not shards_to_keep:
            raise ValueError("at least one shard must be selected")
        actors, steps = self.actor_sets[0]
        kept = [actor for index, actor in enumerate(actors) if index in shards_to_keep]
        assert len(kept) == len(shards_to_keep), "Invalid actor index"
        name = f"{self}.select_shards({len(shards_to_keep)} total)"
        return ParallelIterator([_ActorSet(kept, steps)], name, self.parent_iterators)

    def num_shards(self) -> int:
        """How many shards there are."""
        return sum(len(actors) for actors, _ in self.actor_sets)

    def shards(self) -> list[LocalIterator]:
        """All shards, each an iterator of its own."""
        return [self.get_shard(index) for index in range(self.num_shards())]

    def get_shard(self, shard_index: int, batch_ms: int = 0, num_async: int = 1) -> LocalIterator:
        """One shard; can be sent to the process that is to read it. See `gather_async` for arguments and errors."""
        if num_async < 1:
            raise ValueError("num async must be positive")
        if batch_ms < 0:
            raise ValueError("batch time must be positive")
        shards = [(actor, steps) for actors, steps in self.actor_sets for actor in actors]
        if not 0 <= shard_index < len(shards):
            raise ValueError("Shard index out of range", shard_index, self.num_shards())
        actor, steps = shards[shard_index]

        def items(timeout: float | None) -> Iterator[Any]:
            get(actor.par_iter_init.remote(steps))
            asked = deque(actor.par_iter_next_batch.remote(batch_ms) for _ in range(num_async))
            while True:
                if wait([asked[0]], timeout=timeout)[1]:
                    yield NOT_READY()
                    continue
                try:
                    batch = get(asked.popleft())
                except StopIteration:
                    return
                asked.append(actor.par_iter_next_batch.remote(batch_ms))
                yield from batch
                if timeout is not None:
                    yield NOT_READY()

        return LocalIterator(items, name=f"{self.name}.shard[{shard_index}]")

    def _start(self) -> list[Any]:
        """Let all actors begin; gives them."""
        for actors, steps in self.actor_sets:
            get([actor.par_iter_init.remote(steps) for actor in actors])
        return [actor for actors, _ in self.actor_sets for actor in actors]

    def _then(self, step: LocalStep, name: str) -> ParallelIterator:
        sets = [_ActorSet(actors, (*steps, step)) for actors, steps in self.actor_sets]
        return ParallelIterator(sets, self.name + name, self.parent_iterators)


def _next_round(refs: Sequence[Any], active: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What was answered, and the actors that have more."""
    results, rest = [], []
    for actor, ref in zip(active, refs, strict=True):
        try:
            results.append(get(ref))
        except StopIteration:
            continue
        rest.append(actor)
    return results, rest


def _as_they_come(
    actors: Sequence[Any], ask: Callable[[Any], Any], depth: int, timeout: float | None
) -> Iterator[tuple[Any, Any]]:
    """The items of all actors, each with its actor."""
    asked = {ask(actor): actor for _ in range(depth) for actor in actors}
    while asked:
        for ref in _ready(list(asked), timeout):
            actor = asked.pop(ref)
            try:
                batch = get(ref)
            except StopIteration:
                continue
            asked[ask(actor)] = actor
            for item in batch:
                yield actor, item
        if timeout is not None:
            yield None, NOT_READY()


def _ready(refs: list[Any], timeout: float | None) -> list[Any]:
    ready, _ = wait(refs, num_returns=len(refs), timeout=timeout or 0)
    return ready or (wait(refs)[0] if timeout is None else [])


class ParallelIteratorWorker:
    """An actor of a parallel iterator; actors of one's own are derived from it.

    Args:
        item_generator: an iterable, or a function that makes one: generators themselves can't be sent.
        repeat: begin again at the end, for ever.
    """

    def __init__(self, item_generator: Any, repeat: bool) -> None:
        make = item_generator if callable(item_generator) else lambda: item_generator
        self.item_generator = _for_ever(make, item_generator) if repeat else make()
        self._items: Iterator[Any] | None = None
        self._slices: defaultdict[int, deque[Any]] = defaultdict(deque)

    def par_iter_init(self, transforms: Sequence[LocalStep]) -> None:
        """Begin."""
        local = LocalIterator(lambda timeout: self.item_generator)
        for step in transforms:
            local = step(local)
        self._items = iter(local)

    def par_iter_next(self) -> Any:
        """The next item; `StopIteration` at the end."""
        assert self._items is not None, "must call par_iter_init()"
        return next(self._items)

    def par_iter_next_batch(self, batch_ms: int) -> list[Any]:
        """The next item in a list, or all that come in so many milliseconds."""
        return _batch(self.par_iter_next, batch_ms)

    def par_iter_slice(self, step: int, start: int) -> Any:
        """The next of those items whose number is `start` above a multiple of `step`."""
        assert self._items is not None, "must call par_iter_init()"
        mine = self._slices[start]
        if not mine:
            for index, item in zip(range(step), self._items, strict=False):
                self._slices[index].append(item)
        if not mine:
            raise StopIteration
        return mine.popleft()

    def par_iter_slice_batch(self, step: int, start: int, batch_ms: int) -> list[Any]:
        """As `par_iter_next_batch`."""
        return _batch(lambda: self.par_iter_slice(step, start), batch_ms)


def _for_ever(make: Callable[[], Iterable[Any]], given: Any) -> Iterator[Any]:
    while True:
        items = iter(make())
        if items is given:
            raise ValueError(
                f"Cannot iterate over {given} multiple times. Please pass in the base iterable or "
                f"lambda: {given} instead."
            )
        yield from items


def _batch(take: Callable[[], Any], batch_ms: int) -> list[Any]:
    batch = [take()]
    end = time.time() + batch_ms / 1000
    while batch_ms and time.time() < end:
        try:
            batch.append(take())
        except StopIteration:
            break
    return batch


__all__ = [
    "ParallelIterator",
    "ParallelIteratorWorker",
    "from_actors",
    "from_items",
    "from_iterators",
    "from_range",
]
