"""Every public name of Ray is there, or its absence has a reason that the error gives."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from simactors.as_ray import as_ray
from simactors.as_ray.absent import MEANINGLESS, OUT_OF_SCOPE
from simactors.as_ray.modules import MODULES

_LINES = (Path(__file__).parent / "ray_names.txt").read_text().splitlines()[1:]
NAMES = {module: names.split() for module, _, names in (line.partition(":") for line in _LINES)}


def is_there(name: str) -> bool:
    module, _, last = name.rpartition(".")
    if name in MODULES or not module:
        return name in MODULES
    return module in MODULES and hasattr(importlib.import_module(module), last)


@pytest.mark.parametrize("module", NAMES)
def test_a_name_is_there_or_its_absence_has_a_reason(module: str) -> None:
    with as_ray():
        unexplained = []
        for name in NAMES[module]:
            try:
                getattr(importlib.import_module(module), name)
            except (AttributeError, ImportError) as error:
                if "misspelling" in str(error):
                    unexplained.append(name)
        assert not unexplained


def test_what_is_said_to_be_absent_is_absent() -> None:
    with as_ray():
        assert [name for name in (*OUT_OF_SCOPE, *MEANINGLESS) if is_there(name)] == []


def test_the_reason_is_told() -> None:
    with as_ray():
        ray = importlib.import_module("ray")
        with pytest.raises(AttributeError, match="it runs Python only"):
            _ = ray.java_function
        with pytest.raises(ImportError, match="that asks the server of Ray's dashboard"):
            importlib.import_module("ray.util.state")
        with pytest.raises(ImportError, match="functions have no ids here"):
            exec("from ray import FunctionID", {})
