"""How fast histories are judged: operations per second, and the seconds that 100,000 operations take.

Run: ``python benchmarks/linearizability.py``. The histories are of objects that worked: an operation takes effect at
some moment between its call and its return. The clock is the processor time of this process.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simactors.checkers.linearizability import linearizable
from simactors.checkers.specification import Specification
from simactors.checkers.specs import Bank, Counter, KeyValueMap, Queue, Register
from simactors.core.history import History, Operation

OPERATIONS = 100_000
Asks = Callable[[random.Random], tuple[str, tuple[Any, ...]]]


def history(
    spec: Specification, asks: Asks, *, clients: int, busy: float, lost: float = 0.0, seed: int = 1
) -> History:
    """A history of one object that worked.

    Args:
        spec: the object.
        asks: draws what a client asks.
        clients: how many there are.
        busy: how many of them run at once, on average.
        lost: the share of operations without an answer; half of them took effect.
        seed: of all chance.
    """
    chance = random.Random(seed)
    state: Any = spec.initial
    idle = [f"client-{number}" for number in range(clients)]
    running: list[Operation] = []
    done: list[Operation] = []
    place = 0
    while len(done) < OPERATIONS:
        place += 1
        if idle and (not running or chance.random() * 2 * busy > len(running)):
            name, args = asks(chance)
            client = idle.pop(chance.randrange(len(idle)))
            running.append(Operation(client=client, name=name, args=args, called=place))
            continue
        number = chance.randrange(len(running))
        operation = running[number]
        if operation.status == "unknown" and chance.random() >= lost / 2:
            # It takes effect now, and is answered later; others may overtake it on either way.
            state, result = spec.apply(state, replace(operation, status="returned", result=False))
            running[number] = replace(operation, status="returned", result=result)
            continue
        del running[number]
        idle.append(operation.client)
        if operation.status == "unknown" or chance.random() < lost / 2:
            done.append(replace(operation, status="unknown", result=None))
        else:
            done.append(replace(operation, returned=place))
    return History.of([*done, *(replace(left, status="unknown", result=None) for left in running)])


def keyed(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """A read or a write of one of ten keys."""
    key = f"key-{chance.randrange(10)}"
    return ("get", (key,)) if chance.random() < 0.5 else ("put", (key, chance.randrange(100)))


def register(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """A read or a write."""
    return ("get", ()) if chance.random() < 0.5 else ("set", (chance.randrange(100),))


def counter(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """An addition that answers with the new value."""
    return "add", (chance.randrange(1, 10),)


def queue(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """A put or a get."""
    return ("get", ()) if chance.random() < 0.5 else ("put", (chance.randrange(1_000_000),))


def bank(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """A transfer, or a look at an account."""
    accounts = chance.sample("abcdefgh", 2)
    return (
        ("transfer", (*accounts, chance.randrange(20)))
        if chance.random() < 0.5
        else ("balance", (accounts[0],))
    )


def row(name: str, spec: Specification, judged: History) -> None:
    """Judge, and print one line of the table."""
    began = time.process_time()
    verdict = linearizable(judged, spec)
    seconds = time.process_time() - began
    print(f"{name:<60}{seconds:>8.2f}{len(judged) / seconds:>12,.0f}  {type(verdict).__name__}", flush=True)


def main() -> None:
    """Print the table."""
    print(f"{f'{OPERATIONS:,} operations (goal: under 10 s each)':<60}{'seconds':>8}{'a second':>12}")
    accounts = Bank(dict.fromkeys("abcdefgh", 100))
    for name, spec, asks, busy, lost in (
        ("map, 10 keys, 3 of 10 clients at once", KeyValueMap(), keyed, 3, 0.0),
        ("map, 10 keys, 10 of 10 clients at once", KeyValueMap(), keyed, 10, 0.0),
        ("register, 1.5 of 10 clients at once", Register(0), register, 1.5, 0.0),
        ("register, 3 of 10 clients at once", Register(0), register, 3, 0.0),
        ("counter, 3 of 10 clients at once", Counter(), counter, 3, 0.0),
        ("queue, 1.5 of 10 clients at once", Queue(), queue, 1.5, 0.0),
        ("queue, 10 of 10 clients at once", Queue(), queue, 10, 0.0),
        ("bank, 3 of 10 clients at once", accounts, bank, 3, 0.0),
        ("map, 10 keys, 3 at once, 1 % without an answer", KeyValueMap(), keyed, 3, 0.01),
        ("register, 1.5 at once, 0.1 % without an answer", Register(0), register, 1.5, 0.001),
        ("bank, 3 at once, 0.1 % without an answer", accounts, bank, 3, 0.001),
    ):
        row(name, spec, history(spec, asks, clients=10, busy=busy, lost=lost))


if __name__ == "__main__":
    main()
