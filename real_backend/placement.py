"""`Placement`: which of this machine's resources are free, reserved or taken. Arithmetic only; who waits is the
supervisor's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from real_backend.control import Grant
from real_backend.messages import NODE
from simactors.core.abilities import GroupInfo
from simactors.core.requests import Affinity, Bundle, Labels, Request, Selector, matches, selector_of
from simactors.core.resources import Amounts, Pool, amounts_of, quantities_of

_REMOVED_REMEMBERED = 1000
"""So many removed placement groups are told of."""


class Refusal(Struct, frozen=True):
    """Why a request can never be granted.

    Attributes:
        kind: the end of the name of the error: ``Unschedulable`` or ``PlacementGroupRemoved``.
    """

    kind: str
    text: str = ""

    @property
    def task_error(self) -> str:
        """The name of the error that a task meets."""
        return (
            "TaskPlacementGroupRemoved" if self.kind == "PlacementGroupRemoved" else "TaskUnschedulableError"
        )

    @property
    def actor_error(self) -> str:
        """The name of the error that an actor meets."""
        return (
            "ActorPlacementGroupRemoved"
            if self.kind == "PlacementGroupRemoved"
            else "ActorUnschedulableError"
        )


class _Group:
    def __init__(self, name: str, strategy: str, bundles: Sequence[Amounts], owner: int | None) -> None:
        self.name = name
        self.strategy = strategy
        self.bundles = bundles
        self.owner = owner
        self.state = "PENDING"
        self.gpus: list[tuple[int, ...]] = []
        self.pools: list[Pool] = []


class Placement:
    """The resources of this machine.

    A task that waited and runs on takes its CPUs back without asking, so that free CPUs may be negative.

    Args:
        total: what there is, as users count it.
        labels: what label selectors match.
        gpus: the numbers of the GPUs; None for those from 0 on.
    """

    def __init__(
        self, total: Mapping[str, float], labels: Mapping[str, str], gpus: Iterable[int] | None = None
    ) -> None:
        self.pool = Pool(amounts_of(total), gpus)
        self.labels = labels
        self._groups: dict[int, _Group] = {}
        # Those that may fit one day, and those that are only remembered; the oldest first.
        self._pending: dict[int, _Group] = {}
        self._removed: deque[int] = deque()

    # Requests

    def grant(self, request: Request) -> Grant | Refusal | None:
        """Take what `request` asks for, if it is free; None if it is not."""
        where = request.where
        if isinstance(where, Bundle):
            return self._grant_bundle(request, where)
        if isinstance(where, Affinity) and not where.soft:
            impossible = self._impossible(request, where)
            if impossible:
                return Refusal("Unschedulable", impossible)
        if not matches(request.labels, self.labels):
            return None
        if isinstance(where, Labels) and not matches(where.hard, self.labels):
            return None
        if not self.pool.fits(request.to_place):
            return None
        return Grant(request.to_place, self.pool.take(request.to_place), captures=request.captures)

    def _impossible(self, request: Request, where: Affinity) -> str:
        if where.node != self.labels["ray.io/node-id"]:
            return f"the node {where.node} that it must run on does not exist or is dead"
        if not self.pool.could_hold(request.to_place):
            return f"the node {where.node} that it must run on can never hold it"
        return ""

    def _grant_bundle(self, request: Request, where: Bundle) -> Grant | Refusal | None:
        group = self._groups.get(where.group)
        if group is None or group.state == "REMOVED":
            # As on Ray, who wants resources of a group that was removed waits for ever.
            return None if request.to_place else Refusal("PlacementGroupRemoved")
        numbers = range(len(group.pools)) if where.number < 0 else (where.number,)
        wanted = request.to_place
        fitting = [n for n in numbers if n < len(group.pools) and group.pools[n].fits(wanted)]
        if not fitting:
            return None
        # On Ray, who names no bundle takes from none: a bundle with GPUs is kept for who needs them.
        number = min(fitting, key=lambda n: group.pools[n].unasked(wanted))
        gpus = group.pools[number].take(wanted)
        return Grant(wanted, gpus, where.group, number, request.captures)

    def _pool_of(self, grant: Grant) -> Pool | None:
        """Where a grant comes from; None if that is gone."""
        if grant.group is None:
            return self.pool
        group = self._groups.get(grant.group)
        return None if group is None or group.state != "CREATED" else group.pools[grant.bundle]

    def keep(self, grant: Grant, amounts: Amounts) -> Grant:
        """Give back what was needed only to be placed; `amounts` is what stays taken."""
        pool = self._pool_of(grant)
        if pool is None or grant.amounts == amounts:
            return grant
        pool.give(grant.amounts, grant.gpus)
        return replace(grant, amounts=amounts, gpus=pool.take(amounts))

    def release(self, grant: Grant) -> None:
        """Give everything back."""
        pool = self._pool_of(grant)
        if pool is not None:
            pool.give(grant.amounts, grant.gpus)

    def lend(self, grant: Grant) -> None:
        """Others may have the CPUs of a task that waits."""
        self._change_cpus(grant, 1)

    def take_back(self, grant: Grant) -> None:
        """It runs on."""
        self._change_cpus(grant, -1)

    def _change_cpus(self, grant: Grant, sign: int) -> None:
        pool = self._pool_of(grant)
        if pool is not None:
            for name, units in grant.amounts:
                if name == "CPU":
                    pool.free[name] += sign * units

    def available(self) -> dict[str, float]:
        """What is free, as users count it; lent CPUs may be missing for a while, but never fewer than none."""
        return {name: max(quantity, 0.0) for name, quantity in quantities_of(self.pool.free.items()).items()}

    # Placement groups

    def create_group(
        self,
        number: int,
        name: str,
        strategy: str,
        bundles: Sequence[Mapping[str, float]],
        selectors: Sequence[Mapping[str, str]],
        owner: int | None,
    ) -> None:
        """A new group; `place_groups` reserves its bundles.

        Args:
            owner: the process with which it ends; None for a detached one.
        """
        wanted: list[Selector] = [selector_of(s) for s in selectors]
        fits_here = all(matches(selector, self.labels) for selector in wanted)
        # Each of the bundles on a node of its own: on one machine that is never so.
        fits_here = fits_here and not (strategy == "STRICT_SPREAD" and len(bundles) > 1)
        group = self._groups[number] = _Group(name, strategy, [amounts_of(b) for b in bundles], owner)
        if fits_here:
            self._pending[number] = group

    def place_groups(self) -> None:
        """Reserve what fits now, the oldest group first: all of its bundles or none."""
        if self._pending:
            self._pending = {n: group for n, group in self._pending.items() if not self._place(group)}

    def _place(self, group: _Group) -> bool:
        """One bundle after the other: that the sum fits says nothing of parts of GPUs, .7 and .7 and .6 on two."""
        taken: dict[int, tuple[int, ...]] = {}
        # The largest first: what is left over is easier to fill with small ones.
        for index in sorted(range(len(group.bundles)), key=lambda i: -sum(u for _, u in group.bundles[i])):
            bundle = group.bundles[index]
            if not self.pool.fits(bundle):
                for other, gpus in taken.items():
                    self.pool.give(group.bundles[other], gpus)
                return False
            taken[index] = self.pool.take(bundle)
        group.gpus = [taken[index] for index in range(len(group.bundles))]
        group.pools = [Pool(bundle, gpus) for bundle, gpus in zip(group.bundles, group.gpus, strict=True)]
        group.state = "CREATED"
        return True

    def remove_group(self, number: int) -> bool:
        """Give the reservation back; what runs in it must end. False if that was done before."""
        group = self._groups.get(number)
        if group is None or group.state == "REMOVED":
            return False
        if group.state == "CREATED":
            for bundle, gpus in zip(group.bundles, group.gpus, strict=True):
                self.pool.give(bundle, gpus)
        group.state = "REMOVED"
        self._pending.pop(number, None)
        self._removed.append(number)
        if len(self._removed) > _REMOVED_REMEMBERED:
            del self._groups[self._removed.popleft()]
        return True

    def groups_owned_by(self, process: int) -> list[int]:
        """The groups that end with a process."""
        return [n for n, g in self._groups.items() if g.owner == process and g.state != "REMOVED"]

    def groups(self) -> list[GroupInfo]:
        """All of them, oldest first, and of the removed ones the latest."""
        return [
            GroupInfo(
                group_id=number,
                name=group.name,
                strategy=group.strategy,
                state=group.state,
                bundles=[quantities_of(bundle) for bundle in group.bundles],
                nodes=[NODE if group.state == "CREATED" else None for _ in group.bundles],
            )
            for number, group in self._groups.items()
        ]
