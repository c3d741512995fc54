"""That no correct twin of ``tests/power`` is accused: many runs of each, with all faults that it claims to survive.

Run: ``python benchmarks/false_alarms.py [--runs N] [PROGRAM...]``. Ends with exit code 1 if one failed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.storms import KINDS
from simactors.exploration.target import Program, Target
from tests.power.programs import PLANTED, Planted


def alarms(planted: Planted, runs: int) -> list[str]:
    """How the twin of a planted bug failed, if it did."""
    program = Program(target=Target(str(planted.path), planted.twin), preemption="stores")
    # Those that run on several machines are made to survive everything, the others any order.
    kinds = KINDS if planted.nodes > 1 else ("delay",)
    quest = Quest(faults=kinds, nodes=planted.nodes, keep_going=True)
    tally = Campaign(program, quest).run(Budget(runs=runs))
    return [f"{group} in run {finding.run}" for group, finding in tally.findings.items()]


def main() -> None:
    """Print a line for each twin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="parts of names; all programs if there are none")
    parser.add_argument("--runs", type=int, default=2_000)
    args = parser.parse_args()
    failed = False
    for planted in {f"{planted.file}:{planted.twin}": planted for planted in PLANTED}.values():
        name = f"{planted.file}:{planted.twin}"
        if not args.programs or any(part in name for part in args.programs):
            found = alarms(planted, args.runs)
            failed = failed or bool(found)
            print(f"{name:<40}{args.runs:>6} runs  {'; '.join(found) or 'no alarm'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
