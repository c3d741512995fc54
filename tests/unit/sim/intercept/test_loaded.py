"""Which modules need a look whenever a simulation opens.

Method: modules are put into `sys.modules` as imports do, and what is given is asked for again and again: nothing may be
missed because it was the same a moment ago.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import simactors
from simactors.sim.intercept import loaded

NAME = "a_module_of_this_test"


@pytest.fixture(autouse=True)
def _is_settled() -> Iterator[None]:
    """All that is loaded was searched before."""
    with simactors.simulate():
        pass
    yield
    sys.modules.pop(NAME, None)


def named(file: str) -> ModuleType:
    module = ModuleType(NAME)
    module.__file__ = file
    sys.modules[NAME] = module
    return module


def given() -> object:
    return dict(loaded.strangers()).get(NAME)


def test_most_modules_need_no_second_look(tmp_path: Path) -> None:
    assert len(loaded.strangers()) < len(sys.modules) / 2
    names = dict(loaded.strangers())
    assert "threading" not in names
    assert "__main__" in names


def test_a_module_of_the_users_is_given_again_and_again(tmp_path: Path) -> None:
    module = named(str(tmp_path / "app.py"))
    for _ in range(2):
        assert given() is module
        with simactors.simulate():
            assert given() is module


def test_one_of_an_installed_package_is_given_until_it_was_searched() -> None:
    assert pytest.__file__
    module = named(str(Path(pytest.__file__).parent / "part.py"))
    assert given() is module
    with simactors.simulate():
        assert given() is None
    assert given() is None


def test_another_module_of_the_same_name_is_given_again(tmp_path: Path) -> None:
    assert pytest.__file__
    named(str(Path(pytest.__file__).parent / "part.py"))
    with simactors.simulate():
        pass
    other = named(str(tmp_path / "part.py"))
    assert given() is other
    third = named(str(tmp_path / "part.py"))
    assert given() is third


def test_what_is_no_module_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, object(), 5):
        monkeypatch.setitem(sys.modules, NAME, value)  # type: ignore[arg-type]  # programs do it
        loaded.strangers()
        assert not any(module is value for _, module in loaded.strangers())


def test_unloaded_modules_of_the_users_are_not_kept(tmp_path: Path) -> None:
    gone = weakref.ref(named(str(tmp_path / "app.py")))
    assert given() is gone()
    del sys.modules[NAME]
    gc.collect()
    assert gone() is None
    assert given() is None
