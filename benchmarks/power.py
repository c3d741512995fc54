"""How many runs a hunt needs for each planted bug of ``tests/power``: means of 20 campaigns, with confidence intervals.

Run: ``python benchmarks/power.py [--strategy NAME]... [--campaigns N] [--most N] [PROGRAM...]``. The figures are runs,
not seconds: the same on every machine. A campaign that finds nothing within the most runs counts as that many, and is
told.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.target import Program, Target
from tests.power.programs import PLANTED, Planted

_APART = 1_000_000  # the seeds of two campaigns
_SURE = 1.96  # standard errors on either side hold 95 % of all means


def runs_to_failure(planted: Planted, strategy: str, campaign: int, most: int) -> int | None:
    """How many runs one campaign needs; None if it finds nothing."""
    program = Program(target=Target(str(planted.path), planted.function), preemption="stores")
    kinds = tuple(kind for kind in planted.faults if kind != "none") or ("delay",)
    quest = Quest(
        first_seed=campaign * _APART,
        strategy=strategy,
        faults=tuple(dict.fromkeys(("delay", *kinds))),
        nodes=planted.nodes,
        audit_every=None,
    )
    tally = Campaign(program, quest).run(Budget(runs=most))
    return tally.runs if tally.findings else None


def row(planted: Planted, strategy: str, campaigns: int, most: int) -> str:
    """One line of the table."""
    began = time.perf_counter()
    needed = [runs_to_failure(planted, strategy, campaign, most) for campaign in range(campaigns)]
    seconds = time.perf_counter() - began
    counted = [most if runs is None else runs for runs in needed]
    mean = statistics.mean(counted)
    error = _SURE * statistics.stdev(counted) / math.sqrt(campaigns) if campaigns > 1 else 0.0
    found = sum(runs is not None for runs in needed)
    goal = "" if planted.at_most is None else f"{planted.at_most:g}"
    verdict = "" if planted.at_most is None or mean <= planted.at_most else "  MISSED"
    return (
        f"{planted!s:<36}{strategy:<11}{mean:>7.1f} ±{error:>5.1f}{found:>6}/{campaigns:<4}{goal:>6}"
        f"{sum(counted) / seconds:>9.0f}{verdict}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="parts of names; all programs if there are none")
    parser.add_argument("--strategy", action="append", choices=list(STRATEGIES))
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--most", type=int, default=500)
    args = parser.parse_args()
    print(f"{'program':<36}{'strategy':<11}{'runs to failure':>15}{'found':>9}{'at most':>8}{'runs/s':>9}")
    for planted in PLANTED:
        if not args.programs or any(part in str(planted) for part in args.programs):
            for strategy in args.strategy or ["portfolio"]:
                print(row(planted, strategy, args.campaigns, args.most), flush=True)


if __name__ == "__main__":
    main()
