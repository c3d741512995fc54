"""Files that describe a cluster and its faults: every knob can be written, every mistake is told, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simactors.core.fault_plan import KINDS, CrashNode, CrashProcess, FaultPlan, Partition
from simactors.exceptions import TargetError
from simactors.exploration import cluster_file
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Repro, replay
from simactors.exploration.target import Program, Target
from simactors.exploration.world import world_of
from simactors.sim.config import Latency, LinkConfig, NodeConfig, SimConfig
from simactors.sim.distributions import Constant, Empirical, Exponential, Lognormal, Uniform

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "cluster.toml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write_file


def problems(load: Callable[[str], object], file: str) -> list[str]:
    """What is wrong with a file, one line each, behind the number of its line."""
    with pytest.raises(TargetError) as caught:
        load(file)
    told = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in told)
    return [line.removeprefix(f"{file}:") for line in told]


def test_a_cluster_may_say_everything_that_a_config_can(write: Write) -> None:
    file = write("""
        detection_s = 2
        spilling = false
        process_start = { kind = "uniform", low_s = 0.5, high_s = 1 }
        latency = { low_s = 0.001, high_s = 0.002, extra = { kind = "exponential", mean_s = 0.01 } }
        [[nodes]]
        num_cpus = 2
        [[nodes]]
        count = 2
        num_gpus = 0.5
        zone = "b"
        resources = { disk = 3 }
        labels = { kind = "fast" }
        [[links]]
        between = ["node-1", "b"]
        latency = { low_s = 0.01, high_s = 0.01, jitter_s = 0 }
        loss = 0.1
        [service_times]
        "Model.predict" = { kind = "lognormal", median_s = 0.02, sigma = 0.5 }
        train = { kind = "empirical", samples_s = [1, 2.5] }
        "*" = { kind = "constant", value_s = 0.001 }
        [memory_use]
        train = 1000
    """)
    cluster = cluster_file.load_cluster(file)
    assert cluster_file.cluster_of(json.loads(json.dumps(cluster_file.cluster_table(cluster)))) == cluster
    assert cluster == SimConfig(
        detection_s=2,
        spilling=False,
        process_start=Uniform(0.5, 1),
        latency=Latency(low_s=0.001, high_s=0.002, extra=Exponential(0.01)),
        nodes=(
            NodeConfig(num_cpus=2),
            NodeConfig(count=2, num_gpus=0.5, zone="b", resources={"disk": 3}, labels={"kind": "fast"}),
        ),
        links=(
            LinkConfig(
                between=("node-1", "b"), latency=Latency(low_s=0.01, high_s=0.01, jitter_s=0), loss=0.1
            ),
        ),
        service_times={
            "Model.predict": Lognormal(0.02, 0.5),
            "train": Empirical([1, 2.5]),
            "*": Constant(0.001),
        },
        memory_use={"train": 1000},
    )
    assert cluster_file.load_cluster(write("")) == SimConfig()
    assert cluster_file.cluster_table(SimConfig()) == {}


def test_faults_are_listed_by_kind(write: Write) -> None:
    file = write("""
        [[faults]]
        kind = "crash_node"
        node = "node-2"
        at_s = 5
        back_after_s = 1.5
        [[faults]]
        kind = "crash_process"
        process = "Account"
        before_call = 3
        [[faults]]
        kind = "partition"
        groups = [["node-1"], ["b", "node-3"]]
        at_s = 1
        for_s = 2
    """)
    assert cluster_file.load_faults(file) == FaultPlan(
        (
            CrashNode(node="node-2", at_s=5, back_after_s=1.5),
            CrashProcess(process="Account", before_call=3),
            Partition(groups=(("node-1",), ("b", "node-3")), at_s=1, for_s=2),
        )
    )
    assert cluster_file.load_faults(write("")) == FaultPlan()


LEAST = {
    "crash_process": "at_s = 1",
    "crash_node": 'node = "node-2"\nat_s = 1',
    "pause": 'node = "node-2"\nat_s = 1\nfor_s = 1',
    "slow_node": 'node = "node-2"\nfactor = 2',
    "cut": 'source = "a"\ntarget = "b"\nat_s = 1\nfor_s = 1\nboth_ways = true',
    "partition": 'groups = [["a"]]\nat_s = 1\nfor_s = 1',
    "fail_call": 'call = "Account.add"\nlost = "late"',
    "delay_call": 'call = "*"\nby_s = 1',
    "lose_object": 'of = "train"',
    "jump_clock": 'node = "node-2"\nby_s = -1',
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_can_be_written(write: Write, kind: str) -> None:
    (fault,) = cluster_file.load_faults(write(f'[[faults]]\nkind = "{kind}"\n{LEAST[kind]}')).faults
    assert type(fault) is KINDS[kind]


def test_all_that_is_wrong_with_a_cluster_is_told_at_once(write: Write) -> None:
    file = write("""
        detection = 2
        max_steps = 5
        [[nodes]]
        num_cpu = 2
        [[nodes]]
        count = "many"
        [service_times]
        work = { kind = "unifrom", low_s = 1, high_s = 2 }
        rest = { kind = "uniform", low_s = 2, high_s = 1 }
    """)
    assert problems(cluster_file.load_cluster, file) == [
        "2: detection: there is no such knob; did you mean 'detection_s'?",
        "3: max_steps: give it to the command, as --max-steps",
        "5: nodes[0].num_cpu: there is no such knob; did you mean 'num_cpus'?",
        "7: nodes[1].count: Input should be a valid integer, unable to parse string as an integer",
        "9: service_times.work.kind: 'unifrom' is none of constant, uniform, exponential, lognormal, empirical; "
        "did you mean 'uniform'?",
        "10: service_times.rest: Uniform needs 0 <= low_s <= high_s, not low_s=2.0, high_s=1.0",
    ]


def test_all_that_is_wrong_with_faults_is_told_at_once(write: Write) -> None:
    file = write("""
        [[fault]]
        kind = "cut"
        [[faults]]
        kind = "crash_nod"
        [[faults]]
        at_s = 1
        [[faults]]
        kind = "crash_process"
        [[faults]]
        kind = "slow_node"
        node = "node-1"
        factor = 0
        speed = 1
    """)
    found = problems(cluster_file.load_faults, file)
    assert found[0] == "2: fault: not a part of a fault file; write [[faults]]"
    assert found[1].startswith("5: faults[0].kind: 'crash_nod' is none of crash_process, crash_node,")
    assert found[1].endswith("did you mean 'crash_node'?")
    assert found[2].startswith("6: faults[1]: say which kind: crash_process, crash_node,")
    assert (
        found[3]
        == "8: faults[2]: CrashProcess needs exactly one of at_s, before_call, after_call, on_reply, not none"
    )
    assert found[4].startswith("14: faults[3].speed: there is no such knob")


@pytest.mark.parametrize(
    ("text", "message"), [("nodes = [", "not TOML"), ("\0", "not TOML"), (None, "no such file")]
)
def test_what_is_no_file_of_that_kind_is_told_in_one_line(
    write: Write, text: str | None, message: str
) -> None:
    file = write("") + ".no" if text is None else write(text)
    for load in (cluster_file.load_cluster, cluster_file.load_faults):
        with pytest.raises(TargetError, match=message):
            load(file)


def test_faults_must_fit_the_cluster(write: Write) -> None:
    fault = '[[faults]]\nkind = "crash_node"\nnode = "node-2"\nat_s = 1\n'
    faults = write(fault, "faults.toml")
    with pytest.raises(
        TargetError, match=r"faults\.toml:1: faults\[0\]: CrashNode.*names no node.*The nodes: node-1"
    ):
        cluster_file.load_world(None, faults)
    config, plan = cluster_file.load_world(write("[[nodes]]\ncount = 2"), faults)
    world = world_of(Program(target=Target("app.py"), faults=plan, cluster=config, max_steps=7))
    assert (len(world.config.machines), world.config.max_steps, len(world.faults.faults)) == (2, 7, 1)


def test_a_run_under_a_cluster_and_faults_is_replayed_without_their_files(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(
        "import simactors, time\n"
        "@simactors.remote\n"
        "class Account:\n"
        "    def add(self): return 1\n"
        "account = Account.remote()\n"
        "time.sleep(2)\n"
        "simactors.get(account.add.remote())\n"
    )
    faults = write('[[faults]]\nkind = "crash_process"\nat_s = 1', "faults.toml")
    cluster = write("num_cpus = 2\nlatency = { low_s = 0.01, high_s = 0.01 }")
    config, plan = cluster_file.load_world(cluster, faults)
    program = Program(target=Target(str(tmp_path / "app.py")), cluster=config, faults=plan)
    recipe = Recipe(program=program)
    result = recipe.run()
    assert result.ending.kind == "ActorDiedError"
    repro = Repro.read(Repro.of(recipe, result).token)
    assert repro.recipe.program.cluster == config
    assert replay(repro).differences == ()


def test_what_is_nested_too_deeply_is_told(write: Write) -> None:
    with pytest.raises(TargetError, match="nested too deeply"):
        cluster_file.load_cluster(write(f"x = {'[' * 5000}{']' * 5000}"))


def test_a_fault_without_its_heading_is_no_part_of_a_cluster(write: Write) -> None:
    file = write('detection_s = 2.0\nkind = "partition"\nfor_s = 0.6\n')
    assert problems(cluster_file.load_cluster, file) == [
        "2: kind: there is no such knob",
        "3: for_s: there is no such knob here",
    ]


def test_a_knob_of_another_kind_is_not_proposed_in_its_own_place(write: Write) -> None:
    file = write('[[faults]]\nkind = "pause"\nprocess = "a"\nat_s = 1\nfor_s = 1\nbefore_call = 1\n')
    assert problems(cluster_file.load_faults, file) == [
        "6: faults[0].before_call: there is no such knob here"
    ]
