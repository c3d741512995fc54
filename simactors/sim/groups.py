"""Placement groups: bundles of resources that are reserved together, and given back together.

Not what runs in them (`placement.py` grants from a bundle as from a node) nor what their end does to processes: that is
the action `lost`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from simactors.core.abilities import GroupInfo
from simactors.core.requests import Selector, matches, selector_of
from simactors.core.resources import Amounts, Pool, added, amounts_of, quantities_of
from simactors.sim.nodes import Node, Nodes
from simactors.sim.placement import Bundles


class Group:
    """One placement group.

    Attributes:
        nodes, pools: where each bundle is and what it holds; None as long as it is not placed.
        gpus: which GPUs of its node each bundle has reserved.
        state: Ray's word: ``PENDING``, ``CREATED``, ``REMOVED`` or ``RESCHEDULING``.
        owner: the process that ends it by its own end; None for a detached one.
    """

    __slots__ = ("bundles", "gpus", "id", "name", "nodes", "owner", "pools", "selectors", "state", "strategy")

    def __init__(
        self, number: int, name: str, strategy: str, bundles: Sequence[Amounts], selectors: Sequence[Selector]
    ) -> None:
        self.id = number
        self.name = name
        self.strategy = strategy
        self.bundles = bundles
        self.selectors = selectors
        self.nodes: list[Node | None] = [None] * len(bundles)
        self.pools: list[Pool | None] = [None] * len(bundles)
        self.gpus: list[tuple[int, ...]] = [()] * len(bundles)
        self.state = "PENDING"
        self.owner: object = None

    @property
    def is_removed(self) -> bool:
        """Whether its reservation is gone for good."""
        return self.state == "REMOVED"

    def info(self) -> GroupInfo:
        """What users are told."""
        return GroupInfo(
            group_id=self.id,
            name=self.name,
            strategy=self.strategy,
            state=self.state,
            bundles=[quantities_of(bundle) for bundle in self.bundles],
            nodes=[None if node is None else node.id for node in self.nodes],
        )


class Groups:
    """All placement groups of one run.

    Args:
        freed: called when reservations were given back or are wanted: who waits may go on.
        lost: called with (group, index) of each bundle whose reservation is gone: what runs there must end.
    """

    def __init__(self, nodes: Nodes, freed: Callable[[], None], lost: Callable[[Group, int], None]) -> None:
        self._nodes = nodes
        self._freed = freed
        self._lost = lost
        self._groups: dict[int, Group] = {}
        self._waiting: dict[int, Group] = {}  # those that are not, or no longer, placed as a whole

    def create(
        self,
        number: int,
        bundles: Sequence[Mapping[str, float]],
        strategy: str,
        name: str,
        selectors: Sequence[Mapping[str, str]],
    ) -> Group:
        """A new group, placed at once if it fits."""
        wanted = [amounts_of(bundle) for bundle in bundles]
        conditions = [selector_of(s) for s in selectors] or [()] * len(wanted)
        group = self._groups[number] = self._waiting[number] = Group(
            number, name, strategy, wanted, conditions
        )
        self._freed()
        return group

    def remove(self, number: int) -> None:
        """Give the reservation of a group back."""
        group = self._groups[number]
        if group.is_removed:
            return
        group.state = "REMOVED"
        self._waiting.pop(number, None)
        for index in range(len(group.bundles)):
            self._lost(group, index)
            self._give_back(group, index)
        self._freed()

    def node_died(self, node: Node) -> None:
        """Bundles on a dead node are reserved anew elsewhere."""
        for group in self._groups.values():
            for index, place in enumerate(group.nodes):
                if place is node and not group.is_removed:
                    group.state = "RESCHEDULING"
                    self._waiting[group.id] = group
                    group.nodes[index] = group.pools[index] = None
                    self._lost(group, index)
        self._freed()

    def bundles(self, number: int) -> Bundles | None:
        """See `PlacesBundles`."""
        group = self._groups.get(number)
        return None if group is None or group.is_removed else Bundles(group.nodes, group.pools)

    def all(self) -> list[Group]:
        """Removed ones too, the oldest first."""
        return list(self._groups.values())

    def owned_by(self, owner: object) -> list[Group]:
        """The groups that end with `owner`."""
        return [g for g in self._groups.values() if g.owner is owner and not g.is_removed]

    def admit(self) -> None:
        """Place the groups that fit now, the oldest first."""
        for group in list(self._waiting.values()):
            if self._place(group):
                del self._waiting[group.id]

    def _place(self, group: Group) -> bool:
        """Reserve all bundles that have no place, or none."""
        missing = [index for index, node in enumerate(group.nodes) if node is None]
        # The largest first: what is left over is easier to fill with small ones.
        missing.sort(key=lambda index: -sum(units for _, units in group.bundles[index]))
        for index in missing:
            node = self._node_for(group, index)
            if node is None:
                for other in missing:
                    self._give_back(group, other)
                return False
            bundle = group.bundles[index]
            group.gpus[index] = node.pool.take(bundle)
            group.nodes[index] = node
            group.pools[index] = Pool(bundle, group.gpus[index] or None)
        group.state = "CREATED"
        return True

    def _node_for(self, group: Group, index: int) -> Node | None:
        bundle, used = group.bundles[index], [node for node in group.nodes if node is not None]
        fitting = [
            node
            for node in self._nodes.alive
            if node.pool.fits(bundle) and matches(group.selectors[index], node.labels)
        ]
        if group.strategy == "STRICT_PACK":
            whole = added(group.bundles)
            fitting = used[:1] if used else [node for node in fitting if node.pool.fits(whole)]
        elif group.strategy == "STRICT_SPREAD":
            fitting = [node for node in fitting if node not in used]
        elif group.strategy == "PACK":
            fitting.sort(key=lambda node: node not in used)
        else:
            fitting.sort(key=lambda node: (used.count(node), node.pool.utilisation(bundle)))
        return fitting[0] if fitting else None

    def _give_back(self, group: Group, index: int) -> None:
        node = group.nodes[index]
        if node is not None:
            node.pool.give(group.bundles[index], group.gpus[index])
        group.nodes[index] = group.pools[index] = None
