"""`simulate` and `init(backend="sim")`: sessions, virtual time, limits, and what is restored."""

from __future__ import annotations

import _signal
import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from time import monotonic as early_monotonic
from time import sleep as early_sleep
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import Latency, SimConfig


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
    real = patched_names()
    with simactors.simulate():
        assert patched_names() != real
        with simactors.simulate(seed=1) as inner:
            time.sleep(5)
            assert inner.now_s == 5
        assert time.monotonic() == 0
        assert not gc.isenabled()
    assert patched_names() == real
    with pytest.raises(KeyError), simactors.simulate():
        raise KeyError
    assert patched_names() == real
    assert gc.isenabled()


def test_names_bound_early_are_virtual_too_and_put_back() -> None:
    real = early_sleep
    with simactors.simulate() as sim:
        assert early_sleep is not real
        early_sleep(100)
        assert sim.now_s == 100
        assert simactors.get(early_nap.remote(50)) == pytest.approx(50)
    assert early_sleep is real


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
    real = patched_names()
    simactors.init(backend="sim", seed=3)
    try:
        assert time.monotonic() == 0
        assert simactors.get(nap.remote(2)) == 2
    finally:
        simactors.shutdown()
    assert patched_names() == real


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
    is_open = threading.Event()

    def use() -> None:
        is_open.wait()
        seen.append(time.time())
        try:
            simactors.put(1)
        except RuntimeError as error:
            seen.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()  # a real one: nothing is simulated yet
    with simactors.simulate():
        is_open.set()
        thread.join()
    assert isinstance(seen[0], float)
    assert seen[0] > SimConfig().epoch_s + 86_400
    assert "from the thread that opened it" in str(seen[1])


def test_handles_of_another_session_are_refused() -> None:
    with simactors.simulate():
        sleeper = Sleeper.remote()
        never, ready = sleeper.nap.remote(1), simactors.put(1)
    with simactors.simulate():
        with pytest.raises(RuntimeError, match="belongs to another session"):
            sleeper.nap.remote(1)
        here = Sleeper.remote()
        for use in (
            lambda: simactors.get(never),
            lambda: simactors.kill(sleeper),
            lambda: nap.remote(never),
            lambda: here.nap.remote(never),
            lambda: Room.remote(never),
            lambda: here.nap.remote([sleeper]),
            lambda: simactors.get([simactors.put(2), ready]),
            lambda: simactors.wait([simactors.put(2), ready]),
            lambda: simactors.get(nap.remote({"key": ready})),
            lambda: simactors.put((ready,)),
        ):
            with pytest.raises((ValueError, RuntimeError), match="belongs to another session"):
                use()


def test_refs_and_handles_of_different_sessions_are_never_equal() -> None:
    def made() -> tuple[object, object]:
        with simactors.simulate():
            return simactors.put(1), Sleeper.remote()

    ref, handle = made()
    other_ref, other_handle = made()
    assert (ref == other_ref, handle == other_handle) == (False, False)
    assert (ref == ref, handle == handle) == (True, True)


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
    assert "actor-1 (Selfish.call_myself #2) waits for Selfish.call_myself" in text
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
    with simactors.simulate():
        with pytest.raises(ValueError, match="runtime_env: pip is not supported by backend='sim'"):
            Sleeper.options(runtime_env={"pip": ["x"]}).remote()
        with pytest.raises(ValueError, match="runtime_env: pip is not supported"):
            nap.options(runtime_env={"pip": ["x"]}).remote(1)


def test_the_driver_that_exits_ends_its_run_not_the_test_runner() -> None:
    with pytest.raises(SystemExit) as raised, simactors.simulate():
        os._exit(3)
    assert raised.value.code == 3


def test_a_forked_child_exits_for_real() -> None:
    with simactors.simulate(config=SimConfig(escapes={"fork": "allow"})):
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_ctrl_c_in_simulated_code_ends_the_run_and_the_next_one_is_fresh() -> None:
    @simactors.remote
    def press() -> None:
        _signal.raise_signal(signal.SIGINT)  # the real one, as if it came from the keyboard

    @simactors.remote
    def give_up() -> None:
        raise KeyboardInterrupt

    with simactors.simulate(), pytest.raises(KeyboardInterrupt):
        simactors.get(press.remote())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with simactors.simulate(), pytest.raises(exceptions.TaskCancelledError):
        simactors.get(give_up.remote())


def test_ctrl_c_ends_the_run_also_where_code_keeps_it_for_itself() -> None:
    @simactors.remote
    class Stubborn:
        def press(self) -> str:
            try:
                _signal.raise_signal(signal.SIGINT)
            except BaseException:
                return "not me"
            return "never"

    def idle() -> None:
        _signal.raise_signal(signal.SIGINT)  # a pool's threads log what they don't expect, and end

    def ask(stubborn: Any) -> None:
        simactors.get(stubborn.press.remote())
        for _ in range(1000):
            simactors.get(nap.remote(0.1))

    with simactors.simulate(), pytest.raises(KeyboardInterrupt):
        ask(Stubborn.remote())

    def stand_still(pool: ThreadPoolExecutor) -> None:
        pool.submit(time.sleep, 1)
        simactors.get(nap.options(num_cpus=1000).remote(1))  # a deadlock, if nobody had pressed

    with (
        simactors.simulate(),
        ThreadPoolExecutor(1, initializer=idle) as pool,
        pytest.raises(KeyboardInterrupt),
    ):
        stand_still(pool)
    with pytest.raises(KeyboardInterrupt), simactors.simulate():
        assert simactors.get(Stubborn.remote().press.remote()) == "not me"
    with simactors.simulate():
        assert simactors.get(nap.remote(2)) == 2


def test_ctrl_c_in_a_task_of_asyncio_is_told_by_nobody_but_itself(caplog: pytest.LogCaptureFixture) -> None:
    """A scenario that was stopped printed a long traceback of a task whose exception was never retrieved."""

    async def press() -> None:
        _signal.raise_signal(signal.SIGINT)

    async def main() -> None:
        await asyncio.gather(press(), asyncio.sleep(1))

    with pytest.raises(KeyboardInterrupt), simactors.simulate():
        asyncio.run(main())
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []


def test_ctrl_c_in_a_finalizer_ends_the_run() -> None:
    class Finalized:
        def __del__(self) -> None:
            _signal.raise_signal(signal.SIGINT)

    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), simactors.simulate():
        Finalized()
    assert sys.unraisablehook is before


def test_the_driver_may_catch_its_own_ctrl_c_and_clean_up() -> None:
    with simactors.simulate():
        try:
            _signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            assert len([simactors.get(nap.remote(1)) for _ in range(300)]) == 300


# What two readers of the simulator found wrong, each with the smallest program that showed it.


@simactors.remote
class Room:
    """Its constructor takes its time."""

    def __init__(self, seconds: float, tally: Any = None) -> None:
        if tally is not None:
            tally.note.remote("constructed")
        time.sleep(seconds)

    def answer(self, thing: Any = None) -> Any:
        return thing

    def put(self) -> list[Any]:
        return [simactors.put(1)]


@simactors.remote
class Tally:
    def __init__(self) -> None:
        self.notes: list[Any] = []

    def note(self, what: Any) -> None:
        self.notes.append(what)

    def read(self) -> list[Any]:
        return self.notes


def test_a_constructor_that_waits_holds_nobody_up() -> None:
    with simactors.simulate(config=SimConfig(num_cpus=1)) as sim:
        first = nap.remote(1)
        room = Room.options(num_cpus=0).remote(100)
        assert simactors.get(first) == 1
        assert simactors.get(nap.remote(1)) == 1
        assert sim.now_s < 3
        assert simactors.get(room.answer.remote(5)) == 5


@pytest.mark.parametrize("seed", range(30))
def test_a_kill_during_the_creation_constructs_once_for_each_incarnation(seed: int) -> None:
    with simactors.simulate(seed=seed):
        tally = Tally.remote()
        room = Room.options(max_restarts=1, max_task_retries=-1).remote(0, tally)
        simactors.kill(room, no_restart=False)
        assert simactors.get(room.answer.remote(1)) == 1
        time.sleep(1)
        assert len(simactors.get(tally.read.remote())) in (1, 2)


def test_a_wait_that_ended_in_an_error_is_not_woken_later() -> None:
    with simactors.simulate() as sim:
        stuck = nap.options(num_cpus=1000).remote(1)
        with pytest.raises(exceptions.DeadlockError):
            simactors.get(stuck)
        simactors.shutdown()
        simactors.init(num_cpus=1000)
        started = sim.now_s
        time.sleep(10)
        assert sim.now_s == started + 10
        assert simactors.get(stuck) == 1


def test_a_task_killed_while_it_waits_gives_its_cpus_back_once() -> None:
    @simactors.remote
    def wait_for(ref: list[Any]) -> Any:
        return simactors.get(ref[0])

    @simactors.remote
    def pid_and_wait(tally: Any, ref: list[Any]) -> Any:
        tally.note.remote(os.getpid())
        return simactors.get(ref[0])

    with simactors.simulate(config=SimConfig(num_cpus=1)) as sim:
        tally = Tally.remote()
        never = nap.options(num_cpus=1000).remote(1)
        waiting = pid_and_wait.options(max_retries=0).remote(tally, [never])
        time.sleep(1)
        os.kill(simactors.get(tally.read.remote())[0], signal.SIGKILL)
        with pytest.raises(exceptions.WorkerCrashedError):
            simactors.get(waiting)
        started = sim.now_s
        simactors.get([nap.remote(10) for _ in range(2)])
        assert sim.now_s - started > 20


def test_arguments_and_results_are_rebuilt_inside_the_process_they_belong_to() -> None:
    with simactors.simulate():
        value = simactors.get(Room.remote(0).answer.remote(Telltale()))
        assert value.seen == {"packed": "simulated", "unpacked": "simulated"}


class Telltale:
    """Remembers which process packed and unpacked it last: a simulated one has a pid no real one has."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def __reduce__(self) -> Any:
        return _rebuild, ({**self.seen, "packed": _kind()},)


def _kind() -> str:
    return "simulated" if os.getpid() > 2**22 else "real"


def _rebuild(seen: dict[str, str]) -> Telltale:
    value = Telltale()
    value.seen = seen if "unpacked" in seen else {**seen, "unpacked": _kind()}
    return value


def test_a_call_held_back_for_a_ref_fails_with_its_actor() -> None:
    with simactors.simulate():
        room = Room.remote(0)
        held = room.answer.remote(nap.remote(1000))
        simactors.kill(room)
        with pytest.raises(exceptions.ActorDiedError):
            simactors.get(held, timeout=1)


def test_a_link_that_held_calls_back_leaves_nothing_behind() -> None:
    with simactors.simulate() as sim:
        room = Room.remote(0)
        refs = [room.answer.remote(nap.remote(0.01)) for _ in range(50)]
        refs += [room.answer.remote([i]) for i in range(50)]
        assert len(simactors.get(refs)) == 100
        actor = room._actor.entry
        assert actor.extra.holders == []  # type: ignore[attr-defined]  # the simulator's own
        assert sim._backend._driver.links[actor.id].held is None


def test_what_a_dead_owner_had_not_sent_yet_is_lost_with_it() -> None:
    @simactors.remote
    class Owner:
        def start(self) -> list[Any]:
            return [nap.remote(nap.remote(100))]

        def pid(self) -> int:
            return os.getpid()

    with simactors.simulate() as sim:
        owner = Owner.remote()
        (ref,) = simactors.get(owner.start.remote())
        simactors.kill(owner)
        with pytest.raises(exceptions.OwnerDiedError):
            simactors.get(ref)
        assert sim.now_s < 300


def test_a_child_may_kill_its_parent_and_itself_with_it() -> None:
    @simactors.remote
    class Child:
        def strike(self, pid: int) -> None:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError("went on after its end")

    @simactors.remote
    class Parent:
        def suffer(self) -> Any:
            self.child = Child.remote()
            return simactors.get(self.child.strike.remote(os.getpid()))

    with simactors.simulate(), pytest.raises(exceptions.ActorDiedError, match="SIGKILL"):
        simactors.get(Parent.remote().suffer.remote())


def test_signals_that_end_nothing_and_pids_that_are_gone() -> None:
    with simactors.simulate():
        room = Room.remote(0)
        pid = simactors.get(room.__ray_call__.remote(lambda _: os.getpid()))
        os.kill(pid, 0)
        assert simactors.get(room.answer.remote(1)) == 1
        simactors.kill(room)
        time.sleep(1)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_failed_init_leaves_nothing_patched() -> None:
    real = patched_names()
    with pytest.raises(ValueError, match="num_cpus must be a finite number >= 0, not '4'"):
        simactors.init(backend="sim", num_cpus="4")  # type: ignore[arg-type]
    assert patched_names() == real
    assert gc.isenabled()


def test_answered_time_outs_and_finished_processes_are_forgotten() -> None:
    with simactors.simulate() as sim:
        room = Room.remote(0)
        for _ in range(3000):
            simactors.get(room.answer.remote(), timeout=3600)
        simactors.get([nap.remote(0) for _ in range(100)])
        backend = sim._backend
        assert backend.kernel._clock.due < 2500
        assert len(backend._machine.cluster.processes) <= 2 + 8  # workers wait for work, one for each CPU


def test_code_that_does_not_let_itself_be_ended_is_left_behind() -> None:
    @simactors.remote
    def stubborn() -> None:
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(1)

    with simactors.simulate() as sim:
        stubborn.remote()
        time.sleep(5)
        before = sim.digest
    assert sim.digest == before


@simactors.remote
def tick() -> None:
    while True:
        time.sleep(1)


def test_limits_are_exact() -> None:
    with simactors.simulate(config=SimConfig(max_steps=10)) as sim:
        tick.remote()
        with pytest.raises(exceptions.LimitError, match="10 steps"):
            time.sleep(1000)
        assert sim.steps == 10


def test_refs_and_handles_of_a_simulation_that_is_over_are_refused_by_the_next_session() -> None:
    @simactors.remote
    class Sleeper:
        def nap(self) -> None:
            time.sleep(100)

    with simactors.simulate():
        sleeper = Sleeper.remote()
        pending = sleeper.nap.remote()
    try:
        for use in (
            lambda: simactors.get(pending, timeout=5),
            sleeper.nap.remote,
            lambda: simactors.kill(sleeper),
        ):
            with pytest.raises((ValueError, RuntimeError), match="belongs to another session"):
                use()
    finally:
        simactors.shutdown()
