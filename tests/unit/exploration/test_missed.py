"""Which planned faults befell nothing, and what is told of them: of one run, of a scenario, of a hunt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simactors.cli import main
from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)
from simactors.exploration import missed
from simactors.exploration.drawn_faults import Drawn
from simactors.exploration.recipe import Recipe
from simactors.exploration.target import Program, Target
from simactors.sim.config import NodeConfig, SimConfig

APP = """
import simactors as ray
import time

@ray.remote(max_restarts=-1, max_task_retries=-1)
class Store:
    def put(self): return bytes(200_000)
    def get(self): return 1

@ray.remote
def ask(store): return ray.get(store.get.remote())

def main():
    store = Store.options(name="the store").remote()
    for _ in range(3):
        ray.get(store.put.remote())
        time.sleep(1)
    ray.get(ask.remote(store))
"""
HITS: list[Fault] = [
    CrashProcess(process="Store", at_s=1),
    CrashProcess(process="the store", call="*.put", before_call=2),
    CrashProcess(process="Store#1", after_call=3),
    CrashProcess(process="ask", on_reply=1, call="Store.get"),
    CrashNode(node="node-3", at_s=1),
    Pause(process="actor-*", at_s=1, for_s=0.1),
    Pause(node="node-2", at_s=1, for_s=0.1),
    SlowNode(node="node-1", factor=2),
    Cut(source="node-1", target="node-2", at_s=1, for_s=0.1),
    Partition(groups=(("node-1",), ("node-2",)), at_s=1.5, for_s=0.1),
    FailCall(call="Store.put", nth=1),
    FailCall(call="*", lost="reply", nth=2),
    DelayCall(call="Store.*", by_s=0.01),
    LoseObject(of="Store.put", nth=2),
    JumpClock(node="node-2", by_s=1),
]
MISSES: list[tuple[Fault, str]] = [
    (CrashProcess(process="Sto", at_s=1), "no process called 'Sto' was there at 1 s"),
    (CrashProcess(process="Store#2", at_s=1), "no process called 'Store#2' was there at 1 s"),
    (
        CrashProcess(process="Store", call="Store.pt", after_call=1),
        "there was no call number 1 that fits 'Store.pt' at a process called 'Store'",
    ),
    (
        CrashProcess(process="Sto", before_call=1),
        "there was no call number 1 that fits '*' at a process called 'Sto'",
    ),
    (CrashProcess(process="Store", at_s=99), "no process called 'Store' was there at 99 s"),
    (Pause(process="Sto", at_s=1, for_s=1), "no process called 'Sto' was there at 1 s"),
    (Pause(node="node-2", at_s=99, for_s=1), "no node called 'node-2' was there at 99 s"),
    (CrashNode(node="node-2", at_s=99), "no node called 'node-2' was there at 99 s"),
    (
        Cut(source="node-1", target="node-2", at_s=99, for_s=0.1),
        "nothing was left to run at 99 s",
    ),
    (FailCall(call="Store.pt"), "it never came to a call that fits 'Store.pt'"),
    (FailCall(call="Store.get", nth=9), "there was no call number 9 that fits 'Store.get'"),
    (DelayCall(call="Store.put", by_s=1, nth=7), "there was no call number 7 that fits 'Store.put'"),
    (LoseObject(of="Store.gt"), "there was no value number 1 of 'Store.gt'"),
]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "scenario.toml").write_text('workload.entry = "app.py:main"\n')
    return tmp_path / "app.py"


def left_over(app: Path, *faults: Fault, drawn: tuple[Drawn, ...] = ()) -> tuple[Fault, ...]:
    cluster = SimConfig(nodes=(NodeConfig(num_cpus=1, count=3),))
    target = Target(str(app), "main")
    program = Program(target=target, cluster=cluster, faults=FaultPlan(faults), drawn=drawn)
    return missed.missed(program, Recipe(program=program).run().struck)


@pytest.mark.parametrize("fault", HITS, ids=str)
def test_a_fault_that_befalls_something_is_not_missed(app: Path, fault: Fault) -> None:
    assert left_over(app, fault) == ()


@pytest.mark.parametrize(("fault", "why"), MISSES, ids=lambda each: str(each)[:40])
def test_a_fault_that_befalls_nothing_is_told_with_why(app: Path, fault: Fault, why: str) -> None:
    assert left_over(app, fault) == (fault,)
    told = missed.words(fault, "in any run")
    assert told == f"faults: {missed.as_in_files(fault)} struck nothing in any run: {why}"


def test_one_at_a_rate_is_missed_if_it_never_struck_at_any_of_its_times(app: Path) -> None:
    def at_a_rate(process: str) -> Drawn:
        fault = Pause(process=process, at_s=0, for_s=0.001)
        return Drawn(fault=fault, rate_per_s=5, from_s=0, until_s=2)

    good, bad = at_a_rate("Store"), at_a_rate("Sto")
    assert left_over(app, drawn=(good, bad)) == (bad.fault,)


def test_one_at_a_rate_is_told_apart_from_one_of_its_kind_that_waits_for_a_call(app: Path) -> None:
    waiting = CrashProcess(process="Store", after_call=2)
    fault = CrashProcess(process="Sto", at_s=0)
    drawn = Drawn(fault=fault, rate_per_s=5, from_s=0, until_s=2)
    assert left_over(app, waiting, drawn=(drawn,)) == (fault,)


def test_faults_are_told_as_files_say_them_with_all_that_is_not_as_by_default() -> None:
    assert missed.as_in_files(CrashProcess(process="Store", at_s=1)) == (
        '{ kind = "crash_process", process = "Store", at_s = 1 }'
    )
    assert missed.as_in_files(Partition(groups=(("a", "b"),), at_s=1, for_s=2)) == (
        '{ kind = "partition", groups = [["a", "b"]], at_s = 1, for_s = 2 }'
    )


def test_a_name_that_was_nearly_right_is_told_and_one_that_was_right_is_not_doubted() -> None:
    names = ["Store.put", "train"]
    assert missed.words(CrashProcess(process="Stor#2", at_s=1), "", names).endswith("; did you mean 'Store'?")
    assert missed.words(FailCall(call="Store.pt"), "", names).endswith("; did you mean 'Store.put'?")
    assert missed.words(LoseObject(of="trian"), "", names).endswith("; did you mean 'train'?")
    for fault in (CrashProcess(process="Store#2", at_s=1), FailCall(call="Store.*", nth=9)):
        assert "did you mean" not in missed.words(fault, "", names)


def told(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    assert caught.value.code == 0
    return capsys.readouterr()


def test_commands_tell_of_them(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = app.parent / "faults.toml"
    file.write_text(
        '[[faults]]\nkind = "pause"\nprocess = "Store"\nat_s = 1\nfor_s = 0.1\n'
        '[[faults]]\nkind = "pause"\nprocess = "Stor"\nat_s = 1\nfor_s = 0.1\n'
    )
    fault = 'faults: { kind = "pause", at_s = 1.0, for_s = 0.1, process = "Stor" } struck nothing'
    why = "no process called 'Stor' was there at 1 s"
    _, err = told(capsys, "run", f"{app}:main", "--faults", str(file))
    assert f"{fault}: {why}\n" in err
    assert err.count("struck nothing") == 1
    scenario = str(app.parent)
    _, err = told(capsys, "run", scenario, "--faults", str(file), "--seeds", "2")
    assert f"{fault} in any run: {why}; did you mean 'Store'?\n" in err
    assert err.count("struck nothing") == 1
    out, _ = told(capsys, "hunt", scenario, "--faults", str(file), "--seeds", "3", "--json")
    assert json.loads(out)["missed"] == [f"{fault} in any run: {why}"]
