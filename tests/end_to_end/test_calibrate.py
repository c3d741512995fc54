"""``simactors calibrate`` and ``run --profile``: from a real runtime to a file, and to a simulation as fast."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from simactors import calibration
from simactors.calibration import Counts
from simactors.cli import main
from simactors.core import metering
from simactors.sim.config import SimConfig
from simactors.sim.profile import load_profile
from tests.end_to_end.guide import blocks

DOCS = Path(__file__).parents[2] / "docs"  # calibration.md, above all

FEW = Counts(calls=20, in_flight=20, waves=1, starts=2, restarts=1, transfers=1, spin_s=0.001)
PROGRAM = """
import time
import simactors as ray

@ray.remote
class Worker:
    def __init__(self):
        self.sum = 0

    def computes(self, work_s):
        until_s = time.thread_time() + work_s
        while time.thread_time() < until_s:
            self.sum += 1

    def sleeps(self):
        time.sleep(0.5)  # longer than a busy machine keeps a call waiting

    def fails(self):
        raise ValueError("no")

@ray.remote(num_cpus=0)
def asks(worker):
    ray.get([worker.computes.remote(0.02) for _ in range(3)])

def main():
    print("begins")
    worker = Worker.remote()
    ray.get(asks.remote(worker))
    ray.get(worker.sleeps.remote())

def bad():
    ray.get(Worker.remote().fails.remote())
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measure, slowdown = calibration.measure, calibration.slowdown
    monkeypatch.setattr(calibration, "slowdown", lambda backend: slowdown(backend, counts=FEW))
    monkeypatch.setattr(
        calibration, "measure", lambda backend, address, told: measure(backend, address, told, FEW)
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(PROGRAM)


def code_of(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_the_commands_and_the_code_of_the_guide_do_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    cluster, _ = (block for block in blocks((DOCS / "cluster.md").read_text()) if block.language == "toml")
    Path(cluster.name).write_text(cluster.text)
    Path("faults.toml").write_text('[[faults]]\nkind = "crash_node"\nnode = "node-2"\nat_s = 0.1\n')
    commands, code = blocks((DOCS / "calibration.md").read_text())
    for command in commands.text.splitlines():
        assert code_of(*shlex.split(command, comments=True)[1:]) == 0, capsys.readouterr()
    exec(code.text, {"__name__": "__main__"})
    assert float(capsys.readouterr().out.splitlines()[-1]) >= 0


def test_a_program_is_measured_and_then_simulated_as_fast(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("calibrate", "--program", "app.py:main", "--runs", "1", "-o", "p.toml", "--json") == 0
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert told["file"] == "p.toml"
    assert "begins" in out
    assert "run 1 of app.py:main" in err
    assert "written to p.toml" in err
    profile = load_profile("p.toml")
    assert told["service_times_s"].keys() == profile.service_times_s.keys()
    assert metering.FOLDER not in os.environ

    # What a call computes is its own, what it waits and sleeps is not.
    services = profile.service_times_s
    assert set(services) == {"Worker.__init__", "Worker.computes", "Worker.sleeps", "asks"}
    assert services["Worker.computes"][0] >= 0.0199
    assert services["Worker.sleeps"][0] < 0.4
    assert len(services["Worker.computes"]) == 2
    assert len(profile.first_service_times_s["Worker.computes"]) == 1

    assert code_of("run", "app.py:main", "--profile", "p.toml", "--json") == 0
    simulated = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert simulated["virtual_time_s"] > 0.5 + 3 * 0.0199
    assert SimConfig.from_profile("p.toml").first_service_times.keys() == services.keys()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--backend", "sim"], "The simulator takes as long as it is told"),
        (["--address", "auto"], "--address is a Ray cluster's"),
        (["--backend", "lokal"], "local"),
        (["-o", "nowhere/p.toml"], "there is no folder nowhere"),
        (["--program", "none.py"], "none.py"),
        (["--runs", "0"], "--runs"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_measured(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "measure", None)
    assert code_of("calibrate", *args) == 2
    assert told in capsys.readouterr().err


def test_a_program_that_fails_is_no_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("calibrate", "--program", "app.py:bad") == 2
    shown = capsys.readouterr().err
    assert "app.py:bad fails on local" in shown
    assert shown.count("in fails\n") == 1  # where the remote code failed
    assert not Path("profile.toml").exists()
    assert metering.FOLDER not in os.environ


@pytest.mark.parametrize(
    ("text", "told"), [(None, "no such file"), ("x = 1", "no profile"), ("[profile]", "format None")]
)
def test_run_tells_what_is_wrong_with_a_profile(
    text: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        Path("p.toml").write_text(text)
    assert code_of("run", "app.py:main", "--profile", "p.toml") == 2
    err = capsys.readouterr().err
    assert "p.toml" in err
    assert told in err


def test_a_profile_means_nothing_to_a_real_runtime(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("run", "app.py:main", "--profile", "p.toml", "--backend", "local") == 2
    assert "--profile means something only to the simulator" in capsys.readouterr().err
