"""Loading a program: what it finds around it, what it leaves behind, and what is wrong input."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from simactors.exceptions import TargetError
from simactors.exploration.amounts import workload_of
from simactors.exploration.target import Program, Target, prepared


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, code: str) -> str:
        path = tmp_path / name
        path.write_text(code)
        return str(path)

    return write


def run(text: str, *argv: str, as_ray: bool = False) -> None:
    with prepared(Program(target=Target.parse(text), argv=argv, as_ray=as_ray)) as start:
        start()


def message_of(text: str, **options: bool) -> str:
    with pytest.raises(TargetError) as caught:
        run(text, **options)
    return str(caught.value)


def test_a_file_runs_as_main_with_its_arguments_and_its_folder_on_the_path(write, capsys, tmp_path):
    file = write(
        "app.py", "import sys\nprint(__name__, sys.argv, sys.path[0], sys.modules['__main__'].__file__)"
    )
    run(file, "a", "-b")
    assert capsys.readouterr().out == f"__main__ {[file, 'a', '-b']} {tmp_path} {file}\n"


def test_a_function_is_called_once_in_a_module_named_after_its_file(write, capsys):
    run(write("shop.py", "def f():\n    print(__name__)\nif __name__ == '__main__':\n    print('no')") + ":f")
    assert capsys.readouterr().out == "shop\n"


def test_the_interpreter_is_as_it_was_even_if_the_program_fails(write):
    write("neighbour.py", "")
    file = write("app.py", "import neighbour, sys\nsys.argv.append('x')\nsys.path.append('y')\n1 / 0")
    before = sys.modules["__main__"], sys.argv[:], sys.path[:]
    with pytest.raises(ZeroDivisionError):
        run(file)
    assert (sys.modules["__main__"], sys.argv, sys.path) == before
    assert "neighbour" not in sys.modules


def test_each_run_gets_fresh_modules_of_the_programs_folder_and_shares_all_others(write, capsys):
    write("neighbour.py", "calls = []")
    file = write(
        "app.py", "import json, neighbour\nneighbour.calls.append(1)\nprint(neighbour.calls, id(json))"
    )
    run(file)
    run(file)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.startswith("[1] ")


def test_a_module_of_the_same_name_that_was_there_before_comes_back(write):
    own = sys.modules["shop"] = type(sys)("shop")
    try:
        run(write("shop.py", "def f(): pass") + ":f")
        assert sys.modules["shop"] is own
    finally:
        del sys.modules["shop"]


def test_missing_files_and_functions_are_wrong_input_that_names_the_nearest(write, tmp_path):
    file = write(
        "app.py",
        "def buggy(): pass\nclass Bug: pass\nnumber = 3\nasync def later(): pass\ndef two(a, b): pass",
    )
    assert "Did you mean 'app.py'?" in message_of(f"{tmp_path}/ap.py")
    assert (
        message_of(f"{tmp_path}")
        == f"{tmp_path} is a folder without a scenario.toml; name a Python file in it: {tmp_path}/app.py"
    )
    assert "Did you mean 'buggy'?" in message_of(f"{file}:bugy")
    assert "not a function but of type 'int'" in message_of(f"{file}:number")
    assert "asyncio.run(later())" in message_of(f"{file}:later")
    assert "needs some: missing a required argument: 'a'" in message_of(f"{file}:two")
    assert "is not the name of a function" in message_of(f"{file}:f()")


def test_a_syntax_error_is_wrong_input_that_names_file_and_line(write):
    assert "app.py, line 2: invalid syntax" in message_of(write("app.py", "x = 1\nx = = 2\n"))


def test_a_failing_import_at_the_top_is_wrong_input_also_in_the_programs_own_modules(write):
    file = write("app.py", "import os\nimport neighbour\n")
    assert "app.py, line 2: No module named 'neighbour'" in message_of(file)
    write("neighbour.py", "\nimport nothing_of_that_name\n")
    assert "neighbour.py, line 2: No module named 'nothing_of_that_name'" in message_of(file)
    write("neighbour.py", "x = = 1")
    assert "neighbour.py, line 1: invalid syntax" in message_of(file)


def test_a_missing_ray_is_answered_with_the_option_that_helps(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    file = write("app.py", "from ray.util import ActorPool\n")
    assert "Add --as-ray" in message_of(write("app2.py", "import ray\n"))
    run(file, as_ray=True)
    assert "simactors has no ray.nothing" in message_of(write("app3.py", "import ray.nothing\n"), as_ray=True)


def test_an_import_that_fails_while_the_program_runs_is_the_programs_failure(write):
    for code in (
        "def f():\n    import nothing_of_that_name\nf()",
        "raise ImportError('mine')",
        "exec('x = = 1')",
    ):
        with pytest.raises((ImportError, SyntaxError)):
            run(write("app.py", code))


def test_the_next_run_finds_neither_variables_nor_signal_handlers_of_the_one_before(tmp_path: Path):
    code = """
        import os, signal
        seen = [os.environ.get("LEFT"), os.environ.pop("GIVEN"), signal.getsignal(signal.SIGUSR1)]
        os.environ["LEFT"] = "behind"
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.signal(signal.SIGALRM, lambda *_: None)
        assert signal.alarm(100) == 0
        assert seen == [None, "before", signal.SIG_DFL], seen
    """
    (tmp_path / "app.py").write_text(textwrap.dedent(code))
    os.environ["GIVEN"] = "before"
    try:
        for _ in range(2):
            with prepared(Program(target=Target(str(tmp_path / "app.py")))) as start:
                start()
        assert os.environ["GIVEN"] == "before"
    finally:
        del os.environ["GIVEN"]


@pytest.mark.parametrize("test", ["test_a", "TestA::test_b[p1]", "test_c[x.py:f::g-]"])
def test_a_test_of_pytest_is_a_target_whose_name_may_hold_anything(write, test):
    file = write("test_it.py", "")
    target = Target.parse(f"{file}::{test}")
    assert (target.file, target.test, target.function) == (file, test, None)
    assert str(target) == f"{file}::{test}"


def test_nobody_but_pytest_runs_a_test(write):
    file = write("test_it.py", "def test_a(n=3): pass")
    assert (
        message_of(f"{file}::test_a")
        == f"{file}::test_a is a test, which pytest runs: pytest '{file}::test_a'"
    )
    assert workload_of(Target.parse(f"{file}::test_a")) == {}


def test_a_test_in_a_file_that_is_not_there_is_wrong_input(write):
    assert message_of("nowhere/test_it.py::test_a") == "There is no file nowhere/test_it.py."
