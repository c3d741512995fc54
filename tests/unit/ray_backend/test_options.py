"""What Ray is told of options: what it does not know already, in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from simactors.core import strategies
from simactors.core.options import PLAIN_METHOD, ActorOptions, MethodOptions, TaskOptions

pytest.importorskip("ray", reason="Ray is an extra")

from ray.util import scheduling_strategies as theirs

from simactors.ray_backend.options import to_ray


def test_what_nobody_has_said_is_left_to_ray() -> None:
    assert to_ray(TaskOptions()) == to_ray(ActorOptions()) == to_ray(PLAIN_METHOD) == {}
    assert to_ray(TaskOptions(max_retries=0, num_cpus=2)) == {"max_retries": 0, "num_cpus": 2}


def test_of_a_method_only_what_differs_from_its_declaration_is_said() -> None:
    declared = MethodOptions(num_returns=2, max_task_retries=3)
    assert to_ray(declared, declared) == {}
    assert to_ray(MethodOptions(num_returns=2), declared) == {
        "max_task_retries": MethodOptions().max_task_retries
    }


@pytest.mark.parametrize("strategy", ["SPREAD", "DEFAULT"])
def test_strategies_that_are_words_stay_words(strategy: Any) -> None:
    assert to_ray(TaskOptions(scheduling_strategy=strategy)) == {"scheduling_strategy": strategy}


def test_strategies_become_rays() -> None:
    node = "ab" * 28
    here = to_ray(TaskOptions(scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(node, soft=True)))
    assert isinstance(here["scheduling_strategy"], theirs.NodeAffinitySchedulingStrategy)
    assert here["scheduling_strategy"].node_id == node
    labelled = strategies.NodeLabelSchedulingStrategy(hard={"zone": strategies.In("a", "b")})
    said = to_ray(TaskOptions(scheduling_strategy=labelled))["scheduling_strategy"]
    assert isinstance(said, theirs.NodeLabelSchedulingStrategy)
    assert [(one.key, one.operator.values) for one in said.hard] == [("zone", ["a", "b"])]
