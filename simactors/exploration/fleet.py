"""A hunt on a Ray cluster: each of its actors makes its share of the runs, simulated in its own process.

As `crew.py`, with Ray's processes in place of our own. The program's folder is sent to the nodes as Ray's working
directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simactors.exceptions import InternalError, TargetError
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.covered import NOTHING, Covered, Share
from simactors.exploration.crew import figures, read_figures
from simactors.exploration.findings import Finding
from simactors.exploration.target import Program

_SLICE_S = 2.0
"""So long an actor hunts before it tells how it stands."""

_MOST_IN_VAIN = 3
"""So many actors of a share may be lost one after the other, each before it has told of a run."""


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
        InternalError: all actors were lost before they had told of a run.
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
    members = [_Member(ray, program, quest, budget, share, covered) for share in shares]
    try:
        pending = {member.hunt(): member for member in members}
        while pending:
            (done, *_), _ = ray.wait(list(pending), num_returns=1)
            member = pending.pop(done)
            member.hear(done)
            total = _total(members)
            if all(member.has_given_up for member in members):
                raise InternalError("; ".join(total.losses))
            watch(total)
            if budget.is_spent or (total.findings and not quest.keep_going):
                break
            if not member.is_done:
                pending[member.hunt()] = member
    except KeyboardInterrupt:
        return replace(_total(members), interrupted=True)
    return total


def _total(members: Sequence[_Member]) -> Tally:
    return Tally.of(member.tally for member in members)


class _Member:
    """A share of the hunt, as seen from here, and the actor that makes its runs: a new one if Ray has lost the last."""

    def __init__(
        self, ray: Any, program: Program, quest: Quest, budget: Budget, share: Share, covered: Covered
    ) -> None:
        self._ray = ray
        self._program = program
        self._quest = quest
        self._share = share
        self._covered = covered
        self._most = None if budget.runs is None else covered.part(budget.runs, share)
        self._actor: Any = None
        # What actors that are lost have told, and what the one that hunts now has.
        self._before = Tally()
        self._now = Tally()
        self._in_vain = 0

    @property
    def tally(self) -> Tally:
        """How this share stands."""
        both = Tally.of((self._before, self._now))
        both.shares = (self._share._replace(runs=both.runs),)
        return both

    @property
    def has_given_up(self) -> bool:
        """Its actors are lost before they tell of anything: the program may end whatever process it runs in."""
        return self._in_vain == _MOST_IN_VAIN

    @property
    def is_done(self) -> bool:
        """All of its runs were made, or nobody can make them."""
        return self.has_given_up or (self._most is not None and self.tally.runs >= self._most)

    def hunt(self) -> Any:
        """Let the actor make some of the runs that are left; what it will tell, as a ref."""
        if self._actor is None:
            covered = self._covered.also(self._share._replace(runs=self._before.runs))
            order = Campaign.order(self._program, self._quest, self._share, covered)
            self._actor = self._ray.remote(Hunter).remote(order)
        left = None if self._most is None else self._most - self.tally.runs
        return self._actor.hunt.remote(left, _SLICE_S)

    def hear(self, ref: Any) -> None:
        """Take in what it tells.

        Raises:
            TargetError: the program can't be loaded there.
        """
        errors = self._ray.exceptions
        try:
            told = self._ray.get(ref)
        except errors.RayTaskError:
            raise  # a mistake of ours
        except errors.RayError as error:
            self._lost(error)
            return
        if "wrong input" in told:
            raise TargetError(told["wrong input"])
        read_figures(told["tally"], self._now)
        for finding in told["findings"]:
            self._now.add(Finding.from_fields(finding))

    def _lost(self, error: Exception) -> None:
        """The actor is gone with its process or its node; the runs it has not told of are made again."""
        self._in_vain = 0 if self._now.runs else self._in_vain + 1
        self._before, self._now, self._actor = self.tally, Tally(), None
        goes_on = "is given up" if self.has_given_up else "another one goes on"
        which = f"worker {self._share.number + 1} of the {self._share.of} of this hunt"
        loss = f"{which} was lost after {self._before.runs} runs, and {goes_on}: {_first_line(error)}"
        self._before.losses += (loss,)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
