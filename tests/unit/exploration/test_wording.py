"""Plans in words: what a person reads who is to make it happen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import simactors
from simactors.core import fault_plan as plan
from simactors.core.fault_plan import Fault, FaultPlan
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Answer, Deviation, Script
from simactors.exploration.target import Program, Target
from simactors.exploration.wording import deviations_in_words, faults_in_words, others_in_words
from simactors.sim.offers import Description, Offer


def step(name: str) -> Offer:
    """An offer of that name, as far as words are made of it."""
    kind, place, what, number = name.split(" ")
    source, _, target = place.partition(">")
    description = Description(kind, source, target or source, what)
    return Offer(None, description, int(number), (), 0, 0)


READ = "call client#1>Account#1 Account.read 1"
WRITE = "call client#2>Account#1 Account.write 1"
ADD = "call client#3>Account#1 Account.add 2"
PATH = [
    step(name) for name in (WRITE, ADD, READ, "sleep client#1  3", "reply Account#1>client#2 Account.write 1")
]


def words(*deviations: tuple[str, str]) -> list[str]:
    script = Script(tuple(Deviation(*each) for each in deviations))
    return [text for _, text in deviations_in_words(script, PATH)]


@pytest.mark.parametrize(
    ("step", "after", "says"),
    [
        (
            READ,
            WRITE,
            "delay Account.read (message 1) from client#1 to Account#1 past "
            "Account.add (message 2) from client#3 to Account#1",
        ),
        (
            "sleep client#1  3",
            WRITE,
            "delay the 3rd waking of client#1 past Account.write (message 1) from client#2 to Account#1",
        ),
        (
            "reply Account#1>client#2 Account.write 1",
            READ,
            "delay the answer of Account#1 to client#2 for Account.write (message 1) past "
            "Account.read (message 1) from client#1 to Account#1",
        ),
        (
            "call my cat>Account#1 Account.read 7",
            ADD,
            "hold back Account.read (message 7) from my cat to Account#1 for good, and go on with "
            "Account.add (message 2) from client#3 to Account#1",
        ),
        (
            "reply Account#1>driver Account.read 7",
            "timer cluster  1",
            "hold back the answer of Account#1 to driver for Account.read (message 7) for good, and go on with "
            "the 1st timer of the cluster",
        ),
        (
            "timer cluster train 2",
            READ,
            "hold back the 2nd placing of train for good, and go on with Account.read (message 1) from client#1 to ",
        ),
        (
            "call a>b b.m 1",
            "timer cluster (fault) 1",
            "hold back b.m (message 1) from a to b for good, and go on with the 1st beginning or end of a fault",
        ),
        ("turn a a.m 2", "x", "hold back the 2nd start of a.m at a for good, and go on with 'x'"),
        ("begin b>a a.m 1", READ, "hold back the beginning of a.m (message 1) from b at a for good, and "),
        ("resume a  22", READ, "hold back the 22nd going on of a for good, and go on with "),
        ("notice cluster  1", READ, "hold back the 1st notice of the cluster for good, and go on with "),
    ],
)
def test_a_deviation_is_told_by_what_comes_late_and_what_overtakes_it(
    step: str, after: str, says: str
) -> None:
    (text,) = words((step, after))
    assert text.startswith(says)


def test_a_deviation_that_had_no_effect_is_not_told() -> None:
    assert words((WRITE, READ)) == []
    assert deviations_in_words(None, PATH) == []


def test_deviations_are_told_in_the_order_of_what_came_late_and_all_of_them() -> None:
    never = "call a>b b.m 1", "call a>b b.n 1"
    told = words(("sleep client#1  3", WRITE), (READ, WRITE), (never[0], WRITE), (never[1], WRITE))
    assert [text.split(" ")[0] for text in told] == ["delay", "delay", "hold", "hold"]
    assert "Account.read" in told[0]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            plan.CrashProcess(call="Account.add", after_call=2),
            "crash the process of Account after its 2nd Account.add",
        ),
        (
            plan.CrashProcess(process="ann", call="Account.add", before_call=1),
            "crash the process of ann before its 1st Account.add",
        ),
        (plan.CrashProcess(call="train", before_call=3), "crash the process of train before its 3rd train"),
        (plan.CrashProcess(before_call=4), "crash the process before its 4th call"),
        (
            plan.CrashProcess(process="Clerk#1", call="Account.add", on_reply=2),
            "crash the process of Clerk#1 when it hears the 2nd answer to Account.add",
        ),
        (plan.CrashProcess(process="Account#2", at_s=0.5), "crash the process of Account#2 at 0.5 s"),
        (plan.CrashNode(node="node-2", at_s=1.0), "stop node-2 at 1 s"),
        (
            plan.CrashNode(node="node-2", at_s=1.0, back_after_s=2.0),
            "stop node-2 at 1 s, and let another one join 2 s later",
        ),
        (plan.Pause(process="ann", at_s=0.1, for_s=2.0), "let ann stand still at 0.1 s for 2 s"),
        (plan.Pause(node="node-2", at_s=0.1, for_s=2.0), "let node-2 stand still at 0.1 s for 2 s"),
        (plan.JumpClock(node="node-1", by_s=-2.0, at_s=1.0), "set the clock of node-1 back by 2 s at 1 s"),
        (plan.FailCall(call="a.b", lost="request", nth=1), "lose the 1st a.b"),
        (plan.FailCall(call="a.b", lost="reply", nth=12), "lose the answer of the 12th a.b"),
        (plan.FailCall(call="a.b", lost="late", nth=3), "make late, so that it is made again, the 3rd a.b"),
        (plan.DelayCall(call="a.b", by_s=0.5, nth=2), "delay the 2nd a.b by 0.5 s"),
        (
            plan.DelayCall(call="*", by_s=1, at_s=2, for_s=3),
            "delay 100% of all attempts at call from 2 s on for 3 s by 1 s",
        ),
        (plan.FailCall(call="a.b", lost="request", probability=0.25), "lose 25% of all attempts at a.b"),
        (
            plan.Cut(source="node-1", target="node-2", at_s=1.0, for_s=2.0, both_ways=True),
            "cut the network between node-1 and node-2 at 1 s for 2 s",
        ),
        (
            plan.Partition(groups=(("node-2", "node-3"),), at_s=1.0, for_s=2.0),
            "part the cluster (node-2, node-3 | the rest) at 1 s for 2 s",
        ),
        (plan.LoseObject(of="train", nth=2), "lose the 2nd result of train"),
        (plan.SlowNode(node="node-1", factor=3.0, at_s=1.0), "slow node-1 down 3 times at 1 s"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_fault_is_a_sentence(fault: Fault, says: str) -> None:
    assert faults_in_words(FaultPlan((fault,))) == [says]


def test_any_call_is_called_a_call():
    faults = FaultPlan(
        (plan.FailCall(call="*", lost="reply", nth=2), plan.CrashProcess(call="*", after_call=3))
    )
    assert faults_in_words(faults) == [
        "lose the answer of the 2nd call",
        "crash the process after its 3rd call",
    ]


def test_what_else_is_chosen_otherwise_is_told_by_its_kind() -> None:
    labels = ("wait", "lane", "wait", "random/Account#1", "preempted", "fault 0 FailCall *", "news")
    answers = tuple(Answer(label, nth, 1) for nth, label in enumerate(labels))
    recipe = Recipe(program=Program(target=Target("app.py", "main")), script=Script(answers=answers))
    assert others_in_words(recipe) == [
        "let `wait` give another ref that is ready than the first, 2 times",
        "start calls of an async actor in another order than they came",
        "let chance draw other numbers in Account#1",
        "answer the question 'news' otherwise",
    ]


def test_every_question_of_the_simulator_has_words() -> None:
    """A label says nothing to who reads a plan."""
    asked = re.compile(r'choices\.(?:number|pick)\("(\w+)"')
    sources = (Path(simactors.__file__).parent / "sim").rglob("*.py")
    labels = {label for source in sources for label in asked.findall(source.read_text())}
    assert "answered" in labels
    answers = tuple(Answer(label, nth, 1) for nth, label in enumerate(sorted(labels)))
    recipe = Recipe(program=Program(target=Target("app.py", "main")), script=Script(answers=answers))
    assert [text for text in others_in_words(recipe) if text.startswith("answer the question")] == []
