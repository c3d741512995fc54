"""The command: ``python -m tests.soak --minutes 10 --seed 1``. Exit code 1 if it has found something."""

from __future__ import annotations

import argparse
import sys
import time

from tests.soak.soaking import Options, Report, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=6, help="programs side by side")
    parser.add_argument("--window", type=float, default=30.0, metavar="S", help="seconds between two looks")
    parser.add_argument(
        "--every", type=float, default=0.3, metavar="S", help="mean seconds between two kills"
    )
    parser.add_argument("--sessions", type=int, default=20, help="shut down in the middle, after all that")
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="of programs, with commas; all without it"
    )
    given = parser.parse_args()
    started = time.monotonic()
    only = tuple(filter(None, given.only.split(",")))
    report = soak(
        Options(
            seconds=given.minutes * 60,
            seed=given.seed,
            threads=given.threads,
            window_s=given.window,
            every_s=given.every,
            sessions=given.sessions,
            only=only,
        )
    )
    show(report, time.monotonic() - started)
    return bool(report.found)


def show(report: Report, seconds: float) -> None:
    """Print it."""
    print(f"{sum(report.programs.values())} programs, {report.ran} executions, {seconds:.0f} s")
    print("programs:", dict(report.programs))
    print("endings:", dict(report.endings.most_common()))
    print("longest wait: {:.1f} s for {}".format(*report.longest))
    print("strikes:", dict(report.strikes))
    for what in report.samples[0] if report.samples else ():
        print(f"{what}:", *(s[what] for s in report.samples))
    for line in report.found:
        print("FOUND", line)


if __name__ == "__main__":
    sys.exit(main())
