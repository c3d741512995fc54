"""The fixture `sim`, and the judgement of a test's body: what the plugin's hooks do for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simactors.sim.simulation import Simulation
from simactors.testing import item_run, trial
from simactors.testing.decorator import MARK
from simactors.testing.item_run import RealRun
from simactors.testing.options import options_of
from simactors.testing.wishes import wishes_of

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
    if backend != "sim" and wishes_of(item).only not in (None, backend):
        pytest.skip(f"needs the simulator, and --sim-backend is {backend}")


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


@contextmanager
def judged(item: pytest.Item) -> Iterator[None]:
    """A test's body.

    Raises:
        Finding: it has passed, but what was looked for was found.
    """
    run = item_run.run_of(item)
    if run is None:
        yield
        return
    try:
        yield
    except BaseException as error:
        run.failed(error)
        raise
    run.passed()
