"""What `simactors.checkers` offers: all of it is there and explained, and importing it loads none of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simactors import checkers


@pytest.mark.parametrize("name", checkers.__all__)
def test_a_name_that_is_offered_is_there(name: str):
    assert getattr(checkers, name) is not None
    assert name in dir(checkers)


def test_importing_the_package_loads_no_judge():
    code = "import sys, simactors.checkers as c; print([n for n in sys.modules if n.startswith(c.__name__ + '.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_table_of_contents_leaves_nothing_out_but_ways_to_compare():
    explained = checkers.__doc__ or ""
    missing = [name for name in checkers.__all__ if f"`{name}`" not in explained]
    assert missing == ["ANYTHING", "same", "same_arguments"]


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="'linear'"):
        _ = checkers.linear
