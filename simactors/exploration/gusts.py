"""What goes wrong in a run of which nothing is known before: a fault plan that is drawn from its seed alone.

For tests, each of whose seeds must be the same run by itself. A hunt, which knows what earlier runs were like, aims
better: `storms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from simactors.core.choices import Draws, sub_seed
from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    Partition,
    Pause,
)
from simactors.exploration.storms import LONGEST_SKEW_S, some_of

_FEW, _MANY = 5, 40
"""Of the first calls, or rather of the first few, one is hit."""

_MOST_ACTORS = 9
_ANY = "*"


def draw(seed: int, kinds: Sequence[str], nodes: int) -> FaultPlan:
    """The faults of one run; none for the seed 0, whose run is the plainest.

    Args:
        kinds: some of `storms.KINDS`; each run has a random part of them.
        nodes: how many machines there are.
    """
    if seed == 0:
        return FaultPlan()
    drawn = Draws(sub_seed(seed, "gusts"))
    chosen = some_of(kinds, nodes, drawn)
    number: _Number = drawn.number
    return FaultPlan(tuple(fault for kind in chosen for fault in _DRAWERS[kind](number, nodes)))


_Number = Callable[[str, int], int]


def _pauses(number: _Number, nodes: int) -> list[Fault]:
    process = f"actor-{1 + number('process', _MOST_ACTORS)}"
    return [Pause(process=process, at_s=_time_s(number), for_s=_time_s(number))]


def _crashes(number: _Number, nodes: int) -> list[Fault]:
    ways: Sequence[Callable[[int], Fault]] = (
        lambda nth: CrashProcess(call=_ANY, after_call=nth),
        lambda nth: CrashProcess(call=_ANY, before_call=nth),
        lambda nth: CrashProcess(call=_ANY, on_reply=nth),
    )
    return [ways[number("crash", len(ways))](_nth(number))]


def _lost_nodes(number: _Number, nodes: int) -> list[Fault]:
    return [CrashNode(node=_node(number, 2, nodes), at_s=_time_s(number), back_after_s=_time_s(number))]


def _cuts(number: _Number, nodes: int) -> list[Fault]:
    shape, at_s, for_s = number("cut", 3), _time_s(number), _time_s(number)
    if shape == 0:
        return [Partition(groups=((_node(number, 2, nodes),),), at_s=at_s, for_s=for_s)]
    first = number("source", nodes)
    second = (first + 1 + number("target", nodes - 1)) % nodes
    source, target = f"node-{first + 1}", f"node-{second + 1}"
    return [Cut(source=source, target=target, at_s=at_s, for_s=for_s, both_ways=shape == 1)]


def _skews(number: _Number, nodes: int) -> list[Fault]:
    by_s = _time_s(number) if number("small", 2) else LONGEST_SKEW_S
    sign = 1 if number("forward", 2) else -1
    wrong = JumpClock(node=_node(number, 1, nodes), by_s=sign * by_s, at_s=_time_s(number))
    return [wrong, replace(wrong, by_s=-wrong.by_s, at_s=wrong.at_s + _time_s(number))]


def _broken_calls(number: _Number, nodes: int) -> list[Fault]:
    lost = ("request", "reply", "late")
    broken = partial(FailCall, call=_ANY)
    return [
        broken(lost=lost[number("lost", len(lost))], nth=_nth(number)) for _ in range(1 + number("more", 2))
    ]


def _nth(number: _Number) -> int:
    return 1 + number("nth", _FEW if number("early", 2) else _MANY)


def _node(number: _Number, first: int, nodes: int) -> str:
    return f"node-{first + number('node', nodes - first + 1)}"


def _time_s(number: _Number) -> float:
    """From a fraction of what a message takes to more than it takes to be declared dead."""
    return round((1 + number("digit", 9)) * 10.0 ** (number("power", 5) - 4), 4)


_DRAWERS: Mapping[str, Callable[[_Number, int], list[Fault]]] = {
    "delay": _pauses,
    "crash": _crashes,
    "node": _lost_nodes,
    "partition": _cuts,
    "skew": _skews,
    "rpc": _broken_calls,
}
