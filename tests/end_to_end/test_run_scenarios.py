"""``simactors run``, ``compare``, ``schema`` and ``init`` on scenarios, as a user calls them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.end_to_end.command import called, clean_environment, started


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """The folder in which the starter lies, as ``counter``."""
    done = called("init", "counter", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "simactors run counter")
    return tmp_path


def test_the_starter_runs_and_says_what_it_came_to(counter: Path) -> None:
    done = called("run", "counter", "--seeds", "2", "--out", "a.json", "--csv", "a.csv", cwd=counter)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "counter: Additions are fast, and none is lost"
    assert lines[-1] == "passed, as expected"
    for word in ("throughput", "requests", "Counter.add", "CPU", "passed   p99 < 50ms"):
        assert word in done.stdout
    assert len((counter / "a.csv").read_text().splitlines()) == 3
    again = started("run", "counter", "--seeds", "1", "--json", cwd=counter, PYTHONHASHSEED="7")
    first, second = json.loads((counter / "a.json").read_text()), json.loads(again.stdout)
    digests = [[run["digest"] for run in told["points"][0]["runs"]] for told in (first, second)]
    assert digests[0][:1] == digests[1]


def test_variants_come_out_as_they_say_and_other_outcomes_have_exit_code_1(counter: Path) -> None:
    expected = called("run", "counter:overload", "--seeds", "1", cwd=counter)
    assert (expected.returncode, expected.stdout.splitlines()[-1]) == (0, "failed, as expected")
    bad = called(
        "run",
        "counter",
        "--seeds",
        "1",
        "--set",
        "shards=1",
        "--set",
        "workload.arrivals.rate=400/s",
        cwd=counter,
    )
    assert bad.returncode == 1
    assert "FAILED   p99 < 50ms: it was " in bad.stdout
    assert bad.stdout.splitlines()[-1] == "FAILED: every run was to pass"
    good = called("run", "counter", "--variant", "overload", "--seeds", "1", "--set", "shards=4", cwd=counter)
    assert (good.returncode, good.stdout.splitlines()[-1][:6]) == (1, "PASSED")


def test_a_failing_check_is_shown_with_the_command_that_replays_it(counter: Path) -> None:
    app = counter / "counter" / "app.py"
    app.write_text(app.read_text().replace("self.value += amount", "self.value += 0"))
    file = app.with_name("scenario.toml")
    file.write_text(file.read_text().replace('duration = "2s"', 'duration = "0.2s"'))
    done = called("run", "counter", "--seed", "3", cwd=counter)
    assert done.returncode == 1
    assert "additions were acknowledged, and the counters have 0" in done.stdout
    token = done.stdout.split("simactors replay ")[1].split()[0]
    replayed = called("replay", token, cwd=counter)
    assert replayed.returncode == 1
    assert "reproduced exactly" in replayed.stderr
    hunted = called("hunt", "counter", "--seeds", "3", "--shrink-time", "3s", cwd=counter)
    assert hunted.returncode == 1
    assert "and the counters have 0" in hunted.stdout


def test_the_starter_runs_on_real_processes(counter: Path) -> None:
    file = counter / "counter" / "scenario.toml"
    fault = (
        '[[faults]]\nkind = "crash_process"\nprocess = "Counter#1"\ncall = "Counter.add"\nafter_call = 5\n'
    )
    text = file.read_text()
    file.write_text(f"{text[: text.index('[[faults]]')]}{fault}{text[text.index('[workload]') :]}")
    app = counter / "counter" / "app.py"
    app.write_text(
        app.read_text().replace(
            "@ray.remote",
            "@ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0, resources={'disk': 0.5})",
        )
    )
    settings = (
        "cluster.nodes=[{}, {count = 2, resources = {disk = 1}}]",
        "checks.objectives=['p99(Counter.add) < 1m', 'restarts == 1']",
        "workload.duration=0.5s",
        "checks.entries=[]",
        "workload.timeout=1m",
    )
    options = [word for setting in settings for word in ("--set", setting)]
    options += ["--report", "page.html", "--timeline", "run.json", "--json"]
    done = called("run", "counter", "--backend", "local", "--seed", "3", *options, cwd=counter)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    (run,) = told["points"][0]["runs"]
    assert run["seed"] == 3  # of its arrivals
    assert told["backend"] == "local"
    assert run["requests"]["answered"] == run["requests"]["arrived"] > 50
    assert "can only be simulated, not on local" in done.stderr
    assert [check["status"] for check in run["checks"]] == ["passed"] * len(run["checks"])
    (add,) = (method for method in run["methods"] if method["name"] == "Counter.add")
    assert add["latency"]["count"] == add["calls"] >= run["requests"]["arrived"]  # some were to warm up
    assert [fault["kind"] for fault in run["faults"]] == ["fault", "death"]
    assert run["totals"]["restarts"] == 1
    assert run["totals"]["retries"] >= 1  # that call, and those behind it
    assert [queue["class_name"] for queue in run["queues"]] == ["Counter"]
    uses = {use["resource"]: use for use in run["uses"]}
    assert any(uses["CPU"]["used"])
    assert uses["disk"]["total"] == 2  # of its machines together: actors that want some run
    events = json.loads((counter / "run.json").read_text())
    assert sum(event["ph"] == "X" and event["name"] == "Counter.add" for event in events) > add["calls"]
    assert "Counter#1" in (counter / "page.html").read_text()


def test_results_are_compared_in_words(counter: Path) -> None:
    for name, rate in (("a", "200/s"), ("b", "100/s")):
        options = ("--seeds", "3", "--set", f"workload.arrivals.rate={rate}", "--out", f"{name}.json")
        assert called("run", "counter", *options, cwd=counter).returncode == 0
    done = called("compare", "a.json", "b.json", cwd=counter)
    assert done.returncode == 0, done.stderr
    assert "throughput is " in done.stdout
    assert "% lower in B" in done.stdout
    as_json = called("compare", "a.json", "b.json", "--json", cwd=counter)
    found = {metric["name"]: metric for metric in json.loads(as_json.stdout)["points"][0]["metrics"]}
    assert found["throughput"]["significant"] is True
    assert called("compare", "a.json", "nowhere.json", cwd=counter).returncode == 2


def test_init_overwrites_nothing(counter: Path) -> None:
    done = called("init", "counter", cwd=counter)
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_the_schema_is_one_and_knows_every_kind(counter: Path) -> None:
    done = called("schema", cwd=counter)
    schema = json.loads(done.stdout)
    assert schema["properties"]["workload"]["$ref"] == "#/$defs/Workload"
    for name in ("SimConfig", "CrashNode", "Lognormal", "Poisson", "Variant", "NodeConfig"):
        assert name in schema["$defs"]
    assert schema["$defs"]["CrashNode"]["properties"]["kind"] == {"const": "crash_node"}
    references = {word.split('"')[0] for word in done.stdout.split('"#/$defs/')[1:]}
    assert references <= set(schema["$defs"])
    TypeAdapter(dict[str, object]).validate_python(schema)


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        (["run", "counter:overlod"], "did you mean 'overload'?"),
        (["run", "counter", "--variant", "overlod"], "did you mean 'overload'?"),
        (["run", "counter", "--set", "shrads=1"], "did you mean 'shards'?"),
        (["run", "counter", "--set", "shards"], "write key=value"),
        (["run", "counter", "--seed", "1", "--seeds", "2"], "give one of the two"),
        (["run", "counter", "--until", "1s", "--jobs", "2"], "are for one run"),
        (["run", "counter/app.py:setup", "--seeds", "2"], "--seeds is for the runs of a scenario"),
        (["run", "counter:overload", "--variant", "sizing"], "is one variant"),
        (["run", "counter", "--backend", "local", "--cluster", "x.toml"], "only to the simulator"),
        (["run", "counter", "--out", "no/where.json", "--seeds", "1"], "there is no folder no"),
    ],
)
def test_wrong_input_has_exit_code_2(counter: Path, args: list[str], answer: str) -> None:
    done = called(*args, cwd=counter)
    assert done.returncode == 2, done.stdout
    assert answer in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_runs_came_to_is_told_even_if_a_file_can_not_be_written(counter: Path) -> None:
    long = called("run", "counter", "--seeds", "1", "--timeline", "t.mmd", cwd=counter)
    assert long.returncode == 2
    assert "too long for a Mermaid diagram" in long.stderr
    assert long.stdout.splitlines()[-1] == "passed, as expected"


def test_what_the_command_says_of_the_world_wins(counter: Path) -> None:
    (counter / "faults.toml").write_text(
        '[[faults]]\nkind = "crash_process"\nprocess = "Counter#2"\nat_s = 0.1\n'
    )
    (counter / "cluster.toml").write_text("num_cpus = 16\n")
    short = ("--set", "workload.duration=0.5s", "--seeds", "1", "--json")
    options = ("--faults", "faults.toml", "--cluster", "cluster.toml", *short)
    done = called("run", "counter", *options, cwd=counter)
    assert done.returncode == 1  # nobody restarts a counter
    (run,) = json.loads(done.stdout)["points"][0]["runs"]
    assert [fault["what"] for fault in run["faults"] if fault["kind"] == "fault"] == ["its process crashes"]
    assert [use["total"] for use in run["uses"] if use["resource"] == "CPU"] == [16]
    assert run["requests"]["errors"].keys() == {"ActorDiedError"}
    real = called("run", "counter", "--backend", "local", *options[:2], *options[4:], cwd=counter)
    (run,) = json.loads(real.stdout)["points"][0]["runs"]
    assert run["requests"]["failed"] > 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_sweep_that_is_stopped_says_what_it_has(counter: Path, jobs: str) -> None:
    """With one process runs follow one another; the runs of two never come to their end by themselves."""
    app, begun = counter / "counter" / "app.py", counter / "begun"
    endless = "while True: pass" if jobs == "2" else ""
    app.write_text(f"{app.read_text()}\nopen({str(begun)!r}, 'w').close()\n{endless}\n")
    command = [sys.executable, "-m", "simactors", "run", "counter:sizing", "--seeds", "40", "--json"]
    process = subprocess.Popen(
        [*command, "--jobs", jobs],
        cwd=counter,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, err
    assert json.loads(out)["interrupted"] is True
    assert "it has neither passed nor failed" in err
