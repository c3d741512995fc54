"""The examples in the docstrings of the judges, run as they stand."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from simactors.checkers import effects, isolation, ordering, properties, sessions
from simactors.core.sightings import Sightings, collecting


@pytest.mark.parametrize("module", [effects, isolation, ordering, properties, sessions])
def test_the_examples_of_a_module_print_what_they_say(module: ModuleType):
    with collecting(Sightings()):
        done = doctest.testmod(module)
    assert done.attempted
    assert not done.failed
