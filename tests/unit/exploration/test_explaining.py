"""Why a run failed: its plan, and the step after which it was likely to, measured and not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashProcess, FaultPlan
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.explaining import Explanation, explain
from simactors.exploration.findings import Finding
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Answer, Deviation, Script
from simactors.exploration.shrinking import shrink
from simactors.exploration.target import Program, Target
from simactors.sim.config import Slack
from tests.power.programs import FOLDER

# It fails if the one write comes before the other; nothing else matters.
DECIDED_BY_ONE_STEP = """
import simactors as ray

@ray.remote
class Cell:
    def __init__(self):
        self.value = None
    def write(self, value):
        self.value = self.value or value
    def read(self):
        return self.value

@ray.remote
def writer(cell, value):
    ray.get(cell.write.remote(value))

def main():
    cell = Cell.remote()
    ray.get([writer.remote(cell, 1), writer.remote(cell, 2)])
    for _ in range(2):
        value = ray.get(cell.read.remote())
    assert value == 1
"""


def failing(recipe: Recipe) -> Finding:
    result = recipe.run()
    assert result.failed
    return Finding(run=1, recipe=recipe, result=result)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    path = tmp_path_factory.mktemp("explained") / "app.py"
    path.write_text(DECIDED_BY_ONE_STEP)
    program = Program(target=Target(str(path), "main"), slack=Slack(messages_s=1.0))
    late = Deviation("call writer#1>Cell#1 Cell.write 1", "call writer#2>Cell#1 Cell.write 1")
    return explain(failing(Recipe(program=program, script=Script((late,)))), Budget(runs=2_000))


def test_the_plan_says_what_is_late_and_past_what(decided: Explanation) -> None:
    assert decided.plan == (
        "delay Cell.write (message 1) from writer#1 to Cell#1 past Cell.write (message 1) from writer#2 to Cell#1",
    )


def test_the_decisive_step_is_the_one_that_decides(decided: Explanation) -> None:
    assert decided.decisive_step == "call writer#2>Cell#1 Cell.write 1"
    decisive = decided.story.decisive
    assert decisive is not None
    assert 0.1 < decisive.before < 0.9
    assert decisive.after == 1.0


def test_faults_come_before_deviations_in_the_plan() -> None:
    program = Program(target=Target.parse(str(FOLDER / "retry.py:caught")), slack=Slack())
    faults = FaultPlan((CrashProcess(process="Till", call="Till.pay", after_call=1),))
    told = explain(failing(Recipe(program=program, faults=faults, script=Script())), Budget(runs=0))
    assert told.plan == ("crash the process of Till after its 1st Till.pay",)


def test_what_could_not_be_measured_is_not_told() -> None:
    program = Program(target=Target.parse(str(FOLDER / "lost_update.py:lost")), slack=Slack())
    finding = failing(Recipe(program=program, script=Script()))
    for runs in (0, 5, 40):
        told = explain(finding, Budget(runs=runs))
        assert (told.decisive_step, told.story.decisive) == (None, None)


def test_what_fails_in_any_order_is_not_measured_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(DECIDED_BY_ONE_STEP.replace("assert value == 1", "assert value == 3"))
    program = Program(target=Target(str(path), "main"), slack=Slack(messages_s=1.0))
    budget = Budget(runs=2_000)
    told = explain(failing(Recipe(program=program, script=Script())), budget)
    assert (told.decisive_step, told.story.decisive) == (None, None)
    assert budget.spent_runs == 16


class Impatient(Budget):
    """Ctrl-C is pressed while the first run is made."""

    def spend(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_while_it_is_measured_leaves_the_story_without_it() -> None:
    program = Program(target=Target.parse(str(FOLDER / "lost_update.py:lost")), slack=Slack())
    told = explain(failing(Recipe(program=program, script=Script())), Impatient())
    assert told.decisive_step is None
    assert told.story.events


def test_a_run_whose_latencies_are_drawn_says_so(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("assert False")
    told = explain(failing(Recipe(program=Program(target=Target(str(path))), seed=3)), Budget(runs=10))
    assert told.plan == ("let seed 3 draw all that is drawn: what of it matters, nobody knows",)
    assert told.decisive_step is None


# Two threads see the last seat free if one of them is interrupted between looking and taking.
INTERRUPTED = """
import simactors as ray

@ray.remote(max_concurrency=2)
class Seats:
    def __init__(self):
        self.free = 1
    def buy(self):
        if self.free:
            self.free -= 1
            return True
        return False

def main():
    seats = Seats.remote()
    assert sum(ray.get([seats.buy.remote(), seats.buy.remote()])) == 1
"""


def test_who_waits_and_who_draws_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(
        "import random\n"
        "import simactors as ray\n\n"
        "@ray.remote\n"
        "class Die:\n"
        "    def roll(self):\n"
        "        return random.randrange(4)\n\n"
        "@ray.remote\n"
        "def first(dice):\n"
        "    refs = [die.roll.remote() for die in dice]\n"
        "    ray.wait(refs, num_returns=2)\n"
        "    done, _ = ray.wait(refs)\n"
        "    return refs.index(done[0]), ray.get(done[0])\n\n"
        "def main():\n"
        "    place, value = ray.get(first.remote([Die.remote(), Die.remote()]))\n"
        "    assert not (place == 1 and value == 3)\n"
    )
    program = Program(target=Target.parse(f"{tmp_path / 'first.py'}:main"))
    tally = Campaign(program, Quest(audit_every=None)).run(Budget(300))
    small = shrink(next(iter(tally.findings.values())), Budget(runs=100)).finding
    plan = explain(small, Budget(runs=0)).plan
    assert "let chance draw other numbers in Die#2" in plan
    assert "let `wait` in first#1 give another ref that is ready than the first" in plan


def test_an_interrupted_thread_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(INTERRUPTED)
    program = Program(target=Target(str(path), "main"), slack=Slack(), preemption="stores")
    script = Script(answers=(Answer("preempt", 0, 1), Answer("preempt", 1, 3)))  # 1: it is not
    told = explain(failing(Recipe(program=program, script=script)), Budget(runs=0))
    assert told.plan == ("interrupt a thread of Seats#1 before app.py:10 in buy",)
    (event,) = [event for event in told.story.events if event.kind == "preempt"]
    assert event.note == "before app.py:10 in buy"
