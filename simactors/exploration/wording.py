"""A plan in words: which messages are late, and what goes wrong where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from simactors.core.choices import Offer
from simactors.exploration.script import Script
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
            step = "" if rival is None else phrase(path[rival])
            told[len(path)] = f"hold back {name!r} for good, and go on with {step or repr(after)}"
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


class _Named(NamedTuple):
    """What the name of a step says of it."""

    name: str
    kind: str
    source: str
    target: str
    what: str


def phrase(step: Offer | _Named) -> str:
    """A step for a reader, as the object of a sentence."""
    number = step.name.rpartition(" ")[2]
    which = f"{step.what} (message {number})"
    match step.kind:
        case "call" | "create":
            return f"{which} from {step.source} to {step.target}"
        case "reply":
            return f"the answer of {step.source} to {step.target} for {step.what} (message {number})"
        case "turn":
            return f"the start of {step.what} at {step.target}"
        case "sleep" | "timer":
            return f"the {_nth(number)} waking of {step.target}"
        case "resume":
            return f"the {_nth(number)} going on of {step.target}"
    return f"{step.kind} {number} of {step.target}"


_NAME = re.compile(r"(?P<kind>\S+) (?P<source>[^>]+?)(?:>(?P<target>.+?))? (?P<what>\S*) (?P<number>\d+)")


def named(name: str) -> str:
    """As `phrase`, for a step of which only the name is known."""
    found = _NAME.fullmatch(name)
    if found is None:
        return repr(name)
    target = found["target"] or found["source"]
    return phrase(_Named(name, found["kind"], found["source"], target, found["what"]))


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
    whose = "the process" if fault.process == "*" else f"the process of {fault.process}"
    call = "call" if fault.call == "*" else fault.call
    if fault.on_reply is not None:
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
    return f"{lost[fault.lost]} {which} {fault.call}"


def _nth(number: Any) -> str:
    """1st, 2nd, 3rd, 4th."""
    text = str(number)
    if text[-2:] in ("11", "12", "13"):
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
