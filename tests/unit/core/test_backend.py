"""Where backends are found, and what is said where one can't be."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

import simactors
from simactors.core import backend as backends


def test_a_backend_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> object:
        return None if name == "ray" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    assert backends.lack("sim") is None
    with pytest.raises(ImportError, match=r"the backend 'ray' needs .* pip install 'simactors\[ray\]'"):
        simactors.init(backend="ray")


def test_a_process_of_rays_knows_where_it_is_before_anybody_has_initialized(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("ray._private.worker")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.WORKER_MODE = 1  # type: ignore[attr-defined]  # a fake
    for mode, name in ((0, None), (1, "ray")):
        module.global_worker = SimpleNamespace(mode=mode)  # type: ignore[attr-defined]  # as above
        assert backends.around() == name
