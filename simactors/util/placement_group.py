"""Placement groups: resources reserved together, as ``ray.util.placement_group``.

Not the placing, which is the backend's (`core.abilities.PlacesGroups`): this checks what is asked for, and shows it in
Ray's shapes.
"""

from __future__ import annotations

from typing import Any

from simactors import exceptions
from simactors.api import session
from simactors.api.objects import get, put, wait
from simactors.api.remote import remote
from simactors.core import ids, labels
from simactors.core.abilities import GroupInfo, KnowsItself, PlacesGroups, TellsOfPlacing
from simactors.core.ids import PlacementGroupID
from simactors.core.refs import ObjectRef
from simactors.core.resources import can_be
from simactors.core.strategies import PlacementGroupSchedulingStrategy, check_index

VALID_PLACEMENT_GROUP_STRATEGIES = {"PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"}
"""Ray's name for the words that `placement_group` takes."""


class PlacementGroup:
    """A handle of a placement group; copies of it may live in any process. Equal handles lead to the same group.

    Attributes:
        id: its id, with ``hex()``.
    """

    def __init__(self, id: PlacementGroupID, bundle_cache: list[dict[str, float]] | None = None) -> None:  # noqa: A002  # Ray's name
        self.id = id
        self.bundle_cache = bundle_cache

    @staticmethod
    def empty() -> PlacementGroup:
        """The handle of no group."""
        return PlacementGroup(PlacementGroupID.nil())

    @property
    def id_number(self) -> int:
        """The id as backends know it."""
        return self.id.number

    @property
    def is_empty(self) -> bool:
        """Whether it stands for no group."""
        return self.id.is_nil()

    @property
    def bundle_specs(self) -> list[dict[str, float]]:
        """What each bundle reserves, by resource."""
        if self.bundle_cache is None:
            self.bundle_cache = [dict(bundle) for bundle in _info(self).bundles]
        return self.bundle_cache

    @property
    def bundle_count(self) -> int:
        """How many bundles it has."""
        return len(self.bundle_specs)

    def ready(self) -> ObjectRef[PlacementGroup]:
        """A ref that is ready when all bundles are reserved; its value is this group.

        `get` of it raises `TaskPlacementGroupRemoved` if the group is removed before.
        """
        if self.is_empty:
            return put(self)
        backend = session.active()
        ref: ObjectRef[PlacementGroup]
        if isinstance(backend, TellsOfPlacing):
            ref = _ready.remote(self, backend.placed(self.id_number))
        else:
            ref = _ready.options(scheduling_strategy=PlacementGroupSchedulingStrategy(self)).remote(self)
        return ref

    def wait(self, timeout_seconds: float = 30) -> bool:
        """Whether all bundles were reserved in time.

        Args:
            timeout_seconds: whole seconds; as on Ray, less than one only looks. Negative waits for ever.

        Raises:
            Exception: the group was removed.
        """
        if self.is_empty or _info(self).state == "CREATED":
            return True
        if _info(self).state != "REMOVED":
            ready = self.ready()
            done, _ = wait([ready], timeout=None if timeout_seconds < 0 else int(timeout_seconds))
            if not done:
                return False
            try:
                return get(ready) == self
            except exceptions.TaskPlacementGroupRemoved:
                pass  # while we waited
        raise _missing(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlacementGroup) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"PlacementGroup({self.id.hex()})"


@remote(num_cpus=0)  # type: ignore[untyped-decorator]  # it takes functions and classes of any kind
def _ready(group: PlacementGroup, _placed: object = None) -> PlacementGroup:
    """Runs as soon as the group it is placed in has its bundles, or `_placed` says so."""
    return group


def placement_group(
    bundles: list[dict[str, float]],
    strategy: str | None = None,
    name: str = "",
    lifetime: str | None = None,
    _soft_target_node_id: str | None = None,
    bundle_label_selector: list[dict[str, str]] | None = None,
    topology_strategy: dict[str, str] | None = None,
) -> PlacementGroup:
    """Reserve `bundles`, all of them or none, as soon as they fit; returns at once.

    Args:
        bundles: what to reserve, by resource: ``[{"CPU": 1}, {"CPU": 1, "GPU": 1}]``.
        strategy: ``PACK`` (few nodes, the default), ``SPREAD`` (many nodes), or strictly so: ``STRICT_PACK`` (one
            node), ``STRICT_SPREAD`` (a node for each).
        name: for `get_placement_group`.
        lifetime: "detached" for a group that outlives whoever makes it.
        bundle_label_selector: for each bundle, what the labels of its node must match.

    Raises:
        ValueError: wrong arguments.
        RaySystemError: the name is taken.
    """
    if topology_strategy is not None:
        raise ValueError("placement_group: topology_strategy is not supported yet")
    strategy = "PACK" if strategy is None else strategy
    validate_placement_group(bundles, strategy, lifetime, _soft_target_node_id, bundle_label_selector)
    backend = _backend()
    if name and _living(name) is not None:
        raise exceptions.RaySystemError(
            f"System error: Failed to create placement group because name '{name}' already exists."
        )
    reserved = [{resource: float(quantity) for resource, quantity in bundle.items()} for bundle in bundles]
    number = backend.create_group(
        reserved,
        strategy,
        name=name,
        detached=lifetime == "detached",
        bundle_label_selector=bundle_label_selector or (),
    )
    return PlacementGroup(ids.group_id(number), reserved)


def remove_placement_group(placement_group: PlacementGroup) -> None:
    """Give the reservation back; what runs in it ends. Harmless if repeated."""
    assert placement_group is not None
    _backend().remove_group(placement_group.id_number)


def get_placement_group(placement_group_name: str) -> PlacementGroup:
    """The group of that name.

    Raises:
        ValueError: there is none.
    """
    if not placement_group_name:
        raise ValueError("Please supply a non-empty value to get_placement_group")
    found = _living(placement_group_name)
    if found is None:
        raise ValueError(f"Failed to look up placement group with name: {placement_group_name}")
    return PlacementGroup(ids.group_id(found.group_id))


def get_current_placement_group() -> PlacementGroup | None:
    """The group that the running code was placed in, if any; the driver never is."""
    number = session.able(KnowsItself, "get_current_placement_group").runtime_info().placement_group_id
    return None if number is None else PlacementGroup(ids.group_id(number))


def placement_group_table(placement_group: PlacementGroup | None = None) -> dict[str, Any]:
    """The state of a group, or of all groups by their ids, removed ones too, in the shape of Ray's table."""
    rows = {ids.group_id(group.group_id).hex(): _row(group) for group in _backend().groups()}
    return rows if placement_group is None else rows.get(placement_group.id.hex(), {})


def check_placement_group_index(placement_group: PlacementGroup, bundle_index: int) -> None:
    """Raise `ValueError` if the group has no bundle of that index; -1 stands for any."""
    check_index(placement_group, bundle_index)


def validate_placement_group(
    bundles: Any,
    strategy: str = "PACK",
    lifetime: str | None = None,
    _soft_target_node_id: str | None = None,
    bundle_label_selector: Any = None,
) -> None:
    """Raise `ValueError` if `placement_group` can't take these arguments."""
    if strategy not in VALID_PLACEMENT_GROUP_STRATEGIES:
        raise ValueError(
            f"Invalid placement group strategy {strategy}. "
            f"Supported strategies are: {sorted(VALID_PLACEMENT_GROUP_STRATEGIES)}."
        )
    if _soft_target_node_id and strategy != "STRICT_PACK":
        raise ValueError(f"_soft_target_node_id currently only works with STRICT_PACK but got {strategy}")
    _check_bundles(bundles)
    if bundle_label_selector is not None:
        _check_selectors(bundle_label_selector, len(bundles))
    if lifetime not in (None, "detached"):
        raise ValueError(
            f"Placement group `lifetime` argument must be either `None` or 'detached'. Got {lifetime}."
        )


def _check_bundles(bundles: Any) -> None:
    example = 'Bundles must be a non-empty list of resource dictionaries. For example: `[{"CPU": 1.0}, {"GPU": 1.0}]`.'
    if not isinstance(bundles, list):
        raise ValueError(f"Placement group bundles must be a list, got {type(bundles)}.")
    if not bundles:
        raise ValueError(f"{example} Got empty list instead.")
    for bundle in bundles:
        if not isinstance(bundle, dict) or not all(
            isinstance(name, str) and isinstance(quantity, int | float) for name, quantity in bundle.items()
        ):
            raise ValueError(example)
        if not all(can_be(quantity) for quantity in bundle.values()):
            raise ValueError(f"The quantities of a bundle must be finite, and none negative: {bundle}")
        if not any(bundle.values()):
            raise ValueError(
                f"Bundles cannot be an empty dictionary or resources with only 0 values. Bundles: {bundles}"
            )


def _check_selectors(selectors: Any, bundles: int) -> None:
    if not isinstance(selectors, list):
        raise ValueError(f"Placement group bundle_label_selector must be a list, got {type(selectors)}.")
    if len(selectors) != bundles:
        raise ValueError(
            f"Invalid bundle label selector {selectors}. The length of `bundle_label_selector` should equal the "
            "length of `bundles`."
        )
    for selector in selectors:
        if not isinstance(selector, dict) or not all(
            isinstance(part, str) for pair in selector.items() for part in pair
        ):
            raise ValueError("Bundle label selector must be a list of string dictionary label selectors.")
        problem = labels.selector_problem(selector)
        if problem is not None:
            raise ValueError(
                f"Invalid label selector provided in bundle_label_selector list. Detailed error: '{problem}'"
            )


def _backend() -> PlacesGroups:
    return session.able(PlacesGroups, "placement_group")


def _info(group: PlacementGroup) -> GroupInfo:
    for info in _backend().groups():
        if info.group_id == group.id_number:
            return info
    raise _missing(group)


def _missing(group: PlacementGroup) -> Exception:
    return Exception(f"Placement group {group.id} does not exist.")  # as plain as on Ray


def _living(name: str) -> GroupInfo | None:
    found = (group for group in _backend().groups() if group.name == name and group.state != "REMOVED")
    return next(found, None)


_SCHEDULING_STATES = {"CREATED": "FINISHED", "REMOVED": "REMOVED"}


def _row(group: GroupInfo) -> dict[str, Any]:
    return {
        "placement_group_id": ids.group_id(group.group_id).hex(),
        "name": group.name,
        "bundles": {index: dict(bundle) for index, bundle in enumerate(group.bundles)},
        "bundles_to_node_id": {
            index: "" if node is None else ids.node_id(node).hex() for index, node in enumerate(group.nodes)
        },
        "strategy": group.strategy,
        "state": group.state,
        "stats": {
            "end_to_end_creation_latency_ms": 0.0,
            "scheduling_latency_ms": 0.0,
            "scheduling_attempt": 0,
            "highest_retry_delay_ms": 0.0,
            "scheduling_state": _SCHEDULING_STATES.get(group.state, "QUEUED"),
        },
    }
