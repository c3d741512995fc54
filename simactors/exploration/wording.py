"""A plan in words: which messages are late, and what goes wrong where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from simactors.core.choices import Offer
from simactors.exploration.script import Script
from simactors.exploration.target import Program
from simactors.sim.offer import CLUSTER
from simactors.sim.plan import (
    CrashNode,
    CrashProcess,
    Cut,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)


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


def phrase(step: Offer) -> str:
    """A step for a reader, as the object of a sentence."""
    return _phrase(step.kind, step.source, step.target, step.what, step.name.rpartition(" ")[2])


_NAME = re.compile(r"(?P<kind>\w+) (?:(?P<source>.+)>)?(?P<target>.+) (?P<what>[^ ]*) (?P<number>\d+)")


def named(name: str) -> str:
    """The same of a step that never happened, of which there is only its name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return repr(name)
    kind, source, target, what, number = found.groups()
    return _phrase(kind, source or target, target, what, number)


def _phrase(kind: str, source: str, target: str, what: str, number: str) -> str:
    which = f"{what} (message {number})"
    match kind:
        case "call" | "create":
            return f"{which} from {source} to {target}"
        case "reply":
            return f"the answer of {source} to {target} for {which}"
        case "turn" if not what:
            return f"the {_nth(number)} turn of the event loop of {target}"
        case "turn":
            return f"the {_nth(number)} start of {what} at {target}"
        case "sleep" | "timer" if target != CLUSTER:
            return f"the {_nth(number)} waking of {target}"
        case "resume":
            return f"the {_nth(number)} going on of {target}"
        case "begin":
            return f"the beginning of {which} from {source} at {target}"
    return f"the {_nth(number)} {kind} of {'the cluster' if target == CLUSTER else target}"


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
        case FailCall():
            return _failing_call(fault)
        case LoseObject():
            return f"lose the {_nth(fault.nth)} result of {fault.of}"
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
        return f"crash {whose} that hears the {_nth(fault.on_reply)} answer to {call}, when it does"
    if fault.before_call is not None:
        return f"crash {whose} before its {_nth(fault.before_call)} {call}"
    return f"crash {whose} after its {_nth(fault.after_call)} {call}"


def _cut(fault: Cut | Partition) -> str:
    when = f"at {fault.at_s:g} s for {fault.for_s:g} s"
    if isinstance(fault, Partition):
        groups = " | ".join(", ".join(group) for group in fault.groups)
        return f"part the cluster ({groups} | the rest) {when}"
    between, to = ("between", "and") if fault.both_ways else ("from", "to")
    return f"cut the network {between} {fault.source} {to} {fault.target} {when}"


def _failing_call(fault: FailCall) -> str:
    lost = {"request": "lose", "reply": "lose the answer of", "late": "make late, so that it is made again,"}
    which = (
        f"the {_nth(fault.nth)}" if fault.nth is not None else f"{fault.probability:.0%} of all attempts at"
    )
    until = "" if fault.for_s is None else f" for {fault.for_s:g} s"
    when = f" from {fault.at_s:g} s on{until}" if fault.at_s or until else ""
    return f"{lost[fault.lost]} {which} {fault.call}{when}"


def _nth(number: Any) -> str:
    """1st, 2nd, 3rd, 4th."""
    text = str(number)
    if text[-2:] in ("11", "12", "13"):
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
