"""The command as a user calls it: the scenarios of the repository, exit codes and output."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ROOT, called, started

BANK = "scenarios/bank/app.py"
TUTORIAL = "scenarios/ray_tutorial/app.py"
FITTING = "scenarios/parameter_server/app.py"


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    fields = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(fields, dict)
    return fields


def test_a_seed_gives_the_same_line_twice_and_under_another_hash_seed():
    command = ("run", FITTING, "--seed", "7", "--json")
    runs = [called(*command), *(started(*command, PYTHONHASHSEED=hash_seed) for hash_seed in ("0", "12345"))]
    assert [done.returncode for done in runs] == [0, 0, 0]
    assert runs[0].stdout == runs[1].stdout == runs[2].stdout


def test_another_seed_gives_another_digest_and_the_same_result():
    first, second = (called("run", FITTING, "--seed", seed, "--json") for seed in "78")
    assert last_line(first)["digest"] != last_line(second)["digest"]
    assert first.stdout.splitlines()[:-1] == second.stdout.splitlines()[:-1]


def test_a_program_gives_the_same_result_on_the_simulator_and_on_real_processes():
    simulated = called("run", FITTING)
    real = called("run", FITTING, "--backend", "local", "--json")
    assert simulated.returncode == real.returncode == 0
    assert simulated.stdout.splitlines() == real.stdout.splitlines()[:-1]
    assert last_line(real)["outcome"] == "passed"
    assert [last_line(real)[name] for name in ("seed", "digest", "virtual_time_s", "steps")] == [None] * 4


@pytest.mark.parametrize("backend", ["sim", "local"])
def test_code_written_for_ray_runs_unchanged(backend):
    done = called("run", TUTORIAL, "--as-ray", "--backend", backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "total: 90\n100 degrees Celsius in Fahrenheit: 212.0\n"


def test_the_environment_variable_chooses_the_backend_and_a_flag_wins_over_it():
    chosen = called("run", TUTORIAL, "--as-ray", "--json", SIMACTORS_BACKEND="local")
    assert last_line(chosen)["backend"] == "local"
    won = called("run", TUTORIAL, "--as-ray", "--json", "--backend", "sim", SIMACTORS_BACKEND="local")
    assert last_line(won)["backend"] == "sim"


def test_a_hunt_finds_the_lost_money_and_its_token_replays_that_run():
    found = called("hunt", f"{BANK}:buggy", "--seeds", "100", "--json")
    fields = last_line(found)
    assert found.returncode == 1
    assert fields["outcome"] == "failed"
    (failure,) = fields["failures"]
    assert failure["kind"] == "AssertionError"
    assert "left of 300" in failure["message"]
    assert failure["run"] == fields["runs"] == fields["seed"] + 1
    assert "How to make it happen:" in found.stderr
    assert f"simactors replay {failure['repro']}" in found.stderr

    replayed = started("replay", failure["repro"], "--json", PYTHONHASHSEED="5")
    assert replayed.returncode == 1
    assert last_line(replayed)["reproduced"] is True
    assert replayed.stdout.startswith("balances: ")


def test_a_hunt_shows_the_users_traceback_first_and_what_the_failing_run_printed():
    found = called("hunt", f"{BANK}:buggy", "--seeds", "100")
    assert found.stdout.startswith("Traceback (most recent call last):\n")
    assert "simactors/" not in found.stdout.partition("AssertionError")[0].replace(str(ROOT), "")
    assert found.stdout.count("balances: ") == 1
    assert found.stderr == ""


def test_a_hunt_on_the_mended_bank_finds_nothing():
    done = called("hunt", f"{BANK}:fixed", "--seeds", "100", "--first-seed", "50", "--json")
    assert done.returncode == 0, done.stdout
    fields = last_line(done)
    assert (fields["runs"], fields["seed"], fields["failures"]) == (100, 149, [])
    assert done.stdout.count("\n") == 1


def test_the_programs_arguments_follow_two_dashes(tmp_path):
    file = tmp_path / "app.py"
    file.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(len(sys.argv) - 1)")
    done = called("run", str(file), "--", "--seed", "x")
    assert (done.returncode, done.stdout) == (1, "['--seed', 'x']\n")


def test_a_program_that_insists_on_another_backend_is_told_how_to_run_it(tmp_path):
    file = tmp_path / "app.py"
    file.write_text("import simactors\nsimactors.init(backend='local')")
    done = called("run", str(file))
    assert done.returncode == 1
    assert "simactors run --backend local" in done.stderr


def test_wrong_input_has_exit_code_2_and_no_traceback():
    for args in (
        ["run", TUTORIAL],
        ["run", "nowhere.py"],
        ["run", f"{BANK}:bugy"],
        ["hunt", BANK, "--seeds", "x"],
    ):
        done = called(*args)
        assert done.returncode == 2, args
        assert "Traceback" not in done.stderr
    assert "Add --as-ray" in called("run", TUTORIAL).stderr


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (0, r"seed 0 loses money after 0\.008776 virtual seconds\n"),
        (1, r"\[\('a', 2\), \('b', 3\)\]\n"),
        (2, r"on node 2\non node 3 after 3\.0 virtual seconds\n"),
    ],
)
def test_the_examples_of_the_readme_print_what_it_says(number, says, tmp_path):
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(examples) == 3
    file = tmp_path / "example.py"
    file.write_text(examples[number])
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, timeout=60)
    assert re.fullmatch(says, done.stdout)


@pytest.mark.parametrize("backend", ["sim", "local"])
def test_a_function_of_code_written_for_ray_runs_on_every_backend(backend, tmp_path):
    (tmp_path / "prices.py").write_text("def of(name):\n    return len(name)")
    file = tmp_path / "shop.py"
    file.write_text(
        "import ray\nimport prices\n\n"
        "@ray.remote\ndef price(name):\n    return prices.of(name) + ray.get(ray.put(1))\n\n"
        "def main():\n    print(ray.get(price.remote('tea')))"
    )
    done = called("run", f"{file}:main", "--as-ray", "--backend", backend)
    assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr


def test_ctrl_c_in_a_hunt_ends_with_a_summary_and_exit_code_130(tmp_path):
    file = tmp_path / "app.py"
    file.write_text("import pathlib\npathlib.Path(__file__).with_name('started').touch()")
    command = [sys.executable, "-m", "simactors", "hunt", str(file), "--seeds", "100000000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.01)  # another process is waited for
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert shown.startswith("stopped by Ctrl-C: no failure in ")


def test_a_reader_that_stops_reading_is_no_fault_of_ours():
    command = f"{sys.executable} -m simactors hunt {BANK}:buggy --seeds 9 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")  # as if by SIGPIPE


@pytest.mark.parametrize("trick", ["sys.stdout = io.StringIO()", "sys.stdout = None"])
def test_the_json_line_comes_whatever_the_program_did_to_stdout(tmp_path: Path, trick: str):
    program = tmp_path / "app.py"
    program.write_text(f"import io, sys\nprint('before')\n{trick}\n")
    done = called("run", str(program), "--json")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "before"
    assert last_line(done)["outcome"] == "passed"


def test_a_program_that_closes_stdout_has_its_line_on_stderr(tmp_path: Path):
    program = tmp_path / "app.py"
    program.write_text("import sys\nsys.stdout.close()\n")
    done = started("run", str(program), "--json")
    assert done.returncode == 0
    assert '"outcome": "passed"' in done.stderr or '"outcome":"passed"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_generator_is_no_target(tmp_path: Path):
    program = tmp_path / "app.py"
    program.write_text("def main():\n    yield\n    assert 0\n")
    done = called("hunt", f"{program}:main", "--seeds", "3")
    assert done.returncode == 2
    assert "is a generator" in done.stderr


def test_a_livelock_is_found_in_seconds_and_replayed(tmp_path: Path):
    program = tmp_path / "app.py"
    program.write_text(
        "import time\nimport simactors as ray\n\ndef main():\n    ray.init()\n"
        "    while True:\n        time.sleep(1)\n"
    )
    done = called("hunt", f"{program}:main", "--seeds", "3", "--max-steps", "1000", "--json")
    assert done.returncode == 1
    (failure,) = last_line(done)["failures"]
    assert failure["kind"] == "LimitError"
    replayed = called("replay", failure["repro"], "--json")
    assert replayed.returncode == 1
    assert last_line(replayed)["reproduced"] is True


ACCOUNTS = """
import simactors, time
@simactors.remote(max_restarts=-1, max_task_retries=-1)
class Account:
    def __init__(self): self.balance = 0
    def add(self): self.balance += 1; return self.balance
def main():
    account = Account.remote()
    for _ in range(5):
        time.sleep(0.2)
        found = simactors.get(account.add.remote())
    assert found == 5, found
"""


@pytest.fixture
def accounts(tmp_path):
    (tmp_path / "app.py").write_text(ACCOUNTS)
    (tmp_path / "cluster.toml").write_text("[[nodes]]\nnum_cpus = 2\n[[nodes]]\ncount = 2\n")
    fault = 'kind = "crash_process"\nprocess = "Account"\nbefore_call = 3'
    (tmp_path / "faults.toml").write_text(f"[[faults]]\n{fault}\n")
    return tmp_path


def test_a_fault_makes_a_program_fail_that_passes_without_it(accounts):
    target, world = f"{accounts}/app.py:main", ("--cluster", f"{accounts}/cluster.toml")
    assert called("run", target, *world).returncode == 0
    faults = ("--faults", f"{accounts}/faults.toml")
    failed = called("run", target, *world, *faults)
    assert failed.returncode == 1
    assert "AssertionError: 3" in failed.stderr
    assert "meets     its process crashes before Account.add" in failed.stderr

    found = called("hunt", target, *world, *faults, "--seeds", "3", "--json")
    (failure,) = last_line(found)["failures"]
    replayed = called("replay", failure["repro"], "--json")
    assert replayed.returncode == 1
    assert last_line(replayed)["reproduced"] is True

    (accounts / "faults.toml").unlink()  # what it said is in the repro
    assert last_line(called("replay", failure["repro"], "--json"))["reproduced"] is True


def test_a_wrong_cluster_or_fault_file_is_wrong_input(accounts):
    (accounts / "cluster.toml").write_text("num_cpu = 2")
    done = called("run", f"{accounts}/app.py:main", "--cluster", f"{accounts}/cluster.toml")
    assert done.returncode == 2
    assert "num_cpu: there is no such knob; did you mean 'num_cpus'?" in done.stderr
    (accounts / "faults.toml").write_text('[[faults]]\nkind = "crash_node"\nnode = "node-9"\nat_s = 1')
    for command in (("run",), ("hunt", "--seeds", "2")):
        done = called(*command, f"{accounts}/app.py:main", "--faults", f"{accounts}/faults.toml")
        assert done.returncode == 2
        assert "names no node or zone of this cluster: 'node-9'" in done.stderr


def test_a_cluster_means_nothing_to_real_processes(accounts):
    cluster = f"{accounts}/cluster.toml"
    done = called("run", f"{accounts}/app.py:main", "--backend", "local", "--cluster", cluster)
    assert done.returncode == 2
    assert "--cluster means something only to the simulator" in done.stderr
