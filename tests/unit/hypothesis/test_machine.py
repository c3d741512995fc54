"""State machines whose rules call actors: what they find, what they forgive, and what they tell."""

from __future__ import annotations

import functools
import time
import types

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, precondition, rule, run_state_machine_as_test

import simactors
from simactors.checkers.linearizability import linearizable
from simactors.checkers.specs import Register
from simactors.core.current import sessions
from simactors.exceptions import ViolationError
from simactors.hypothesis import ActorStateMachine

QUICK = settings(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=40,
    stateful_step_count=8,
    phases=(Phase.generate, Phase.shrink),
)
CLIENTS = st.sampled_from(["ann", "bob"])


@simactors.remote
class Cell:
    def __init__(self):
        self.value = 0

    def read(self):
        return self.value

    def write(self, value):
        self.value = value

    def add(self, value):
        self.value += value
        return self.value

    def refuse(self):
        raise ValueError("no")


def bump(cell):
    value = simactors.get(cell.read.remote())
    simactors.get(cell.write.remote(value + 1))


class Sums(ActorStateMachine):
    """A correct one, with all that users know of state machines."""

    cells = Bundle("cells")

    @initialize(target=cells)
    def open(self):
        self.expected = {}
        return self.new()

    def new(self):
        cell = simactors.remote(Counting).remote()
        self.expected[cell] = 0
        return cell

    @rule(target=cells)
    def another(self):
        return self.new()

    @rule(client=CLIENTS, cell=cells, n=st.integers(1, 9))
    def add(self, client, cell, n):
        self.submit(client, cell.add, n)
        self.expected[cell] += n

    @precondition(lambda self: self.in_flight)
    @rule()
    def look(self):
        assert self.in_flight[0].result() >= 1

    @invariant()
    def time_goes_on(self):
        assert self.sim.now_s >= 0

    def check_at_rest(self):
        assert not self.in_flight
        for cell, total in self.expected.items():
            assert simactors.get(cell.add.remote(0)) == total


class Counting:
    def __init__(self):
        self.total = 0

    def add(self, n):
        self.total += n
        return self.total


class Bumps(ActorStateMachine):
    @initialize()
    def open(self):
        self.cell, self.expected = Cell.remote(), 0

    @rule(client=CLIENTS)
    def bump(self, client):
        self.submit(client, bump, self.cell)
        self.expected += 1

    def check_at_rest(self):
        assert simactors.get(self.cell.read.remote()) == self.expected


class Registers(ActorStateMachine):
    stale = False

    @initialize()
    def open(self):
        self.cell = Cell.remote()

    @rule(client=CLIENTS, value=st.integers(1, 3))
    def write(self, client, value):
        self.submit(client, self.cell.write, value)

    @rule(client=CLIENTS)
    def read(self, client):
        self.submit(client, _zero if self.stale else self.cell.read)

    def check_at_rest(self):
        history = self.history
        if self.stale:
            history = type(history).of(
                _renamed(operation) if operation.name == "_zero" else operation for operation in history
            )
        linearizable(history, Register(initial=0)).check()


def _zero():
    return 0


def _renamed(operation):
    from dataclasses import replace

    return replace(operation, name="read", target="Cell#1")


class Stale(Registers):
    stale = True


class Crashing(ActorStateMachine):
    faults = "crash"
    fault_calls = "Cell.*"

    @initialize()
    def open(self):
        self.cell = Cell.options(max_restarts=-1).remote()

    @rule(client=CLIENTS)
    def add(self, client):
        self.submit(client, self.cell.add, 1)

    def check_at_rest(self):
        assert all(op.status in ("returned", "unknown", "raised") for op in self.history)
        self.seen.update(op.status for op in self.history)


def test_a_correct_program_passes_with_bundles_preconditions_and_invariants() -> None:
    run_state_machine_as_test(Sums, settings=QUICK)


def test_a_lost_update_between_two_clients_is_found_and_told_by_its_steps() -> None:
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(Bumps, settings=QUICK)
    told = "\n".join(caught.value.__notes__)
    steps = [line for line in told.splitlines() if line.startswith("state.")]
    assert steps[0].startswith("state.follow(plan=Plan(")
    assert steps[-1] == "state.teardown()"
    assert sum("bump" in step for step in steps) <= 4
    assert len(steps) <= 8


def test_histories_are_for_the_judges() -> None:
    run_state_machine_as_test(Registers, settings=settings(QUICK, max_examples=10))
    with pytest.raises(ViolationError, match="linearizable: violated"):
        run_state_machine_as_test(Stale, settings=settings(QUICK, phases=[Phase.generate]))


def test_a_crash_leaves_calls_of_which_nobody_knows_what_became() -> None:
    Crashing.seen = set()
    run_state_machine_as_test(Crashing, settings=settings(QUICK, max_examples=100))
    assert {"returned", "unknown"} <= Crashing.seen


def test_calls_tell_what_came_of_them() -> None:
    machine = Sums()
    try:
        cell = Cell.remote()
        first, second = machine.submit("ann", cell.add, 5), machine.submit("bob", cell.refuse)
        assert not first.is_done
        assert first.result() == 5
        assert first.is_done
        with pytest.raises(ValueError, match="no"):
            second.result()
        assert [(op.client, op.target, op.name, op.args, op.status) for op in machine.history] == [
            ("ann", "Cell#1", "add", (5,), "returned"),
            ("bob", "Cell#1", "refuse", (), "raised"),
        ]
    finally:
        machine.teardown()


def test_a_function_with_some_arguments_given_is_called_as_the_function_is() -> None:
    machine = Sums()
    try:
        asked = machine.submit("ann", functools.partial(_twice, Cell.remote()), 5)
        assert asked.result() == 10
        assert (asked.name, asked.args) == ("_twice", (5,))
        assert machine.history[0].name == "_twice"
        with pytest.raises(TypeError, match=r"takes handle\.method or a function"):
            machine.submit("ann", 5)
    finally:
        machine.teardown()


def _twice(cell, value):
    simactors.get(cell.add.remote(value))
    return simactors.get(cell.add.remote(value))


def test_keywords_stand_at_their_places() -> None:
    machine = Sums()
    try:
        machine.submit("ann", Cell.remote().add, value=5)
        assert machine.history[0].args == (5,)
    finally:
        machine.teardown()


def test_a_machine_may_say_what_cluster_it_runs_on() -> None:
    class Three(ActorStateMachine):
        nodes = 3

    machine = Three()
    try:
        assert len(simactors.nodes()) == 3
    finally:
        machine.teardown()
    assert not simactors.is_initialized()


class ForgetsToEndIt(Bumps):
    """As users of Hypothesis write it: there, nothing is to be called."""

    def teardown(self):
        pass


class NeverBegins(ActorStateMachine):
    def __init__(self):
        super().__init__()
        raise KeyError("no such thing")

    @rule()
    def step(self):
        pass


class FailsAtItsEnd(Sums):
    def teardown(self):
        raise KeyError("no such thing")


class Mixin:
    def teardown(self):
        pass


class MixedIn(Mixin, Bumps):
    pass


def _is_real() -> bool:
    return not sessions and isinstance(time.sleep, types.BuiltinFunctionType)


@pytest.mark.parametrize("machine", [ForgetsToEndIt, MixedIn])
def test_a_teardown_that_does_not_call_ours_neither_leaves_a_simulation_open_nor_a_run_unchecked(
    machine,
) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=QUICK)
    assert _is_real()


@pytest.mark.parametrize("machine", [NeverBegins, FailsAtItsEnd])
def test_a_machine_that_fails_outside_of_its_rules_leaves_no_simulation_open(machine) -> None:
    with pytest.raises(KeyError, match="no such thing"):
        run_state_machine_as_test(machine, settings=QUICK)
    assert _is_real()


def test_a_teardown_may_call_one_that_does_not_call_ours() -> None:
    class Inner(Sums):
        def teardown(self):
            pass

    class Outer(Inner):
        def teardown(self):
            super().teardown()
            simactors.get(Cell.remote().read.remote())

    run_state_machine_as_test(Outer, settings=settings(QUICK, max_examples=3))
    assert _is_real()
