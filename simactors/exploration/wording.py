"""A plan in words: which messages are late, what else is chosen otherwise, and what goes wrong where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from simactors.core.choices import Offer
from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Script
from simactors.exploration.target import Program
from simactors.sim.phrases import named, nth, phrase

PREEMPT = "preempt"
"""The label of the question whether a thread is interrupted: told one by one, with its place."""

# By the label of the question; what is not in it is told by its label, which is better than not at all.
_CHOSEN = {
    "answered": "let a coroutine that awaits what is there already go on some turns of its loop later",
    "barge": "let a thread that has not waited take a lock",
    "canceled": "let a call that was cancelled on its way begin",
    "hesitate": "let code stand still between two calls",
    "lane": "start calls of an async actor in another order than they came",
    "duplication": "let the network send a message twice",
    "lock": "give a lock to another thread than the one that waits longest",
    "loss": "let the network lose a message, so that it is sent again",
    "node": "place something on another node than the first that would do",
    "pending": "let an actor's limit of unanswered calls count one that has only just been answered",
    "timers": "let timers of an event loop that are due come in another order",
    "unsent": "cancel a call before it was sent",
    "wait": "let `wait` give another ref that is ready than the first",
    "worker": "run a task in another idle worker than the first",
}
_CHANCE = "random/"
_CHOSEN_OF = {
    "latency": "let messages take longer than they need",
    _CHANCE: "let chance draw other numbers in {}",
    "work ": "let {} take longer than it needs",
}
_BESIDE = (PREEMPT, "hesitated", "fault ")  # how labels begin that are told by what they go with


def deviations_in_words(script: Script | None, path: Sequence[Offer]) -> list[tuple[int, str]]:
    """Each deviation of a run, told by its effect: with the position of the step that came late, in their order.

    Args:
        path: what happened in the run.
    """
    if script is None:
        return []
    positions = {step.name: position for position, step in enumerate(path)}
    told: dict[int, str] = {}
    for name, after in script.deviations:
        late, rival = positions.get(name), positions.get(after)
        if late is None:
            following = named(after) if rival is None else phrase(path[rival])
            told[len(path) + len(told)] = f"hold back {named(name)} for good, and go on with {following}"
        elif rival is not None and rival < late:
            told[late] = f"delay {phrase(path[late])} past {phrase(path[_overtaker(path, rival, late)])}"
    return sorted(told.items())


def _overtaker(path: Sequence[Offer], first: int, late: int) -> int:
    """The last step at the same place that came before the late one; it is what matters there, if there is one."""
    there = [
        position
        for position in range(first, late)
        if path[position].target == path[late].target and path[position].kind == path[late].kind
    ]
    return there[-1] if there else first


def others_in_words(recipe: Recipe, whose: Mapping[tuple[str, int], str] | None = None) -> list[str]:
    """What else has to be chosen otherwise than in the plainest run, but for late messages and interrupted threads.

    Args:
        whose: by the label of a question and its number under that label, which process it was about, if that is known.
    """
    if recipe.script is None:
        return [f"let seed {recipe.seed} draw all that is drawn: what of it matters, nobody knows"]
    told = Counter(
        _chosen(answer.label, (whose or {}).get((answer.label, answer.nth)))
        for answer in recipe.script.answers
        if not answer.label.startswith(_BESIDE)
    )
    return [text if times == 1 else f"{text}, {times} times" for text, times in told.items()]


def _chosen(label: str, whose: str | None) -> str:
    if label == "wait" and whose is not None:
        return f"let `wait` in {whose} give another ref that is ready than the first"
    for kind, words in _CHOSEN_OF.items():
        if label.startswith(kind):
            return words.format(whose if whose is not None and kind == _CHANCE else label.removeprefix(kind))
    return _CHOSEN.get(label, f"answer the question {label!r} otherwise")


def workload_in_words(program: Program) -> list[str]:
    """What the target is called with, if it is not what stands in it."""
    sizes = ", ".join(f"{name}={size}" for name, size in program.workload)
    return [f"call {program.target.function}({sizes})"] if sizes else []


def faults_in_words(plan: FaultPlan) -> list[str]:
    """Each fault as a sentence."""
    return [_fault(fault) for fault in plan.faults]


def _fault(fault: Fault) -> str:
    match fault:
        case CrashProcess(at_s=None):
            return _crash_at_call(fault)
        case CrashProcess():
            return f"crash the process of {fault.process} at {fault.at_s:g} s"
        case CrashNode():
            back = (
                ""
                if fault.back_after_s is None
                else f", and let another one join {fault.back_after_s:g} s later"
            )
            return f"stop {fault.node} at {fault.at_s:g} s{back}"
        case Pause():
            return f"let {fault.process or fault.node} stand still at {fault.at_s:g} s for {fault.for_s:g} s"
        case SlowNode():
            until = "" if fault.for_s is None else f" for {fault.for_s:g} s"
            return f"slow {fault.node} down {fault.factor:g} times at {fault.at_s:g} s{until}"
        case FailCall() | DelayCall():
            return _call_on_its_way(fault)
        case LoseObject():
            return f"lose the {nth(fault.nth)} result of {fault.of}"
        case JumpClock():
            way = "forward" if fault.by_s >= 0 else "back"
            return f"set the clock of {fault.node} {way} by {abs(fault.by_s):g} s at {fault.at_s:g} s"
        case Cut() | Partition():
            return _cut(fault)


def _crash_at_call(fault: CrashProcess) -> str:
    owner = fault.call.partition(".")[0] if fault.process == "*" else fault.process
    whose = "the process" if owner == "*" else f"the process of {owner}"
    call = "call" if fault.call == "*" else fault.call
    if fault.on_reply is not None:
        answer = f"the {nth(fault.on_reply)} answer to {call}"
        if fault.process == "*":
            return f"crash the process that hears {answer}, when it does"
        return f"crash {whose} when it hears {answer}"
    if fault.before_call is not None:
        return f"crash {whose} before its {nth(fault.before_call)} {call}"
    return f"crash {whose} after its {nth(fault.after_call)} {call}"


def _cut(fault: Cut | Partition) -> str:
    when = f"at {fault.at_s:g} s for {fault.for_s:g} s"
    if isinstance(fault, Partition):
        groups = " | ".join(", ".join(group) for group in fault.groups)
        return f"part the cluster ({groups} | the rest) {when}"
    between, to = ("between", "and") if fault.both_ways else ("from", "to")
    return f"cut the network {between} {fault.source} {to} {fault.target} {when}"


def _call_on_its_way(fault: FailCall | DelayCall) -> str:
    if isinstance(fault, DelayCall):
        return f"delay {_which_calls(fault)} by {fault.by_s:g} s"
    lost = {"request": "lose", "reply": "lose the answer of", "late": "make late, so that it is made again,"}
    return f"{lost[fault.lost]} {_which_calls(fault)}"


def _which_calls(fault: FailCall | DelayCall) -> str:
    which = (
        f"the {nth(fault.nth)}" if fault.nth is not None else f"{fault.probability:.0%} of all attempts at"
    )
    until = "" if fault.for_s is None else f" for {fault.for_s:g} s"
    when = f" from {fault.at_s:g} s on{until}" if fault.at_s or until else ""
    call = "call" if fault.call == "*" else fault.call
    return f"{which} {call}{when}"
