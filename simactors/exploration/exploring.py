"""`explore`: a hunt as a function, for tests and notebooks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from simactors.exploration import crew, hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import AUDITED, Quest
from simactors.exploration.hunting import Report
from simactors.exploration.named import named
from simactors.exploration.shrinking import SECONDS
from simactors.exploration.storms import kinds_of
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_FACTORS = {"s": 1, "m": 60, "h": 3600}


def explore(
    target: Callable[[], object] | str,
    *,
    budget: int | str = 1_000,
    strategy: str = "portfolio",
    faults: str | Sequence[str] = "delay",
    max_faults: int | None = None,
    fault_calls: str | Sequence[str] | None = None,
    nodes: int | None = None,
    first_seed: int = 0,
    keep_going: bool = False,
    shrink_s: float = SECONDS,
    cluster: str | None = None,
    jobs: int = 1,
) -> Report:
    """Run `target` in many orders, with many faults; make what fails small and explain it.

    Args:
        target: a function without arguments, or ``FILE.py[:function]`` or a scenario, as the command takes them. It
            runs as the driver of a simulated cluster; what leaves it as an exception is a failure, and so are a
            deadlock and a limit.
        budget: how many runs; or for how long, ``"90s"``, ``"5m"``.
        strategy: how orders are chosen: portfolio, random, pct, pos, orders, kinds, delays, sampled or systematic.
        faults: what may go wrong: none, delay, crash, node, partition, skew, rpc, all; several with commas.
        max_faults: the most crashes, lost nodes and cuts, each, of one run; by default one of each.
        fault_calls: around which calls processes crash, and connections break: ``Account.add``, or with wildcards;
            by default around any.
        first_seed: of the first run; the k-th has that plus k - 1.
        keep_going: go on after the first failure; those that are alike are one case.
        nodes: how many machines; by default 1, or 3 if faults of nodes, partitions or clocks are wanted.
        shrink_s: how many seconds making a failure small may take; 0 for not at all.
        cluster: a file that describes the simulated cluster, see ``docs/cluster.md``.
        jobs: how many processes hunt; more than one needs a target that is named by its file.

    Returns:
        The report; ``report.failed`` says whether anything was found, ``str(report)`` what.

    Raises:
        TypeError, ValueError: an argument means nothing; the message says what to write instead.
        TargetError: the target can't be loaded.
        InternalError: one of several processes ended without an answer.
        KeyboardInterrupt: Ctrl-C ended it before anything was found.

    Examples:
        >>> import simactors
        >>> @simactors.remote
        ... class Account:
        ...     def __init__(self): self.balance = 0
        ...     def read(self): return self.balance
        ...     def write(self, balance): self.balance = balance
        >>> @simactors.remote
        ... def add_one(account):
        ...     balance = simactors.get(account.read.remote())
        ...     simactors.get(account.write.remote(balance + 1))
        >>> def main():
        ...     account = Account.remote()
        ...     simactors.get([add_one.remote(account) for _ in range(2)])
        ...     assert simactors.get(account.read.remote()) == 2
        >>> simactors.explore(main, budget=20).failed
        True
    """
    _check(target)
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; use one of {', '.join(STRATEGIES)}")
    if jobs > 1 and not isinstance(target, str):
        raise ValueError("several processes need a target that they can load: name it as FILE.py:function")
    runs, seconds = _budget(budget)
    program = named(target) if isinstance(target, str) else Program(Target.of(target))
    program = replace(program, preemption="stores")
    if cluster is not None:
        program = replace(program, cluster=_loaded(cluster))
    quest = Quest(
        first_seed=first_seed,
        strategy=strategy,
        faults=kinds_of(faults if isinstance(faults, str) else ",".join(faults)),
        max_faults=max_faults,
        fault_calls=_several(fault_calls),
        nodes=nodes,
        audit_every=AUDITED,
        keep_going=keep_going,
    )
    return hunt(program, quest, Budget(runs, seconds), shrink_s, jobs)


def hunt(
    program: Program,
    quest: Quest,
    left: Budget,
    shrink_s: float,
    jobs: int = 1,
    explain_s: float | None = None,
) -> Report:
    """As `explore`, for what is a program already.

    Args:
        left: for the runs.
        explain_s: see `hunting.case_of`.
    """
    quest.check(jobs)
    tally = crew.search(program, quest, left, jobs) if jobs > 1 else hunting.search(program, quest, left)
    if tally.interrupted and not tally.findings:
        raise KeyboardInterrupt
    return hunting.finish(program, quest, tally, left.spent_s, shrink_s, explain_s=explain_s)


def _several(words: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return (words,) if isinstance(words, str) else None if words is None else tuple(words)


def _loaded(cluster: str) -> SimConfig:
    from simactors.exploration import cluster_file  # lazily: pydantic takes as long as a small run

    return cluster_file.load_cluster(cluster)


def _check(target: object) -> None:
    """Refuse what can't be called as a program is."""
    if isinstance(target, str):
        return
    if not callable(target):
        raise TypeError(f"explore() takes a function or FILE.py:function, not {target!r}")
    if inspect.iscoroutinefunction(target) or inspect.isgeneratorfunction(target):
        raise ValueError(
            "calling it would run none of its lines: pass a plain function, that calls asyncio.run() say"
        )
    try:
        inspect.signature(target).bind()
    except TypeError as error:
        raise ValueError(f"it is called without arguments, but it needs some: {error}") from None
    except ValueError:
        pass  # a built-in without a signature takes what it takes


def _budget(budget: int | str) -> tuple[int | None, float | None]:
    if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
        return budget, None
    found = _DURATION.fullmatch(budget.strip()) if isinstance(budget, str) else None
    if found is None:
        raise ValueError(f"budget must be a number of runs or a duration as '90s' or '5m', not {budget!r}")
    return None, float(found[1]) * _FACTORS[found[2]]
