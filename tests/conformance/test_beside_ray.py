"""What only the backend `ray` can promise: it lives beside Ray's own code, and takes what that has made."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.faults import CrashProcess, FaultPlan
from simactors.traces import Trace

GUIDE = Path(__file__).parents[2] / "docs" / "ray.md"

pytestmark = [
    pytest.mark.skipif(
        "ray" not in os.environ.get("CONFORMANCE_BACKENDS", ""), reason="make conformance BACKENDS=ray"
    ),
    pytest.mark.parametrize("ray", ["ray"], indirect=True),
]


@pytest.fixture
def theirs(ray: ModuleType) -> ModuleType:
    return importlib.import_module("ray")


def triple(n: int) -> int:
    return 3 * n


@simactors.remote
def double(n: int) -> int:
    return 2 * n


def test_refs_of_rays_own_are_taken_wherever_ours_are(ray: ModuleType, theirs: ModuleType) -> None:
    put, called = theirs.put(3), theirs.remote(triple).remote(1)
    assert ray.get(put) == 3
    assert ray.get([put, ray.put(4), called]) == [3, 4, 3]
    assert ray.wait([put, called], num_returns=2, timeout=30) == ([put, called], [])
    assert ray.get(double.remote(put)) == 6
    assert ray.get(double.remote(n=put)) == 6


def test_code_that_rays_own_tasks_run_may_use_simactors_at_once(ray: ModuleType, theirs: ModuleType) -> None:
    def nested(handed: Any) -> Any:
        assert simactors.is_initialized()
        simactors.init(ignore_reinit_error=True)
        return simactors.get(double.remote(2)), simactors.get(handed[0])

    assert theirs.get(theirs.remote(nested).remote([ray.put("ours")])) == (4, "ours")


def test_what_is_joined_can_be_neither_changed_nor_ended(ray: ModuleType, theirs: ModuleType) -> None:
    ray.shutdown()
    assert theirs.is_initialized()
    with pytest.raises(RuntimeError, match="initialized already, which num_cpus, resources can't change"):
        ray.init(backend="ray", num_cpus=1, resources={"magnet": 1})
    ray.init(backend="ray")
    assert ray.get(double.remote(1)) == 2


SECOND = """
import sys, ray, simactors
simactors.init(backend="ray", address=sys.argv[1])

def ids():
    contexts = simactors.get_runtime_context(), ray.get_runtime_context()
    return [(c.get_job_id(), c.get_task_id(), c.get_actor_id()) for c in contexts]

@simactors.remote(num_cpus=0)
class Asked:
    def ids(self): return ids()

asked = Asked.remote()
for ours, theirs in simactors.get([simactors.remote(num_cpus=0)(ids).remote(), asked.ids.remote()]):
    assert ours == theirs, (ours, theirs)
assert asked._actor_id.hex() == ours[2], asked._actor_id
assert asked.ids.remote().job_id().hex() == ours[0] != "01000000"
"""


def test_a_second_program_on_a_cluster_has_ids_of_its_own(ray: ModuleType, theirs: ModuleType) -> None:
    address = theirs.get_runtime_context().gcs_address
    command = [sys.executable, "-c", SECOND, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


GROUPS = """
import sys, simactors
from simactors.util.placement_group import get_placement_group, remove_placement_group
from simactors.util.scheduling_strategies import PlacementGroupSchedulingStrategy

simactors.init(backend="ray", address=sys.argv[1])
group = get_placement_group("of another")
assert group.wait(30)

@simactors.remote(num_cpus=1)
def current(): return simactors.util.get_current_placement_group()

strategy = PlacementGroupSchedulingStrategy(group)
assert simactors.get(current.options(scheduling_strategy=strategy).remote()) == group
print(group.id.hex())
remove_placement_group(group)
"""


def test_a_group_that_outlives_its_program_is_found_used_and_removed_by_another(
    ray: ModuleType, theirs: ModuleType
) -> None:
    group = theirs.util.placement_group([{"CPU": 1}], name="of another", lifetime="detached")
    assert group.wait(30)
    command = [sys.executable, "-c", GROUPS, theirs.get_runtime_context().gcs_address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [group.id.hex()]
    eventually = time.monotonic() + 30
    while theirs.util.placement_group_table(group)["state"] != "REMOVED":
        assert time.monotonic() < eventually
        time.sleep(0.05)


TRACED = """
import sys, simactors
simactors.init(backend="ray", address=sys.argv[1])

@simactors.remote(num_cpus=0)
def add(a, b): return a + b

@simactors.remote(num_cpus=0)
class Asker:
    def ask(self, n): return simactors.get(add.remote(n, 1))

print(simactors.get(Asker.remote().ask.remote(1)))
"""


def test_a_run_is_written_down_with_what_its_workers_ask(
    ray: ModuleType, theirs: ModuleType, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", TRACED, theirs.get_runtime_context().gcs_address]
    told = {**os.environ, "SIMACTORS_TRACE_TO": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=told)
    assert done.stdout == "2\n", done.stderr
    trace = Trace.load(tmp_path)
    assert str(trace.history) == "driver: Asker#1.ask(1) -> 2"
    assert trace.arrivals["add#1"] == ("call Asker#1>add#1 add 1",)


@pytest.mark.skipif(
    not GUIDE.is_file(), reason="the guide is in the repository, not beside an installed suite"
)
def test_the_program_of_the_guide_says_what_it_prints(
    ray: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    program = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert program is not None
    ray.shutdown()
    exec(program[1], {"__name__": "counting"})
    assert "[0, 1, 3]" in capsys.readouterr().out.splitlines()


def test_seeds_and_faults_are_refused(ray: ModuleType) -> None:
    ray.shutdown()
    with pytest.raises(ValueError, match="seed=1 means something only to backend='sim'"):
        ray.init(backend="ray", seed=1)
    with pytest.raises(ValueError, match="nothing can be made to go wrong on backend='ray'"):
        ray.init(backend="ray", faults=FaultPlan((CrashProcess(process="double", before_call=1),)))
