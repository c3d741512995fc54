"""Definitions: pickled once, and by value where a worker could not import them."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from real_backend.client.exports import Exports, Imports, _importable
from simactors.core.calls import Function, MethodSpec, Signature
from simactors.core.options import MethodOptions


def definition(function: Any) -> Function:
    spec = MethodSpec(name="f", label="f", signature=Signature([]), options=MethodOptions())
    return Function(function=function, spec=spec)


def test_a_function_keeps_the_globals_of_its_first_export() -> None:
    module = types.ModuleType("__main__")
    exec("value = 1\ndef read(): return value", module.__dict__)
    exports, imports = Exports(lambda _: None), Imports()
    made = definition(module.read)
    first = exports.export(made)
    module.value = 2  # type: ignore[attr-defined]  # made by exec
    assert exports.export(made) is first
    imports.add(first.digest, first.definition, ())
    assert imports.load(first.digest) is imports.load(first.digest)
    assert imports.load(first.digest).function() == 1


def test_equal_definitions_have_equal_names() -> None:
    exports = Exports(lambda _: None)
    function = definition(json.dumps).function
    assert exports.export(definition(function)).digest == exports.export(definition(function)).digest


def test_what_is_on_the_path_is_importable_and_what_was_loaded_from_a_file_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "oddly_loaded.py"
    file.write_text("x = 1")
    spec = importlib.util.spec_from_file_location("oddly_loaded", file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "oddly_loaded", module)
    assert not _importable(module)
    monkeypatch.syspath_prepend(tmp_path)
    assert _importable(module)
    assert all(_importable(m) for m in (json, sys.modules["json.decoder"], sys))
    assert not _importable(types.ModuleType("never_saved"))


def test_another_file_of_the_same_name_is_not_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "twin.py").write_text("x = 1")
    other = types.ModuleType("twin")
    other.__file__ = __file__
    monkeypatch.syspath_prepend(tmp_path)
    assert not _importable(other)
