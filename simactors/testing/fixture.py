"""The fixture `sim`, and the judgement of a test's body: what the plugin's hooks do for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from traceback import walk_tb
from typing import Any
from unittest import TestCase

import pytest

from simactors.exploration import frames
from simactors.sim.intercept.names import is_users_file
from simactors.sim.simulation import Simulation
from simactors.testing import item_run, trial
from simactors.testing.decorator import MARK
from simactors.testing.item_run import RealRun
from simactors.testing.options import options_of
from simactors.testing.wishes import MARKER, wishes_of

_HIDES = "__tracebackhide__"
"""What pytest looks for in a module, too."""

_GIVEN = """\
{name} takes the fixture `sim` and is called many times by Hypothesis's @given: all examples would run in one
simulation, and Hypothesis could not choose what happens in it. Let it draw the runs instead:

    from hypothesis import given
    from simactors import simulate
    from simactors.hypothesis import plans

    @given(plans())
    def {name}(plan):
        with simulate(plan):
            ...
"""


def check(item: pytest.Item) -> None:
    """Refuse, or skip, what can't be run.

    Raises:
        pytest.fail.Exception: Hypothesis would call it.
        pytest.skip.Exception: it needs the simulator, and this is another runtime.
    """
    if hasattr(getattr(item, "obj", None), "hypothesis"):
        pytest.fail(_GIVEN.format(name=getattr(item, "originalname", item.name)), pytrace=False)
    if hasattr(getattr(item, "obj", None), MARK):
        pytest.fail(
            f"{item.name} is @simulated, and takes the fixture `sim`: one of them is enough", pytrace=False
        )
    backend = options_of(item.config).backend
    _tell_unheard_seeds(item)
    if backend != "sim" and wishes_of(item).only not in (None, backend):
        pytest.skip(f"needs the simulator, and --sim-backend is {backend}")


def _tell_unheard_seeds(item: pytest.Item) -> None:
    """Of methods of `unittest`, which pytest gives no parameters."""
    is_method = issubclass(getattr(item, "cls", None) or object, TestCase)
    asked = any("seeds" in marker.kwargs for marker in item.iter_markers(MARKER))
    if is_method and asked and len(wishes_of(item).seeds) > 1:
        item.warn(
            pytest.PytestWarning(
                f"{item.nodeid}: @pytest.mark.sim(seeds=...) has no effect on methods of unittest.TestCase, which are "
                "simulated once: write @simactors.simulated(seeds=...) in place of the fixture `sim`, or a function"
            )
        )


@contextmanager
def opened(request: pytest.FixtureRequest) -> Iterator[Simulation | RealRun]:
    """What `sim` gives a test."""
    item = request.node
    backend = options_of(item.config).backend
    if backend != "sim":
        with item_run.for_real(backend) as real:
            yield real
        return
    if item_run.RUN not in item.stash or item.stash[item_run.RUN].result is not None:
        item.stash[item_run.RUN] = trial.plain_run(item)  # nobody has said which run this is to be
    with item.stash[item_run.RUN].opened() as simulation:
        yield simulation


def body(item: pytest.Item) -> AbstractContextManager[None]:
    """What is to stand around a test's body, see `ItemRun.body`."""
    run = item_run.run_of(item)
    return nullcontext() if run is None else run.body(lambda: _kept(item))


def _kept(item: pytest.Item) -> BaseException | None:
    """What pytest keeps of a test of `unittest`, and reports later."""
    infos = getattr(item, "_excinfo", None)
    return infos[0].value if infos else None


@contextmanager
def trimmed(error: BaseException) -> Iterator[None]:
    """Let pytest leave our own lines out of a traceback, as far as the user's are in it."""
    ours: list[dict[str, Any]] = []
    entries = frames.users(error)
    if any(is_users_file(entry.tb_frame.f_code.co_filename) for entry in entries):
        whole = [entry for entry, _ in walk_tb(error.__traceback__)]
        ours = [f.f_globals for f in whole if not frames.is_users(f.f_code.co_filename)]
    for module in ours:
        module[_HIDES] = True
    try:
        yield
    finally:
        for module in ours:
            module.pop(_HIDES, None)
