"""Scenarios: what their file may say, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashProcess, FaultPlan
from simactors.exceptions import TargetError
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.named import named
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import run_simulated
from simactors.sim.config import Latency, SimConfig

APP = """
import simactors as ray

@ray.remote
class Account:
    def add(self, amount):
        return amount

def main(amount=1, *, name=""):
    account = Account.remote()
    assert ray.get(account.add.remote(amount)) < 5, name

def as_it_is(function):
    return function

@as_it_is
def decorated(amount=1):
    pass

def request(account=None):
    return account

def other():
    raise ValueError("other")
"""
REQUESTS = '[workload]\nrequest = "app.py:request"\n'
LEAST = '[workload]\nentry = "app.py:main"\n'

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "app.py").write_text(APP)

    def write(text: str) -> str:
        (folder / "scenario.toml").write_text(text)
        return str(folder)

    return write


def problems(folder: str) -> list[str]:
    with pytest.raises(TargetError) as caught:
        named(folder)
    told = str(caught.value).splitlines()
    assert all(line.startswith(f"{folder}/scenario.toml:") for line in told)
    return [line.removeprefix(f"{folder}/scenario.toml:").lstrip() for line in told]


def test_a_scenario_names_a_program_what_to_call_it_with_and_its_world(write: Write) -> None:
    folder = write("""
        title = "money"
        [workload]
        entry = "app.py:main"
        parameters = { amount = 7, name = "seven" }
        as_ray = true
        [cluster]
        num_cpus = 2
        latency = { low_s = 0.01, high_s = 0.01 }
        [[faults]]
        kind = "crash_process"
        at_s = 1
        [checks]
        fail_on = ["unread-error"]
    """)
    program = named(folder)
    assert str(program.target) == f"{folder}/app.py:main"
    assert (program.as_ray, program.fail_on) == (True, ("unread-error",))
    assert program.workload == (("amount", 7), ("name", "seven"))
    assert program.cluster == SimConfig(num_cpus=2, latency=Latency(low_s=0.01, high_s=0.01))
    assert program.faults == FaultPlan((CrashProcess(at_s=1),))
    assert named(f"{folder}/scenario.toml") == program
    assert Recipe.from_fields(Recipe(program=program).to_fields()).program == program


def test_its_function_is_called_with_the_parameters(write: Write) -> None:
    program = named(write(LEAST + 'parameters = { amount = 7, name = "seven" }'))
    assert run_simulated(program, seed=0).ending.message == "seven"
    assert not run_simulated(named(write(LEAST)), seed=0).failed


def test_a_wrong_parameter_is_no_failure_of_the_program(write: Write) -> None:
    told = problems(write(LEAST + "parameters = { amuont = 7 }\n[sweep]\n'workload.parameters.b' = [1, 2]"))
    assert told == ["3: workload.parameters.amuont: no entry point takes it; did you mean 'amount'?"]
    told = problems(write(LEAST + "[sweep]\nb = [1, 2]"))
    assert told == [
        "3: sweep: with b = 1: workload.parameters.b: no entry point takes it",
    ]
    decorated = write(LEAST.replace("main", "decorated") + "parameters = { amuont = 7 }")
    with pytest.raises(TargetError, match="called with amuont: got an unexpected keyword argument 'amuont'"):
        run_simulated(named(decorated), seed=0)


def test_another_function_runs_in_the_same_world_without_the_parameters(write: Write) -> None:
    folder = write(LEAST + "parameters = { amount = 7 }\n[cluster]\nnum_cpus = 2")
    program = named(f"{folder}:other")
    assert (str(program.target), program.workload) == (f"{folder}/app.py:other", ())
    assert program.cluster == SimConfig(num_cpus=2)


def test_cluster_and_faults_may_lie_in_files_beside_it(write: Write) -> None:
    folder = write('cluster = "cluster.toml"\nfaults = "faults.toml"\n' + LEAST)
    Path(folder, "cluster.toml").write_text("num_cpus = 3")
    Path(folder, "faults.toml").write_text('[[faults]]\nkind = "crash_process"\nat_s = 2')
    program = named(folder)
    assert program.cluster == SimConfig(num_cpus=3)
    assert program.faults == FaultPlan((CrashProcess(at_s=2),))


def test_each_fault_that_aims_at_nothing_is_told_with_its_own_line(write: Write) -> None:
    """Those with a rate are kept apart from the others, and are not numbered anew for that."""
    folder = write("""\
        workload.entry = "app.py:main"
        [[faults]]
        kind = "pause"
        node = "node-8"
        for_s = 1
        rate = "2/s"
        until = "10s"
        [[faults]]
        kind = "jump_clock"
        node = "node-1"
        by_s = 1
        [[faults]]
        kind = "crash_node"
        node = "node-9"
        at_s = 1
        [variants.elsewhere]
        faults = "faults.toml"
        [[variants.own.faults]]
        kind = "slow_node"
        node = "zone-7"
        factor = 2
    """)
    Path(folder, "faults.toml").write_text(
        '\n[[faults]]\nkind = "jump_clock"\nnode = "node-1"\nby_s = 1\n\n'
        '[[faults]]\nkind = "jump_clock"\nnode = "node-7"\nby_s = 1\n'
    )
    with pytest.raises(TargetError) as caught:
        named(folder)
    told = [line.split(" names no node")[0] for line in str(caught.value).splitlines()]
    assert told == [
        f"{folder}/scenario.toml:2: faults[0]: Pause(at_s=0.0, for_s=1.0, process=None, node='node-8')",
        f"{folder}/scenario.toml:12: faults[2]: CrashNode(node='node-9', at_s=1.0, back_after_s=None)",
        f"{folder}/scenario.toml:18: variants.own.faults[0]: SlowNode(node='zone-7', factor=2.0, at_s=0.0, for_s=None)",
        f"{folder}/faults.toml:7: faults[1]: JumpClock(node='node-7', by_s=1.0, at_s=0.0)",
    ]


def test_what_is_wrong_with_a_file_that_only_a_variant_names_is_told(write: Write) -> None:
    folder = write(
        f'{LEAST}\n[variants.some]\nfaults = "faults.toml"\n[variants.other]\ncluster = "none.toml"'
    )
    faults = Path(folder, "faults.toml")
    faults.write_text('\n[[faults]]\nkind = "jump_clock"\nnode = "node-7"\nby_s = 1\n')
    with pytest.raises(TargetError) as caught:
        named(folder)
    told = str(caught.value).splitlines()
    assert told[0].startswith(f"{faults}:2: faults[0]: JumpClock(node='node-7'")
    assert told[1:] == [f"{folder}/none.toml: no such file"]


def test_a_file_of_faults_that_fits_only_some_points_of_a_sweep_is_told_with_the_first_other_one(
    write: Write,
) -> None:
    folder = write(
        f'faults = "faults.toml"\n[cluster]\nnodes = [{{ count = 3 }}]\n{LEAST}\n'
        "[sweep]\n'cluster.nodes.0.count' = [4, 2, 1]"
    )
    faults = Path(folder, "faults.toml")
    faults.write_text('[[faults]]\nkind = "jump_clock"\nnode = "node-2"\nby_s = 1\n')
    with pytest.raises(TargetError) as caught:
        named(folder)
    (told,) = str(caught.value).splitlines()
    assert told.startswith(f"{faults}:1: faults[0]: JumpClock(node='node-2'")
    assert told.endswith("(with cluster.nodes.0.count = 1)")


def test_faults_of_a_scenario_that_a_failure_does_not_need_are_left_out(write: Write) -> None:
    crash = '[[faults]]\nkind = "crash_process"\nprocess = "Account"\nat_s = 100\n'
    program = named(write(crash + LEAST + "parameters = { amount = 7 }"))
    tally = Campaign(program, Quest(faults=())).run(Budget(runs=3))
    (finding,) = tally.findings.values()
    assert finding.recipe.faults == program.faults
    assert finding.recipe.program.faults == FaultPlan()


BAD_LINES = """
titel = "x"
seeds = 0
expect = "pass"
[cluster]
num_cpu = 1
service_times = { add = { kind = "exponentail", mean_s = 1 } }
[[faults]]
kind = "crash"
[[faults]]
kind = "pause"
process = "Account"
for_s = 1
rate = "1/s"
[workload]
setup = "app.py:mian"
request = "../app.py:request"
parameters = { a = [1] }
arrivals = { kind = "poisson", rat = "1/s" }
duration = "soon"
[checks]
fail_on = ["sloth"]
objectives = [
  "p99 < 5ms",
  "thruput > 1/s",
]
[sweep]
amount = 3
[variants.x]
expct = "fails"
[variants.y.workload]
requests = 0
"""


def test_all_that_is_wrong_with_a_scenario_is_told_at_once_each_with_its_line(write: Write) -> None:
    starts = [
        "2: titel: there is no such key; did you mean 'title'?",
        "3: seeds: write how many seeds, 5, or which ones, [3, 8], not 0",
        "4: expect: Input should be 'passes', 'fails' or 'any', not 'pass'",
        "6: cluster.num_cpu: there is no such knob; did you mean 'num_cpus'?",
        "7: cluster.service_times.add.kind: 'exponentail' is none of",
        "9: faults[0].kind: 'crash' is none of",
        "10: faults[1].until: a fault with a rate needs an end",
        "16: workload.setup: app.py has no 'mian'; did you mean 'main'?",
        "17: workload.request: ../app.py lies outside the scenario's folder",
        "18: workload.parameters.a: a parameter is a number, a text, true or false",
        "19: workload.arrivals.rat: there is no such key; did you mean 'rate'?",
        "19: workload.arrivals.rate: it is missing",
        "20: workload.duration: 'soon' is no duration",
        "22: checks.fail_on: there is no kind of failure 'sloth'",
        "25: checks.objectives[1]: 'thruput > 1/s': nothing measures 'thruput'",
        "28: sweep.amount: Input should be a valid list, not 3",
        "30: variants.x.expct: there is no such key; did you mean 'expect'?",
        "32: variants.y.workload.requests: Input should be greater than or equal to 1",
    ]
    told = problems(write(BAD_LINES))
    assert len(told) == len(starts), told
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'workload: it is missing; write for example [workload] with entry = "app.py:main"'),
        (
            '[workload]\nentry = "ap.py:main"',
            "2: workload.entry: there is no Python file ap.py in the scenario's folder; did you mean 'app.py'?",
        ),
        (
            '[workload]\nentry = "/etc/passwd"',
            "2: workload.entry: /etc/passwd lies outside the scenario's folder",
        ),
        (
            '[workload]\nentry = "app.py:1"',
            "2: workload.entry: '1' is not the name of a function; write app.py:main",
        ),
        (
            '[workload]\nentry = "app.py"\nparameters = { a = 1 }',
            "2: workload.entry: a script takes no parameters and no checks; name a function: app.py:main",
        ),
        (
            'cluster = "../x.toml"\n' + LEAST,
            "1: cluster: ../x.toml lies outside the scenario's folder",
        ),
        (
            "cluster = 3\n" + LEAST,
            "1: cluster: write a table, or the name of a file in the scenario's folder",
        ),
        (LEAST + "timeout = 1", "3: workload.timeout: it needs a request; an entry is the whole program"),
        ("[workload]\nsetup = 'app.py:main'", "1: workload.entry: it is missing"),
        (REQUESTS + "requests = 5", "2: workload.request: say when requests come"),
        (REQUESTS + "clients = { count = 2 }", "1: workload.requests: say when the load ends"),
        (
            REQUESTS + "clients = { count = 2, think = 'long' }\nrequests = 1",
            "3: workload.clients.think: 'long' is no duration",
        ),
        (
            REQUESTS + "arrivals = { kind = 'trace', file = 'no.csv' }",
            "3: workload.arrivals.file: no.csv can't be read: No such file or directory; did you mean 'not.csv'?",
        ),
        (
            REQUESTS + "arrivals = { kind = 'trace', file = 'not.csv' }",
            "3: workload.arrivals.file: not.csv is no text in UTF-8",
        ),
        (
            REQUESTS + "arrivals = { kind = 'trace', file = 'empty.csv' }",
            "3: workload.arrivals.file: empty.csv holds no time, so nothing would arrive",
        ),
        (
            REQUESTS + "clients = { count = 2 }\nduration = '1s'\nwarmup = '1s'",
            "5: workload.warmup: it takes as long as the load, so nothing would be measured",
        ),
        (
            REQUESTS + "arrivals = { kind = 'poisson', rate = '1e300/s' }\nduration = 10",
            "3: workload.arrivals: about 1e+301 requests would arrive, and 1,000,000 are the most",
        ),
        (
            REQUESTS + "arrivals = { kind = 'ramp', from = 0, to = 2e6, over = 2 }\nduration = 3",
            "3: workload.arrivals: about 4e+06 requests",
        ),
        (
            REQUESTS + "arrivals = { kind = 'burst', size = 1000, every = '1ms' }\nduration = 2",
            "3: workload.arrivals: about 2e+06 requests",
        ),
        (
            REQUESTS + "arrivals = { kind = 'trace', file = '../no.csv' }",
            "3: workload.arrivals.file: ../no.csv lies outside the scenario's folder",
        ),
        (
            LEAST + '[[faults]]\nkind = "crash_node"\nnode = "node-9"\nat_s = 1',
            "3: faults[0]: CrashNode",
        ),
        (
            LEAST + "[sweep]\n'cluster.nodes.0.count' = [1]",
            "4: sweep.cluster.nodes.0.count: cluster.nodes.0.count: there is no list nodes of which 0",
        ),
        (
            LEAST + "parameters = { amount = 1 }\n[sweep]\namount = [1]\n'cluster.num_cpus' = [1, -2, -2]",
            "4: sweep: with amount = 1, cluster.num_cpus = -2: cluster: SimConfig needs num_cpus > 0, not -2",
        ),
        ("seeds = 99999999999999999999\n" + LEAST, "1: seeds: 99999999999999999999 are too many"),
        ("seeds = [1, 2, 1]\n" + LEAST, "1: seeds: a seed twice is the same run twice"),
        ('[workload]\nentry = "a\\u0000.py:main"', "2: workload.entry: a\0.py lies outside the scenario's"),
        (LEAST + "[faults]\nkind = 'pause'", "3: faults: write [[faults]], or the name of a file"),
        ("workload = 'x'", "1: workload: write a table, not 'x'"),
        ("tital.a.b = 1\n" + LEAST, "1: tital: there is no such key; did you mean 'title'?"),
        (LEAST + "[variants.x.variants.y]\nseeds = 1", "3: variants.x.variants: there is no such key"),
        (
            LEAST + "[cluster]\nservice_times = { f = 0.1 }",
            "4: cluster.service_times.f: write how long as a table, { kind = ",
        ),
        (
            LEAST + "[cluster]\nnodes = [{ count = 100000000000 }]",
            "3: cluster: SimConfig has at most 100,000 nodes",
        ),
        (LEAST + "[sweep]\n'cluste.x' = [1]", "4: sweep.cluste.x: cluste.x is no parameter and no key"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_line(write: Write, text: str, expected: str) -> None:
    folder = write(text)
    Path(folder, "not.csv").write_bytes(b"\xff")
    Path(folder, "empty.csv").write_text("seconds\n")
    (told,) = problems(folder)
    assert told.startswith(expected)


def test_a_file_may_begin_with_a_byte_order_mark(write: Write) -> None:
    folder = write(LEAST)
    file = Path(folder, "scenario.toml")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert named(folder).target.function == "main"


def test_a_ring_of_links_is_no_file(write: Write) -> None:
    folder = write('[workload]\nentry = "ring.py:main"')
    Path(folder, "ring.py").symlink_to("ring.py")
    (told,) = problems(folder)
    assert told.startswith("2: workload.entry: ")


def test_a_file_that_leads_out_of_the_folder_by_a_link_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(APP)
    folder = write('[workload]\nentry = "link.py:main"')
    Path(folder, "link.py").symlink_to(tmp_path / "elsewhere.py")
    assert problems(folder) == ["2: workload.entry: link.py lies outside the scenario's folder"]


def test_what_is_wrong_in_another_file_is_told_with_its_own_line(write: Write) -> None:
    folder = write('titel = 1\ncluster = "cluster.toml"\n' + LEAST)
    Path(folder, "cluster.toml").write_text("\nnum_cpu = 3")
    with pytest.raises(TargetError) as caught:
        named(folder)
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{folder}/scenario.toml:1",
        f"{folder}/cluster.toml:2",
    ]


def test_a_folder_without_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"without a scenario\.toml; name a Python file in it"):
        named(str(tmp_path))
    with pytest.raises(TargetError, match=r"nowhere\.toml: no such file"):
        named(str(tmp_path / "nowhere.toml"))
