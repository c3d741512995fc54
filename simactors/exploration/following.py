"""Follows a real run in a simulation: the messages come in the order in which they came there.

As far as that determines the run: what the trace does not tell of, threads and the moments at which coroutines go on,
happens at once; what the program does otherwise is told as a departure.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from simactors.core.calls import BUILT_IN_METHODS
from simactors.core.choices import Offer
from simactors.exceptions import TargetError
from simactors.exploration.races import STARTS
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Repro
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.script import Recorder
from simactors.exploration.strategies.strategy import Scheduled
from simactors.exploration.target import Program, Target
from simactors.exploration.world import world_of
from simactors.sim.config import Slack
from simactors.sim.offer import CLUSTER
from simactors.sim.simulation import Simulation
from simactors.traces import Trace

_OF_TIME = frozenset(("sleep", "timer"))
_OF_WAITS = frozenset(("resume", "timer"))
_NEVER = float("inf")
_ROOM_S = 60.0
_PROGRAM = "program.json"


class Departed(NamedTuple):
    """Where a place ran another call than it had for real.

    Attributes:
        place: the actor or task.
        number: which of its calls, from 1.
        wanted, got: the steps; None: there was none.
    """

    place: str
    number: int
    wanted: str | None
    got: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What came of following.

    Attributes:
        repro: makes the same run again, and is the beginning of a search.
        calls: how many calls of the real run began.
        kept: how many of them began at their place in the same order.
        departures: one for each place where not all of them did.
    """

    repro: Repro
    result: RunResult
    calls: int
    kept: int
    departures: tuple[Departed, ...]


def keep_program(program: Program, folder: Path) -> None:
    """Make a folder for the trace of a run of `program`, and say there which program it is.

    Raises:
        TargetError: it can't be made, or holds a trace already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise TargetError(f"{folder} is not empty: a trace needs a folder of its own")
        told = json.dumps(Recipe(program=program).to_fields(), indent=1)
        (folder / _PROGRAM).write_text(f"{told}\n", encoding="utf-8")
    except OSError as error:
        raise TargetError(f"{folder} can't be written to: {error}") from None


def program_of(trace: Trace, folder: Path) -> Program:
    """The program that made the trace.

    Raises:
        TargetError: it is not there, or nothing says which one it was.
    """
    kept = folder / _PROGRAM
    if kept.is_file():
        try:
            return Recipe.from_fields(json.loads(kept.read_text(encoding="utf-8"))).program
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TargetError(f"{kept} does not say which program it was: {error!r}") from None
    if trace.file is None:
        raise TargetError(f"{folder} does not say which program it is the trace of: name it with --program")
    return Program(target=Target.parse(trace.file), argv=trace.argv, as_ray=trace.as_ray)


def follow(program: Program, trace: Trace) -> Followed:
    """Run `program` in a simulation whose messages come in the order of `trace`.

    Raises:
        TargetError: the program can't be loaded.
    """
    times = trace.times_s.values()
    room_s = _ROOM_S + (max(times) - min(times) if times else 0.0)
    program = replace(program, slack=Slack(messages_s=room_s, sleeps_s=room_s, resumes_s=room_s))
    schedule = _Schedule(trace)
    recorder = Recorder(Scheduled(schedule, None))
    result = run_simulated(program, 0, world=world_of(program), choices=recorder, onlookers=(schedule,))
    recipe = Recipe(program=program, seed=0, script=recorder.script)
    seen = _arrivals(result.path)
    departures = [_departed(place, names, seen.get(place, ())) for place, names in trace.arrivals.items()]
    kept = sum(
        len(names) if gone is None else gone.number - 1
        for names, gone in zip(trace.arrivals.values(), departures, strict=True)
    )
    return Followed(
        repro=Repro.of(recipe, result),
        result=result,
        calls=sum(map(len, trace.arrivals.values())),
        kept=kept,
        departures=tuple(gone for gone in departures if gone is not None),
    )


def _arrivals(path: Sequence[Offer]) -> Mapping[str, list[str]]:
    """By place, the calls that began there, named as they arrive."""
    found: dict[str, dict[str, None]] = {}
    begun = {step.target for step in path if step.kind == "begin"}
    for step in path:
        # Where calls run side by side, that they begin is a step of its own, and its order is what counts.
        if (
            step.kind in STARTS
            and (step.kind == "begin") == (step.target in begun)
            and not _is_built_in(step)
        ):
            name = f"call {step.name.partition(' ')[2]}"
            found.setdefault(step.target, {})[name] = None
    return {place: list(names) for place, names in found.items()}


def _is_built_in(step: Offer) -> bool:
    """Whether it calls what every actor has: the trace tells of the user's own methods."""
    return step.name.rpartition(" ")[0].rpartition(".")[2] in BUILT_IN_METHODS


def _departed(place: str, wanted: Sequence[str], got: Sequence[str]) -> Departed | None:
    for number, name in enumerate(wanted, 1):
        other = got[number - 1] if number <= len(got) else None
        if other != name:
            return Departed(place, number, name, other)
    if len(got) > len(wanted):
        return Departed(place, len(wanted) + 1, None, got[len(wanted)])
    return None


class _Schedule:
    """See `strategies.strategy.Schedule`; it looks on to know how often code has waited."""

    def __init__(self, trace: Trace) -> None:
        self._times_s = trace.times_s
        self._acts_s = trace.acts_s
        self._waits_s = trace.waits_s
        self._waits_done: dict[str, int] = {}
        self._now_s = -_NEVER
        # By the position of a step: the call whose code went on there, as far as that is known; and who made each call.
        self._calls: list[str] = []
        self._makers: dict[str, str] = {}

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        simulation.look_after_waits(self._waited)

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""

    def _waited(self, process: str) -> None:
        self._waits_done[process] = self._waits_done.get(process, 0) + 1

    def pick(self, options: Sequence[Offer]) -> int:
        ranks = [self._rank(offer) for offer in options]
        index = ranks.index(min(ranks))
        taken = options[index]
        if taken.name in self._times_s or self._ends_a_wait(taken):
            self._now_s = max(self._now_s, ranks[index])
        self._calls.append(self._call_of(taken))
        if taken.kind == "call":
            self._makers[self._calls[-1]] = self._came_of(taken)
        return index

    def _rank(self, offer: Offer) -> float:
        known_s = self._times_s.get(offer.name)
        if known_s is not None:
            return known_s
        if self._ends_a_wait(offer):
            return self._next_wait_s(offer.target)
        if offer.kind in _OF_TIME and offer.target != CLUSTER:
            return self._next_act_s(self._came_of(offer), offer.target)
        return self._now_s

    def _ends_a_wait(self, offer: Offer) -> bool:
        return offer.kind in _OF_WAITS and offer.target in self._waits_s

    def _next_wait_s(self, process: str) -> float:
        """Code that waited went on when it had its turn, and saw what had come until then."""
        waits_s, done = self._waits_s[process], self._waits_done.get(process, 0)
        return max(waits_s[done], self._now_s) if done < len(waits_s) else self._now_s

    def _next_act_s(self, *whoever: str) -> float:
        """What ends the sleep of a call came before what it did next; one that did nothing more slept on."""
        acts_s = next((self._acts_s[who] for who in whoever if who in self._acts_s), ())
        place = bisect_right(acts_s, self._now_s)
        return acts_s[place] if place < len(acts_s) else _NEVER

    def _call_of(self, step: Offer) -> str:
        if step.kind in STARTS:
            return step.name.partition(" ")[2]
        came_of = self._came_of(step)
        # Code goes on when a call that it has made is answered.
        return self._makers.get(came_of, came_of) if step.kind == "resume" else came_of

    def _came_of(self, step: Offer) -> str:
        return self._calls[step.causes[0]] if step.causes else ""
