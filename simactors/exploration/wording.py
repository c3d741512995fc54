"""A plan in words: which messages are late, and what goes wrong where."""

from __future__ import annotations

from collections.abc import Sequence

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
from simactors.exploration.script import Script
from simactors.exploration.target import Program
from simactors.sim.phrases import named, nth, phrase


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
        whose = "the process" if fault.process == "*" else whose
        return f"crash {whose} that hears the {nth(fault.on_reply)} answer to {call}, when it does"
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
