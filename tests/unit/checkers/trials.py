"""Small random histories of transactions, and by trying out all orders, whether anything explains them.

The reference that `isolated` is compared with: it knows nothing of dependencies and cycles.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from simactors.checkers.transactions import Step, Transaction, transaction, transactions
from simactors.core.history import History, Operation

KEYS = ("x", "y")
FATES = ("returned", "returned", "returned", "returned", "returned", "returned", "unknown", "refused")
ENGINES = ("serial", "snapshot", "stale", "dirty")


@dataclass
class _Client:
    """A client in the middle of a transaction."""

    name: str
    called: int
    planned: list[str]
    status: str
    snapshot: dict[str, Any]
    done: list[Step] = field(default_factory=list)


class _Database:
    """Runs transactions of several clients step by step, as well or badly as its engine does."""

    def __init__(self, rng: random.Random, model: str, engine: str) -> None:
        self.rng = rng
        self.engine = engine
        self.is_list = model == "list"
        self.state: dict[str, Any] = {key: [] if self.is_list else None for key in KEYS}
        self.past = [self.state]
        self.values = 0

    def snapshot(self) -> dict[str, Any]:
        """What a new transaction sees: of a stale database, any state that there was."""
        return dict(self.rng.choice(self.past) if self.engine == "stale" else self.state)

    def step(self, kind: str, key: str, state: dict[str, Any]) -> Step:
        if kind == "r":
            return Step("r", key, list(state[key]) if self.is_list else state[key])
        self.values += 1
        done = Step("append" if self.is_list else "w", key, self.values)
        self.apply(done, state)
        return done

    def apply(self, step: Step, state: dict[str, Any]) -> None:
        if step.kind == "append":
            state[step.key] = [*state[step.key], step.value]
        elif step.kind == "w":
            state[step.key] = step.value

    def go_on(self, client: _Client) -> None:
        kind, key = client.planned.pop().split()
        state = self.state if self.engine == "dirty" else client.snapshot
        client.done.append(self.step(kind, key, state))

    def end(self, client: _Client) -> None:
        """Commit or not; whether an unknown transaction did is up to chance."""
        is_kept = client.status == "returned" or (client.status == "unknown" and self.rng.random() < 0.5)
        if self.engine == "dirty" or not is_kept:
            return
        self.state = dict(self.state)
        self.past.append(self.state)
        if self.engine == "serial":
            client.done = [self._again(step) for step in client.done]
        else:
            for step in client.done:
                self.apply(step, self.state)

    def _again(self, step: Step) -> Step:
        if step.kind == "r":
            return Step("r", step.key, self.state[step.key])
        self.apply(step, self.state)
        return step


def history(
    rng: random.Random, model: str, engine: str, *, most: int = 4, is_read_at_last: bool = True
) -> History:
    """Up to `most` transactions of two or three clients; at last, perhaps, one that reads all keys."""
    database = _Database(rng, model, engine)
    names = ["a", "b", "c"][: rng.randint(2, 3)]
    left = rng.randint(2, most)
    place = 0
    busy: dict[str, _Client] = {}
    operations: list[Operation] = []
    while left or busy:
        name = rng.choice(names)
        client = busy.get(name)
        if client is None and left:
            left -= 1
            planned = [f"{rng.choice('rw')} {rng.choice(KEYS)}" for _ in range(rng.randint(1, 3))]
            busy[name] = _Client(name, place, planned, rng.choice(FATES), database.snapshot())
            place += 1
        elif client is not None and client.planned:
            database.go_on(client)
        elif client is not None:
            database.end(busy.pop(name))
            operations.append(_operation(client, place))
            place += 1
    if is_read_at_last:
        steps = [database.step("r", key, database.state) for key in KEYS]
        operations.append(transaction(*steps, called=place, returned=place + 1, client="last"))
    return History.of(operations)


def _operation(client: _Client, place: int) -> Operation:
    returned = None if client.status == "unknown" else place
    return transaction(
        *client.done,
        called=client.called,
        returned=returned,
        client=client.name,
        status=client.status,  # type: ignore[arg-type]  # one of `FATES`
    )


def explained(history: History, level: str, model: str) -> bool:
    """Whether some order of the transactions explains all reads of the committed ones."""
    read = transactions(history)
    committed = [t for t in read if t.fate == "committed"]
    unknown = [t for t in read if t.fate == "unknown"]
    first = dict.fromkeys(KEYS, () if model == "list" else None)
    for count in range(len(unknown) + 1):
        for extra in combinations(unknown, count):
            members = sorted([*committed, *extra], key=lambda t: t.number)
            before = {
                t.number: frozenset(other.number for other in members if _precedes(other, t, level))
                for t in members
            }
            place = _serially if "serializable" in level else _with_snapshots
            if place(members, before, first):
                return True
    return False


def _precedes(one: Transaction, other: Transaction, level: str) -> bool:
    """Whether the level says so of the clients' order or of real time."""
    is_before = one.fate == "committed" and one.number < other.number
    if "session" in level:
        return is_before and one.operation.client == other.operation.client
    if level.startswith("str"):
        return one.operation.returned is not None and one.operation.returned < other.operation.called
    return False


def _serially(left: Sequence[Transaction], before: dict[int, frozenset[int]], state: dict[str, Any]) -> bool:
    if not left:
        return True
    numbers = {t.number for t in left}
    for one in left:
        if before[one.number] & numbers:
            continue
        after = _run(one, state)
        if after is not None and _serially([t for t in left if t is not one], before, after):
            return True
    return False


def _run(one: Transaction, state: dict[str, Any]) -> dict[str, Any] | None:
    """The state after a transaction; None if it would have read something else."""
    state = dict(state)
    for kind, key, value in one.steps:
        if kind == "append":
            state[key] = (*state[key], value)
        elif kind == "w":
            state[key] = value
        elif one.fate == "committed" and state[key] != (tuple(value) if isinstance(value, list) else value):
            return None
    return state


def _with_snapshots(
    members: Sequence[Transaction], before: dict[int, frozenset[int]], first: dict[str, Any]
) -> bool:
    """Snapshot isolation: each reads what was committed when it began; of two at once, one writes a key."""
    return any(_commits(list(members), {}, [], before, first))


def _commits(
    waiting: list[Transaction],
    begun: dict[int, tuple[Transaction, int]],
    done: list[Transaction],
    before: dict[int, frozenset[int]],
    state: dict[str, Any],
) -> Iterator[bool]:
    """All ways to begin and commit: what has begun saw how many commits, and the state is that of all commits."""
    if not waiting and not begun:
        yield True
        return
    for one in waiting:
        if before[one.number] <= {t.number for t in done} and _run(one, state) is not None:
            rest = [t for t in waiting if t is not one]
            yield from _commits(rest, {**begun, one.number: (one, len(done))}, done, before, state)
    for one, seen in begun.values():
        written = {step.key for step in one.steps if step.kind != "r"}
        others = {step.key for t in done[seen:] for step in t.steps if step.kind != "r"}
        if written & others:
            continue
        after = dict(state)
        for kind, key, value in one.steps:
            if kind != "r":
                after[key] = (*after[key], value) if kind == "append" else value
        rest_begun = {number: entry for number, entry in begun.items() if number != one.number}
        yield from _commits(waiting, rest_begun, [*done, one], before, after)
