"""Plans of whole runs: what they say, that they are Python, and that runs follow them."""

from __future__ import annotations

import pytest

import simactors
from simactors import FaultPlan, Latency, NodeConfig, Plan, SimConfig, simulate
from simactors.core.choices import NEXT
from simactors.distributions import Uniform
from simactors.faults import CrashNode, CrashProcess, FailCall, Partition
from simactors.sim.offer import CLUSTER, Description, Offer
from simactors.sim.planned import PlannedChoices

OPTION = Offer(None, Description("call", "driver", "Log#1", "Log.add"), 1, (), 0, 0)
CLUSTERS = Offer(None, Description("timer", CLUSTER, CLUSTER, ""), 1, (), 0, 0)


@simactors.remote
class Log:
    def __init__(self) -> None:
        self.words: list[str] = []

    def add(self, word: str) -> list[str]:
        self.words.append(word)
        return self.words


@simactors.remote
def write(log, words: list[str]) -> None:
    for word in words:
        simactors.get(log.add.remote(word))


def story(plan: Plan, error: type[Exception] | None = None) -> str:
    """In which order two clients' words arrive; or what is raised when they have."""
    with simulate(plan):
        log = Log.remote()
        simactors.get([write.remote(log, ["a", "b"]), write.remote(log, ["c", "d"])])
        if error is not None:
            raise error
        return "".join(simactors.get(log.add.remote(""))[:-1])


def test_without_arguments_it_is_one_plain_run() -> None:
    assert story(Plan()) == story(Plan())
    assert repr(Plan()) == "Plan()"


@pytest.mark.parametrize(
    "plan",
    [
        Plan(((3, 1), (0, 2)), seed=7, nodes=3, late_s=0.0),
        Plan(faults=(CrashProcess(after_call=2, call="Log.add"), CrashNode(node="node-2", at_s=0.1))),
        Plan(
            faults=(Partition(groups=(("node-2",), ("b",)), at_s=1, for_s=2), FailCall(call="*", lost="late"))
        ),
    ],
)
def test_its_repr_is_python_that_makes_it(plan: Plan) -> None:
    assert eval(repr(plan)) == plan
    assert "None" not in repr(plan), "what is as by default is left out"


def test_deviations_change_the_order_and_a_plan_repeats() -> None:
    plans = [Plan(((gap, 1),)) for gap in range(40)]
    stories = [story(plan) for plan in plans]
    assert len(set(stories)) >= 3
    assert stories == [story(plan) for plan in plans]


def test_what_was_passed_over_comes_after_all_that_was_not() -> None:
    """One deviation delays a message for good: at best past all of another client's."""
    assert {"cdab", "abcd"} & {story(Plan(((gap, 1),))) for gap in range(40)}


def test_a_seed_draws_chance_and_leaves_the_order_to_the_deviations() -> None:
    assert {story(Plan(seed=seed)) for seed in range(1, 10)} == {story(Plan())}
    config = SimConfig(service_times={"Log.add": Uniform(0.1, 0.2)}, latency=Latency(low_s=0, high_s=0))

    def length_s(seed: int) -> float:
        with simulate(Plan(seed=seed, late_s=0), config=config) as simulation:
            simactors.get(Log.remote().add.remote("a"))
        return simulation.now_s

    assert length_s(3) == length_s(3) != length_s(4)


def test_deviations_that_the_run_never_comes_to_count_for_nothing() -> None:
    assert story(Plan(((100_000, 1),))) == story(Plan())


def test_a_pick_beyond_the_options_is_the_last_one() -> None:
    choices = PlannedChoices(Plan(((0, 9),)))

    options = [OPTION, OPTION, OPTION]
    assert choices.pick(NEXT, options[:1]) == 0, "where there is no choice, none is counted"
    assert choices.pick(NEXT, [CLUSTERS, OPTION]) == 0, "nor where it is the cluster's turn"
    assert choices.pick(NEXT, [*options, CLUSTERS]) == 2
    assert choices.pick(NEXT, options) == 0


def test_a_plan_that_comes_later_counts_from_the_start_all_the_same() -> None:
    options = [OPTION, OPTION]
    choices = PlannedChoices()
    assert [choices.pick(NEXT, options) for _ in range(2)] == [0, 0]
    choices.follow(Plan(((1, 1), (0, 1), (1, 1))))
    assert [choices.pick(NEXT, options) for _ in range(4)] == [1, 0, 1, 0]


def test_faults_and_nodes_are_part_of_it() -> None:
    with simulate(Plan(nodes=2)):
        assert len(simactors.nodes()) == 2
    with simulate(Plan(faults=(CrashProcess(before_call=1),))):
        log = Log.remote()
        with pytest.raises(simactors.exceptions.ActorDiedError):
            simactors.get(log.add.remote("a"))
    more = FaultPlan((CrashProcess(before_call=1),))
    with simulate(Plan(), faults=more):
        log = Log.remote()
        with pytest.raises(simactors.exceptions.ActorDiedError):
            simactors.get(log.add.remote("a"))


def test_faults_may_be_told_later() -> None:
    with simulate() as simulation:
        log = Log.remote()
        simactors.get(log.add.remote("a"))
        simulation.disturb(FaultPlan((CrashProcess(before_call=2),)))
        assert simactors.get(log.add.remote("b")) == ["a", "b"]
        with pytest.raises(simactors.exceptions.ActorDiedError):
            simactors.get(log.add.remote("c"))


def test_what_a_plan_changed_is_noted_on_what_leaves_the_block() -> None:
    plans = [Plan(((gap, 1),)) for gap in range(20)]
    notes = []
    for plan in plans:
        with pytest.raises(ZeroDivisionError) as caught:
            story(plan, ZeroDivisionError)
        notes += getattr(caught.value, "__notes__", [])
    assert any("Log.add (message 1) from write#1 to Log#1 comes after" in note for note in notes)


def test_lists_are_taken_for_tuples() -> None:
    assert Plan(deviations=[[3, 1]]) == Plan(((3, 1),))  # type: ignore[arg-type, list-item]  # as JSON has them


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Plan(((0, 0),)), "gap >= 0 and a pick >= 1"),
        (lambda: Plan(((-1, 1),)), "gap >= 0 and a pick >= 1"),
        (lambda: Plan(nodes=0), "nodes must be at least 1"),
        (lambda: Plan(seed=-1), "seed and late_s must be at least 0"),
        (lambda: Plan(late_s=-1), "seed and late_s must be at least 0"),
        (lambda: Plan(late_s=float("inf")), "seed and late_s must be at least 0"),
        (lambda: Plan(nodes=2).config(SimConfig(nodes=(NodeConfig(),))), "leave them out of the plan"),
    ],
)
def test_what_makes_no_sense_is_refused(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_plan_is_not_given_together_with_choices() -> None:
    with pytest.raises(TypeError, match="a plan or choices"), simulate(Plan(), choices=PlannedChoices()):
        pass
    with pytest.raises(TypeError, match="an int or a Plan"), simulate("7"):  # type: ignore[arg-type]
        pass
