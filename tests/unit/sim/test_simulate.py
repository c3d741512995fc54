"""`simulate` and `init(backend="sim")`: sessions, virtual time, limits, and what is restored."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from time import monotonic as early_monotonic
from time import sleep as early_sleep

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import Latency, SimConfig

REAL = (time.sleep, time.time, time.monotonic, time.perf_counter, os.getpid, os._exit, os.kill)


def patched_names() -> tuple[object, ...]:
    return (time.sleep, time.time, time.monotonic, time.perf_counter, os.getpid, os._exit, os.kill)


@simactors.remote
def nap(seconds: float) -> float:
    start = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - start


@simactors.remote
def early_nap(seconds: float) -> float:
    start = early_monotonic()
    early_sleep(seconds)
    return early_monotonic() - start


@simactors.remote
class Sleeper:
    def nap(self, seconds: float) -> float:
        time.sleep(seconds)
        return time.time()


def test_time_is_virtual_for_the_driver_and_for_remote_code() -> None:
    started = time.perf_counter()
    with simactors.simulate() as sim:
        assert time.time() == SimConfig().epoch_s
        time.sleep(3600)
        assert sim.now_s == time.monotonic() == 3600.0
        assert simactors.get(nap.remote(86_400)) == 86_400
        assert simactors.get(Sleeper.remote().nap.remote(1)) > SimConfig().epoch_s + 90_000
        with pytest.raises(ValueError, match="non-negative"):
            time.sleep(-1)
    assert time.perf_counter() - started < 5


def test_calls_take_the_configured_latency() -> None:
    config = SimConfig(latency=Latency(low_s=0.5, high_s=0.5, jitter_s=0))
    with simactors.simulate(config=config) as sim:
        simactors.get(nap.remote(0))
        assert sim.now_s == pytest.approx(1.0, abs=1e-6)


def test_tasks_share_the_cpus_of_the_node() -> None:
    with simactors.simulate(config=SimConfig(num_cpus=2)) as sim:
        simactors.get([nap.remote(10) for _ in range(4)])
        assert 20 < sim.now_s < 21
    with simactors.simulate() as sim:
        simactors.init(num_cpus=4)
        simactors.get([nap.remote(10) for _ in range(4)])
        assert 10 < sim.now_s < 11


def test_everything_patched_is_restored_after_use_nesting_and_errors() -> None:
    assert patched_names() == REAL
    with simactors.simulate():
        assert patched_names() != REAL
        with simactors.simulate(seed=1) as inner:
            time.sleep(5)
            assert inner.now_s == 5
        assert time.monotonic() == 0
        assert not gc.isenabled()
    assert patched_names() == REAL
    with pytest.raises(KeyError), simactors.simulate():
        raise KeyError
    assert patched_names() == REAL
    assert gc.isenabled()


def test_names_bound_early_are_virtual_too_and_put_back() -> None:
    with simactors.simulate() as sim:
        assert early_sleep is not REAL[0]
        early_sleep(100)
        assert sim.now_s == 100
        assert simactors.get(early_nap.remote(50)) == pytest.approx(50)
    assert early_sleep is REAL[0]


def test_init_inside_simulate_joins_it_and_shutdown_leaves_it() -> None:
    with simactors.simulate() as sim:
        assert not simactors.is_initialized()
        simactors.init(seed=99, include_dashboard=False)
        assert simactors.is_initialized()
        sleeper = Sleeper.options(name="sleeper").remote()
        simactors.get(sleeper.nap.remote(1))
        simactors.shutdown()
        assert not simactors.is_initialized()
        simactors.init()
        with pytest.raises(ValueError, match="Failed to look up"):
            simactors.get_actor("sleeper")
        assert sim.now_s > 1


def test_another_backend_inside_simulate_is_a_misuse() -> None:
    with simactors.simulate(), pytest.raises(RuntimeError, match="simactors run --backend local"):
        simactors.init(backend="local")


def test_the_first_use_initializes() -> None:
    with simactors.simulate():
        simactors.put(1)
        assert simactors.is_initialized()


def test_init_with_the_backend_sim_opens_a_simulation_until_shutdown() -> None:
    simactors.init(backend="sim", seed=3)
    try:
        assert time.monotonic() == 0
        assert simactors.get(nap.remote(2)) == 2
    finally:
        simactors.shutdown()
    assert patched_names() == REAL


def test_the_environment_names_the_default_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMACTORS_BACKEND", "sim")
    with simactors.init() as context:
        assert context.backend == "sim"
    monkeypatch.setenv("SIMACTORS_BACKEND", "smi")
    with pytest.raises(ValueError, match="unknown backend 'smi': use one of sim, local, ray"):
        simactors.init()
    with simactors.init(backend="sim") as context:
        assert context.backend == "sim"


def test_a_seed_is_a_misuse_for_real_processes() -> None:
    with pytest.raises(ValueError, match="seed=1 means something only to backend='sim'"):
        simactors.init(backend="local", seed=1)
    with pytest.raises(TypeError, match="seed must be an int"), simactors.simulate("7"):  # type: ignore[arg-type]
        pass


def test_another_thread_cannot_use_the_simulation_and_sees_real_time() -> None:
    seen: list[object] = []

    def use() -> None:
        seen.append(time.time())
        try:
            simactors.put(1)
        except RuntimeError as error:
            seen.append(str(error))

    with simactors.simulate():
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert isinstance(seen[0], float)
    assert seen[0] > SimConfig().epoch_s + 86_400
    assert "from the thread that opened it" in str(seen[1])


def test_handles_of_another_session_are_refused() -> None:
    with simactors.simulate():
        sleeper = Sleeper.remote()
        never = sleeper.nap.remote(1)
    with simactors.simulate():
        with pytest.raises(RuntimeError, match="belongs to another session"):
            sleeper.nap.remote(1)
        with pytest.raises(RuntimeError, match="belongs to another session"):
            simactors.get(never)


def test_a_deadlock_names_who_waits_for_what_and_where() -> None:
    @simactors.remote
    class Selfish:
        def call_myself(self, me: object) -> object:
            return simactors.get(me.call_myself.remote(me))  # type: ignore[attr-defined]

    with simactors.simulate():
        actor = Selfish.remote()
        with pytest.raises(exceptions.DeadlockError) as raised:
            simactors.get(actor.call_myself.remote(actor))
    text = str(raised.value)
    assert "driver waits for Selfish.call_myself" in text
    assert "actor-1 waits for Selfish.call_myself" in text
    assert f'File "{__file__}"' in text
    assert "in call_myself" in text


def test_impossible_demands_are_a_deadlock_not_a_hang() -> None:
    with simactors.simulate(), pytest.raises(exceptions.DeadlockError, match="waits for nap"):
        simactors.get(nap.options(num_cpus=1000).remote(1))


def test_a_limit_ends_an_endless_run() -> None:
    @simactors.remote
    class Pinger:
        def ping(self, me: object) -> None:
            me.ping.remote(me)  # type: ignore[attr-defined]

    with simactors.simulate(config=SimConfig(max_steps=10_000)):
        pinger = Pinger.remote()
        pinger.ping.remote(pinger)
        with pytest.raises(exceptions.LimitError, match="10000 steps"):
            time.sleep(10**6)


def test_a_config_with_impossible_values_is_refused() -> None:
    with pytest.raises(ValueError, match="num_cpus > 0, not 0"):
        SimConfig(num_cpus=0)
    with pytest.raises(ValueError, match="low_s <= high_s"):
        Latency(low_s=2, high_s=1)
    with pytest.raises(ValueError, match="jitter_s >= 0"):
        Latency(jitter_s=-1)


def test_a_signal_to_a_simulated_pid_ends_that_process_only() -> None:
    @simactors.remote
    class Victim:
        def pid(self) -> int:
            return os.getpid()

    with simactors.simulate():
        victim = Victim.remote()
        pid = simactors.get(victim.pid.remote())
        os.kill(pid, 9)
        with pytest.raises(exceptions.ActorDiedError, match="SIGKILL"):
            simactors.get(victim.pid.remote())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 9)


def test_what_is_not_supported_yet_is_refused_by_name() -> None:
    @simactors.remote
    class Async:
        async def method(self) -> None: ...

    with simactors.simulate():
        with pytest.raises(ValueError, match="async def is not supported by backend='sim' yet"):
            Async.remote()
        with pytest.raises(ValueError, match="max_concurrency is not supported"):
            Sleeper.options(max_concurrency=2).remote()
        with pytest.raises(ValueError, match="num_gpus is not supported"):
            nap.options(num_gpus=1).remote(1)


def test_the_driver_that_exits_ends_its_run_not_the_test_runner() -> None:
    with pytest.raises(SystemExit) as raised, simactors.simulate():
        os._exit(3)
    assert raised.value.code == 3


def test_a_forked_child_exits_for_real() -> None:
    with simactors.simulate():
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_ctrl_c_in_simulated_code_ends_the_run_and_the_next_one_is_fresh() -> None:
    @simactors.remote
    def press() -> None:
        signal.raise_signal(signal.SIGINT)

    @simactors.remote
    def give_up() -> None:
        raise KeyboardInterrupt

    with simactors.simulate(), pytest.raises(KeyboardInterrupt):
        simactors.get(press.remote())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with simactors.simulate(), pytest.raises(exceptions.TaskCancelledError):
        simactors.get(give_up.remote())
