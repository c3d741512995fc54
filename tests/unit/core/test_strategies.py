"""Scheduling strategies and the checks that need only data."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from simactors.core.strategies import (
    DoesNotExist,
    Exists,
    GroupHandle,
    In,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    NotIn,
    PlacementGroupSchedulingStrategy,
    check_bundles,
)


@dataclass
class Group:
    bundle_specs: Sequence[Mapping[str, float]]
    id_number: int = 1
    is_empty: bool = False


def test_a_strategy_is_data_that_travels() -> None:
    strategy = NodeLabelSchedulingStrategy({"zone": In("a", "b")}, soft={"gpu": Exists()})
    assert pickle.loads(pickle.dumps(strategy)) == strategy
    assert strategy.hard["zone"] == In("a", "b")


def test_a_node_is_named_by_its_hexadecimal_id() -> None:
    node = "0" * 55 + "1"
    assert NodeAffinitySchedulingStrategy(node, soft=False).node_id == node
    for wrong in ("", "xyz", "01", "f" * 56):
        with pytest.raises(ValueError, match="Invalid node_id"):
            NodeAffinitySchedulingStrategy(wrong, soft=True)
    with pytest.raises(ValueError, match="_spill_on_unavailable cannot be set"):
        NodeAffinitySchedulingStrategy(node, soft=False, _spill_on_unavailable=True)


def test_conditions_on_labels_are_checked_where_they_are_written() -> None:
    with pytest.raises(ValueError, match="must be a non-empty tuple"):
        In()
    with pytest.raises(ValueError, match="position 1 for the NotIn operator must be str"):
        NotIn("a", 1)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match="cannot both be empty"):
        NodeLabelSchedulingStrategy({})
    with pytest.raises(ValueError, match="must be one of the `In`"):
        NodeLabelSchedulingStrategy({"zone": "a"})  # type: ignore[dict-item]  # the mistake
    assert NodeLabelSchedulingStrategy(None, soft={"x": DoesNotExist()}).hard == {}


def test_what_no_bundle_can_hold_is_refused() -> None:
    group = Group([{"CPU": 1.0}, {"CPU": 2.0, "GPU": 1.0}])
    assert isinstance(group, GroupHandle)
    strategy = PlacementGroupSchedulingStrategy(group)
    check_bundles("f", strategy, {"CPU": 2}, {"CPU": 2})
    with pytest.raises(ValueError, match="Cannot schedule f with the placement group"):
        check_bundles("f", strategy, {"CPU": 3}, {"CPU": 3})
    with pytest.raises(ValueError, match="requires 1 CPU for creation"):
        check_bundles("Log", PlacementGroupSchedulingStrategy(Group([{"GPU": 1.0}])), {"CPU": 1}, {})
    with pytest.raises(ValueError, match="bundle index 2 is invalid"):
        check_bundles("f", PlacementGroupSchedulingStrategy(group, 2), {}, {})
    with pytest.raises(ValueError, match="bundle index must be -1"):
        check_bundles("f", PlacementGroupSchedulingStrategy(None, 0), {}, {})
