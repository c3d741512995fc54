"""The examples in the docstrings of the judges, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from simactors import checkers
from simactors.core.sightings import Sightings, collecting

MODULES = [
    checkers.__name__,
    *(found.name for found in pkgutil.iter_modules(checkers.__path__, "simactors.checkers.")),
]
WITH_EXAMPLES = (
    "effects",
    "isolation",
    "linearizability",
    "ordering",
    "properties",
    "recording",
    "sequential",
    "sessions",
    "simulated",
    "specification",
    "specs",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_print_what_they_say(name: str):
    with collecting(Sightings()):
        done = doctest.testmod(importlib.import_module(name))
    assert not done.failed
    assert bool(done.attempted) == (name.rpartition(".")[2] in WITH_EXAMPLES)
