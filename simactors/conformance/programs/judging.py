"""Programs on a real backend and in the simulator, one after the other: what real runs came to must be reachable."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from simactors.conformance.programs.generating import generate
from simactors.conformance.programs.grammar import Program
from simactors.conformance.programs.play import Outcome, Play
from simactors.conformance.programs.rendering import render
from simactors.conformance.programs.simulated import STAGES, Search, search
from simactors.conformance.programs.stage import staged

MOST_ACTORS = {"local": 3, "ray": 2}
"""By backend; Ray takes half a second to start one."""

_LAST_LINES = 20

_BATCH = 50
"""So many programs share a session, and a process: the next session is another one's."""


@dataclass(frozen=True)
class Judged:
    """One program.

    Attributes:
        real: how often each outcome came out on the real backend.
        search: what the simulator came to.
    """

    program: Program
    real: Mapping[Outcome, int]
    search: Search

    @property
    def is_mismatch(self) -> bool:
        """Whether something came out that the simulator does not reach."""
        return bool(self.search.missing)

    def __str__(self) -> str:
        """For who has to find out why."""
        found = self.search.found.most_common(5)
        return "\n".join(
            [
                f"program {self.program.seed}: not reached in {self.search.runs} simulated runs:",
                *(f"    {outcome} ({self.real[outcome]} times)" for outcome in sorted(self.search.missing)),
                "  what the simulator makes of it, most often:",
                *(f"    {outcome} ({times} times)" for outcome, times in found),
                *([f"  {self.search.proof}"] if self.search.proof else []),
                "  its source:",
                *(f"    {line}" for line in render(self.program).splitlines()),
            ]
        )


def play_of(program: Program) -> Play:
    """The program, ready to run."""
    return Play(render(program), f"program-{program.seed}")


def drawn(seed: int, backend: str) -> Program:
    """The program of a seed, as large as the backend allows."""
    return generate(seed, most_actors=MOST_ACTORS[backend])


def judge(program: Program, real: Mapping[Outcome, int], most_runs: int, backend: str = "local") -> Judged:
    """Look in the simulator for what came out really."""
    return Judged(program, real, search(play_of(program), real, most_runs, STAGES[backend]))


def perform(backend: str, seeds: range, times: int, done: Callable[[int, Counter[Outcome]], None]) -> None:
    """Run programs on a real backend, in this process.

    Args:
        done: told what came out of each.
    """
    with staged(backend) as stage:
        for seed in seeds:
            done(seed, stage.run(play_of(drawn(seed, backend)), times))


def line_of(seed: int, backend: str, outcomes: Mapping[Outcome, int]) -> str:
    """What came out of a program, and how often, as `read` reads it."""
    return json.dumps({"seed": seed, "backend": backend, "outcomes": outcomes})


class DamagedLineError(ValueError):
    """A line that begins as those of `line_of` do, and does not go on like one of this backend."""


def read(lines: Iterable[str], backend: str) -> Iterator[tuple[int, Counter[Outcome]]]:
    """What came out of each program; lines of anything else, which backends print, are left out.

    Raises:
        DamagedLineError: a line is cut off, say; those before it have been given.
    """
    for number, line in enumerate(lines, 1):
        if line.startswith('{"seed"'):
            yield _of_line(number, line, backend)


def _of_line(number: int, line: str, backend: str) -> tuple[int, Counter[Outcome]]:
    try:
        told = json.loads(line)
        seed, outcomes = int(told["seed"]), Counter(dict(told["outcomes"]))
        ran_on = told.get("backend", backend)
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedLineError(f"line {number} can't be read: {type(error).__name__}: {error}") from error
    if ran_on != backend:  # a seed means another program there
        raise DamagedLineError(f"line {number} is of a run on {ran_on}: judge it with --backend {ran_on}")
    for outcome, times in outcomes.items():
        if not isinstance(times, int) or not _is_outcome(outcome):
            raise DamagedLineError(
                f"line {number} can't be read: {outcome!r} is no outcome with a number of times"
            )
    return seed, outcomes


def _is_outcome(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def performed(backend: str, seeds: range, times: int) -> Iterator[tuple[int, Counter[Outcome] | str]]:
    """The same in processes of their own, which may crash: what came out of each, or its process's last words."""
    for start in range(seeds.start, seeds.stop, _BATCH):
        batch = range(start, min(start + _BATCH, seeds.stop))
        while batch:
            done, last_words = yield from _in_a_process(backend, batch, times)
            batch = batch[done:]
            if batch:
                yield batch[0], last_words
                batch = batch[1:]


def _in_a_process(
    backend: str, seeds: range, times: int
) -> Generator[tuple[int, Counter[Outcome]], None, tuple[int, str]]:
    """Those that came to their end before the process did; how many these are, and how it ended."""
    command = [sys.executable, "-m", "simactors.conformance.programs", "--backend", backend, "--perform"]
    command += ["--first-seed", str(seeds.start), "--count", str(len(seeds)), "--times", str(times)]
    done = 0
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            assert process.stdout is not None
            with suppress(DamagedLineError):  # the process ended in the middle of it
                for told in read(process.stdout, backend):
                    yield told
                    done += 1
        errors.seek(0)
        shown = deque(errors, maxlen=_LAST_LINES)
    return done, f"exit code {process.returncode}\n{''.join(shown)}".rstrip()
