"""Tools keep working inside simulated code: debuggers, pytest's assertions, coverage, warnings, tracebacks.

Each runs in a fresh interpreter, as a user starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

import simactors
from simactors import SimConfig, simulate

ROOT = Path(__file__).parents[2]


def run(folder: Path, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "This is a fault of simactors" not in done.stderr
    return done


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(textwrap.dedent(text))


DEBUGGED = """
    import simactors
    from simactors import SimConfig, simulate

    @simactors.remote(max_concurrency=2)
    class Counter:
        def __init__(self):
            self.value = 1
        def add(self, amount):
            breakpoint()
            doubled = 2 * amount
            self.value += doubled
            return self.value

    with simulate(config=SimConfig(preemption="{preemption}")):
        counter = Counter.remote()
        print("result", simactors.get(counter.add.remote(20)))
"""


@pytest.mark.parametrize("preemption", ["off", "stores", "lines"])
def test_pdb_stops_steps_and_goes_on_in_an_actors_method(tmp_path: Path, preemption: str) -> None:
    write(tmp_path, "app.py", DEBUGGED.format(preemption=preemption))
    done = run(tmp_path, "app.py", stdin="p amount\nnext\nnext\np 'doubled', doubled\nw\ncontinue\n")
    assert done.returncode == 0, done.stderr
    assert "(Pdb) 20" in done.stdout
    assert "('doubled', 40)" in done.stdout
    assert "-> self.value += doubled" in done.stdout
    assert "result 41" in done.stdout
    assert "pid=" not in done.stdout  # a debugger talks to the terminal, not as the actor


def test_pdb_also_works_under_the_command(tmp_path: Path) -> None:
    write(tmp_path, "app.py", DEBUGGED.format(preemption="off").replace("with simulate", "if True: #"))
    done = run(tmp_path, "-m", "simactors", "run", "app.py", stdin="p amount\ncontinue\n")
    assert "(Pdb) 20" in done.stdout
    assert "result 41" in done.stdout


def test_assertions_in_actors_show_their_values_under_pytest(tmp_path: Path) -> None:
    write(
        tmp_path,
        "test_app.py",
        """
        import simactors

        @simactors.remote
        class Account:
            balance = 7
            def check(self):
                assert self.balance == 3 + 5

        def test_it():
            with simactors.simulate():
                simactors.get(Account.remote().check.remote())
        """,
    )
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py")
    assert done.returncode == 1
    assert "assert 7 == (3 + 5)" in done.stdout


COVERED = """
    import simactors
    from simactors import SimConfig, simulate

    log = []

    @simactors.remote(max_concurrency=2)
    class Counter:
        def __init__(self):
            self.value = 1
        def add(self, amount):
            log.append(amount)
            self.value += amount
            return self.value
        def never(self):
            return 0

    with simulate(config=SimConfig(preemption="{preemption}")):
        counter = Counter.remote()
        simactors.get([counter.add.remote(20), counter.add.remote(1)])
"""


@pytest.mark.parametrize("preemption", ["off", "stores", "lines"])
def test_coverage_that_knows_greenlets_counts_the_lines_of_actors(tmp_path: Path, preemption: str) -> None:
    pytest.importorskip("coverage", reason="coverage is in the extra dev")
    write(tmp_path, "app.py", COVERED.format(preemption=preemption))
    done = run(
        tmp_path, "-m", "coverage", "run", "--concurrency=greenlet,thread", "--include=app.py", "app.py"
    )
    assert done.returncode == 0, done.stderr
    run(tmp_path, "-m", "coverage", "json", "-q", "-o", "covered.json")
    lines = json.loads((tmp_path / "covered.json").read_text())["files"]["app.py"]
    source = (tmp_path / "app.py").read_text().splitlines()
    missing = [source[number - 1].strip() for number in lines["missing_lines"]]
    assert missing == ["return 0"]


def test_coverage_counts_the_lines_of_private_copies_of_modules(tmp_path: Path) -> None:
    pytest.importorskip("coverage", reason="coverage is in the extra dev")
    write(
        tmp_path,
        "shared.py",
        """
        seen = []
        def note(value):
            seen.append(value)
            if len(seen) > 1:
                return "never: each process has its own"
            return len(seen)
        """,
    )
    write(
        tmp_path,
        "app.py",
        """
        import shared, simactors

        @simactors.remote
        class Notes:
            def note(self):
                return shared.note(1)

        with simactors.simulate():
            assert simactors.get([Notes.remote().note.remote() for _ in range(2)]) == [1, 1]
        """,
    )
    done = run(
        tmp_path, "-m", "coverage", "run", "--concurrency=greenlet,thread", "--include=shared.py", "app.py"
    )
    assert done.returncode == 0, done.stderr
    run(tmp_path, "-m", "coverage", "json", "-q", "-o", "covered.json")
    assert json.loads((tmp_path / "covered.json").read_text())["files"]["shared.py"]["missing_lines"] == [6]


def test_a_failing_run_shows_the_users_frames_only(tmp_path: Path) -> None:
    write(
        tmp_path,
        "app.py",
        """
        import simactors

        @simactors.remote
        class Account:
            def fail(self):
                raise ValueError("empty")

        simactors.get(Account.remote().fail.remote())
        """,
    )
    done = run(tmp_path, "-m", "simactors", "run", "app.py")
    assert done.returncode == 1
    assert 'raise ValueError("empty")' in done.stderr
    assert str(ROOT / "simactors") not in done.stderr


@simactors.remote
class Warns:
    def warn(self) -> None:
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    def catch(self) -> int:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
        return len(caught)


def test_warnings_of_actors_reach_whoever_waits_for_them() -> None:
    with pytest.warns(DeprecationWarning, match="old") as told, simulate():
        simactors.get(Warns.remote().warn.remote())
    assert told[0].filename == __file__
    with simulate():
        assert simactors.get(Warns.remote().catch.remote()) == 1


def test_warnings_that_are_errors_are_those_of_the_call() -> None:
    with simulate(config=SimConfig()), pytest.raises(DeprecationWarning, match="old"):
        simactors.get(Warns.remote().warn.remote())  # as this suite is set up
