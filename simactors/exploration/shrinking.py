"""Makes a failing run small: less work, fewer faults and machines, fewer deviations from the plainest order.

What remains fails in the same way as what was found: the same `Group`. Delta debugging (Zeller and Hildebrandt:
Simplifying and Isolating Failure-Inducing Input, TSE 2002) over data that say each by itself what they do: a deviation
names two steps and no position, so the others mean the same when one is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from glob import escape
from itertools import combinations
from typing import Any, TypeVar

from msgspec import structs

from simactors.core.fault_plan import CrashProcess, FailCall, Fault, FaultPlan
from simactors.exploration.amounts import workload_of
from simactors.exploration.budget import Budget
from simactors.exploration.capturing import captured
from simactors.exploration.findings import Finding, Group
from simactors.exploration.races import Order
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult
from simactors.exploration.script import Deviation, Recorder, Script
from simactors.exploration.world import check_faults
from simactors.sim.config import NS
from simactors.sim.intercept import interrupts
from simactors.workload.load import Load

Item = TypeVar("Item")

SECONDS = 30.0
"""How long it may take, unless somebody says otherwise."""

_DIGITS = 6  # of a time in seconds, behind the point
_MOST_CALLS = 9  # that are tried one by one
_MOST_INVERSIONS = 250
_MOST_OF_PAIRS = 15

_WHEN = {"reply": ("on_reply",), "call": ("after_call", "before_call")}
"""At which moments a process may crash that hears an answer or a call."""

_MOST_HEARD = 4  # answers and calls at which a crash is tried instead of at a time

_SEED = "random/"
"""How the labels of answers begin from which a process draws its random numbers: none is plainer than another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What came of it.

    Attributes:
        finding: the smallest run that was found.
        runs: how many were made.
        is_smallest: nothing more can be left out of it; false if the budget was spent before that was known.
    """

    finding: Finding
    runs: int
    is_smallest: bool


class _SpentError(Exception):
    """The budget is."""


def shrink(finding: Finding, budget: Budget | None = None) -> Shrunk:
    """Shrink a failure.

    Args:
        finding: the run must be reproducible; if it is not, it is given back as it is.
        budget: 30 seconds if it is None.
    """
    smaller = _Shrinker(finding, budget or Budget(seconds=SECONDS))
    try:
        with interrupts.held():
            is_smallest = smaller.run()
    except (_SpentError, KeyboardInterrupt):  # whoever has no more patience gets what there is
        is_smallest = False
    smaller.write_down()
    return Shrunk(finding=smaller.best, runs=smaller.runs, is_smallest=is_smallest)


class _Shrinker:
    """Invariant: the recipe of `best` fails as the first one did."""

    def __init__(self, finding: Finding, budget: Budget) -> None:
        self.best = finding
        self.runs = 0
        self._budget = budget
        self._group: Group = finding.group

    def run(self) -> bool:
        """Shrink until nothing more can be left out; returns whether that was reached."""
        if not self._try(self.best.recipe):
            return False
        while True:  # every round that changes something leaves less, or something plainer
            before = self.best.recipe
            self._smaller_workload()
            self._fewer_faults()
            if self.best.recipe.script is not None:  # what is drawn from a seed can't be taken apart
                self._fewer_answers()
                self._fewer_deviations()
                self._other_deviations()
                self._plainer_answers()
            self._fewer_nodes()
            self._plainer_faults()
            if self.best.recipe == before:
                return True

    def write_down(self) -> None:
        """Let the script of the best run say exactly what was answered in it, and nothing that never came up."""
        recorders: list[Recorder] = []
        if self.best.recipe.script is None:
            return

        def noting(choices: Any) -> Recorder:
            recorders.append(Recorder(choices))
            return recorders[0]

        with captured():
            result = self.best.recipe.run(around=noting)
        if result.digest == self.best.result.digest:
            self.best = replace(self.best, recipe=replace(self.best.recipe, script=recorders[0].script))

    @property
    def _script(self) -> Script:
        return self.best.recipe.script or Script()

    def _smaller_load(self, load: Load) -> None:
        for smaller in (1, *_smaller(load.requests)) if load.requests is not None else ():
            program = replace(self.best.recipe.program, load=structs.replace(load, requests=smaller))
            if self._try(replace(self.best.recipe, program=program)):
                return

    def _smaller_workload(self) -> None:
        """Where the target's function has whole numbers as defaults, they say how much it does; or a load does."""
        if self.best.recipe.program.load is not None:
            self._smaller_load(self.best.recipe.program.load)
            return
        for name, default in workload_of(self.best.recipe.program.target).items():
            program = self.best.recipe.program
            now = dict(program.workload).get(name, default)
            if not isinstance(now, int) or now <= 1:
                continue
            for smaller in (1, *_smaller(now)):
                workload = tuple(sorted({**dict(program.workload), name: smaller}.items()))
                if self._try(replace(self.best.recipe, program=replace(program, workload=workload))):
                    break

    def _fewer_faults(self) -> None:
        def with_faults(faults: Sequence[Fault]) -> bool:
            return self._try(replace(self.best.recipe, faults=FaultPlan(tuple(faults))))

        _leave_out(self.best.recipe.faults.faults, with_faults)

    def _fewer_answers(self) -> None:
        _leave_out(self._script.answers, lambda kept: self._try_script(answers=tuple(kept)))

    def _fewer_deviations(self) -> None:
        _leave_out(self._script.deviations, lambda kept: self._try_script(deviations=tuple(kept)))

    def _other_deviations(self) -> None:
        """What is left may be a detour: look for one or two deviations that alone turn the order round as it was."""
        known = len(self._script.deviations)
        if known < 2:
            return
        candidates = self._inversions()
        for deviation in candidates:
            if self._try_script(deviations=(deviation,)):
                return
        if known > 2:
            pairs = list(combinations(candidates[:_MOST_OF_PAIRS], 2))
            any(self._try_script(deviations=pair) for pair in pairs)

    def _inversions(self) -> list[Deviation]:
        """Calls to come after others at their actor: as they did, but not in the plainest run; or any that could."""
        with captured():
            plain = replace(self.best.recipe, script=replace(self._script, deviations=())).run().path
            failing = self.best.recipe.run().path
        before = {step.name: position for position, step in enumerate(plain)}
        found: list[Deviation] = []
        others: list[Deviation] = []
        for arrivals in Order(failing).arrivals:
            names = [failing[position].name for position in arrivals.positions]
            for position, late in enumerate(names):
                for early in names[:position]:
                    (found if _swapped(before, early, late) else others).append(Deviation(late, early))
        order = Order(plain)
        for arrivals in order.arrivals:
            for second in arrivals.positions:
                earlier = [first for first in arrivals.positions if first < second]
                races = [first for first in earlier if not order.must_precede(first, second)]
                others += [Deviation(plain[first].name, plain[second].name) for first in reversed(races)]
        return list(dict.fromkeys([*found, *others]))[:_MOST_INVERSIONS]

    def _fewer_nodes(self) -> None:
        nodes = self.best.recipe.program.nodes
        for fewer in range(1, nodes or 0):
            if self._try(replace(self.best.recipe, program=replace(self.best.recipe.program, nodes=fewer))):
                return

    def _plainer_answers(self) -> None:
        for position, answer in enumerate(self._script.answers):
            for smaller in () if answer.label.startswith(_SEED) else _smaller(answer.answer):
                answers = list(self._script.answers)
                answers[position] = answer._replace(answer=smaller)
                if self._try_script(answers=tuple(answers)):
                    break

    def _plainer_faults(self) -> None:
        """At a call instead of at a time, fewer calls before it strikes, rounder and shorter times."""
        for position, timed in enumerate(self.best.recipe.faults.faults):
            if isinstance(timed, CrashProcess) and timed.at_s is not None:
                any(self._try_fault(position, plainer) for plainer in self._at_calls(timed, timed.at_s))
            for knob in fields(self.best.recipe.faults.faults[position]):
                fault = self.best.recipe.faults.faults[position]
                any(self._try_fault(position, plainer) for plainer in _plainer(fault, knob.name))

    def _at_calls(self, crash: CrashProcess, at_s: float) -> Iterator[CrashProcess]:
        """The same crash at what its process hears next, or heard last: a time says nothing, and an edit changes it."""
        with captured():
            path = self.best.recipe.run().path
        names = crash.process, f"{crash.process}#"
        there = [step for step in path if step.target == names[0] or step.target.startswith(names[1])]
        heard = [(step.kind, step.what) for step in there if step.kind in _WHEN]
        before = sum(step.kind in _WHEN and step.taken_ns <= at_s * NS for step in there)
        for position in (before, *range(before - 1, -1, -1))[:_MOST_HEARD]:
            for knob in _WHEN[heard[position][0]] if position < len(heard) else ():
                count = heard[: position + 1].count(heard[position])
                yield CrashProcess(process=crash.process, call=escape(heard[position][1]), **{knob: count})

    def _try_fault(self, position: int, fault: Fault) -> bool:
        faults = list(self.best.recipe.faults.faults)
        faults[position] = fault
        return self._try(replace(self.best.recipe, faults=FaultPlan(tuple(faults))))

    def _try_script(self, **parts: Any) -> bool:
        return self._try(replace(self.best.recipe, script=replace(self._script, **parts)))

    def _try(self, recipe: Recipe) -> bool:
        """Whether a run still fails as it should; then it is the best one."""
        if self._budget.is_spent:
            raise _SpentError
        try:
            check_faults(recipe.world)
        except ValueError:
            return False
        self._budget.spend()
        self.runs += 1
        with captured() as output:
            result: RunResult = recipe.run()
        if not result.failed or Group.of(result.ending) != self._group:
            return False
        self.best = replace(
            self.best, recipe=recipe, result=replace(result, path=()), output=output.getvalue()
        )
        return True


def _swapped(before: Mapping[str, int], early: str, late: str) -> bool:
    return early in before and late in before and before[late] < before[early]


def _leave_out(items: Sequence[Item], is_enough: Callable[[Sequence[Item]], bool]) -> None:
    """Leave out as many of `items` as can be, by halves first."""
    kept = list(items)
    if not kept or is_enough([]):
        return
    size = len(kept)
    while size >= 1:
        start = 0
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if without and without != kept and is_enough(without):  # that nothing is not enough, is known
                kept = without
            else:
                start += size
        size //= 2


def _smaller(number: int) -> Iterator[int]:
    step = number
    while step > 1:
        step = (step + 1) // 2
        yield number - step
        if step == 1:
            return


def _plainer(fault: Fault, knob: str) -> Iterator[Fault]:
    """The same with another value of one knob, the plainest first."""
    value = getattr(fault, knob)
    if isinstance(fault, FailCall) and fault.nth is None and knob == "nth":
        # Which calls it hit, chance decided.
        plain = replace(fault, probability=1.0, at_s=0.0, for_s=None)
        yield from (replace(plain, nth=nth) for nth in range(1, _MOST_CALLS + 1))
    elif knob in ("before_call", "after_call", "on_reply", "nth") and isinstance(value, int):
        yield from (replace(fault, **{knob: nth}) for nth in range(1, min(value, _MOST_CALLS + 1)))  # type: ignore[arg-type]
    elif knob.endswith("_s") and isinstance(value, float) and value:
        for digits in range(_DIGITS):
            rounded = round(value, digits)
            if rounded != value and (rounded or knob == "at_s"):
                yield replace(fault, **{knob: rounded})  # type: ignore[arg-type]
