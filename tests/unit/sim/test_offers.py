"""What may happen next where the order is explored, and what steps are called: by themselves, and in whole programs.

Method for the programs: generated ones run under choices that check every list of offers before they pick at random.
"""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import simactors as ray
from simactors import exceptions
from simactors.core.choices import NEXT, DullChoices, SeededChoices
from simactors.core.fault_plan import CrashNode, CrashProcess, FaultPlan
from simactors.exploration.campaign import Quest
from simactors.exploration.runner import run_simulated
from simactors.exploration.target import Program, Target
from simactors.sim.config import NS, SimConfig, Slack
from simactors.sim.kernel import Kernel
from simactors.sim.offers import Description, Offer
from simactors.sim.trace import Trace
from simactors.sim.waiting import Timer
from tests.determinism.programs import generate
from tests.power.programs import PLANTED

SECOND = 10**9


class Process:
    """Whose code waits."""

    label = "driver"
    dead = halted = False

    def park(self, step: object) -> None:
        raise AssertionError


class Message:
    """A step that arrives."""

    callbacks = None

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name = name
        self._seen = seen

    def then(self, _: object) -> None:
        self._seen.append(self.name)


class Picks:
    """Picks by name: the first of those that it still wants, or else the dullest."""

    def __init__(self, *wanted: str) -> None:
        self._wanted = list(wanted)
        self.options: list[list[str]] = []

    def number(self, label: str, bound: int) -> int:
        return 0

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        return lambda: 0

    def pick(self, label: str, options: Sequence[Any]) -> int:
        names = [offer.what for offer in options]
        self.options.append(names)
        if self._wanted and self._wanted[0] in names:
            return names.index(self._wanted.pop(0))
        return 0


class Run:
    """A kernel whose steps are messages and timers with names."""

    def __init__(self, *wanted: str, slack_s: float = 1.0, **limits: float) -> None:
        bounds = {"max_steps": 10**6, "max_virtual_time_s": 10**6, **limits}
        self.picks = Picks(*wanted)
        slack_ns = {"call": round(slack_s * NS)}
        self.kernel = Kernel(self.picks, Trace(10), slack_ns=slack_ns, **bounds)  # type: ignore[arg-type]
        offers = self.kernel.offers
        assert offers is not None
        self.offers = offers
        offers.describe, offers.awaited = self._describe, lambda step: ()
        self.seen: list[str] = []

    def _describe(self, step: Any) -> Description:
        if isinstance(step, Message):
            return Description("call", "driver", "actor", step.name)
        kind = step.kind if isinstance(step, Timer) else "resume"
        return Description(kind, "driver", "driver", getattr(step, "name", kind))

    def message(self, name: str, at_s: float, order: object = None) -> Message:
        message = Message(name, self.seen)
        entry = round(at_s * NS), 1, self.kernel.next_number(), message
        if order is None:
            self.offers.push(entry)
        else:
            self.offers.push_in_order(order, entry)
        return message

    def timer(self, name: str, at_s: float) -> Timer:
        return self.kernel.timer(
            round(at_s * NS), lambda: self.seen.append(f"{name}@{self.kernel.now_ns / NS:g}")
        )

    def sleep(self, seconds: float) -> str:
        self.kernel.sleep(Process(), round(seconds * NS))  # type: ignore[arg-type]
        self.kernel.close()
        return " ".join(self.seen)


def test_messages_may_come_in_any_order_within_their_slack() -> None:
    run = Run("c", "a", "b")
    for name, at_s in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        run.message(name, at_s)
    assert run.sleep(5) == "c a b"
    assert run.picks.options[0] == ["a", "b", "c"]


def test_what_would_come_too_late_for_another_one_is_not_offered() -> None:
    run = Run("late", slack_s=1.0)
    run.message("early", 0.1)
    run.message("late", 1.2)
    assert run.sleep(5) == "early late"
    assert run.picks.options[0] == ["early"], "at 1.1 s at the latest, and the other comes at 1.2 s"


def test_messages_on_one_connection_keep_their_order() -> None:
    run = Run("other")
    run.message("first", 0.1, order="line")
    run.message("second", 0.2, order="line")
    run.message("other", 0.3)
    assert run.sleep(5) == "other first second"
    assert run.picks.options[0] == ["first", "other"]


def test_timers_are_due_in_order_and_on_time_whatever_is_late() -> None:
    run = Run("timer")
    run.timer("b", 0.2)
    run.timer("a", 0.1)
    run.message("m", 0.05)
    assert run.sleep(5) == "a@0.1 b@0.2 m"


def test_a_passed_over_step_comes_after_all_that_were_not() -> None:
    run = Run("b")
    for name in "abc":
        run.message(name, 0.1)
    assert run.sleep(5) == "b c a"
    assert run.picks.options[1] == ["c", "a"]


def test_a_cancelled_timer_neither_happens_nor_sets_a_bound() -> None:
    run = Run("b")
    never = run.timer("never", 0.3)
    run.message("a", 0.1)
    run.message("b", 0.9)
    run.kernel.cancel(never)
    assert run.sleep(5) == "b a"


def test_what_is_taken_off_never_comes_and_others_keep_their_order() -> None:
    run = Run()
    messages = [
        run.message(name, 0.1 * (4 - number), order=name in "ac") for number, name in enumerate("abc")
    ]
    gone = run.kernel.take_off(lambda step: step in (messages[0], messages[1]))
    assert gone == [messages[1], messages[0]], "as they would have come: b at 0.3 s, a at 0.4 s"
    assert run.sleep(5) == "c"


def test_steps_of_one_description_are_told_apart_by_their_number() -> None:
    run = Run()
    for _ in range(3):
        run.message("m", 0.1)
    run.sleep(1)
    assert [offer.name for offer in run.offers.taken[:3]] == [f"call driver>actor m {n}" for n in (1, 2, 3)]


def test_causes_are_the_step_in_which_a_step_came_to_be() -> None:
    run = Run()
    run.message("first", 0.1)
    run.kernel.timer(round(0.2 * NS), lambda: run.message("second", 0.3) and None)
    run.sleep(1)
    by_name = {offer.what: offer for offer in run.offers.taken}
    timer = run.offers.taken.index(by_name["timer"])
    assert (by_name["first"].causes, by_name["second"].causes) == ((), (timer,))


def test_who_keeps_what_happened_keeps_nothing_else_of_the_run() -> None:
    with ray.simulate(config=SimConfig(slack=Slack())) as simulation:
        ray.get(Stuck.remote().touch.remote())
        process = weakref.ref(simulation.path[0].step.caller.backend)  # type: ignore[attr-defined]  # our own offer
    path = simulation.path
    del simulation
    gc.collect()
    assert process() is None
    assert path[0].name == "create driver>Stuck#1 Stuck.__init__ 1"


# The end of a run is told as where latencies are drawn


class Names(DullChoices):
    """Notes the names of the cluster's own steps."""

    def __init__(self) -> None:
        self.of_the_cluster: dict[str, None] = {}

    def pick(self, label: str, options: Sequence[Any]) -> int:
        if label == NEXT:
            self.of_the_cluster |= {offer.name: None for offer in options if offer.source == "cluster"}
        return 0


@ray.remote
def squared(number: int) -> int:
    return number * number


def test_the_clusters_own_steps_are_called_by_what_they_are_for() -> None:
    names = Names()
    faults = FaultPlan((CrashProcess(process="Stuck#1", at_s=0.0001),))
    with ray.simulate(config=SimConfig(slack=Slack()), choices=names, faults=faults):
        stuck = Stuck.remote()
        assert ray.get([squared.remote(2), squared.remote(3)]) == [4, 9]
        del stuck
    assert {
        "timer cluster squared 1",
        "timer cluster squared 2",
        "timer cluster Stuck.__init__ 1",
        "timer cluster (fault) 1",
    } <= set(names.of_the_cluster)


@ray.remote
class Stuck:
    def meet(self, other: Any) -> None:
        ray.get(other.touch.remote())

    def touch(self) -> None:
        pass


def deadlock() -> None:
    stuck = Stuck.remote()
    ray.get(stuck.meet.remote(stuck))


def endless() -> None:
    stuck = Stuck.remote()
    while True:
        ray.get(stuck.touch.remote())


def message_of(program: Callable[[], None], **config: Any) -> str:
    def run() -> None:
        with ray.simulate(config=SimConfig(**config)):
            program()

    with pytest.raises(exceptions.Finding) as raised:
        run()
    return f"{type(raised.value).__name__}: {raised.value}"


def without_times(text: str) -> list[str]:
    return [word for word in text.split() if not word.strip("s").replace(".", "").isdigit()]


@pytest.mark.parametrize(
    ("program", "limits"),
    [
        (deadlock, {}),
        (endless, {"max_steps": 500}),
        (endless, {"max_virtual_time_s": 0.5}),
        (endless, {"max_tasks": 200}),
    ],
)
def test_deadlocks_and_limits_are_told_in_the_same_words(
    program: Callable[[], None], limits: dict[str, Any]
) -> None:
    drawn, explored = (message_of(program, slack=slack, **limits) for slack in (None, Slack()))
    if "max_virtual_time_s" in limits:  # how many steps fit into it is another matter
        drawn, explored = (text.partition(" after ")[0] for text in (drawn, explored))
    assert without_times(drawn) == without_times(explored)


def test_the_driver_may_catch_a_deadlock_and_go_on() -> None:
    with ray.simulate(config=SimConfig(slack=Slack())):
        with pytest.raises(exceptions.DeadlockError, match="it waits for itself"):
            deadlock()
        ray.get(Stuck.remote().touch.remote())


def test_calls_to_a_node_that_dies_are_answered_where_the_order_is_explored() -> None:
    two = SimConfig(nodes=(ray.NodeConfig(count=2),), slack=Slack(messages_s=1.0), detection_s=1.0)
    with ray.simulate(config=two, faults=FaultPlan((CrashNode(node="node-2", at_s=0.001),))):
        actors = [Stuck.options(scheduling_strategy="SPREAD").remote() for _ in range(2)]
        refs = [actor.touch.remote() for actor in actors for _ in range(3)]
        died = 0
        for ref in refs:
            try:
                ray.get(ref)
            except exceptions.RayActorError:
                died += 1
        assert died in (0, 3)


# Whole programs


class Checked:
    """Picks at random, and checks each list of what may happen."""

    def __init__(self, seed: int) -> None:
        drawn = SeededChoices(seed)
        self.number, self.sampler = drawn.number, drawn.sampler
        self._names: set[str] = set()
        self._last: dict[int, tuple[int, int]] = {}
        self._lines: list[Any] = []  # so that none is made where another one was
        self._now_ns = 0
        self.steps = 0

    def pick(self, label: str, options: Sequence[Any]) -> int:
        index = self.number(label, len(options))
        if label == NEXT:
            self._check(options, options[index])
        return index

    def _check(self, options: Sequence[Offer], taken: Offer) -> None:
        self.steps += 1
        names = [offer.name for offer in options]
        assert len(set(names)) == len(names)
        assert taken.name not in self._names, "what has happened, happens again"
        self._names.add(taken.name)
        now_ns = max(self._now_ns, taken.earliest_ns)
        assert all(now_ns <= offer.latest_ns for offer in options), "something is late beyond its slack"
        held = [offer.is_held for offer in options]
        assert held == sorted(held), "what was passed over comes last"
        if taken.order is not None:
            assert taken.order[0] is taken
            line = id(taken.order)
            assert self._last.get(line, (-1, -1)) < taken.rank, (
                "a message overtook another one on its connection"
            )
            self._last[line] = taken.rank
            self._lines.append(taken.order)
        assert all(cause < self.steps - 1 for cause in taken.causes)
        self._now_ns = now_ns


def run_checked(program: Program, seed: int) -> int:
    choices = Checked(seed)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        result = run_simulated(Quest().world_for(program), seed, choices=choices)
    assert result.ending.outcome != "error", result.ending.traceback
    return choices.steps


@pytest.mark.parametrize("seed", [4001, 4003, 4008])
def test_generated_programs_keep_the_rules_in_every_order(seed: int, tmp_path: Path) -> None:
    generate(seed).write(tmp_path)
    assert run_checked(generate(seed).in_folder(tmp_path), seed) > 10


@pytest.mark.parametrize("planted", PLANTED[::4], ids=str)
def test_planted_programs_keep_the_rules_in_every_order(planted: Any) -> None:
    program = Program(target=Target(str(planted.path), planted.function), preemption="stores")
    for seed in range(2):
        assert run_checked(program, seed) > 10
