"""A hunt on a Ray cluster: each of its actors makes its share of the runs, simulated in its own process.

As `crew.py`, with Ray's processes in place of our own. The program's folder is sent to the nodes as Ray's working
directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.covered import NOTHING, Covered, Share
from simactors.exploration.crew import figures, read_figures
from simactors.exploration.findings import Finding
from simactors.exploration.target import Program, TargetError

_SLICE_S = 2.0
"""So long an actor hunts before it tells how it stands."""


def search(
    program: Program,
    quest: Quest,
    budget: Budget,
    jobs: int | None,
    watch: Callable[[Tally], None] = lambda _: None,
    covered: Covered = NOTHING,
) -> Tally:
    """Make the runs of a hunt on a Ray cluster: the one that RAY_ADDRESS names, or else a new one on this machine.

    Args:
        jobs: how many actors hunt; None: one for each CPU of the cluster.
        watch: told now and then.
        covered: see `Campaign`.

    Raises:
        TargetError: Ray is not installed, or the program can't be loaded.
    """
    try:
        import ray  # type: ignore[import-not-found, unused-ignore]  # the extra `ray`, where it is installed
    except ImportError:
        raise TargetError("hunting on Ray needs Ray: pip install 'simactors[ray]'") from None
    started = not ray.is_initialized()
    if started:
        ray.init(
            address=os.environ.get("RAY_ADDRESS"),
            runtime_env={"working_dir": os.getcwd()},
            include_dashboard=False,
            log_to_driver=False,
        )
    try:
        number = jobs or max(int(ray.cluster_resources().get("CPU", 1)), 1)
        shares = [Share(n, number) for n in range(number)]
        return _search(ray, program, quest, budget, shares, watch, covered)
    finally:
        if started:
            ray.shutdown()


def _search(
    ray: Any,
    program: Program,
    quest: Quest,
    budget: Budget,
    shares: Sequence[Share],
    watch: Callable[[Tally], None],
    covered: Covered,
) -> Tally:
    total = Tally()
    hunter = ray.remote(Hunter)
    members = [hunter.remote(Campaign.order(program, quest, share, covered)) for share in shares]
    most = [None if budget.runs is None else covered.part(budget.runs, share) for share in shares]
    stands = [Tally() for _ in members]
    pending = {member.hunt.remote(most[n], _SLICE_S): n for n, member in enumerate(members)}
    while pending:
        try:
            (done, *_), _ = ray.wait(list(pending), num_returns=1)
            number = pending.pop(done)
            told = ray.get(done)
        except KeyboardInterrupt:
            return replace(Tally.of(stands), interrupted=True)
        if "wrong input" in told:
            raise TargetError(told["wrong input"])
        read_figures(told["tally"], stands[number])
        stands[number].shares = (shares[number]._replace(runs=stands[number].runs),)
        for finding in told["findings"]:
            stands[number].add(Finding.from_fields(finding))
        total = Tally.of(stands)
        watch(total)
        if budget.is_spent or (total.findings and not quest.keep_going):
            break
        wanted = most[number]
        left = None if wanted is None else wanted - stands[number].runs
        if left is None or left > 0:
            pending[members[number].hunt.remote(left, _SLICE_S)] = number
    return total


class Hunter:
    """One of the actors, as it is on Ray."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._wrong = ""
        try:
            self._campaign = Campaign.ordered(order)
        except TargetError as error:
            self._wrong = str(error)

    def hunt(self, runs: int | None, seconds: float) -> dict[str, Any]:
        """Make at most so many runs, for so long, and tell what was found since the last time."""
        if self._wrong:
            return {"wrong input": self._wrong}
        campaign = self._campaign
        try:
            tally = campaign.run(Budget(runs, seconds))
        except TargetError as error:
            return {"wrong input": str(error)}
        told = {"tally": figures(tally), "findings": [f.to_fields() for f in tally.findings.values()]}
        tally.findings.clear()
        return told
