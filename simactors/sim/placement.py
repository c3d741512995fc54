"""Who gets which resources of which node, and who waits for them.

Not what a node has (`resources.py`), nor what is done with a grant: tasks, actors and placement groups bring an action
along. What is granted is announced as a step of its own, never in the middle of whatever freed the resources.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from simactors import exceptions
from simactors.core.choices import Choices
from simactors.core.requests import Affinity, Bundle, Hybrid, Labels, Request, Spread, matches
from simactors.core.resources import Amounts, Pool
from simactors.exceptions import RayError
from simactors.sim.cluster import Process
from simactors.sim.nodes import Node, Nodes

_FULL_ENOUGH = 0.5  # the hybrid policy fills a node up to here before it looks at others, as on Ray
_TOP_SHARE = 5  # of the best nodes, one in five may be picked, as on Ray: which one is nobody's promise

RESOURCES, SCARCE = "resources", "scarce resources"
"""What a step touches that takes resources or gives them back, see `Offer.touched`; and what else it touches if it may
matter who does so first."""


class Holder(Protocol):
    """Who asks for resources and holds them, a call or an actor; its `str` is for reports."""

    @property
    def process(self) -> Process | None:
        """Where its code runs, if there is such a place yet."""
        ...


class Grant:
    """Resources that somebody holds.

    Attributes:
        holder: who it is.
        amounts: what it holds.
        gpus: which GPUs.
        bundle: (group id, index) of the bundle that they come from, if any.
        captures: what the holder starts belongs to that group, too.
        lent: CPUs that it does without for now, because its code waits, in `resources.GRAIN` units.
    """

    __slots__ = ("amounts", "bundle", "captures", "gpus", "holder", "lent", "node", "pool")

    def __init__(self, holder: Holder, node: Node, pool: Pool, amounts: Amounts) -> None:
        self.holder = holder
        self.node = node
        self.pool = pool
        self.amounts = amounts
        self.gpus = pool.take(amounts)
        self.bundle: tuple[int, int] | None = None
        self.captures = False
        self.lent = 0


class NothingHeld(NamedTuple):
    """The grant of a process that was placed and holds nothing, as most actors do: one for all of them."""

    amounts: Amounts = ()
    gpus: tuple[int, ...] = ()
    bundle: None = None
    captures: bool = False
    lent: int = 0


NOTHING_HELD = NothingHeld()


class Claim(NamedTuple):
    """Somebody who wants resources.

    Attributes:
        holder: who it is.
        what: how steps that are about it are called.
        near: where the one who asks is.
        granted: called with the grant, as a step.
        refused: called if it can never be granted, as a step, with what to tell who waits.
    """

    holder: Holder
    what: str
    request: Request
    near: Node
    is_actor: bool
    granted: Callable[[Grant], None]
    refused: Callable[[RayError], None]


class PlacesBundles(Protocol):
    """What `groups.py` does for placement."""

    def admit(self) -> None:
        """Reserve what can be reserved now."""
        ...

    def bundles(self, number: int) -> Bundles | None:
        """The bundles of a placement group; None once it was removed."""
        ...


class Bundles(NamedTuple):
    """What `groups.py` tells of one placement group."""

    nodes: list[Node | None]
    pools: list[Pool | None]


class Placement:
    """All claims of one run.

    Claims that ask for the same wait for one another, oldest first; others pass them, as on Ray.

    Args:
        soon: runs an action as a step of its own, that of no process; see `Kernel.soon`.
        groups: the placement groups, which come first when something has become free.
        touches: told what the code that runs now has to do with; see `Offer.touched`.

    Attributes:
        held: every grant, the oldest first.
    """

    def __init__(
        self,
        nodes: Nodes,
        choices: Choices,
        soon: Callable[[Callable[[], None], None, str], None],
        groups: PlacesBundles,
        touches: Callable[[str], None],
    ) -> None:
        self._nodes = nodes
        self._choices = choices
        self._soon = soon
        self._touches = touches
        self._is_scarce = False
        self._wanted: dict[str, int] = {}  # of all claims together, in `resources.GRAIN` units
        self._groups = groups
        self._waiting: dict[Request, deque[Claim]] = {}
        self._spread_from = 0
        self.held: dict[Grant, None] = {}

    def claim(self, claim: Claim) -> None:
        """Grant `claim` as soon as what it asks for is free; one that nothing can hold waits for ever."""
        self._note(claim.request)
        queue = self._waiting.get(claim.request)
        if queue:
            queue.append(claim)
        elif not self._try(claim):
            self._waiting[claim.request] = deque([claim])

    def _note(self, request: Request) -> None:
        """Who is granted what depends on the order of claims, unless there is enough for all of them on one node."""
        wanted = self._wanted
        for name, units in request.to_place:
            wanted[name] = wanted.get(name, 0) + units
        is_plain = isinstance(request.where, Hybrid) and not request.labels and "GPU" not in wanted
        nodes = self._nodes.alive
        if not is_plain or len(nodes) != 1 or not nodes[0].pool.could_hold(tuple(wanted.items())):
            self._is_scarce = True
        self._touch()

    def _touch(self) -> None:
        """The code that runs now takes resources or gives them back."""
        self._touches(RESOURCES)
        if self._is_scarce:
            self._touches(SCARCE)

    def release(self, grant: Grant | NothingHeld) -> None:
        """Give resources back. Harmless if repeated, or if their node or group is gone."""
        if isinstance(grant, NothingHeld) or grant not in self.held:
            return
        del self.held[grant]
        self._touch()
        self.take_back(grant)
        grant.pool.give(grant.amounts, grant.gpus)
        self.admit()

    def keep(self, grant: Grant, amounts: Amounts) -> Grant | NothingHeld:
        """Give back what was needed only to be placed; `amounts` is what stays taken. Returns what is held then."""
        if grant.amounts != amounts and grant in self.held:
            self._touch()
            grant.pool.give(grant.amounts, grant.gpus)
            grant.amounts = amounts
            grant.gpus = grant.pool.take(amounts)
            if not amounts:
                del self.held[grant]
            self.admit()
        return grant if grant.amounts or grant.bundle is not None else NOTHING_HELD

    def lend(self, grant: Grant) -> None:
        """Let others have the CPUs of a task whose code waits."""
        if grant.lent or grant not in self.held:
            return
        for name, units in grant.amounts:
            if name == "CPU":
                self._touch()
                grant.lent = units
                grant.pool.free[name] += units
                self.admit()

    def take_back(self, grant: Grant) -> None:
        """Take lent CPUs again; does not wait."""
        if grant.lent:
            self._touch()
            grant.pool.free["CPU"] -= grant.lent
            grant.lent = 0

    def withdraw(self, holder: Holder) -> None:
        """Forget the claims of somebody who is gone."""
        self._touch()
        for request, queue in list(self._waiting.items()):
            kept = deque(claim for claim in queue if claim.holder is not holder)
            if kept:
                self._waiting[request] = kept
            else:
                del self._waiting[request]
        self.admit()

    def forget(self, lost: Callable[[Grant], bool]) -> None:
        """Drop the grants of a node or a group that is gone, without giving anything back."""
        for grant in [g for g in self.held if lost(g)]:
            del self.held[grant]

    def admit(self) -> None:
        """Grant whatever can be granted now; called whenever something has become free."""
        self._groups.admit()
        for request, queue in list(self._waiting.items()):
            while queue and self._try(queue[0]):
                queue.popleft()
            if not queue:
                self._waiting.pop(request, None)

    @property
    def waiting(self) -> list[Claim]:
        """Who waits, for reports."""
        return [claim for queue in self._waiting.values() for claim in queue]

    def _try(self, claim: Claim) -> bool:
        """Grant or refuse a claim, if that can be done now."""
        request = claim.request
        place: tuple[Node, Pool, tuple[int, int] | None] | None
        if isinstance(request.where, Bundle):
            bundles = self._groups.bundles(request.where.group)
            if bundles is None and not request.to_place:
                self._refuse(claim, _group_removed(claim))
                return True
            # As on Ray, who wants resources of a group that was removed waits for ever.
            place = None if bundles is None else _bundle_for(request, request.where, bundles)
        else:
            impossible = self._impossible(request)
            if impossible:
                self._refuse(claim, _unschedulable(claim, impossible))
                return True
            node = self._node_for(request, claim.near)
            place = None if node is None else (node, node.pool, None)
        if place is None:
            return False
        grant = Grant(claim.holder, place[0], place[1], request.to_place)
        grant.bundle, grant.captures = place[2], request.captures
        self.held[grant] = None
        self._soon(lambda: claim.granted(grant), None, claim.what)
        return True

    def refuse_group(self, number: int) -> None:
        """A placement group was removed: who waits for it is told."""
        for request, queue in list(self._waiting.items()):
            if isinstance(request.where, Bundle) and request.where.group == number:
                del self._waiting[request]
                for claim in queue:
                    self._refuse(claim, _group_removed(claim))

    def _refuse(self, claim: Claim, why: RayError) -> None:
        self._soon(lambda: claim.refused(why), None, claim.what)

    def _impossible(self, request: Request) -> str:
        where = request.where
        if not isinstance(where, Affinity) or where.soft:
            return ""
        node = self._nodes.with_id(where.node)
        if node is None or not node.alive:
            return f"the node {where.node} that it must run on does not exist or is dead"
        if not node.pool.could_hold(request.to_place):
            return f"the node {where.node} that it must run on can never hold it"
        return ""

    def _node_for(self, request: Request, near: Node) -> Node | None:
        where, amounts = request.where, request.to_place
        candidates: Sequence[Node] = self._nodes.alive
        if request.labels:
            candidates = [node for node in candidates if matches(request.labels, node.labels)]
        if isinstance(where, Affinity):
            wanted = self._nodes.with_id(where.node)
            if wanted is not None and wanted.alive and wanted.pool.could_hold(amounts):
                return wanted if wanted.pool.fits(amounts) else None
        if isinstance(where, Labels):
            candidates = [node for node in candidates if matches(where.hard, node.labels)]
            preferred = [node for node in candidates if matches(where.soft, node.labels)]
            if any(node.pool.could_hold(amounts) for node in preferred):
                candidates = preferred
        if isinstance(where, Spread):
            return self._next_of(candidates, amounts)
        return self._best_of(candidates, amounts, near)

    def _next_of(self, candidates: Sequence[Node], amounts: Amounts) -> Node | None:
        """The one after that which was taken last, so that all get their share."""
        later = [node for node in candidates if node.id > self._spread_from]
        for node in [*later, *candidates]:
            if node.pool.fits(amounts):
                self._spread_from = node.id
                return node
        return None

    def _best_of(self, candidates: Sequence[Node], amounts: Amounts, near: Node) -> Node | None:
        """Ray's hybrid policy: near and not too full; then the emptiest.

        Which one of the best fifth is a choice, so in a cluster of fewer than ten nodes it is always the best.
        """
        top = max(1, len(candidates) // _TOP_SHARE)
        rank = self._choices.number("node", top) if top > 1 else 0
        passed = 0
        scored: list[tuple[float, int, Node]] = []
        is_candidate = near.alive and (candidates is self._nodes.alive or near in candidates)
        for node in chain((near,) if is_candidate else (), candidates):
            if node is near and (passed or scored):
                continue  # it was first
            if not node.pool.fits(amounts):
                continue
            fullness = node.pool.utilisation(amounts)
            if fullness >= _FULL_ENOUGH:
                scored.append((fullness, len(scored), node))
            elif passed == rank:  # as good as it gets: no need to look at a thousand others
                return node
            else:
                passed += 1
        scored.sort()
        return scored[min(rank, len(scored) - 1)][2] if scored else None


def _unschedulable(claim: Claim, why: str) -> RayError:
    if claim.is_actor:
        return exceptions.ActorUnschedulableError(f"The actor is not schedulable: {why}.")
    return exceptions.TaskUnschedulableError(f"The task is not schedulable: {why}.")


def _group_removed(claim: Claim) -> RayError:
    if claim.is_actor:
        text = "The placement group corresponding to this Actor has been removed."
        return exceptions.ActorPlacementGroupRemoved(text)
    return exceptions.TaskPlacementGroupRemoved(
        "The placement group corresponding to this task has been removed."
    )


def _bundle_for(
    request: Request, where: Bundle, bundles: Bundles
) -> tuple[Node, Pool, tuple[int, int]] | None:
    indices: Iterable[int] = range(len(bundles.pools)) if where.number < 0 else (where.number,)
    best: tuple[Node, Pool, tuple[int, int]] | None = None
    for index in indices:
        node, pool = bundles.nodes[index], bundles.pools[index]
        if node is None or pool is None or not node.alive or not pool.fits(request.to_place):
            continue
        # On Ray, who names no bundle takes from none: a bundle with GPUs is kept for who needs them.
        if best is None or pool.unasked(request.to_place) < best[1].unasked(request.to_place):
            best = node, pool, (where.group, index)
    return best
