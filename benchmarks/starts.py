"""How long it takes until something happens: `import simactors`, `simactors --help`, beside an empty program.

Run: ``python benchmarks/starts.py``. The three take turns; printed are medians, and medians of the ratios in a round.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import simactors": ("-c", "import simactors"),
    "simactors --help": ("-m", "simactors", "--help"),
}


def seconds(args: tuple[str, ...]) -> float:
    """Of one interpreter, from its start to its end."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def main() -> None:
    """Print the table."""
    seen: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, args in COMMANDS.items():
            seen[name].append(seconds(args))
    bare = seen["python -c pass"]
    for name, found in seen.items():
        ratio = statistics.median(one / other for one, other in zip(found, bare, strict=True))
        beyond_ms = 1000 * statistics.median(one - other for one, other in zip(found, bare, strict=True))
        whole_ms = 1000 * statistics.median(found)
        print(f"{name:<18} {whole_ms:>6.0f} ms  {ratio:>5.1f} times an empty program  +{beyond_ms:.0f} ms")


if __name__ == "__main__":
    main()
