"""Programs that say `import ray`, unmodified: `python -m simactors.as_ray`, and under pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import sys
    import ray
    import helper

    @ray.remote
    def double(x):
        return helper.double(x)

    ray.init(num_cpus=2)
    print(ray.get([double.remote(n) for n in range(3)]), ray.get(helper.in_a_worker.remote()), sys.argv, __name__)
"""
HELPER = """
    import ray

    def double(x):
        import ray  # as the worker finds it
        return 2 * x if ray.__version__ == "2.60.0" else None

    @ray.remote
    def in_a_worker():
        import ray
        return ray.get_runtime_context().get_task_name()
"""
STUCK = """
    import asyncio
    import threading
    import ray

    @ray.remote
    class Stuck:
        async def wait(self):
            await asyncio.to_thread(lambda: threading.Event().wait())

        async def answer(self):
            return 1

    ray.init(num_cpus=1)
    stuck = Stuck.remote()
    ref = stuck.wait.remote()
    print(ray.get(stuck.answer.remote()))
"""


def run(folder: Path, *args: str, backend: str | None = "local") -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "SIMACTORS_BACKEND"}
    if backend is not None:
        env["SIMACTORS_BACKEND"] = backend
    root = str(Path(__file__).parents[2])
    env["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "helper.py").write_text(textwrap.dedent(HELPER))
    return tmp_path


@pytest.mark.parametrize("backend", [None, "local", "sim"])
def test_a_script_runs_as_it_is_with_its_modules(folder: Path, backend: str | None) -> None:
    done = run(folder, "-m", "simactors.as_ray", "program.py", "a", "-b", backend=backend)
    assert done.stdout == "[0, 2, 4] in_a_worker ['program.py', 'a', '-b'] __main__\n", done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_and_code_run_too(folder: Path) -> None:
    done = run(folder, "-m", "simactors.as_ray", "-m", "program", "a", backend="sim")
    assert done.stdout.startswith("[0, 2, 4] in_a_worker ["), done.stderr
    done = run(
        folder, "-m", "simactors.as_ray", "-c", "import ray, sys; print(ray.get(ray.put(1)), sys.argv)", "x"
    )
    assert done.stdout == "1 ['-c', 'x']\n", done.stderr


def test_a_thread_of_an_actor_that_waits_for_ever_does_not_keep_the_interpreter(folder: Path) -> None:
    (folder / "stuck.py").write_text(textwrap.dedent(STUCK))
    done = run(folder, "-m", "simactors.as_ray", "stuck.py", backend="sim")
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize("flags", [[], ["-P"]])
def test_modules_are_searched_where_the_interpreter_searches_them(folder: Path, flags: list[str]) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "where.py").write_text("import sys; print(sys.path)")
    for args in (["elsewhere/where.py"], ["-c", "import sys; print(sys.path)"]):
        plain, ours = run(folder, *flags, *args), run(folder, *flags, "-m", "simactors.as_ray", *args)
        assert plain.stdout == ours.stdout != ""


def test_errors_end_it_as_they_end_the_interpreter(folder: Path) -> None:
    (folder / "fails.py").write_text("import sys\nif len(sys.argv) > 1: sys.exit(7)\n1 / 0\n")
    plain = run(folder, "fails.py")
    done = run(folder, "-m", "simactors.as_ray", "fails.py")
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert run(folder, "-m", "simactors.as_ray", "fails.py", "x").returncode == 7
    missing = run(folder, "-m", "simactors.as_ray", "missing.py")
    assert (missing.returncode, missing.stderr) == (
        2,
        "simactors.as_ray: can't open file 'missing.py': No such file or directory\n",
    )
    assert run(folder, "-m", "simactors.as_ray").returncode == 2
    assert "no module named nothing" in run(folder, "-m", "simactors.as_ray", "-m", "nothing").stderr


def test_pytest_offers_it_before_it_imports_anything(folder: Path) -> None:
    (folder / "conftest.py").write_text("import ray\n")
    (folder / "test_it.py").write_text(
        "import ray\n\n@ray.remote\ndef one():\n    return 1\n\n"
        "def test_one(sim):\n    ray.init()\n    assert ray.get(one.remote()) == 1\n"
    )
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--sim-seeds", "2"]
    done = run(folder, *options, "--as-ray", backend=None)
    assert "2 passed" in done.stdout, done.stdout
    (folder / "pytest.ini").write_text("[pytest]\nsim_as_ray = true\n")
    assert "2 passed" in run(folder, *options, backend=None).stdout


_PROGRAMS = ["patterns", "actors", "pools", "crawler", "pipeline", "accounts", "trainers", "squares"]


@pytest.mark.parametrize("backend", ["sim", "local"])
@pytest.mark.parametrize("name", _PROGRAMS)
def test_programs_print_what_they_print_on_ray(name: str, backend: str) -> None:
    """What stands beside each was printed by Ray 2.60."""
    if name == "pools":
        pytest.importorskip("joblib")
    programs = Path(__file__).parent / "ray_programs"
    done = run(programs, "-m", "simactors.as_ray", f"{name}.py", backend=backend)
    assert done.stdout == (programs / f"{name}.txt").read_text(), done.stderr
