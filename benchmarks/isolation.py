"""How long it takes to judge the isolation of 100,000 transactions, and how much longer than to make their histories.

Run: ``python benchmarks/isolation.py``. Times are of the processor. Each transaction has four steps; keys are retired
after some 40 writes, so that contention is low, as in Elle's own measurements. The histories are serializable, but for
the last column, where two transactions have read stale versions of each other's keys.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from typing import Any

from simactors.checkers.isolation import Level, Model, isolated
from simactors.checkers.transactions import Step, transaction
from simactors.core.history import History, Operation

TRANSACTIONS = 100_000
CLIENTS = 20
KEYS = 20
MOST_WRITES = 40


def history(model: Model, *, is_skewed: bool) -> History:
    """A history of clients that overlap, executed one transaction at a time."""
    operations = list(_operations(model))
    if is_skewed:
        kind, nothing = ("append", ()) if model == "list" else ("w", None)
        place = 4 * TRANSACTIONS
        for number, (mine, other) in enumerate((("a", "b"), ("b", "a"))):
            steps = (Step("r", mine, nothing), Step(kind, other, number))  # type: ignore[arg-type]  # a kind
            operations.append(
                transaction(
                    *steps, called=place + number, returned=place + 2 + number, client=f"late-{number}"
                )
            )
    return History.of(operations)


def _operations(model: Model) -> Iterator[Operation]:
    rng = random.Random(1)
    state: dict[int, list[int]] = {}
    live = list(range(KEYS))
    newest = KEYS
    for number in range(TRANSACTIONS):
        steps = []
        for _ in range(4):
            slot = rng.randrange(KEYS)
            key = live[slot]
            values = state.setdefault(key, [])
            if rng.random() < 0.5:
                steps.append(Step("r", key, _seen(model, values)))
                continue
            values.append(4 * number + len(steps))
            steps.append(Step("append" if model == "list" else "w", key, values[-1]))
            if len(values) >= MOST_WRITES:
                live[slot] = newest
                newest += 1
        called = 4 * number + 1
        yield transaction(
            *steps, called=called, returned=called + 4 * CLIENTS - 2, client=f"c{number % CLIENTS}"
        )


def _seen(model: Model, values: list[int]) -> Any:
    if model == "list":
        return list(values)
    return values[-1] if values else None


def seconds(judged: History, model: Model, level: Level, *, is_ok: bool) -> float:
    """Processor seconds of one judgement, which is known beforehand."""
    start = time.process_time()
    verdict = isolated(judged, model=model, level=level)
    spent = time.process_time() - start
    if bool(verdict) is not is_ok:
        raise SystemExit(f"wrong: {verdict}")
    return spent


def main() -> None:
    """Print the table."""
    levels: tuple[Level, ...] = (
        "read-committed",
        "snapshot-isolation",
        "serializable",
        "strict-serializable",
    )
    print(
        f"{TRANSACTIONS:,} transactions, seconds{'':<10}{'making it':>12}"
        + "".join(f"{name:>22}" for name in levels)
    )
    models: tuple[Model, ...] = ("list", "register")
    for model in models:
        for is_skewed in (False, True):
            start = time.process_time()
            judged = history(model, is_skewed=is_skewed)
            making = time.process_time() - start
            spent = [
                seconds(judged, model, level, is_ok=not is_skewed or "serializable" not in level)
                for level in levels
            ]
            name = f"{model}, write skew" if is_skewed else model
            print(f"{name:<37}{making:>12.1f}" + "".join(f"{one:>22.1f}" for one in spent))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"resident memory of the whole process, MiB: {resident:.0f}")


if __name__ == "__main__":
    main()
