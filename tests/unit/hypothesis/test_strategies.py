"""Plans that Hypothesis draws: what is in them, what they find, and what is left of them.

Goal: Hypothesis owns order, faults and size of a run together with a test's data. Method: programs with known bugs,
without the phase that explains, which is Hypothesis's own.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, example, find, given, settings, target
from hypothesis import strategies as st

import simactors
from simactors import Plan, simulate
from simactors.core.fault_plan import FaultPlan
from simactors.faults import CrashNode, CrashProcess, Cut, FailCall, JumpClock, Partition, Pause
from simactors.hypothesis import plans
from simactors.hypothesis.strategies import _with_gaps
from simactors.sim import aims
from simactors.sim.config import SimConfig

QUIET = settings(
    deadline=None, database=None, derandomize=True, phases=(Phase.explicit, Phase.generate, Phase.shrink)
)
FEW = settings(QUIET, max_examples=30)


@simactors.remote(max_restarts=1, max_task_retries=1)
class Cell:
    def __init__(self):
        self.value = 0

    def read(self):
        return self.value

    def write(self, value):
        self.value = value

    def count(self):
        self.value += 1
        return self.value


@simactors.remote
def bump(cell, steps):
    for _ in range(steps):
        simactors.get(cell.read.remote())
    value = simactors.get(cell.read.remote())
    simactors.get(cell.write.remote(value + 1))


def bumped(plan: Plan, steps: int) -> int:
    """Two clients add one each, the second a little later."""
    with simulate(plan):
        cell = Cell.remote()
        simactors.get([bump.remote(cell, 0), bump.remote(cell, steps)])
        return simactors.get(cell.read.remote())


@FEW
@given(plans("all", max_faults=2))
def test_every_plan_is_python_and_aims_at_what_is_there(plan: Plan) -> None:
    assert eval(repr(plan)) == plan
    aims.check(FaultPlan(plan.faults), plan.config(None))
    assert plan.nodes == 3


def test_kinds_say_which_faults_there_are() -> None:
    kinds = {
        "crash": {CrashProcess},
        "rpc": {FailCall},
        "node": {CrashNode},
        "partition": {Cut, Partition},
        "skew": {JumpClock},
        "delay": {Pause},
    }
    for kind, classes in kinds.items():
        seen = {type(find(plans(kind), lambda plan, cls=cls: cls in map(type, plan.faults), settings=FEW).faults[0])
                for cls in classes}  # fmt: skip
        assert seen == classes
    assert find(plans("none"), lambda plan: True, settings=FEW) == Plan(late_s=0.0)


def test_faults_can_be_aimed() -> None:
    plan = find(plans("crash", calls="Cell.write"), lambda plan: bool(plan.faults), settings=FEW)
    assert plan.faults == (CrashProcess(call="Cell.write", after_call=1),)


def test_the_size_of_the_cluster_may_be_drawn_too() -> None:
    sizes = set()

    @FEW
    @given(plans("node", nodes=st.integers(1, 3)))
    def look(plan: Plan) -> None:
        aims.check(FaultPlan(plan.faults), plan.config(None))
        sizes.add(plan.nodes)

    look()
    assert sizes == {1, 2, 3}


def test_a_lost_update_is_found_and_made_small_together_with_the_tests_data() -> None:
    @settings(QUIET, max_examples=200)
    @given(plans(), st.integers(4, 9))
    def nothing_is_lost(plan: Plan, steps: int) -> None:
        assert bumped(plan, steps) == 2, f"{plan!r} {steps}"

    with pytest.raises(AssertionError) as caught:
        nothing_is_lost()
    plan, _, steps = str(caught.value).splitlines()[0].rpartition(" ")
    assert steps == "4"
    assert len(eval(plan).deviations) == 1
    assert bumped(eval(plan), 4) != 2, "what is printed is the reproducer"


def test_a_plan_is_pinned_by_an_example() -> None:
    ran = []

    @settings(QUIET, phases=(Phase.explicit,))
    @given(plan=plans())
    @example(plan=Plan(deviations=((3, 1),)))
    def look(plan: Plan) -> None:
        ran.append(plan)

    look()
    assert ran == [Plan(deviations=((3, 1),))]


@settings(QUIET, max_examples=20)
@given(plan=plans())
def test_plans_go_together_with_targets(plan: Plan) -> None:
    with simulate(plan) as simulation:
        simactors.get(Cell.remote().read.remote())
    target(float(simulation.steps))


def test_no_health_check_complains_of_our_machinery() -> None:
    @settings(
        database=None, derandomize=True, max_examples=20
    )  # with all health checks but the one about time
    @given(plans("all"))
    def look(plan: Plan) -> None:
        with simulate(Plan()):
            simactors.get(Cell.remote().read.remote())

    look()


def test_little_more_than_one_deviation_and_a_crash_is_left_of_a_bug_that_needs_them() -> None:
    """benchmarks/plans.py does the same with three of them."""

    @settings(QUIET, max_examples=2_000)
    @given(plans("delay,crash", calls="Cell.count"))
    def never(plan: Plan) -> None:
        assert not _is_hit(plan), repr(plan)

    with pytest.raises(AssertionError) as caught:
        never()
    plan = eval(str(caught.value).splitlines()[0])
    # Hypothesis may stop at two where one would do, if the one lies elsewhere.
    assert 1 <= len(plan.deviations) <= 2
    assert [type(fault) for fault in plan.faults] == [CrashProcess]
    assert not _is_hit(Plan(faults=plan.faults))
    assert not _is_hit(Plan(deviations=plan.deviations))
    for left_out in range(len(plan.deviations)):
        assert not _is_hit(Plan(_without(plan.deviations, left_out), plan.faults)), "none is left in vain"


def _without(deviations: tuple[tuple[int, int], ...], number: int) -> tuple[tuple[int, int], ...]:
    """All but one of them, the others at their places."""
    before, (gap, _), after = deviations[:number], deviations[number], deviations[number + 1 :]
    return before + tuple(
        (other + gap + 1 if not at else other, pick) for at, (other, pick) in enumerate(after)
    )


@simactors.remote
class Log:
    def __init__(self):
        self.words = []

    def add(self, word):
        self.words.append(word)

    def all(self):
        return self.words


@simactors.remote
class Speaker:
    def __init__(self, log):
        self.log = log

    def say(self, word):
        return simactors.get(self.log.add.remote(word))


def _is_hit(plan: Plan) -> bool:
    """The second one overtakes the first, and what was counted is forgotten."""
    with simulate(plan):
        cell, log = Cell.remote(), Log.remote()
        ann, bob = Speaker.remote(log), Speaker.remote(log)
        simactors.get([ann.say.remote("a"), bob.say.remote("b")])
        totals = [simactors.get(cell.count.remote()) for _ in range(2)]
        return totals != [1, 2] and simactors.get(log.all.remote()) == ["b", "a"]


def test_leaving_out_a_deviation_moves_no_other() -> None:
    drawn = [[1_200, 2_400], [3_600]]
    places = set(_places(_with_gaps(drawn)))
    for left in ([[2_400], [3_600]], [[1_200], [3_600]], [[1_200, 2_400]]):
        assert set(_places(_with_gaps(left))) < places


def _places(deviations: tuple[tuple[int, int], ...]) -> list[int]:
    at, found = -1, []
    for gap, _ in deviations:
        at += gap + 1
        found.append(at)
    return found


def test_kinds_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'crash'"):
        plans("crsh")
    assert SimConfig().slack is None


@pytest.mark.parametrize(
    "wrong", [{"nodes": 0}, {"nodes": "3"}, {"max_deviations": -1}, {"max_faults": -1}, {"calls": []}]
)
def test_what_could_not_be_drawn_is_refused_at_once(wrong) -> None:
    with pytest.raises(ValueError, match=r"nodes is a number of machines|max_deviations and max_faults"):
        plans(**wrong)
