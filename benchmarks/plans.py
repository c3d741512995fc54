"""What Hypothesis leaves of a bug that needs three ordered deviations and one crash, and how long that takes.

Run: ``python benchmarks/plans.py [--campaigns N]``. Seconds are those of this machine, of the shrinking alone; with and
without the phase of Hypothesis that explains, which follows each line of a test.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from hypothesis import Phase, given, seed, settings

import simactors
from simactors import Plan, simulate
from simactors.hypothesis import plans

WITHOUT = (Phase.generate, Phase.shrink)
WITH = (*WITHOUT, Phase.explain)


@simactors.remote
class Box:
    """What was put into it, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []

    def put(self, word: tuple[int, str]) -> None:
        """Put it in."""
        self.seen.append(word)

    def all(self) -> list[tuple[int, str]]:
        """What is in it."""
        return self.seen


@simactors.remote(max_restarts=1, max_task_retries=1)
class Ledger:
    """Counts, and begins anew after a crash."""

    def __init__(self) -> None:
        self.notes = 0

    def note(self) -> int:
        """Count one more."""
        self.notes += 1
        return self.notes


@simactors.remote
def send(box: object, word: tuple[int, str]) -> None:
    """Put a word into the box, as a client of its own."""
    simactors.get(box.put.remote(word))  # type: ignore[attr-defined]


def is_hit() -> bool:
    """In each of three rounds the second word overtakes the first; and the ledger has crashed."""
    box, ledger = Box.remote(), Ledger.remote()
    notes = []
    for number in range(3):
        simactors.get([send.remote(box, (number, "a")), send.remote(box, (number, "b"))])
        notes.append(simactors.get(ledger.note.remote()))
    seen = simactors.get(box.all.remote())
    overtaken = all(seen.index((n, "b")) < seen.index((n, "a")) for n in range(3))
    return overtaken and notes != [1, 2, 3]


def campaign(number: int, phases: Sequence[Phase]) -> tuple[int, int, float, Plan] | None:
    """How many examples it took to find it, and then to shrink it; for how long; and what is left."""
    found: list[tuple[int, float, Plan]] = []
    made = 0

    @seed(number)
    # Otherwise Hypothesis draws on after the first failure, up to 1,000 examples or 10 s, before it shrinks.
    @settings(max_examples=20_000, deadline=None, database=None, phases=phases, report_multiple_bugs=False)
    @given(plans("delay,crash", calls="Ledger.note"))
    def never(plan: Plan) -> None:
        nonlocal made
        made += 1
        with simulate(plan):
            hit = is_hit()
        if hit:
            found.append((made, time.perf_counter(), plan))
        assert not hit

    try:
        never()
    except AssertionError:
        (first, began, _), (*_, small) = found[0], found[-1]
        return first, made - first, time.perf_counter() - began, small
    return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=5)
    args = parser.parse_args()
    for name, phases in (("without explaining", WITHOUT), ("with explaining", WITH)):
        times = []
        for number in range(args.campaigns):
            came = campaign(number, phases)
            if came is None:
                print(f"{name}: campaign {number} found nothing")
                continue
            first, more, seconds, small = came
            times.append(seconds)
            print(f"{name}: found by example {first}, {more} more in {seconds:.1f} s: {small}", flush=True)
        if times:
            print(f"{name}: median {statistics.median(times):.1f} s of shrinking")


if __name__ == "__main__":
    main()
