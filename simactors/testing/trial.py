"""One test that asks for `sim`, as pytest runs it: its run, and those that are made of it afterwards, silently.

What fails is made small and explained once; what shall repeat is made twice. Only the first run is reported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

import pytest
from _pytest.runner import call_and_report, runtestprotocol

from simactors.core.choices import Choices
from simactors.core.events import Record
from simactors.exploration import determinism
from simactors.exploration.findings import Finding, Group
from simactors.exploration.gusts import draw
from simactors.exploration.hunting import Case, case_of
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Replay, Repro, replay
from simactors.exploration.runner import Ending, Onlooker, RunResult
from simactors.exploration.script import Recorder
from simactors.exploration.strategies.unlearned import choices_of
from simactors.exploration.witness import Testimony, Witness
from simactors.exploration.world import World
from simactors.testing import replaying, sections
from simactors.testing.addresses import seed_of, target_of
from simactors.testing.item_run import RUN, ItemRun
from simactors.testing.options import options_of
from simactors.testing.wishes import Wishes, machines, wishes_of

_SHARE_OF_SHRINKING = 0.7
"""Of the seconds that there are; the rest is for explaining."""

_LEAST_RUNS = 5
"""What can't be made so many times in the time that there is, is told as it was found."""

_TIMES_LONGER, _FEW_STEPS = 10, 10_000
_PATIENCE_S = 5.0
"""How long a run that is made again may compute without a step, at least, in seconds by the clock on the wall."""

_TOLD = pytest.StashKey[dict[tuple[object, ...], str]]()
"""Of a session: which test, and which group of failures, was told where."""

Watch = Callable[[Record], None] | None


def recipe_of(item: pytest.Item, wishes: Wishes) -> Recipe:
    """The run of a test's seed, but for its order."""
    seed = seed_of(item)
    if seed is None:
        seed = wishes.seeds[0]
    faults = draw(seed, wishes.faults, machines(wishes))
    return Recipe(program=wishes.program(target_of(item)), seed=seed, faults=faults)


def plain_run(item: pytest.Item) -> ItemRun:
    """The run of a test that nobody makes again."""
    wishes = wishes_of(item)
    recipe = recipe_of(item, wishes)
    return ItemRun(recipe.world, recipe.seed, choices_of(wishes.strategy, recipe.seed))


class Runs:
    """Makes runs of one test, each with fresh fixtures of its own; the first one is the one that is reported.

    A maker of recipes: see `recipe.MakesRuns`.

    Attributes:
        reports: those of the first run.
        is_kept: fixtures of larger scopes are still there: more runs may come.
        first: that run; None before.
    """

    def __init__(self, item: pytest.Item, nextitem: pytest.Item | None, *, keeps: bool) -> None:
        self._item = item
        self._nextitem = nextitem
        self._keeps = keeps
        self.reports: list[pytest.TestReport] = []
        self.is_kept = False
        self.first: ItemRun | None = None

    def __call__(
        self, recipe: Recipe, watch: Watch, choices: Choices, onlookers: Sequence[Onlooker]
    ) -> RunResult:
        """See `recipe.MakesRuns`."""
        if self.first is None:
            run = self.first = ItemRun(recipe.world, recipe.seed, choices, watch, onlookers)
            self._item.stash[RUN] = run
            self._reported()
        else:
            world, patience_s = self._within_bounds(recipe.world)
            run = ItemRun(world, recipe.seed, choices, watch, onlookers, patience_s)
            self._item.stash[RUN] = run
            self._silently()
        return run.result or RunResult(ending=Ending("failed", "SetupError"), seed=recipe.seed)

    def _within_bounds(self, world: World) -> tuple[World, float]:
        """A run that takes much longer than the first one is not what is looked for."""
        assert self.first is not None
        first = self.first.result
        most = (0 if first is None else first.steps or 0) * _TIMES_LONGER + _FEW_STEPS
        config = replace(world.config, max_steps=min(world.config.max_steps, most))
        patience_s = max(_PATIENCE_S, self.reports[-2].duration * _TIMES_LONGER)
        return World(config, world.faults), patience_s

    def _reported(self) -> None:
        """As `runtestprotocol`, but that reports are held back until it is known what they are to say."""
        item = self._item
        try:
            self.reports.append(call_and_report(item, "setup", log=False))
            if self.reports[0].passed:
                self.reports.append(call_and_report(item, "call", log=False))
            self.is_kept = self._keeps or self.reports[-1].failed
            # Whoever comes next shares all with this test but itself: only what is its own is torn down.
            nextitem = item.parent if self.is_kept else self._nextitem
            self.reports.append(call_and_report(item, "teardown", log=False, nextitem=nextitem))
        finally:
            _forget(item)

    def _silently(self) -> None:
        item = self._item
        told = list(item._report_sections)
        vars(item).pop("_instance", None)
        if isinstance(item.parent, pytest.Class):  # each run gets an instance of its own
            vars(item).pop("_obj", None)
        try:
            with warnings.catch_warnings(record=True):
                runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]  # see above
        except BaseException:  # somebody has ended it from outside
            item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]  # see above
            _forget(item)
            raise
        finally:
            item._report_sections[:] = told

    def close(self, nextitem: pytest.Item | None) -> pytest.TestReport | None:
        """Tear down what the next test does not need; returns a report if that fails."""
        item = self._item
        capture = item.config.pluginmanager.getplugin("capturemanager")

        def close() -> None:
            with nullcontext() if capture is None else capture.item_capture("teardown", item):
                item.session._setupstate.teardown_exact(nextitem)

        call = pytest.CallInfo.from_call(
            close, when="teardown", reraise=(pytest.exit.Exception, KeyboardInterrupt)
        )
        if call.excinfo is None:
            return None
        report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
        return report


def _forget(item: pytest.Item) -> None:
    """What `runtestprotocol` does at its end."""
    if hasattr(item, "_request"):
        item._request = False
        item.funcargs = None  # type: ignore[attr-defined]  # a function's


class Trial:
    """One test, from its first report to its last."""

    def __init__(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        self._item = item
        self._nextitem = nextitem
        self._options = options_of(item.config)
        keeps = self._options.check_determinism or bool(self._options.replay)
        self._runs = Runs(item, nextitem, keeps=keeps)
        self._records: list[Record] = []

    def run(self) -> None:
        """Make it, and report it."""
        wanted = replaying.wanted(self._item.config)
        if wanted is not None:
            self._replay(wanted)
        else:
            self._first_run()
        self._log()

    def _first_run(self) -> None:
        wishes = wishes_of(self._item)
        recipe = replace(recipe_of(self._item, wishes), maker=self._runs)
        recorder = Recorder(choices_of(wishes.strategy, recipe.seed))
        witness = Witness()
        result = self._runs(recipe, self._watch(witness), recorder, ())
        script = None if wishes.strategy == "sampled" else recorder.script
        recipe = replace(recipe, script=script).with_all_faults
        report = self._runs.reports[-2]
        if report.skipped:
            return
        if report.when == "setup":
            if self._runs.first is not None and self._runs.first.result is not None:
                # In a fixture below `sim`.
                sections.add(report, sections.seed_text(self._item, result))
            return
        if self._options.check_determinism:
            testimony = Testimony.of(result.ending, result.digest, witness.sightings)
            result = determinism.compared(recipe, result, testimony, in_fresh_processes=False)
        if self._options.trace:
            sections.add_trace(report, self._item.config, self._records, result)
        if result.ending.kind == "NondeterminismError":
            report.outcome, report.longrepr = "failed", result.ending.traceback
            sections.add(report, sections.seed_text(self._item, result))
        elif report.failed and result.failed:
            self._tell(report, recipe, result)

    def _watch(self, witness: Witness) -> Watch:
        watches: list[Callable[[Record], None]] = []
        if self._options.check_determinism:
            watches.append(witness)
        if self._options.trace:
            watches.append(self._records.append)
        if len(watches) < 2:
            return watches[0] if watches else None

        def both(record: Record) -> None:
            self._records.append(record)
            witness(record)

        return both

    def _tell(self, report: pytest.TestReport, recipe: Recipe, result: RunResult) -> None:
        first = self._runs.first
        assert first is not None
        if first.found is not None:  # no line of the user's raised it
            sections.tell_without_traceback(report, first.found)
        told = self._item.config.stash.setdefault(_TOLD, {})
        name = self._item.nodeid.partition("[")[0]
        key = name, Group.of(result.ending)
        text = sections.seed_text(self._item, result)
        if not self._can_shrink(report, first):
            sections.add(report, text)
        elif key in told:
            sections.add(report, f"{text}\n\nIt fails as {told[key]} does, which was made small.")
        else:
            told[key] = self._item.nodeid
            finding = Finding(run=recipe.seed + 1, recipe=recipe, result=replace(result, path=()))
            sections.add(report, sections.case_text(self._item, self._case(finding)))

    def _can_shrink(self, report: pytest.TestReport, first: ItemRun) -> bool:
        """Not what takes too long, and not while a person is at work with it."""
        is_quick = first.timeout is None and report.duration * _LEAST_RUNS <= self._options.shrink_s
        return is_quick and self._options.shrink_s > 0 and not self._item.config.getoption("usepdb", False)

    def _case(self, finding: Finding) -> Case:
        cancel = getattr(self._item.config.hook, "pytest_timeout_cancel_timer", None)
        if cancel is not None:  # the time of the test is not that of what is made of its failure
            cancel(item=self._item)
        shrink_s = self._options.shrink_s * _SHARE_OF_SHRINKING
        return case_of(finding, shrink_s, self._options.shrink_s - shrink_s)

    def _replay(self, wanted: Repro) -> None:
        wanted = replace(wanted, recipe=replace(wanted.recipe, maker=self._runs))
        watch = self._records.append if self._options.trace else None
        replayed: Replay = replay(wanted, watch)
        report = self._runs.reports[-2]
        case = None
        if report.failed and replayed.result.failed:
            finding = Finding(run=1, recipe=wanted.recipe, result=replace(replayed.result, path=()))
            case = case_of(finding, 0.0, 0.0)
        if self._options.trace:
            sections.add_trace(report, self._item.config, self._records, replayed.result)
        sections.add(report, sections.replay_text(replayed, case))
        report.user_properties.append((replaying.PROPERTY, sections.reproduction(replayed)))

    def _log(self) -> None:
        item, runs = self._item, self._runs
        for report in runs.reports:
            item.ihook.pytest_runtest_logreport(report=report)
        if runs.is_kept:
            is_over = item.session.shouldfail or item.session.shouldstop
            closing = runs.close(None if is_over else self._nextitem)
            if closing is not None:
                item.ihook.pytest_runtest_logreport(report=closing)


def protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that asks for `sim`, instead of pytest's own protocol; None if that is to do it."""
    if options_of(item.config).backend != "sim":
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    Trial(item, nextitem).run()
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
