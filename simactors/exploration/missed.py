"""Which of the faults that a program is given befell nothing: a misspelt name makes them silent.

Not those that a hunt draws by itself: there are always more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields
from fnmatch import fnmatchcase
from typing import Any

from simactors.core import nearest
from simactors.core.fault_plan import (
    KINDS,
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)
from simactors.exploration.quantities import in_words
from simactors.exploration.target import Program

_KINDS: Mapping[type, str] = {cls: name for name, cls in KINDS.items()}


def planned(program: Program) -> tuple[Fault, ...]:
    """All that a program is given; of those that come at a rate, each once."""
    return program.faults.faults + tuple(one.fault for one in program.drawn)


def numbers(program: Program, struck: Iterable[Fault]) -> set[int]:
    """Which of `planned` are among those that befell something in a run."""
    seen, fixed = set(struck), len(program.faults.faults)
    return {
        number
        for number, fault in enumerate(planned(program))
        if fault in seen or (number >= fixed and any(_is_of(one, fault) for one in seen))
    }


def _is_of(one: Any, fault: Any) -> bool:
    """Whether it is that fault, at whatever time."""
    names = [knob.name for knob in fields(fault) if knob.name != "at_s"]
    return (
        type(one) is type(fault)
        and one.at_s is not None  # else it waits for a call
        and all(getattr(one, name) == getattr(fault, name) for name in names)
    )


def missed(program: Program, struck: Iterable[Fault]) -> tuple[Fault, ...]:
    """Those that befell nothing in a run."""
    hit = numbers(program, struck)
    return tuple(fault for number, fault in enumerate(planned(program)) if number not in hit)


def as_in_files(fault: Fault) -> str:
    """How a file says it: ``{ kind = "crash_node", node = "node-2", at_s = 1.0 }``."""
    parts = [f'kind = "{_KINDS[type(fault)]}"']
    for knob in fields(fault):
        value = getattr(fault, knob.name)
        if knob.default is MISSING or value != knob.default:
            parts.append(f"{knob.name} = {json.dumps(value, ensure_ascii=False)}")
    return f"{{ {', '.join(parts)} }}"


def words(fault: Fault, where: str, names: Collection[str] = (), longest_s: float | None = None) -> str:
    """What a user is told of a fault that befell nothing.

    Args:
        where: ``in any run``; empty of a single one.
        names: the methods and tasks that were called, as far as anybody knows.
        longest_s: how long the longest run took, if anybody knows.
    """
    nothing = "struck nothing" + (f" {where}" if where else "")
    at_s = getattr(fault, "at_s", None)
    if longest_s is not None and at_s is not None and at_s > longest_s:
        why = f"nothing was left to run at {in_words(at_s)}"
    else:
        why = f"{_why(fault)}{_hint(fault, names)}"
    return f"faults: {as_in_files(fault)} {nothing}: {why}"


def _why(fault: Fault) -> str:
    match fault:
        case CrashProcess(at_s=None, process=process, call=call):
            number = fault.before_call or fault.after_call or fault.on_reply
            return f"there was no call number {number} that fits {call!r} at a process called {process!r}"
        case CrashProcess(process=str() as process, at_s=float() | int() as at_s):
            return f"no process called {process!r} was there at {in_words(at_s)}"
        case Pause(process=str() as process):
            return f"no process called {process!r} was there at {in_words(fault.at_s)}"
        case CrashNode(node=node) | SlowNode(node=node) | JumpClock(node=node) | Pause(node=node):
            return f"no node called {node!r} was there at {in_words(fault.at_s)}"
        case FailCall(call=call, nth=None) | DelayCall(call=call, nth=None):
            return f"it never came to a call that fits {call!r}"
        case FailCall(call=call, nth=nth) | DelayCall(call=call, nth=nth):
            return f"there was no call number {nth} that fits {call!r}"
        case LoseObject(of=of, nth=nth):
            return f"there was no value number {nth} of {of!r}"
        case Cut(at_s=at_s) | Partition(at_s=at_s):
            return f"nothing was left to run at {in_words(at_s)}"
    raise AssertionError(fault)


def _hint(fault: Fault, names: Collection[str]) -> str:
    """What a name that fits nothing may have been meant to be."""
    match fault:
        case CrashProcess(at_s=None, call=call) | FailCall(call=call) | DelayCall(call=call):
            if not any(fnmatchcase(name, call) for name in names):
                return nearest.clause(call, sorted(names))
        case LoseObject(of=of):
            if not any(fnmatchcase(name, of) for name in names):
                return nearest.clause(of, sorted(names))
    process = getattr(fault, "process", None)
    if process is None:
        return ""
    processes = {name.partition(".")[0] for name in names}
    is_known = any(fnmatchcase(name, process.partition("#")[0]) for name in processes)
    return "" if is_known else nearest.clause(process, sorted(processes))
