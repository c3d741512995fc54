"""How many small runs a hunt makes in a second, in one process and in two.

Run: ``python benchmarks/hunt_rate.py``. A small run: one actor, twenty calls, one `get`, in a fresh module. Parts are
compared within one run; the figures per second are those of this machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from simactors.exploration import crew
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.target import Program, Target

RUNS = 1_000
ROUNDS = 3
PROGRAM = """
import simactors as ray

@ray.remote
class Counter:
    def __init__(self):
        self.total = 0
    def add(self):
        self.total += 1
        return self.total

def calls():
    counter = Counter.remote()
    assert ray.get([counter.add.remote() for _ in range(20)])[-1] == 20

def nothing():
    pass
"""


def rate(program: Program, quest: Quest) -> float:
    """Runs a second of processor time, in this process."""
    campaign = Campaign(program, quest)
    campaign.run(Budget(runs=50))
    start = time.process_time()
    campaign.run(Budget(runs=RUNS))
    return RUNS / (time.process_time() - start)


def speed_up(program: Program, quest: Quest) -> float:
    """How much more two processes make in the same real time than one; starting them included."""
    seconds = 10.0
    counts = [crew.search(program, quest, Budget(seconds=seconds), jobs).runs for jobs in (1, 2)]
    return counts[1] / counts[0]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "app.py"
        file.write_text(PROGRAM)
        calls, nothing = (
            Program(target=Target(str(file), name), preemption="stores") for name in ("calls", "nothing")
        )
        quest = Quest(audit_every=None)
        sampled = Quest(audit_every=None, strategy="sampled")
        for name, program, how in (
            ("20 calls, portfolio", calls, quest),
            ("20 calls, drawn latencies", calls, sampled),
            ("no calls: what a run costs by itself", nothing, quest),
        ):
            print(f"{name:<44}{statistics.median(rate(program, how) for _ in range(ROUNDS)):>8.0f} runs/s")
        print(f"{'two processes / one, runs in 10 s':<44}{speed_up(calls, quest):>8.2f}")


if __name__ == "__main__":
    main()
