"""What options mean on the local backend."""

from __future__ import annotations

import pytest

from real_backend.client import demands
from real_backend.client.demands import Needs, surroundings_of
from real_backend.control import Surroundings
from simactors.core.options import TaskOptions
from simactors.core.requests import Bundle


def test_the_same_options_are_looked_at_once_and_others_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demands, "_REMEMBERED", 2)
    needs, kept = Needs(), TaskOptions(num_cpus=2)
    first = needs.of_task(kept, None, None)
    assert needs.of_task(kept, None, None) is first
    for cpus in range(3):
        needs.of_task(TaskOptions(num_cpus=cpus), None, None)
    again = needs.of_task(kept, None, None)
    assert again == first
    assert again is not first


def test_what_a_group_captures_is_not_remembered_for_those_outside() -> None:
    needs, options = Needs(), TaskOptions()
    outside = needs.of_task(options, None, None)
    inside = needs.of_task(options, Bundle(7, -1), None)
    assert inside.request.where == Bundle(7, -1)
    assert needs.of_task(options, None, None) == outside != inside


def test_a_child_inherits_variables_and_may_hide_them() -> None:
    parent = Surroundings((("A", "1"), ("B", "1")), "/")
    options = TaskOptions(runtime_env={"env_vars": {"B": "2"}})
    need = Needs().of_task(options, None, parent)
    assert need.surroundings == Surroundings((("A", "1"), ("B", "2")), "/")
    assert Needs().of_task(TaskOptions(), None, parent).surroundings == parent
    assert surroundings_of({}) is None


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y"), ("A", "\ud800")]
)
def test_variables_that_no_process_can_have_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="runtime_env: env_vars: no process can have a variable"):
        surroundings_of({"env_vars": {name: value}})
