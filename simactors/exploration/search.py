"""A hunt: the same program under one seed after another, until a run fails.

Not the display: whoever calls may watch with `on_run` and measures the time itself.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from simactors.exploration import determinism
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.target import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntResult:
    """What a hunt found.

    Attributes:
        runs: how many runs were made; the last one is `last`, and the failing one if there is one.
        last: None only if not one run ended.
        output: what the failing run printed.
        interrupted: Ctrl-C ended the hunt before its time.
    """

    runs: int
    last: RunResult | None
    output: str = ""
    interrupted: bool = False

    @property
    def failure(self) -> RunResult | None:
        """The run that failed."""
        return self.last if self.last is not None and self.last.failed else None


AUDITED = 20
"""One run in so many is made twice, to see whether it repeats."""


def hunt(
    program: Program,
    *,
    seeds: int,
    first_seed: int = 0,
    audit_every: int | None = AUDITED,
    on_run: Callable[[int], None] = lambda _: None,
) -> HuntResult:
    """Run the program under the seeds `first_seed`, `first_seed` + 1, ... and stop at the first failure.

    Args:
        seeds: how many, at least 1.
        audit_every: every so manieth run is made twice and fails if it does not repeat; None for none. If it is 1, the
            first run is made in fresh processes, too.
        on_run: is told the number of each run before it starts, from 1.

    Raises:
        TargetError: the program can't be loaded.
    """
    # One stream for all runs: what the program keeps from run to run (a logging handler) still writes here.
    output = io.StringIO()
    last = None
    for number in range(1, seeds + 1):
        on_run(number)
        output.seek(0)
        output.truncate()
        try:
            with redirect_stdout(output), redirect_stderr(output):
                seed = first_seed + number - 1
                if audit_every is None or number % audit_every:
                    result = run_simulated(program, seed)
                else:
                    result = determinism.audit(program, seed, in_fresh_processes=number == audit_every == 1)
        except KeyboardInterrupt:
            return HuntResult(runs=number - 1, last=last, interrupted=True)
        last = result
        if result.failed:
            return HuntResult(runs=number, last=result, output=output.getvalue())
    return HuntResult(runs=seeds, last=last)
