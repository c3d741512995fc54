"""Remote generators: when a call streams, and what the program holds then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.api.generators import ObjectRefGenerator
from simactors.core import codec
from simactors.core.outcome import Value, failure
from simactors.core.refs import DynamicObjectRefGenerator


@simactors.remote
def count(n: int) -> Iterator[int]:
    yield from range(n)


@simactors.remote
def plain() -> None: ...


@simactors.remote
class Source:
    def items(self) -> Iterator[int]:
        yield 1

    async def later(self) -> AsyncIterator[int]:
        yield 1

    @simactors.method(num_returns=2)
    def two(self) -> Iterator[int]:
        yield 1

    @simactors.method(concurrency_group=None)
    def annotated(self) -> Iterator[int]:
        yield 1

    def plain(self) -> None: ...


@pytest.fixture
def generator(backend: Any) -> Any:
    """A generator of a call whose stream the test fills."""
    return count.remote(3)


def end(backend: Any, generator: Any, outcome: Any = None) -> None:
    stream = generator.completed()
    backend.streams[stream.entry.id].ended = True
    stream.entry.settle(outcome or Value(None))


def fill(backend: Any, generator: Any, *refs: Any) -> None:
    backend.streams[generator.completed().entry.id].items.extend(refs)


def test_a_generator_streams_unless_it_says_otherwise(backend: Any) -> None:
    source = Source.remote()
    for call in (
        count.remote(1),
        source.items.remote(),
        source.later.remote(),
        source.annotated.remote(),
        count.options(num_returns=None).remote(1),
        source.items.options(name="x").remote(),
        count.options(num_returns="streaming").remote(1),
    ):
        assert isinstance(call, ObjectRefGenerator)
        assert backend.calls[-1].options.num_returns == "streaming"
    assert len(source.two.remote()) == 2
    assert isinstance(count.options(num_returns=1).remote(1), simactors.ObjectRef)
    assert isinstance(count.options(num_returns="dynamic").remote(1), simactors.ObjectRef)
    assert isinstance(source.plain.remote(), simactors.ObjectRef)


def test_what_has_no_yield_can_not_stream(backend: Any) -> None:
    with pytest.raises(ValueError, match="num_returns='streaming' can only be used with generator functions"):
        plain.options(num_returns="streaming")
    with pytest.raises(ValueError, match="num_returns='dynamic' can only be used with generator functions"):
        simactors.remote(num_returns="dynamic")(lambda: 1)
    with pytest.raises(ValueError, match="num_returns='streaming'"):
        Source.remote().plain.options(num_returns="streaming")
    with pytest.raises(ValueError, match="num_returns='streaming'"):

        class Wrong:
            @simactors.method(num_returns="streaming")
            def plain(self) -> None: ...


def test_items_come_in_order_and_then_it_ends(backend: Any, generator: Any) -> None:
    refs = [backend.ref(i) for i in range(2)]
    fill(backend, generator, *refs)
    end(backend, generator)
    assert not generator.is_finished()
    assert list(generator) == refs
    assert generator.is_finished()
    assert list(generator) == []
    assert simactors.get(generator.completed()) is None


def test_a_failure_that_belongs_to_no_item_is_given_once(backend: Any, generator: Any) -> None:
    fill(backend, generator, backend.ref(0))
    end(backend, generator, failure(exceptions.ActorDiedError()))
    next(generator)
    assert not generator.is_finished()
    assert generator.next_ready()
    last = next(generator)
    with pytest.raises(exceptions.ActorDiedError):
        simactors.get(last)
    assert generator.is_finished()
    with pytest.raises(StopIteration):
        next(generator)


def test_wait_takes_generators_beside_refs(backend: Any, generator: Any) -> None:
    other, ref = count.remote(1), backend.ref()
    assert simactors.wait([generator, other, ref], timeout=0) == ([], [generator, other, ref])
    fill(backend, other, backend.ref(5))
    assert other.next_ready()
    assert not generator.next_ready()
    assert simactors.wait([generator, other, ref]) == ([other], [generator, ref])
    end(backend, generator)
    ready, rest = simactors.wait([generator, generator.completed(), ref], num_returns=2)
    assert (ready, rest) == ([generator, generator.completed()], [ref])


def test_get_of_a_generator_is_the_generator(backend: Any, generator: Any) -> None:
    assert simactors.get(generator) is generator


def test_items_can_be_awaited(backend: Any, generator: Any) -> None:
    first, second = backend.ref(), backend.ref(2)
    fill(backend, generator, first)

    async def main() -> list[Any]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(generator), 0.01)
        waiting = asyncio.ensure_future(anext(generator))
        await asyncio.sleep(0)
        assert not waiting.done()
        first.entry.settle(Value(1))
        found = [await waiting]
        fill(backend, generator, second)
        end(backend, generator)
        found += [ref async for ref in generator]
        return found

    assert asyncio.run(main()) == [first, second]


def test_a_failure_at_the_end_can_be_awaited_once(backend: Any, generator: Any) -> None:
    end(backend, generator, failure(exceptions.WorkerCrashedError()))

    async def main() -> list[Any]:
        return [ref async for ref in generator]

    assert asyncio.run(main()) == [generator.completed()]
    assert asyncio.run(main()) == []


def test_a_generator_can_not_be_passed_on_nor_told_anything(backend: Any, generator: Any) -> None:
    with pytest.raises(TypeError, match="You cannot return or pass a generator to other task"):
        codec.pack(generator)
    with pytest.raises(NotImplementedError, match=r"`gen\.send` is not supported"):
        generator.send(1)
    with pytest.raises(NotImplementedError, match=r"`gen\.aclose` is not supported"):
        asyncio.run(generator.aclose())


def test_the_items_of_a_dynamic_generator_are_given_once(backend: Any) -> None:
    refs = [backend.ref(i) for i in range(2)]
    made = codec.unpack(codec.pack(DynamicObjectRefGenerator(refs)))
    assert len(made) == 2
    assert list(made) == refs
    assert len(made) == 0
