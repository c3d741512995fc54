"""A run as data: whatever chose its order, its script makes it again exactly, here and in a fresh process.

Method: generated programs, with all that a program may do, under strategies and faults as a hunt draws them.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from simactors.core.choices import NEXT
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.campaign import Quest
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.script import Answer, Deviation, Follower, Recorder, Script
from simactors.exploration.storms import Shape, Storms
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.strategies.strategy import Path as Way
from simactors.exploration.target import Program, Target
from simactors.exploration.world import world_of
from tests.determinism.programs import generate
from tests.power.programs import FOLDER

ROOT = Path(__file__).parents[3]
GENERATED = (3001, 3004)
PLANTED = ["abba.py:abba_10", "unordered.py:overtaken", "threads.py:unlocked", "saga.py:uncompensated"]
WAYS = ("random", "pct", "pos", "kinds", "orders", "portfolio")
IN_A_FRESH_PROCESS = """
import io, json, sys
from contextlib import redirect_stdout, redirect_stderr
from simactors.exploration.recipe import Recipe
digests = []
for told in json.load(sys.stdin):
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        digests.append(Recipe.from_fields(told).run().digest)
print(json.dumps(digests))
"""


@contextmanager
def silent() -> Iterator[None]:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def recorded(program: Program, way: str, runs: int = 2) -> Iterator[tuple[Recipe, RunResult]]:
    """Some runs of a hunt, each as its script tells it."""
    world = world_of(program)
    storms = Storms(("delay", "crash", "rpc", "skew"), nodes=len(world.config.machines))
    strategy, shape = STRATEGIES[way](), None
    for seed in range(runs):
        attempt = strategy.begin(seed)
        faults = storms.draw(seed * 7 + 1, shape) if attempt.faults is None else attempt.faults
        recorder = Recorder(attempt.choices)
        with silent():
            result = run_simulated(program, seed, world=world.also(faults), choices=recorder)
        shape = shape or Shape.of(result.path, result.virtual_time_s or 0.0)
        strategy.learn(Way(result.path, faults, result.failed))
        yield Recipe(program=program, seed=seed, faults=faults, script=recorder.script), result


def programs(folder: Path) -> Iterator[tuple[str, Program]]:
    """Each with a strategy, in turn."""
    explored = Quest()
    for number, seed in enumerate(GENERATED):
        generate(seed).write(folder / str(seed))
        yield WAYS[number % len(WAYS)], explored.world_for(generate(seed).in_folder(folder / str(seed)))
    for number, name in enumerate(PLANTED):
        program = Program(target=Target.parse(str(FOLDER / name)), preemption="stores")
        yield WAYS[number % len(WAYS)], explored.world_for(program)


def test_a_script_makes_its_run_again_exactly_here_and_in_a_fresh_process(tmp_path: Path) -> None:
    made = [run for way, program in programs(tmp_path) for run in recorded(program, way)]
    for recipe, result in made:
        with silent():
            again = recipe.run()
        assert (again.digest, again.ending) == (result.digest, result.ending), recipe
    assert any(recipe.script for recipe, _ in made)
    assert any(recipe.faults.faults for recipe, _ in made)
    orders = json.dumps([recipe.to_fields() for recipe, _ in made])
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS], input=orders, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [result.digest for _, result in made]


def test_a_follower_uses_all_of_its_script_and_never_leaves_it(tmp_path: Path) -> None:
    program = Quest().world_for(Program(target=Target.parse(str(FOLDER / "abba.py:abba_10"))))
    for recipe, result in recorded(program, "random"):
        assert recipe.script is not None
        follower = Follower(recipe.script)
        with silent():
            again = run_simulated(program, 0, world=recipe.world, choices=follower)
        assert again.digest == result.digest
        if not result.failed:  # else questions may be left that the run did not come to
            assert (follower.left, follower.unused) == (None, 0)


@pytest.mark.parametrize("name", PLANTED)
def test_a_script_runs_whatever_is_left_out_of_it(name: str) -> None:
    program = Quest().world_for(Program(target=Target.parse(str(FOLDER / name)), preemption="stores"))
    ((recipe, _),) = list(recorded(program, "random", runs=1))
    script = recipe.script
    assert script is not None
    for kept in (script.deviations[::2], script.deviations[1::3], script.deviations[:1], ()):
        shorter = Recipe(program=program, faults=FaultPlan(), script=Script(kept, script.answers[::2]))
        with silent():
            first, second = shorter.run(), shorter.run()
        assert first.ending.outcome != "error", first.ending.traceback
        assert first.digest == second.digest


class Step:
    """An offer that has only its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def order_of(follower: Follower | Recorder, *waves: str) -> str:
    """What is picked, if the letters of a wave become possible after as many picks; all that are left, at last."""
    left, picked = [], ""
    for wave in (*waves, *[""] * 99):
        left += list(wave)
        if not left:
            return picked
        picked += left.pop(follower.pick(NEXT, [Step(name) for name in left]))
    return picked


def test_a_deviation_lets_one_step_wait_for_another_one() -> None:
    follower = Follower(Script((Deviation("a", "c"),)))
    assert order_of(follower, "abc") == "cab"
    assert (follower.left, follower.unused) == (None, 0)


def test_what_can_not_happen_is_told_and_the_run_goes_on() -> None:
    follower = Follower(Script((Deviation("a", "z"),)))
    assert order_of(follower, "ab") == "ba"
    assert follower.left is not None
    assert follower.left[:3] == (1, "a", "z")


def test_a_step_that_waits_for_what_has_happened_does_not_wait() -> None:
    follower = Follower(Script((Deviation("b", "a"),)))
    assert order_of(follower, "a", "b") == "ab"
    assert follower.left is not None
    assert "had happened already" in follower.left.why


def test_answers_go_by_their_label_and_their_number_and_all_others_are_0() -> None:
    follower = Follower(Script(answers=(Answer("x", 1, 5), Answer("y", 0, 9))))
    assert [follower.number("x", 10) for _ in range(3)] == [0, 5, 0]
    assert follower.sampler("y", 4)() == 3, "the largest answer there is"
    assert follower.left is not None
    assert follower.left.why == "the first run's question 1 about 'y' had more answers"
    assert follower.unused == 0


class Scripted:
    """Answers in turn."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers)

    def number(self, label: str, bound: int) -> int:
        return self._answers.pop(0)

    def sampler(self, label: str, bound: int):  # type: ignore[no-untyped-def]
        return lambda: self.number(label, bound)

    def pick(self, label: str, options: object) -> int:
        return self.number(label, 0)


def test_a_recorder_notes_what_was_not_0_and_nothing_else() -> None:
    recorder = Recorder(Scripted(2, 0, 0, 7, 0, 1))
    assert order_of(recorder, "abc") == "cab"
    assert recorder.number("x", 9) == 7
    assert recorder.number("x", 9) == 0
    assert recorder.pick("worker", "ab") == 1
    assert recorder.script == Script((Deviation("a", "c"),), (Answer("x", 0, 7), Answer("worker", 0, 1)))
    assert len(recorder.script) == 3
