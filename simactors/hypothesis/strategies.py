"""A strategy for plans of whole runs: `plans`.

It draws a `Plan`, and ``simulate(plan)`` makes the run: Hypothesis owns the order of messages, the faults and
the size of the cluster together with a test's own data, and makes all of it small.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

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
from simactors.exploration.storms import LONGEST_SKEW_S, kinds_of, nodes_for
from simactors.sim.planned import LATE_S, Plan
from simactors.sim.simulation import simulate

# One of the first few calls, or of the first many: what is rare in a run often comes early.
_COUNTS = st.integers(1, 5) | st.integers(1, 40)
_ACTORS = 9  # of the first so many, one stands still; most tests have fewer
_FINE = 1_024
_FARTHEST = 600  # choices; most runs of tests make fewer
_PICKS = 4
# One number for each deviation: every draw takes as long as a few steps of a run.
_DEVIATIONS = st.integers(0, _FINE * _PICKS - 1)
_SEEDS = st.integers(-(2**16), 2**16).map(lambda seed: max(seed, 0))
# From a fraction of what a message takes to more than it takes to be declared dead.
_TIMES = st.tuples(st.integers(1, 9), st.integers(-4, 0)).map(lambda t: round(t[0] * 10.0 ** t[1], 4))


def plans(
    faults: str | Sequence[str] = "delay",
    *,
    nodes: int | st.SearchStrategy[int] | None = None,
    calls: str | Sequence[str] = "*",
    max_deviations: int = 8,
    max_faults: int = 1,
) -> st.SearchStrategy[Plan]:
    """Plans of whole runs: where the order is not the plainest, what goes wrong, what chance is drawn from.

    They shrink to the plainest run, `Plan()`; what is left in a falsifying example is needed. Its repr is Python:
    ``@example(plan=Plan(...))`` pins it.

    Args:
        faults: kinds of what may go wrong: none, delay, crash, node, partition, skew, rpc or all; several with commas.
            Without delay, messages are as late as `SimConfig.latency` has it.
        nodes: how many machines; by default 1, or 3 if faults of nodes, partitions or clocks are wanted.
        calls: around which calls processes crash, and connections break: ``Account.add``, or with wildcards.
        max_deviations: how often the order may be another one, in one run: up to so many groups of eight.
        max_faults: how many faults of each kind there may be, in one run.

    Raises:
        ValueError: there is no such kind of fault; or a number, or calls, with which nothing could be drawn.

    Examples:
        >>> from hypothesis import given
        >>> import simactors
        >>> @simactors.remote
        ... class Counter:
        ...     def __init__(self): self.total = 0
        ...     def add(self, n): self.total += n; return self.total
        >>> @given(plans())
        ... def test_it_counts(plan):
        ...     with simactors.simulate(plan):
        ...         counter = Counter.remote()
        ...         assert simactors.get([counter.add.remote(1) for _ in range(3)]) == [1, 2, 3]
        >>> test_it_counts()
    """
    kinds = kinds_of(faults if isinstance(faults, str) else ",".join(faults))
    nodes = nodes_for(kinds) if nodes is None else nodes
    if not (isinstance(nodes, st.SearchStrategy) or (isinstance(nodes, int) and nodes >= 1)):
        raise ValueError(f"nodes is a number of machines >= 1, or a strategy for it, not {nodes!r}")
    if max_deviations < 0 or max_faults < 0 or not calls:
        raise ValueError(
            "max_deviations and max_faults are at least 0, and calls at least one name, not "
            f"{max_deviations}, {max_faults} and {calls!r}"
        )
    warm_up()
    labels = st.sampled_from([calls] if isinstance(calls, str) else list(calls))
    late_s = LATE_S if "delay" in kinds else 0.0
    # Lists of lists, to have now a few and now many: some orders are far from the plainest one.
    deviations = st.lists(st.lists(_DEVIATIONS, max_size=8), max_size=max_deviations).map(_with_gaps)

    def of_size(size: int) -> st.SearchStrategy[Plan]:
        drawn = [
            st.lists(_FAULTS[kind](labels, size), max_size=max_faults)
            for kind in kinds
            if size > 1 or kind not in ("node", "partition")
        ]
        wrong = st.tuples(*drawn).map(lambda lists: tuple(fault for found in lists for fault in found))
        parts = st.tuples(deviations, wrong, _SEEDS)
        # Not `builds`, which would print what is as by default.
        return parts.map(lambda drawn: Plan(drawn[0], drawn[1], drawn[2], size, late_s))

    return of_size(nodes) if isinstance(nodes, int) else nodes.flatmap(of_size)


def _with_gaps(drawn: list[list[int]]) -> tuple[tuple[int, int], ...]:
    """Deviations as a plan has them. Places are drawn instead, for leaving out one must not move the others.

    They are denser at the start of a run, which most runs have.
    """
    numbers = [divmod(number, _PICKS) for group in drawn for number in group]
    picks = {fine * fine * _FARTHEST // _FINE**2: pick + 1 for fine, pick in numbers}
    places = sorted(picks)
    befores = [-1, *places]
    return tuple((place - before - 1, picks[place]) for place, before in zip(places, befores, strict=False))


@functools.cache
def warm_up() -> None:
    """Load what the first simulation of a process loads: it must not count against a test's deadline."""
    with simulate():
        pass


def _crashes(labels: st.SearchStrategy[str], _: int) -> st.SearchStrategy[Fault]:
    moments = st.sampled_from(("after_call", "before_call", "on_reply"))
    return st.builds(
        lambda call, moment, nth: CrashProcess(call=call, **{moment: nth}), labels, moments, _COUNTS
    )


def _broken_calls(labels: st.SearchStrategy[str], _: int) -> st.SearchStrategy[Fault]:
    return st.builds(FailCall, call=labels, lost=st.sampled_from(("request", "reply", "late")), nth=_COUNTS)


def _pauses(_: st.SearchStrategy[str], __: int) -> st.SearchStrategy[Fault]:
    processes = st.integers(1, _ACTORS).map(lambda number: f"actor-{number}")
    return st.builds(Pause, process=processes, at_s=_TIMES, for_s=_TIMES)


def _lost_nodes(_: st.SearchStrategy[str], size: int) -> st.SearchStrategy[Fault]:
    return st.builds(CrashNode, node=_nodes(2, size), at_s=_TIMES, back_after_s=_TIMES)


def _cuts(_: st.SearchStrategy[str], size: int) -> st.SearchStrategy[Fault]:
    alone = st.builds(
        lambda node, at_s, for_s: Partition(groups=((node,),), at_s=at_s, for_s=for_s),
        _nodes(2, size),
        _TIMES,
        _TIMES,
    )
    pairs = st.permutations([f"node-{number}" for number in range(1, size + 1)])
    between = st.builds(
        lambda pair, at_s, for_s, both: Cut(
            source=pair[0], target=pair[1], at_s=at_s, for_s=for_s, both_ways=both
        ),
        pairs,
        _TIMES,
        _TIMES,
        st.booleans(),
    )
    return alone | between


def _skews(_: st.SearchStrategy[str], size: int) -> st.SearchStrategy[Fault]:
    jumps = st.one_of(_TIMES, st.just(LONGEST_SKEW_S))
    signed = st.builds(lambda by_s, forward: by_s if forward else -by_s, jumps, st.booleans())
    return st.builds(JumpClock, node=_nodes(1, size), by_s=signed, at_s=_TIMES)


def _nodes(first: int, size: int) -> st.SearchStrategy[str]:
    return st.integers(first, size).map(lambda number: f"node-{number}")


_FAULTS: dict[str, Callable[[st.SearchStrategy[str], int], st.SearchStrategy[Any]]] = {
    "delay": _pauses,
    "crash": _crashes,
    "node": _lost_nodes,
    "partition": _cuts,
    "skew": _skews,
    "rpc": _broken_calls,
}
