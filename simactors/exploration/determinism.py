"""Audits: the same choices once more, in this process and in a fresh one under another hash seed, compared by record.

Not what could be the matter with a line: `suspects.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from simactors.core.events import Record
from simactors.core.fault_plan import FaultPlan
from simactors.exceptions import InternalError, NondeterminismError
from simactors.exploration import suspects
from simactors.exploration.endings import end_with, temporary_folder
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import Ending, RunResult
from simactors.exploration.suspects import Suspect
from simactors.exploration.witness import Difference, Place, Sighting, Testimony, Witness, difference
from simactors.sim.config import SimConfig
from simactors.sim.simulation import simulate

_HASH_SEEDS = ("1", "2")
_FIRST_SUSPECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Whether a run repeats.

    Attributes:
        difference: where it went another way; None if it repeats.
        where: what the other run had of its own, as "in the same process", "in a fresh process".
        cause: the likely cause.
        suspects: lines near the difference that could be it.
    """

    difference: Difference | None = None
    where: str = ""
    cause: str = ""
    suspects: tuple[Suspect, ...] = ()

    @property
    def story(self) -> str:
        """What differs, and why, for a reader."""
        found = self.difference
        if found is None:
            return "the run repeats"
        lines = [
            f"the same choices gave another run {self.where}: record {found.number} of the trace differs"
        ]
        if found.before is not None:
            lines.append(f"  both runs: {found.before.record}")
        lines.extend(_told("once: ", found.first))
        lines.extend(_told("again:", found.second))
        lines.append(f"The likely cause is {self.cause}.")
        if self.suspects:
            lines.append("Look at")
            for suspect in self.suspects[:_FIRST_SUSPECTS]:
                lines.append(f"  {_file(suspect.file)}:{suspect.line}: {suspect.text}")
                lines.append(f"    {suspect.why}")
        return "\n".join(lines)


def audit(recipe: Recipe, *, in_fresh_processes: bool = True) -> RunResult:
    """Make a run, and the same again, until something differs.

    Args:
        in_fresh_processes: also in other processes, under other hash seeds; each takes as long as starting Python.

    Returns:
        The run; one that fails with `NondeterminismError` if it does not repeat.

    Raises:
        TargetError: the program can't be loaded.
    """
    result, first = _testimony(recipe)
    return compared(recipe, result, first, in_fresh_processes=in_fresh_processes)


def compared(recipe: Recipe, result: RunResult, first: Testimony, *, in_fresh_processes: bool) -> RunResult:
    """As `audit`, after the first of the runs."""
    found = _audit_here(first, lambda: _testimony(recipe)[1])
    if found.difference is None and in_fresh_processes:
        found = _audit_elsewhere(recipe, first)
    if found.difference is None:
        return result
    message = found.story.partition("\n")[0]
    return replace(result, ending=Ending("failed", NondeterminismError.__name__, message, found.story))


def check_determinism(
    program: Callable[[], object],
    *,
    seed: int = 0,
    config: SimConfig | None = None,
    faults: FaultPlan | None = None,
) -> None:
    """Run a function twice in a simulation of the same seed; it may raise what it likes, as long as it repeats.

    A third run tells, if they differ, what was left behind from what differs every time.

    For tests. It finds what an earlier run leaves behind, addresses and real clocks; only ``simactors run
    --check-determinism`` also finds what depends on the hash seed of the process.

    Raises:
        NondeterminismError: it went another way; the message says where, and the likely cause.
    """

    def run() -> Testimony:
        witness = Witness()
        ending, digest = Ending("passed"), None
        try:
            with simulate(seed, config=config, faults=faults, watch=witness) as simulation:
                program()
        except (Exception, SystemExit) as error:  # the user's code may: what counts is that it does so again
            ending = Ending("failed", type(error).__name__, str(error))
        else:
            digest = simulation.digest
        return Testimony.of(ending, digest, witness.sightings)

    found = _audit_here(run(), run)
    if found.difference is not None:
        raise NondeterminismError(found.story)


def _audit_here(first: Testimony, run: Callable[[], Testimony]) -> Audit:
    second = run()
    found = difference(first, second)
    if found is None:
        return Audit()
    cause = _LEFTOVER if difference(second, run()) is None else _EVERY_TIME
    return _with_suspects(found, "in the same process", cause)


def _audit_elsewhere(recipe: Recipe, first: Testimony) -> Audit:
    one, other = (_elsewhere(recipe, hash_seed) for hash_seed in _HASH_SEEDS)
    found = difference(one, other)
    if found is not None:
        again = _elsewhere(recipe, _HASH_SEEDS[0])
        cause = _HASH_ORDER if difference(one, again) is None else _EVERY_TIME
        return _with_suspects(found, "in a fresh process, with another PYTHONHASHSEED", cause)
    found = difference(first, one)
    return Audit() if found is None else _with_suspects(found, "in a fresh process", _LEFTOVER)


_HASH_ORDER = (
    "the order of a set, or of something else that is kept by hash: strings hash differently in each process; sort "
    "before you loop"
)
_LEFTOVER = (
    "what an earlier run left behind in this process: a cache or a counter in a module that all runs share, or an "
    "import that only the first run had to do"
)
_EVERY_TIME = (
    "something that differs every time: the address of an object (id(), a hash or a repr that comes of it), processor "
    "time, a file, or the moment when the garbage collector runs a finalizer"
)


def _with_suspects(found: Difference, where: str, cause: str) -> Audit:
    stacks = [
        sighting.stack for sighting in (found.first, found.second, found.before) if sighting is not None
    ]
    near = suspects.near([place for stack in stacks for place in stack])
    return Audit(difference=found, where=where, cause=cause, suspects=near)


def _told(when: str, sighting: Sighting | None) -> list[str]:
    if sighting is None:
        return [
            f"  {when}     the run had ended, ended in another way, or was too long to be noted any further"
        ]
    places = [f"      at {_file(p.file)}:{p.line} in {p.function}" for p in sighting.stack]
    return [f"  {when}     {sighting.record}", *places]


def _file(file: str) -> str:
    """As short as it can be written from here."""
    with suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return file


def _testimony(recipe: Recipe) -> tuple[RunResult, Testimony]:
    witness = Witness()
    result = recipe.run(witness)
    return result, Testimony.of(result.ending, result.digest, witness.sightings)


# In another process


def _elsewhere(recipe: Recipe, hash_seed: str) -> Testimony:
    """The same run in a fresh interpreter."""
    with temporary_folder() as folder:
        answer = folder / "testimony.json"
        command = [sys.executable, "-m", __name__, json.dumps(recipe.to_fields()), str(answer)]
        command.append(str(os.getpid()))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        if not answer.is_file():
            raise InternalError(
                f"the run in a fresh process, under PYTHONHASHSEED={hash_seed}, came to no answer and ended with exit "
                f"code {done.returncode}:\n{done.stderr}"
            )
        return _read(json.loads(answer.read_text()))


def _write(testimony: Testimony) -> str:
    rows = [[sighting.record, sighting.stack] for sighting in testimony.sightings]
    return json.dumps({"digest": testimony.digest, "ending": testimony.ending, "sightings": rows})


def _read(told: dict[str, object]) -> Testimony:
    rows: list[list[list[object]]] = told["sightings"]  # type: ignore[assignment]  # what `_write` wrote
    sightings = tuple(
        Sighting(Record(*record), tuple(Place(*place) for place in stack))  # type: ignore[arg-type, misc]  # as above
        for record, stack in rows
    )
    return Testimony(digest=told["digest"], ending=tuple(told["ending"]), sightings=sightings)  # type: ignore[arg-type]


def main(order: str, answer: str, parent: str) -> None:
    """What a fresh process does for `parent`: make the run of `order`, and write what it saw to the file `answer`."""
    end_with(int(parent))
    _, testimony = _testimony(Recipe.from_fields(json.loads(order)))
    Path(answer).write_text(_write(testimony))


if __name__ == "__main__":
    main(*sys.argv[1:])
