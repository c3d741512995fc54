"""Moments of a run, and stopping at them: looking changes nothing, and what is seen is as it is."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from simactors.exploration.autopsy import Coroner, Scene, Scout
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Script
from simactors.exploration.stopping import Moment, Stopped, Stopper
from simactors.exploration.target import Program, Target
from simactors.sim.config import Slack
from simactors.sim.inspection import Ahead, Inspection

PROGRAM = """
    import simactors as ray

    @ray.remote(max_concurrency=2)
    class Pool:
        def half(self, cell):
            return ray.get(cell.half.remote()) / 2

    @ray.remote
    class Cell:
        def __init__(self):
            self.value = 8
        def half(self):
            self.value //= 2
            if self.value == 0:
                raise ValueError("too small")
            return self.value

    def run():
        for _ in range(3):
            keeper = Cell.remote()
            pool, cell = Pool.remote(), Cell.remote()
            ray.get([pool.half.remote(cell), pool.half.remote(cell)])
        cell = Cell.options(name="the cell").remote()
        for _ in range(4):
            ray.get(pool.half.remote(cell))

    run()
"""


@pytest.fixture(params=["drawn", "explored", "preempted"])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Recipe:
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(PROGRAM))
    target = Target(str(path))
    if request.param == "explored":
        return Recipe(program=Program(target=target, slack=Slack()), script=Script())
    preemption = "lines" if request.param == "preempted" else "off"
    return Recipe(program=Program(target=target, preemption=preemption))


def test_looking_before_every_step_changes_nothing(recipe: Recipe):
    plain = recipe.run()
    seen: list[str] = []

    def look(inspection: Inspection, upcoming: Ahead) -> Moment:
        seen.append(upcoming.what)
        assert upcoming.what not in [ahead.what for ahead in inspection.ahead] or recipe.script is None
        assert all(view.name for view in inspection.actors)
        assert [code.frame for code in inspection.suspended]
        assert inspection.blocked
        inspection.last_records(3)
        return Moment(step=inspection.steps + 1)

    looked = recipe.run(onlookers=[Stopper(Moment(step=1), look)])
    assert looked == plain
    assert len(seen) == plain.steps


def test_actors_have_names_of_their_own_or_of_their_class(recipe: Recipe):
    names: list[list[str]] = []

    def look(inspection: Inspection, upcoming: Ahead) -> Moment:
        names.append([view.name for view in inspection.actors])
        return Moment(step=inspection.steps + 1)

    recipe.run(onlookers=[Stopper(Moment(step=1), look)])
    assert {"Cell#1", "Cell#2", "Pool#1", "the cell"} <= {name for there in names for name in there}


def test_a_run_can_be_ended_at_any_moment(recipe: Recipe):
    def end(inspection: Inspection, upcoming: Ahead) -> None:
        raise Stopped

    stopper = Stopper(Moment(step=5), end)
    with pytest.raises(Stopped):
        recipe.run(onlookers=[stopper])
    assert stopper.is_over


def test_a_failure_is_met_where_it_was_raised_and_that_changes_nothing(recipe: Recipe):
    plain, scout, scenes = recipe.run(), Scout(), []
    with scout.noting():
        recipe.run(onlookers=[scout])

    def examine(scene: Scene) -> None:
        frames, entry = [], scene.traceback
        while entry is not None:
            frames.append(entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
        last = scene.traceback.tb_next.tb_next.tb_next.tb_frame
        scenes.append((frames, last.f_locals["self"].value, type(scene.error)))

    coroner = Coroner(scout.suspect, examine)
    with coroner.attending():
        again = recipe.run(onlookers=[coroner])
    assert scenes == [(["<module>", "run", "half", "half"], 0, ValueError)]
    assert again == plain
    assert not coroner.has_moved


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1.25s", Moment(time_ns=1_250_000_000)),
        ("250ms", Moment(time_ns=250_000_000)),
        ("40 us", Moment(time_ns=40_000)),
        ("2m", Moment(time_ns=120_000_000_000)),
        ("1.5", Moment(time_ns=1_500_000_000)),
        ("37", Moment(time_ns=37_000_000_000)),
        ("step 37", Moment(step=37)),
        (" step:37", Moment(step=37)),
        ("step=37", Moment(step=37)),
    ],
)
def test_a_moment_is_a_time_or_a_step(text: str, moment: Moment):
    assert Moment.parse(text) == moment


@pytest.mark.parametrize("text", ["", "noon", "-1s", "step", "step x", "1.2.3s", "1h"])
def test_anything_else_is_refused_with_what_to_write(text: str):
    with pytest.raises(ValueError, match=r"1\.25s"):
        Moment.parse(text)
