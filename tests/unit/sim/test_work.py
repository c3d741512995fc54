"""Work that takes time and memory: service times, cores that are shared, who is killed when memory runs out."""

from __future__ import annotations

import time
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import Latency, NodeConfig, SimConfig
from simactors.sim.distributions import Constant, Distribution, Uniform

GIB = 2**30
NO_LATENCY = Latency(low_s=0, high_s=0, jitter_s=0)
RUNS: list[str] = []


@pytest.fixture(autouse=True)
def _forget_runs() -> None:
    RUNS.clear()


def config(times: dict[str, Distribution] | None = None, **more: Any) -> SimConfig:
    return SimConfig(service_times=times or {}, latency=NO_LATENCY, share_globals=True, **more)


@simactors.remote(num_cpus=0)
def crunch(seconds: float = 0.0) -> float:
    time.sleep(seconds)
    return time.monotonic()


@simactors.remote
class Model:
    def predict(self) -> float:
        return time.monotonic()

    def nap(self, seconds: float) -> str:
        RUNS.append("nap")
        time.sleep(seconds)
        return "rested"


def ends(refs: list[Any]) -> list[float]:
    return sorted(round(at, 3) for at in simactors.get(refs))


def test_methods_constructors_and_tasks_take_their_service_time(results) -> None:
    times: dict[str, Distribution] = {
        "Model.__init__": Constant(1.0),
        "Model.predict": Constant(2.0),
        "cr?nch": Constant(4.0),
    }

    def program() -> list[float]:
        model = Model.remote()
        return ends([model.predict.remote(), model.predict.remote(), crunch.remote()])

    assert results(program, config=config(times)) == [[3.0, 4.0, 5.0]] * 4
    assert results(program, config=config()) == [[0.0, 0.0, 0.0]] * 4


def test_the_first_pattern_that_fits_holds_and_sleeping_comes_on_top() -> None:
    with simactors.simulate(config=config({"crunch": Constant(1.0), "*": Constant(50.0)})):
        assert ends([crunch.remote(2.0)]) == [3.0]


def test_a_distribution_gives_every_call_its_own_time(results) -> None:
    def program() -> list[float]:
        return ends([crunch.remote() for _ in range(5)])

    found = results(program, config=config({"crunch": Uniform(1.0, 2.0)}))
    assert all(1.0 <= at <= 2.0 and len(set(ats)) == 5 for ats in found for at in ats)
    assert len({tuple(ats) for ats in found}) == len(found)


def test_more_work_than_cores_goes_slower_together() -> None:
    one_second: dict[str, Distribution] = {"crunch": Constant(1.0)}
    with simactors.simulate(config=config(one_second, num_cpus=2)):
        assert ends([crunch.remote() for _ in range(2)]) == [1.0, 1.0]
        assert ends([crunch.remote() for _ in range(6)]) == [4.0] * 6
    with simactors.simulate(config=config(one_second, num_cpus=1)):
        late = [crunch.remote()]
        time.sleep(0.5)
        late.append(crunch.remote())
        # Half a second alone, one second for the other half, and then the rest alone.
        assert ends(late) == [1.5, 2.0]


def test_nodes_do_not_share_their_cores_and_may_be_slow() -> None:
    nodes = (NodeConfig(num_cpus=1), NodeConfig(num_cpus=1, slowness=3.0))
    with simactors.simulate(config=config({"crunch": Constant(1.0)}, nodes=nodes)):
        refs = [crunch.options(num_cpus=1).remote() for _ in range(2)]
        assert ends(refs) == [1.0, 3.0]


# Memory


def told(refs: list[Any]) -> list[str]:
    found = []
    for ref in refs:
        try:
            found.append(simactors.get(ref))
        except exceptions.RayError as error:
            found.append(type(error).__name__)
    return found


def memory(gib: float, **use: float) -> SimConfig:
    uses = {name.replace("__", "."): int(size * GIB) for name, size in use.items()}
    return config(memory_use=uses, nodes=(NodeConfig(memory_bytes=int(gib * GIB)),))


def naps(**options: Any) -> list[str]:
    models = [Model.options(**options).remote() for _ in range(3)]
    refs = []
    for model in models:
        refs.append(model.nap.remote(5))
        time.sleep(1)
    return told(refs)


def test_the_youngest_is_killed_when_a_node_runs_out_of_memory(results) -> None:
    assert results(naps, config=memory(12, Model__nap=4)) == [["rested"] * 3] * 4
    found = results(naps, config=memory(11, Model__nap=4))
    assert found == [["rested", "rested", "ActorDiedError"]] * 4
    assert results(naps, config=memory(1, Model__predict=4)) == [["rested"] * 3] * 4


def test_who_has_ended_uses_nothing(results) -> None:
    def program() -> list[str]:
        model = Model.remote()
        return told([model.nap.remote(1) for _ in range(5)])

    assert results(program, config=memory(5, Model__nap=4)) == [["rested"] * 5] * 4


def test_who_can_be_made_again_is_killed_first(results) -> None:
    def program() -> list[str]:
        first = Model.options(max_restarts=1, max_task_retries=1).remote().nap.remote(5)
        time.sleep(1)
        return told([first, Model.remote().nap.remote(5)])

    # The first one is older, but restarts; and is killed once more, as the second is still there.
    assert results(program, config=memory(6, Model__nap=4)) == [["ActorDiedError", "rested"]] * 4


def test_a_task_is_run_again_until_its_retries_are_used_up(results) -> None:
    @simactors.remote(num_cpus=0)
    def load(seconds: float) -> str:
        RUNS.append("load")
        time.sleep(seconds)
        return "loaded"

    def program() -> list[str]:
        RUNS.clear()
        first = load.options(max_retries=0).remote(5)
        time.sleep(1)
        second = load.options(max_retries=2).remote(5)
        found = told([first, second])
        return [*found, str(len(RUNS))]

    assert results(program, config=memory(9, load=4)) == [["loaded", "loaded", "2"]] * 4
    # Killed as it begins: its code never runs.
    assert results(program, config=memory(6, load=4)) == [["loaded", "OutOfMemoryError", "1"]] * 4


def test_the_error_says_what_was_used_where() -> None:
    message = "node-1 has 1 GiB, and 4 GiB were used"
    with (
        simactors.simulate(config=memory(1, crunch=4)),
        pytest.raises(exceptions.OutOfMemoryError, match=message),
    ):
        simactors.get(crunch.options(max_retries=0).remote())


def test_a_constructor_that_needs_too_much_ends_its_actor(results) -> None:
    def program() -> list[str]:
        return told([Model.options(max_restarts=1).remote().nap.remote(0)])

    uses = config(memory_use={"Model.__init__": 4 * GIB}, nodes=(NodeConfig(memory_bytes=GIB),))
    assert results(program, config=uses) == [["ActorDiedError"]] * 4


@pytest.mark.parametrize("kind", ["threads", "async"])
def test_calls_side_by_side_add_up(results, kind: str) -> None:
    class Threads:
        def hold(self) -> str:
            time.sleep(1)
            return "held"

    class Async:
        async def hold(self) -> str:
            import asyncio

            await asyncio.sleep(1)
            return "held"

    cls: Any = simactors.remote(Threads if kind == "threads" else Async)

    def program() -> list[str]:
        actor = cls.options(max_concurrency=3).remote()
        return told([actor.hold.remote() for _ in range(3)])

    name = "Threads.hold" if kind == "threads" else "Async.hold"

    def uses(gib: int) -> SimConfig:
        return config(memory_use={name: GIB}, nodes=(NodeConfig(memory_bytes=gib * GIB),))

    assert results(program, config=uses(3)) == [["held"] * 3] * 4
    assert results(program, config=uses(2)) == [["ActorDiedError"] * 3] * 4
