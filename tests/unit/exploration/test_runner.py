"""How a run ended: every ending has its outcome, its kind, and the user's frames only."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from simactors.api import session
from simactors.exploration.runner import RunResult, run_for_real, run_simulated
from simactors.exploration.target import Program, Target
from tests.pressed import pressed_at

ACTOR = """
import simactors as ray

@ray.remote
class Cell:
    def __init__(self):
        self.peer = None
    def meet(self, peer):
        self.peer = peer
    def ask(self, depth):
        return ray.get(self.peer.ask.remote(depth - 1)) if depth else 0
    def fail(self):
        raise ValueError("no such cell")

cell = Cell.remote()
"""


@pytest.fixture
def simulated(tmp_path: Path):
    def simulated(code: str, seed: int = 0) -> RunResult:
        path = tmp_path / "app.py"
        path.write_text(textwrap.dedent(code))
        return run_simulated(Program(target=Target(str(path))), seed)

    return simulated


def test_a_program_that_ends_has_passed_and_has_figures(simulated):
    result = simulated("import time\ntime.sleep(2.5)")
    assert not result.failed
    assert result.virtual_time_s == 2.5
    assert result.steps is not None
    assert result.digest


def test_the_exit_code_of_sys_exit_decides(simulated):
    assert not simulated("raise SystemExit").failed
    assert not simulated("import sys; sys.exit(0)").failed
    assert simulated("import sys; sys.exit(3)").ending[:3] == ("failed", "SystemExit", "exit code 3")
    assert simulated("import sys; sys.exit('bad news')").ending[:3] == ("failed", "SystemExit", "bad news")


def test_an_exception_is_a_failure_shown_with_the_users_frames_only(simulated):
    result = simulated("def f():\n    raise KeyError('k')\nf()")
    assert result.ending[:3] == ("failed", "KeyError", "'k'")
    assert "in f" in result.ending.traceback
    assert "simactors" not in result.ending.traceback


def test_a_remote_exception_is_told_by_its_cause(simulated):
    result = simulated(ACTOR + "ray.get(cell.fail.remote())")
    assert result.ending[:3] == ("failed", "RayTaskError(ValueError)", "no such cell")
    assert "in fail" in result.ending.traceback
    assert any("Cell.fail" in step for step in result.last_steps)


def test_waiting_for_each_other_is_a_deadlock(simulated):
    result = simulated(
        ACTOR + "other = Cell.remote()\nray.get([cell.meet.remote(other), other.meet.remote(cell)])\n"
        "ray.get(cell.ask.remote(5))"
    )
    assert result.ending[:2] == ("deadlock", "DeadlockError")


def test_the_same_seed_gives_the_same_run_and_another_seed_another(simulated):
    code = ACTOR + "ray.get([cell.meet.remote(None) for _ in range(5)])"
    assert simulated(code, 7) == simulated(code, 7)
    assert simulated(code, 7).digest != simulated(code, 8).digest


def test_our_own_errors_are_not_called_the_programs(simulated):
    result = simulated("from simactors.exceptions import InternalError\nraise InternalError('a bug')")
    assert result.ending[:3] == ("error", "InternalError", "a bug")


def test_ctrl_c_is_not_an_ending(simulated):
    with pytest.raises(KeyboardInterrupt):
        simulated("raise KeyboardInterrupt")


def test_a_real_run_has_no_figures_and_restores_the_environment(tmp_path: Path, monkeypatch):
    monkeypatch.delenv(session.BACKEND_VARIABLE, raising=False)
    path = tmp_path / "app.py"
    path.write_text("import os\nassert os.environ['SIMACTORS_BACKEND'] == 'local', 'not set'\n1 / 0")
    result = run_for_real(Program(target=Target(str(path))), "local")
    assert result.ending.kind == "ZeroDivisionError"
    assert (result.seed, result.digest, result.steps, result.virtual_time_s) == (None, None, None, None)
    assert session.BACKEND_VARIABLE not in os.environ


def test_on_ray_a_program_that_says_import_ray_means_it(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_text("from simactors import as_ray\nassert not as_ray.is_installed()")
    program = Program(target=Target(str(path)), as_ray=True)
    assert not run_for_real(program, "ray").failed
    assert run_for_real(program, "local").ending.kind == "AssertionError"


def test_an_exception_that_cannot_say_what_it_is_is_still_the_programs(simulated):
    result = simulated(
        """
        class Silent(Exception):
            def __str__(self):
                raise ValueError
        raise Silent
        """
    )
    assert result.ending[:3] == ("failed", "Silent", "<Silent, whose str() raised ValueError>")


def test_a_program_that_never_ends_reaches_its_limit(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_text("import time\nimport simactors as ray\nray.init()\nwhile True:\n    time.sleep(1)\n")
    result = run_simulated(Program(target=Target(str(path)), max_steps=5000), 0)
    assert result.ending[:2] == ("limit", "LimitError")
    assert result.steps == 5000


def test_a_driver_that_exits_the_hard_way_ends_its_run_only(simulated):
    assert simulated("import os; os._exit(3)").ending[:3] == ("failed", "SystemExit", "exit code 3")
    assert not simulated("import os; os._exit(0)").failed


def test_ctrl_c_is_no_ending_of_the_program_even_if_it_turns_it_into_one(simulated):
    pressed = "import _signal; _signal.raise_signal(2)"
    for code in (
        f"try:\n    {pressed}\nfinally:\n    raise ValueError('while cleaning up')",
        f"import asyncio\nasync def main():\n    {pressed}\nasyncio.run(main())",
    ):
        with pytest.raises(KeyboardInterrupt):
            simulated(code)
    assert simulated(f"try:\n    {pressed}\nexcept KeyboardInterrupt:\n    pass").ending.outcome == "passed"


def test_ctrl_c_is_not_lost_in_code_that_is_being_ended(simulated):
    """A hunt of programs that leave much running went on as if nobody had pressed it."""
    for last_words in ("pass", "raise ValueError('of its own')", "time.sleep(1)"):
        code = f"""
            import time, _signal
            import simactors as ray
            ray.init()
            @ray.remote
            def sleeps():
                try:
                    time.sleep(9)
                finally:
                    try:
                        _signal.raise_signal(2)
                    finally:
                        {last_words}
            ref = sleeps.remote()
            time.sleep(1)
        """
        with pytest.raises(KeyboardInterrupt):
            simulated(code)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not simulated("").failed


def test_ctrl_c_at_any_point_of_opening_and_closing_is_ctrl_c_and_leaves_nothing_behind(simulated):
    """Half a simulation was opened, and the hunt ended with an internal error."""
    simulated("")
    digest = simulated("").digest
    before = sys.modules["__main__"], sys.argv, sys.path[:], os.getcwd()
    for point in itertools.count(1, 7):
        began = time.time()
        with pressed_at(point) as presses:
            try:
                ending = simulated("").ending.outcome
            except KeyboardInterrupt:
                ending = "Ctrl-C"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert abs(time.time() - began) < 60  # the clock is the real one again
        assert (sys.modules["__main__"], sys.argv, sys.path, os.getcwd()) == before
        assert simulated("").digest == digest
        if not presses.has_pressed:
            break  # that run was over before
        assert ending == "Ctrl-C", f"at point {point}"
    assert point > 500


@pytest.mark.parametrize("code", ["", "import neighbour, os; os.chdir('/')"])
def test_ctrl_c_before_and_after_a_program_leaves_the_interpreter_as_it_was(simulated, tmp_path, code):
    """`__main__` was lost for good, and a notebook with it."""
    (tmp_path / "neighbour.py").write_text("")
    simulated(code)
    before = sys.modules["__main__"], sys.argv, sys.path[:], os.getcwd(), dict(os.environ)
    for point in itertools.count(1):
        with pressed_at(point, "exploration/target.py") as presses, contextlib.suppress(KeyboardInterrupt):
            simulated(code)
        assert (sys.modules["__main__"], sys.argv, sys.path, os.getcwd(), dict(os.environ)) == before, point
        assert "neighbour" not in sys.modules
        if not presses.has_pressed:
            break
    assert point > 30
