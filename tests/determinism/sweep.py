"""Runs generated programs, each in two fresh interpreters with hash seeds and orders of their own, and compares.

`python -m tests.determinism.sweep --count 500` is what `make determinism` runs; `--write SEED FOLDER` shows a program.
What is compared: the digest of the trace, how the run ended, all that it printed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path

from simactors.exploration.runner import run_simulated
from tests.determinism.programs import generate

ROOT = Path(__file__).parents[2]
HASH_SEEDS = ("1", "2")
BATCH = 25
NOISE = ("never awaited", "InternalError", "greenlet", "Exception ignored", "ResourceWarning")


@dataclass(frozen=True)
class Sight:
    """What one run of one program was like."""

    seed: int
    outcome: str
    ending: str
    digest: str | None
    printed: str
    said: str
    noise: list[str] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0


def look(seed: int, folder: Path) -> Sight:
    """Run a program that has been written to `folder`, in this process."""
    printed, said, started = io.StringIO(), io.StringIO(), time.monotonic()
    with redirect_stdout(printed), redirect_stderr(said):
        result = run_simulated(generate(seed).in_folder(folder), seed)
    hash_seed = os.environ.get("PYTHONHASHSEED")
    (folder / f"printed-{hash_seed}.txt").write_text(printed.getvalue(), errors="replace")
    # Not what Python says of a line of the program: it may ask for a task where no loop runs, in a signal handler say.
    others = [line for line in said.getvalue().splitlines() if "/app.py:" not in line]
    noise = [line for line in others if any(word in line for word in NOISE)]
    if result.ending.outcome == "error":
        noise.append(result.ending.traceback)
    return Sight(
        seed=seed,
        outcome=result.ending.outcome,
        ending=f"{result.ending.kind}: {result.ending.message}",
        digest=result.digest,
        printed=_hash(printed.getvalue()),
        said=_hash(said.getvalue()),
        noise=noise,
        steps=result.steps or 0,
        seconds=time.monotonic() - started,
    )


def _hash(text: str) -> str:
    return f"{len(text)}:{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:16]}"


def look_elsewhere(seeds: Sequence[int], folder: Path, hash_seed: str) -> dict[int, Sight]:
    """Run programs one after another in one fresh interpreter."""
    command = [sys.executable, "-m", "tests.determinism.sweep", "--in", str(folder), *map(str, seeds)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60 + 10 * len(seeds),
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    sights = {row["seed"]: Sight(**row) for row in rows}
    for seed in seeds:
        lost = Sight(seed, "crash", f"exit code {done.returncode}", None, "", "", [done.stderr[-2000:]])
        sights.setdefault(seed, lost)
    if done.stderr:
        sights[seeds[-1]].noise.append(done.stderr[-2000:])
    return sights


def sweep(seeds: Sequence[int], folder: Path) -> Iterator[tuple[Sight, Sight]]:
    """Both sights of each program."""
    for seed in seeds:
        generate(seed).write(folder / str(seed))
    orders = (list(seeds), list(reversed(seeds)))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda at: look_elsewhere(orders[at], folder, HASH_SEEDS[at]), (0, 1))
    for seed in seeds:
        yield one[seed], other[seed]


def differences(one: Sight, other: Sight) -> list[str]:
    """What differs between two runs of one program."""
    names = ("outcome", "ending", "digest", "printed")
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def first_difference(folder: Path) -> list[str]:
    """The first lines that two runs printed differently."""
    files = [folder / f"printed-{hash_seed}.txt" for hash_seed in HASH_SEEDS]
    texts = [file.read_text().splitlines() if file.exists() else [] for file in files]
    return next(
        ([one, other] for one, other in zip_longest(*texts, fillvalue="(nothing)") if one != other), []
    )


def _run_all(first: int, count: int, folder: Path) -> int:
    started, outcomes, bad = time.monotonic(), Counter[str](), 0
    for start in range(first, first + count, BATCH):
        for one, other in sweep(range(start, min(start + BATCH, first + count)), folder):
            outcomes[one.outcome] += 1
            differs = differences(one, other)
            if not differs and not one.noise and not other.noise:
                continue
            bad += 1
            program = folder / str(one.seed)
            print(f"\nprogram {one.seed}: {', '.join(differs) or 'repeats'}; {one.ending[:200]}")
            for line in dict.fromkeys([*one.noise, *other.noise]):
                print(f"    {line}")
            for line in first_difference(program) if "printed" in differs else []:
                print(f"    {line[:300]}")
            print(f"  {generate(one.seed).command(program)}")
        done = sum(outcomes.values())
        print(
            f"{done}/{count} programs, {bad} bad, {time.monotonic() - started:.0f} s: {dict(outcomes)}",
            flush=True,
        )
    return 1 if bad else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="*", help="with --in: the programs to run")
    parser.add_argument("--in", dest="folder", type=Path, help="run programs that are written there")
    parser.add_argument("--write", nargs=2, metavar=("SEED", "FOLDER"), help="write a program")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    if given.write:
        seed, folder = int(given.write[0]), Path(given.write[1])
        generate(seed).write(folder)
        print(generate(seed).command(folder))
        return 0
    if given.folder:
        for seed in given.seeds:
            print(json.dumps(asdict(look(seed, given.folder / str(seed)))), flush=True)
        return 0
    return _run_all(given.first, given.count, Path(tempfile.mkdtemp(prefix="generated-")))


if __name__ == "__main__":
    sys.exit(main())
