"""What goes wrong in the runs of a hunt: only what was asked for, only what can be, and it ends before the run does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    FailCall,
    Fault,
    JumpClock,
    Partition,
    Pause,
)
from simactors.exploration.storms import KINDS, Shape, Storms, kinds_of
from simactors.sim import aims
from simactors.sim.config import NodeConfig, SimConfig
from simactors.sim.planned import LATE_S

FEW = settings(max_examples=40, deadline=None)
KIND_OF: dict[type, str] = {
    Pause: "delay",
    CrashProcess: "crash",
    CrashNode: "node",
    Cut: "partition",
    Partition: "partition",
    JumpClock: "skew",
    FailCall: "rpc",
}
CALLS = {"Account.add": 20, "Account.read": 1, "work": 3}
PROCESSES = ("Account#1", "ann", "work#1", "work#2")


def shape_of(length_s: float) -> Shape:
    """A run in which something happened to each process at some time."""
    moments = {
        call: [(length_s * n / count, PROCESSES[n % 4]) for n in range(count)]
        for call, count in CALLS.items()
    }
    calls = {call: [time_s for time_s, _ in times] for call, times in moments.items()}
    return Shape(calls, PROCESSES, moments, length_s)


SHAPE = shape_of(2.0)
SHAPES = st.builds(shape_of, st.floats(0, 100, allow_nan=False))
STORMS = st.builds(
    Storms,
    st.lists(st.sampled_from(KINDS), unique=True).map(tuple),
    st.none() | st.integers(0, 4),
    st.integers(1, 5),
    st.floats(0.1, 10),
    st.none() | st.lists(st.sampled_from([*CALLS, "Account.*", "nothing"])).map(tuple),
)


def kind_of(fault: Fault) -> str:
    return KIND_OF[type(fault)]


@FEW
@given(STORMS, SHAPES, st.integers(0, 10**6))
def test_there_is_only_what_was_asked_for_and_not_too_much_of_it(
    storms: Storms, shape: Shape, seed: int
) -> None:
    faults = storms.draw(seed, shape).faults
    counts = Counter(map(kind_of, faults))
    assert set(counts) <= set(storms.kinds)
    for kind in ("crash", "node", "partition"):
        assert counts[kind] <= (1 if storms.most is None else storms.most)
    assert storms.draw(seed, shape).faults == faults, "the same seed draws the same storm"


@FEW
@given(STORMS, SHAPES, st.integers(0, 10**6))
def test_every_plan_aims_at_what_is_there(storms: Storms, shape: Shape, seed: int) -> None:
    config = SimConfig(nodes=(NodeConfig(count=storms.nodes),))
    aims.check(storms.draw(seed, shape), config)


@FEW
@given(STORMS, SHAPES, st.integers(0, 10**6))
def test_a_storm_begins_within_the_run_and_all_of_it_heals(storms: Storms, shape: Shape, seed: int) -> None:
    length_s = max(shape.length_s, 0.001)
    for fault in storms.draw(seed, shape).faults:
        at_s = getattr(fault, "at_s", None)
        if at_s is not None and not isinstance(fault, JumpClock):  # setting it right may come later
            assert 0 <= at_s <= 0.9 * length_s + 1e-6
        if isinstance(fault, Pause | Cut | Partition):
            assert fault.for_s is not None
            most_s = max(0.001 + length_s, 1.5 * storms.detection_s, LATE_S)
            assert 0 < fault.for_s <= most_s + 0.002
        for nth in (getattr(fault, name, None) for name in ("before_call", "after_call", "on_reply", "nth")):
            if nth is not None:
                assert 1 <= nth <= len(shape.calls[fault.call])  # type: ignore[union-attr]
        if isinstance(fault, CrashNode):
            assert fault.back_after_s is not None
        if isinstance(fault, FailCall) and fault.nth is None:
            assert fault.for_s is not None
            assert fault.at_s + fault.for_s <= 0.9 * length_s + 1e-5


def test_clocks_are_set_right_again() -> None:
    storms = Storms(("skew",))
    for seed in range(50):
        faults = storms.draw(seed, SHAPE).faults
        assert sum(fault.by_s for fault in faults if isinstance(fault, JumpClock)) == 0


def test_a_run_begins_calm_for_a_shorter_or_longer_while() -> None:
    storms = Storms(("crash", "rpc"), nodes=1)
    plans = [storms.draw(seed, SHAPE).faults for seed in range(300)]
    firsts = [min(filter(None, map(_nth, plan)), default=None) for plan in plans]
    hit = [first for first in firsts if first is not None]
    assert min(hit) <= 2
    calms = [
        fault.at_s for plan in plans for fault in plan if isinstance(fault, FailCall) and fault.nth is None
    ]
    assert 0 < max(calms) <= SHAPE.length_s / 2
    assert sorted(calms)[len(calms) // 2] < SHAPE.length_s / 10, "mostly short"


def _nth(fault: Fault) -> int | None:
    names = ("before_call", "after_call", "on_reply", "nth")
    return next(filter(None, (getattr(fault, name, None) for name in names)), None)


@pytest.mark.parametrize(
    ("calls", "around"),
    [
        (("Account.*",), {"Account.add", "Account.read"}),
        (("work", "Account.read"), {"work", "Account.read"}),
        (("Acount.*",), set()),
    ],
)
def test_faults_strike_around_the_calls_that_are_meant(calls: tuple[str, ...], around: set[str]) -> None:
    moments = {"Account.add": [(0.5, "Account#1")], "Account.read": [(1.0, "ann")], "work": [(1.5, "work#1")]}
    times = {label: [time_s for time_s, _ in moments] for label, moments in moments.items()}
    shape = Shape(times, ("Account#1", "ann", "work#1"), moments, 2.0)
    homes = {"Account.add": "Account#1", "Account.read": "ann", "work": "work"}
    storms = Storms(("crash", "rpc"), 3, calls=calls)
    faults = [fault for seed in range(200) for fault in storms.draw(seed, shape).faults]
    assert {fault.call for fault in faults if isinstance(fault, FailCall)} == around
    crashes = [fault for fault in faults if isinstance(fault, CrashProcess)]
    assert {fault.call for fault in crashes if fault.at_s is None} == around
    at_some_time = {fault.process for fault in crashes if fault.at_s is not None}
    assert at_some_time == {homes[label] for label in around}


@FEW
@given(STORMS, st.integers(0, 10**6))
def test_a_run_before_anything_is_known_is_calm(storms: Storms, seed: int) -> None:
    assert storms.draw(seed, None).faults == ()
    assert storms.draw(seed, Shape({}, (), {}, 1.0)).faults == ()


def test_every_kind_comes_up_and_so_do_calm_runs() -> None:
    storms = Storms(KINDS, nodes=3)
    plans = [storms.draw(seed, SHAPE).faults for seed in range(200)]
    seen = Counter(kind_of(fault) for plan in plans for fault in plan)
    assert set(seen) == set(KINDS)
    sizes = {len({kind_of(fault) for fault in plan}) for plan in plans}
    assert {0, 1, 2, 3} <= sizes, "each run gets its own few kinds"
    assert {type(fault) for plan in plans for fault in plan} == set(KIND_OF)


def test_one_machine_is_neither_lost_nor_cut_off() -> None:
    storms = Storms(KINDS, nodes=1)
    seen = {kind_of(fault) for seed in range(200) for fault in storms.draw(seed, SHAPE).faults}
    assert seen == set(KINDS) - {"node", "partition"}


def test_words_become_kinds_in_one_order() -> None:
    assert kinds_of("rpc, crash") == ("crash", "rpc")
    assert kinds_of("all") == KINDS
    assert kinds_of("none") == kinds_of("") == ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("crsh", "did you mean 'crash'"),
        ("x", "use some of delay, crash"),
        ("none,crash", "goes with no other"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kinds_of(words)
