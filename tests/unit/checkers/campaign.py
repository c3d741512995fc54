"""Judges random small histories twice, with the search and by trying everything, and compares.

``python -m tests.unit.checkers.campaign --count 100000`` is part of what ``make judges`` runs; the suite has a share of
it. Of violations it is also checked that they say what they claim: just before the answer that nothing explains the
history was still linearizable, and with it, it is no more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from simactors.checkers.linearizability import linearizable
from simactors.checkers.specification import Keyed, Specification
from simactors.checkers.verdict import Ok, Violated
from simactors.core.history import History, Operation
from tests.unit.checkers.brute_force import is_linearizable
from tests.unit.checkers.histories import SUBJECTS, history_of


def disagreement(history: History, spec: Specification) -> str:
    """What the two judges disagree on; empty if nothing."""
    verdict = linearizable(history, spec)
    expected = is_linearizable(history, spec)
    if not isinstance(verdict, Ok if expected else Violated):
        return f"trying everything says {expected}, but: {verdict}"
    if isinstance(verdict, Violated):
        return _false_claim(history, verdict, spec)
    return ""


def _false_claim(history: History, verdict: Violated, spec: Specification) -> str:
    *order, stuck = verdict.evidence
    alike = _same_object(history, stuck, spec)
    if not any(is_linearizable(known, spec) for known in _known_before(alike, stuck.returned)):
        return f"it was not linearizable before: {verdict}"
    if any(is_linearizable(known, spec) for known in _known_before(alike, stuck.returned + 1)):
        return f"it is still linearizable with that answer: {verdict}"
    if not is_linearizable(_one_by_one(order), spec):
        return f"the order does not fit: {verdict}"
    return (
        "" if str(stuck) in verdict.reason and "!" in verdict.picture else f"it does not show it: {verdict}"
    )


def _same_object(history: History, stuck: Operation, spec: Specification) -> History:
    """What was judged together with it: the rest may have gone wrong before."""
    alike = history.where(
        lambda operation: operation.target == stuck.target and operation.status != "refused"
    )
    if not isinstance(spec, Keyed) or None in map(spec.key, alike):
        return alike
    return alike.where(lambda operation: spec.key(operation) == spec.key(stuck))


def _known_before(history: History, place: int) -> Iterator[History]:
    """What had happened before `place`: what ran then had either taken effect, with its later answer, or not."""
    begun = history.where(lambda operation: operation.called < place)
    running = [
        operation
        for operation in begun
        if operation.status != "unknown" and operation.returned is not None and operation.returned >= place
    ]
    for count in range(len(running) + 1):
        for left_out in combinations(running, count):
            yield begun.where(lambda operation, left_out=left_out: operation not in left_out)


def _one_by_one(order: Iterable[Operation]) -> History:
    """The operations, each over before the next begins."""
    return History(
        tuple(
            replace(operation, called=2 * place, returned=2 * place + 1)
            for place, operation in enumerate(order)
        )
    )


def disagreements(count: int, first: int = 0) -> Iterator[tuple[str, int, str]]:
    """The subject, the seed and what is wrong, for each history on which the judges disagree."""
    names = list(SUBJECTS)
    for seed in range(first, first + count):
        subject = SUBJECTS[names[seed % len(names)]]
        wrong = disagreement(history_of(subject, seed), subject.spec)
        if wrong:
            yield names[seed % len(names)], seed, wrong


def main() -> int:
    """Judge as many histories as asked for; how many the judges disagree on, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    began = time.monotonic()
    found = list(disagreements(options.count, options.first))
    for name, seed, wrong in found[:10]:
        print(f"{name}, seed {seed}: {wrong}")
    seconds = time.monotonic() - began
    print(f"linearizable: {options.count:,} histories, {len(found)} disagreements, {seconds:.0f} s")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
