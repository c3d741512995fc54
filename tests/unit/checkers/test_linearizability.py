"""The judge on histories whose verdict is known: classic ones, and traps for what the search leaves out."""

from __future__ import annotations

import sys
import textwrap

import pytest

from simactors.checkers.linearizability import linearizable
from simactors.checkers.specification import Specification
from simactors.checkers.specs import Bank, Counter, KeyValueMap, Queue, Register
from simactors.checkers.values import same_arguments
from simactors.checkers.verdict import Ok, Unknown, Violated
from simactors.core.history import History, Operation
from simactors.exceptions import SpecificationError, UndecidedError, ViolationError
from tests.unit.checkers.campaign import disagreements
from tests.unit.checkers.notation import did, in_turn, lost


def test_an_empty_history_is_linearizable_and_says_that_nothing_was_seen():
    assert linearizable(History(), Register()) == Ok("linearizable", 0)


def test_herlihy_and_wings_first_queue_history_is_linearizable():
    # Figure 1a of their paper: overlapping enqueues may take effect in either order.
    history = History.of(
        [
            did("a", "enqueue", "x", at=(0, 3)),
            did("b", "enqueue", "y", at=(1, 2)),
            did("b", "dequeue", at=(4, 6), says="x"),
            did("a", "dequeue", at=(5, 8), says="y"),
            did("b", "enqueue", "z", at=(7, 9)),
        ]
    )
    assert linearizable(history, Queue()) == Ok("linearizable", 5)


def test_herlihy_and_wings_second_queue_history_is_not():
    # Figure 1b: x was in the queue before y was, and y came out first.
    history = History.of(
        [
            did("a", "enqueue", "x", at=(0, 1)),
            did("b", "enqueue", "y", at=(2, 3)),
            did("a", "dequeue", at=(4, 5), says="y"),
        ]
    )
    assert isinstance(linearizable(history, Queue()), Violated)


def test_one_element_must_not_come_out_twice():
    # Figure 1d: two overlapping dequeues both got y.
    history = History.of(
        [
            did("a", "enqueue", "x", at=(0, 2)),
            did("b", "enqueue", "y", at=(1, 3)),
            did("a", "dequeue", at=(4, 6), says="y"),
            did("c", "dequeue", at=(5, 7), says="y"),
        ]
    )
    assert isinstance(linearizable(history, Queue()), Violated)


def test_overlapping_reads_may_see_the_new_value_only_in_one_order():
    """A new value that was read must not be forgotten again: the "new/old inversion" of Lamport's regular registers."""
    write = did("w", "set", 1, at=(0, 9))
    old_new = [did("r", "get", at=(1, 2), says=0), did("r", "get", at=(3, 4), says=1)]
    new_old = [did("r", "get", at=(1, 2), says=1), did("r", "get", at=(3, 4), says=0)]
    assert linearizable(History.of([write, *old_new]), Register(0))
    assert not linearizable(History.of([write, *new_old]), Register(0))


def test_both_of_two_sequential_clients_must_see_the_same_order_of_writes():
    # Each client's own view fits (it is sequentially consistent for one), but not one order for both.
    history = History.of(
        [
            did("a", "set", 1, at=(0, 2)),
            did("b", "set", 2, at=(1, 3)),
            did("c", "get", at=(4, 5), says=1),
            did("d", "get", at=(6, 7), says=2),
        ]
    )
    assert isinstance(linearizable(history, Register(0)), Violated)


# Operations without an answer


def test_an_operation_without_an_answer_may_take_effect_long_after_its_call():
    history = History.of(
        [lost("a", "set", 1, at=0), did("b", "get", at=(1, 2), says=0), did("b", "get", at=(3, 4), says=1)]
    )
    assert linearizable(history, Register(0))


def test_an_operation_without_an_answer_may_never_take_effect():
    assert linearizable(
        History.of([lost("a", "set", 1, at=0), did("b", "get", at=(1, 2), says=0)]), Register(0)
    )


def test_an_operation_without_an_answer_takes_effect_once_at_most():
    history = History.of(
        [
            lost("a", "set", 1, at=0),
            did("b", "get", at=(1, 2), says=1),
            did("b", "set", 2, at=(3, 4)),
            did("b", "get", at=(5, 6), says=1),
        ]
    )
    assert not linearizable(history, Register(0))


def test_an_operation_never_takes_effect_before_its_call_not_even_without_an_answer():
    history = History.of([did("b", "get", at=(0, 1), says=1), lost("a", "set", 1, at=2)])
    assert not linearizable(history, Register(0))


def test_the_moment_at_which_a_client_gave_up_ends_nothing():
    gave_up = Operation(client="a", name="set", args=(1,), called=0, returned=1, status="unknown")
    history = History.of([gave_up, did("b", "get", at=(2, 3), says=0), did("b", "get", at=(4, 5), says=1)])
    assert linearizable(history, Register(0))


def test_a_refused_operation_never_took_effect():
    refused = Operation(client="a", name="set", args=(1,), called=0, returned=1, status="refused")
    read = did("b", "get", at=(2, 3), says=1)
    assert not linearizable(History.of([refused, read]), Register(0))
    assert linearizable(History.of([refused]), Register(0)) == Ok("linearizable", 0)


def test_hundreds_of_equal_operations_without_an_answer_are_no_matter():
    waiting = [lost(f"c{i}", "add", at=i) for i in range(300)]
    good = History.of([*waiting, did("r", "read", at=(300, 301), says=200)])
    bad = History.of([*waiting, did("r", "read", at=(300, 301), says=301)])
    assert linearizable(good, Counter(), budget=1_000)
    assert isinstance(linearizable(bad, Counter(), budget=1_000), Violated)


def test_many_writes_without_an_answer_are_no_matter_to_a_register():
    # There are 2**60 subsets; but which of them were overwritten can't be seen, and is never asked.
    waiting = [lost(f"c{i}", "set", i, at=i) for i in range(60)]
    bad = History.of([*waiting, did("r", "get", at=(60, 61), says="never written")])
    assert isinstance(linearizable(bad, Register(), budget=10_000), Violated)


def test_reads_that_run_at_once_are_put_into_no_order():
    # With 2**40 orders of the reads, this would never end.
    reads = [did(f"c{i}", "get", at=(i, 100 + i), says=0) for i in range(40)]
    wrong = did("w", "get", at=(50, 99), says=1)
    assert isinstance(linearizable(History.of([*reads, wrong]), Register(0), budget=1_000), Violated)


def test_which_of_two_overlapping_elements_came_first_is_told_by_when_they_went_out():
    # Guessed wrongly for each of the pairs, this would take 2**100 orders.
    puts = [
        did(f"c{i % 2}", "put", i, at=(4 * (i // 2) + i % 2, 4 * (i // 2) + 2 + i % 2), says=None)
        for i in range(200)
    ]
    swapped = [i ^ 1 for i in range(200)]
    gets = [
        did("r", "get", at=(1_000 + 2 * n, 1_001 + 2 * n), says=element) for n, element in enumerate(swapped)
    ]
    assert linearizable(History.of([*puts, *gets]), Queue(), budget=2_000)


# Exceptions


def test_what_an_operation_raised_is_an_answer():
    bank = Bank({"a": 10, "b": 0})
    poor = ValueError("not enough")
    assert linearizable(in_turn(("transfer", "a", "b", 11, poor), ("balance", "a", 10)), bank)
    assert not linearizable(in_turn(("transfer", "a", "b", 10, poor), ("balance", "a", 10)), bank)


def test_arguments_of_exceptions_count_only_where_that_is_wanted():
    class Refusing:
        initial = 0

        def apply(self, state: int, operation: Operation) -> tuple[int, int]:
            raise ValueError("full")

    history = in_turn(("put", ValueError("no room")))
    assert linearizable(history, Refusing())
    assert not linearizable(history, Refusing(), same=same_arguments)


# Objects


def test_objects_are_judged_apart_by_target_and_by_key():
    on_two = History.of(
        [did("a", "put", "k", 1, at=(0, 1), on="A"), did("a", "get", "k", at=(2, 3), says=None, on="B")]
    )
    assert linearizable(on_two, KeyValueMap())
    wrong = did("a", "get", "k", at=(4, 5), says=None, on="A")
    verdict = linearizable(History.of([*on_two, wrong]), KeyValueMap())
    assert isinstance(verdict, Violated)
    assert verdict.reason.startswith("key ('k',) of A: ")


def test_an_operation_about_all_keys_ties_them_together():
    # Each key by itself is right; but nobody can have seen x without y.
    history = in_turn(("put", "y", 1, None), ("put", "x", 1, None), ("items", {"x": 1}))
    assert not linearizable(history, KeyValueMap())
    assert linearizable(history[:2], KeyValueMap())


def test_a_key_of_ones_own_replaces_target_and_key():
    history = History.of([did("a", "set", 1, at=(0, 1), on="A"), did("a", "get", at=(2, 3), says=1, on="B")])
    assert not linearizable(history, Register(0))
    assert linearizable(history, Register(0), key=lambda operation: "both replicas")


def test_keys_that_look_alike_are_different_objects():
    class Text(str):
        def __repr__(self) -> str:
            return "same"

        __hash__ = str.__hash__

    history = in_turn(("set", 1, None), ("get", 0))
    names = iter([Text("one"), Text("two")])
    assert linearizable(history, Register(0), key=lambda operation: next(names)) == Ok("linearizable", 2)


# What is said


def test_a_violation_shows_the_longest_order_and_what_does_not_fit():
    history = History.of(
        [
            did("alice", "set", 1, at=(0, 2)),
            did("bob", "set", 2, at=(1, 5)),
            lost("carol", "set", 3, at=3),
            did("alice", "get", at=(6, 7), says=1),
            did("dave", "get", at=(8, 9), says=2),
        ]
    )
    verdict = linearizable(history, Register(0))
    expected = """
        linearizable: violated: no order explains `dave: get() -> 2`: it would have returned 1 or returned 3
        alice  [2-]  [3-]
        bob     [1--]
        carol      [4~~~~~~~~~~~
        dave             [!-]

        an order that fits so far:     the state after it:
           1  bob: set(2) -> None      2
           2  alice: set(1) -> None    1
           3  alice: get() -> 1        1
        what does not fit:
           !  dave: get() -> 2    would have returned 1 or returned 3
        not in it:
           4  carol: set(3) (unknown)
        ~ no answer came: it may take effect at any time, or never"""
    assert str(verdict) == textwrap.dedent(expected).lstrip()
    assert isinstance(verdict, Violated)
    assert [str(operation) for operation in verdict.evidence] == [
        "bob: set(2) -> None",
        "alice: set(1) -> None",
        "alice: get() -> 1",
        "dave: get() -> 2",
    ]
    with pytest.raises(ViolationError, match="no order explains"):
        verdict.check()


def test_a_client_that_asks_again_before_it_is_answered_has_two_rows():
    history = History.of(
        [did("a", "set", 1, at=(0, 3)), did("a", "set", 2, at=(1, 4)), did("b", "get", at=(5, 6), says=3)]
    )
    verdict = linearizable(history, Register(0))
    assert isinstance(verdict, Violated)
    assert verdict.picture.splitlines()[:3] == ["a  [1-]", "    [2-]", "b       [!-]"]


def test_of_a_long_history_only_the_end_is_drawn():
    history = in_turn(*(("set", number, None) for number in range(1_000)), ("get", 0))
    verdict = linearizable(history, Register(0))
    assert isinstance(verdict, Violated)
    assert "(the last 8 of 1000)" in verdict.picture
    assert len(verdict.picture.splitlines()) < 20
    assert max(map(len, verdict.picture.splitlines())) < 120


# Budgets and misuse


def test_when_the_budget_ends_nothing_is_known_and_it_says_how_far_it_came():
    history = in_turn(*(("set", number, None) for number in range(100)))
    verdict = linearizable(history, Register(0), budget=50)
    assert isinstance(verdict, Unknown)
    assert not verdict
    assert "gave up after 50 steps, with 50 of 100 operations in order" in verdict.reason
    assert "Raise `budget`" in verdict.reason
    with pytest.raises(UndecidedError):
        verdict.check()


def test_an_object_that_is_too_hard_hides_no_violation_of_another():
    easy = [did("a", "get", at=(0, 1), says=7, on="A")]
    hard = [did("a", "set", number, at=(2 * number + 2, 2 * number + 3), on="B") for number in range(100)]
    assert isinstance(linearizable(History.of([*easy, *hard]), Register(0), budget=50), Violated)


def test_a_long_history_needs_no_recursion():
    history = in_turn(*(("add", None) for _ in range(5 * sys.getrecursionlimit())), ("read", -1))
    assert isinstance(linearizable(history, Counter()), Violated)


def test_an_answer_without_a_place_is_refused():
    with pytest.raises(ValueError, match="no place where it returned: a: get"):
        linearizable(History((Operation(client="a", name="get", called=0, status="returned"),)), Register())


def test_states_that_cannot_be_hashed_are_refused():
    class Mutable:
        initial: list[int] = []  # noqa: RUF012  # what is wrong is the point

        def apply(self, state: list[int], operation: Operation) -> tuple[list[int], None]:
            return [*state, 1], None

    with pytest.raises(SpecificationError, match="the states of Mutable must be hashable"):
        linearizable(in_turn(("add", None)), Mutable())


def test_an_apply_that_forgets_the_state_is_refused():
    class Forgetful:
        initial = 0

        def apply(self, state: int, operation: Operation) -> int:
            return state + 1

    with pytest.raises(SpecificationError, match=r"Forgetful\.apply must return"):
        linearizable(in_turn(("add", 1)), Forgetful())  # type: ignore[arg-type]  # what is wrong is the point


def test_the_judge_agrees_with_trying_everything_on_random_histories():
    assert list(disagreements(3_000)) == []


@pytest.mark.parametrize("seed", [1_000_950, 1_062_200, 1_066_245, 1_072_658])
def test_a_guess_never_changes_which_of_equal_operations_goes_first(seed: int) -> None:
    """Once the guess was asked before that was decided: of two equal puts the one that is answered later went first."""
    assert list(disagreements(1, first=seed)) == []


# What hostile users give


def test_operations_in_any_order_and_in_any_collection_will_do():
    operations = [did("a", "get", at=(2, 3), says=1), did("a", "set", 1, at=(0, 1))]
    assert linearizable(operations, Register(0)) == Ok("linearizable", 2)


@pytest.mark.parametrize("spec", [Register, "Register", object()])
def test_what_is_no_specification_is_refused(spec: object):
    with pytest.raises(SpecificationError, match="a specification is an object"):
        linearizable(in_turn(("get", 0)), spec)  # type: ignore[arg-type]  # what is wrong is the point


def test_values_that_cannot_be_compared_are_no_violation():
    class Unhashable:
        def __eq__(self, other: object) -> bool:
            return True

    around: list[object] = []
    around.append(around)
    for value in (Unhashable(), around):
        with pytest.raises(SpecificationError, match="Register can't judge"):
            linearizable(in_turn(("set", value, None), ("get", value)), Register(0))


def test_a_value_that_cannot_be_printed_hides_no_violation():
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    verdict = linearizable(in_turn(("set", Unprintable(), None), ("get", 5)), Register(0))
    assert isinstance(verdict, Violated)
    assert "<Unprintable, whose repr() raised RuntimeError>" in verdict.picture


@pytest.mark.parametrize(("spec", "asked"), [(Register(0), "set"), (Counter(), "add"), (Queue(), "put")])
def test_a_thousand_operations_without_an_answer_take_few_steps(spec: Specification, asked: str):
    lost_ones = [lost(f"c{number}", asked, 1 + number % 500, at=number) for number in range(1_000)]
    answers = {"set": ("get", 7), "add": ("get", 400), "put": ("get", 3)}
    name, says = answers[asked]
    told = [did("r", name, at=(1_000, 1_001), says=says)]
    assert linearizable(History.of([*lost_ones, *told]), spec, budget=30_000)
