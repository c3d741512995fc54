"""How long it takes until something happens: an import, the first use of a name, `--help`, beside an empty program.

Run: ``python benchmarks/starts.py``. They take turns; printed are medians, and medians of the differences and ratios in
a round. Processor time is what a machine that others use, too, leaves comparable.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

ROUNDS = 15
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import simactors": ("-c", "import simactors"),
    "simactors.remote": ("-c", "import simactors; simactors.remote"),
    "simactors --help": ("-m", "simactors", "--help"),
}


class Spent(NamedTuple):
    """By one interpreter, from its start to its end, in seconds."""

    wall_s: float
    processor_s: float


def spent(args: tuple[str, ...]) -> Spent:
    """Run it."""
    began, used = time.perf_counter(), _processor_s()
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
    return Spent(time.perf_counter() - began, _processor_s() - used)


def _processor_s() -> float:
    """Of all children so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the table."""
    seen: dict[str, list[Spent]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, args in COMMANDS.items():
            seen[name].append(spent(args))
    bare = seen["python -c pass"]
    for name, found in seen.items():
        rounds = list(zip(found, bare, strict=True))
        whole_ms = 1000 * statistics.median(one.wall_s for one in found)
        ratio = statistics.median(one.wall_s / other.wall_s for one, other in rounds)
        beyond_ms = 1000 * statistics.median(one.wall_s - other.wall_s for one, other in rounds)
        processor_ms = 1000 * statistics.median(one.processor_s - other.processor_s for one, other in rounds)
        print(
            f"{name:<18} {whole_ms:>6.0f} ms  {ratio:>5.1f} times an empty program  +{beyond_ms:.0f} ms, "
            f"+{processor_ms:.0f} ms of processor time"
        )


if __name__ == "__main__":
    main()
