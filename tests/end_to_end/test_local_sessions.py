"""What outlives its session: refs, handles and generators in the hands of the next one.

Goal: nobody is ever given another object, or another actor, than the one that was named. Method: two sessions of the
`local` backend one after the other, which number what they make alike; and a simulation inside a task.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import simactors as ray

ANOTHER = "belongs to another session"


@ray.remote
class Box:
    """An actor that can be asked."""

    def __init__(self, *_: Any) -> None: ...

    def ask(self, *_: Any) -> str:
        return "alive"


@ray.remote
def read(refs: list[Any]) -> Any:
    return ray.get(refs)


@ray.remote
def count() -> Iterator[int]:
    for number in range(3):  # noqa: UP028 -- Ray sends something to streaming generators
        yield number


@ray.remote
def smuggle(how: str) -> Any:
    with ray.simulate(seed=0):
        ref = ray.put(1)
    if how == "raises":
        raise ValueError([ref])
    return [ref]


@ray.remote
def smuggle_items() -> Iterator[Any]:
    with ray.simulate(seed=0):
        ref = ray.put(1)
    yield 1
    yield [ref]


class Relics:
    """What is left of the first session, each with the number of what the second one makes first of its kind."""

    def __init__(self) -> None:
        self.box = Box.remote()
        self.ref = ray.put("old")
        self.items = count.remote()
        ray.get([self.box.ask.remote(), self.items.completed()])


@pytest.fixture
def relics() -> Iterator[Relics]:
    ray.init(backend="local", num_cpus=2)
    relics = Relics()
    ray.shutdown()
    ray.init(backend="local", num_cpus=2)
    yield relics
    ray.shutdown()


def test_nothing_of_an_earlier_session_is_taken_for_something_of_this_one(relics: Relics) -> None:
    new = Relics()
    ref, box = relics.ref, relics.box
    assert (ref.entry.id, relics.items.completed().entry.id) == (
        new.ref.entry.id,
        new.items.completed().entry.id,
    )
    for use in (
        lambda: ray.get(ref),
        lambda: ray.wait([ray.put(1), ref]),
        lambda: ray.get([new.ref, ref]),
        lambda: ray.get([ref, new.ref]),
        lambda: ray.cancel(ref),
        lambda: read.remote([new.ref, ref]),
        lambda: new.box.ask.remote(ref),
        lambda: new.box.ask.remote(1, [ref], {"x": 2}),
        lambda: new.box.ask.remote([box]),
        lambda: Box.remote([ref]),
        lambda: ray.put([ref]),
        lambda: ray.kill(box),
        lambda: box.ask.remote(),
        lambda: next(relics.items),
        lambda: ray.remote(lambda: ray.get(ref)).remote(),
    ):
        with pytest.raises((ValueError, RuntimeError), match=ANOTHER):
            use()
    assert ray.get(new.box.ask.remote([new.ref, new.box])) == "alive"
    assert ray.get(read.remote([new.ref])) == ["old"]
    assert [ray.get(item) for item in new.items] == [0, 1, 2]


def test_a_result_that_carries_what_is_of_a_simulation_fails_where_it_is_asked_for(relics: Relics) -> None:
    with pytest.raises((ValueError, RuntimeError), match=ANOTHER):
        ray.get(smuggle.remote("returns"))
    with pytest.raises(ray.exceptions.UnserializableException, match="ValueError"):
        ray.get(smuggle.remote("raises"))
    first, second = smuggle_items.remote()
    assert ray.get(first) == 1
    with pytest.raises((ValueError, RuntimeError), match=ANOTHER):
        ray.get(second)
