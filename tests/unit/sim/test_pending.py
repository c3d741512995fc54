"""`max_pending_calls`: an answer that has only just come may not be known to whoever counts."""

from __future__ import annotations

import time

import simactors
from simactors.exceptions import PendingCallsLimitExceeded

LIMIT, CALLS = 2, 20


@simactors.remote
class Echo:
    def say(self) -> None:
        pass


def refused(seed: int, break_s: float, *, at_once: int) -> int:
    """How many calls of a program are refused that never has more than `at_once` unanswered."""
    count = 0
    with simactors.simulate(seed):
        echo = Echo.options(max_pending_calls=LIMIT).remote()
        for _ in range(CALLS):
            try:
                refs = [echo.say.remote() for _ in range(at_once)]
            except PendingCallsLimitExceeded:
                count += 1
                time.sleep(1)
            else:
                simactors.get(refs)
            time.sleep(break_s)
    return count


def test_a_call_that_follows_an_answer_at_once_may_be_refused() -> None:
    counts = [refused(seed, 0, at_once=LIMIT) for seed in range(20)]
    assert 0 in counts
    assert 5 < sum(counts) < 20 * CALLS / 2


def test_after_a_break_and_below_the_limit_none_is_refused() -> None:
    for seed in range(20):
        assert refused(seed, 0.001, at_once=LIMIT) == 0
        assert refused(seed, 0, at_once=LIMIT - 1) == 0
