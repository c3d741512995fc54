"""The table of options: which values each takes, and what is said of the others."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from simactors.core.options import ActorOptions, TaskOptions, actor_needs, task_needs, with_options
from simactors.core.strategies import PlacementGroupSchedulingStrategy


@dataclass(frozen=True)
class Group:
    id_number: int = 1
    is_empty: bool = False
    bundle_specs: tuple[dict[str, float], ...] = field(default=({"CPU": 1.0},))


def changed(**changes: object) -> TaskOptions:
    return with_options(TaskOptions(), changes, what="remote functions")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_returns": -1}, "only accepts None, a non-negative integer"),
        ({"max_retries": -2}, "'max_retries' only accepts None, 0, -1 or a positive integer"),
        ({"retry_exceptions": [1]}, "must be either a boolean or a list of exceptions"),
        ({"num_gpus": 0.00001}, "cannot go beyond 0.0001"),
        ({"num_cpus": math.inf}, "resource num_cpus must be finite, not inf"),
        ({"memory": math.nan}, "resource memory must be finite, not nan"),
        ({"resources": {"x": 10**400}}, "resource x must be finite"),
        ({"resources": {"CPU": 1}}, "Use the 'num_cpus' and 'num_gpus' keyword"),
        ({"label_selector": {"-zone": "a"}}, "Invalid label key name `-zone`"),
        ({"label_selector": {"zone": "in()"}}, "Invalid label selector value"),
        ({"fallback_strategy": [{"num_cpus": 1}]}, "Unsupported option found: 'num_cpus'"),
        ({"_generator_backpressure_num_objects": 0}, "=0 is not allowed"),
    ],
)
def test_a_wrong_value_is_refused_in_rays_words(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(**changes)


@pytest.mark.parametrize(
    "selector", [{"a.b/zone": "in(a, b)"}, {"zone": "!in(a,b)"}, {"zone": "!a"}, {"zone": ""}]
)
def test_the_notation_of_label_selectors(selector: dict[str, str]) -> None:
    assert changed(label_selector=selector).label_selector == selector


def test_a_scheduling_strategy_is_a_word_or_one_of_three_classes() -> None:
    assert changed(scheduling_strategy="SPREAD").scheduling_strategy == "SPREAD"
    with pytest.raises(TypeError, match="'scheduling_strategy' must be"):
        changed(scheduling_strategy=5)


def test_the_deprecated_options_of_placement_groups_are_said_as_a_strategy() -> None:
    group = Group()
    options = changed(placement_group=group, placement_group_bundle_index=0)
    assert options.scheduling_strategy == PlacementGroupSchedulingStrategy(group, 0)
    options = with_options(options, {"placement_group_bundle_index": -1}, what="remote functions")
    assert options.scheduling_strategy == PlacementGroupSchedulingStrategy(group)
    assert changed(placement_group=None).scheduling_strategy == "DEFAULT"
    assert changed(placement_group="default").scheduling_strategy is None
    with pytest.raises(ValueError, match="should be specified via the scheduling_strategy option"):
        changed(placement_group=group, scheduling_strategy="SPREAD")
    with pytest.raises(TypeError, match="'placement_group' must be"):
        changed(placement_group=5)


def test_what_a_task_and_an_actor_take_by_default() -> None:
    assert task_needs(TaskOptions()) == {"CPU": 1}
    assert task_needs(changed(num_cpus=0, num_gpus=0.5)) == {"CPU": 0, "GPU": 0.5}
    assert actor_needs(ActorOptions()) == ({"CPU": 1}, {})
    assert actor_needs(ActorOptions(memory=10)) == ({"CPU": 1, "memory": 10}, {"memory": 10})
    assert actor_needs(ActorOptions(num_gpus=1)) == ({"CPU": 1, "GPU": 1}, {"CPU": 1, "GPU": 1})
    assert actor_needs(ActorOptions(num_cpus=2, accelerator_type="A")) == (
        {"CPU": 2, "accelerator_type:A": 0.001},
        {"CPU": 2, "accelerator_type:A": 0.001},
    )


def test_a_word_that_is_no_number_of_returns_is_refused_as_on_ray() -> None:
    with pytest.raises(TypeError, match="'>=' not supported"):
        changed(num_returns="all")
