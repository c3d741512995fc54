"""``--sim-replay``: which run is to be made again, and of which test."""

from __future__ import annotations

import pytest

from simactors.exceptions import TargetError
from simactors.exploration.repro import Repro, ReproError
from simactors.testing.addresses import is_of
from simactors.testing.options import options_of

PROPERTY = "simactors-replay"
"""Under that name a report says whether the run was the same."""

_KEY = pytest.StashKey[Repro | None]()


def wanted(config: pytest.Config) -> Repro | None:
    """The run that is to be made again; None if there is none.

    Raises:
        pytest.UsageError: it can't be read, or is of no test.
    """
    if _KEY not in config.stash:
        word = options_of(config).replay
        config.stash[_KEY] = _read(word) if word else None
    return config.stash[_KEY]


def word(config: pytest.Config) -> str:
    """How the user has named it."""
    return options_of(config).replay


def _read(word: str) -> Repro:
    try:
        repro = Repro.read(word)
    except (ReproError, TargetError) as error:
        raise pytest.UsageError(f"--sim-replay: {error}") from None
    target = repro.recipe.program.target
    if target.test is None:
        raise pytest.UsageError(
            f"--sim-replay: that run is not of a test, but of {target}: simactors replay {word}"
        )
    return repro


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only the test that is to be run again.

    Raises:
        pytest.UsageError: it is not there.
    """
    repro = wanted(config)
    if repro is None:
        return
    target = repro.recipe.program.target
    chosen = [item for item in items if is_of(target, item)]
    if not chosen:
        raise pytest.UsageError(
            f"--sim-replay: that run is of {target}, which is not among the tests that were found"
        )
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
