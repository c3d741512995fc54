"""Signals between simulated processes; what real workers of Ray do at them is in `tests/conformance`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.faults import FaultPlan, Pause

DEADLY = [
    signal.SIGABRT,
    signal.SIGALRM,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGHUP,
    signal.SIGILL,
    signal.SIGIO,
    signal.SIGKILL,
    signal.SIGPROF,
    signal.SIGPWR,
    signal.SIGQUIT,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGTERM,
    signal.SIGTRAP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGVTALRM,
    signal.SIGXCPU,
    signal.SIGRTMIN,
    signal.SIGRTMAX,
]
HARMLESS = [
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGINT,
    signal.SIGPIPE,
    signal.SIGURG,
    signal.SIGWINCH,
    signal.SIGXFSZ,
]


class Handler:
    """Its process handles signals."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def pids(self) -> tuple[int, int]:
        return os.getpid(), os.getppid()

    def note(self, number: int, frame: Any) -> None:
        self.got.append((signal.Signals(number).name, time.monotonic(), frame and frame.f_code.co_name))

    def raise_error(self, number: int, frame: Any) -> None:
        raise LookupError(signal.Signals(number).name)

    def handle(self, number: int, how: str) -> Any:
        handlers = {
            "note": self.note,
            "raise": self.raise_error,
            "ignore": signal.SIG_IGN,
            "not": signal.SIG_DFL,
        }
        before = signal.signal(number, handlers[how])
        assert signal.getsignal(number) == handlers[how]
        return getattr(before, "__name__", before)

    def read(self) -> list[Any]:
        return self.got

    def nap(self, seconds: float) -> float:
        time.sleep(seconds)
        return time.monotonic()

    def strike(self, number: int) -> str:
        os.kill(os.getpid(), number)
        return "lives"

    def raise_it(self, number: int) -> str:
        signal.raise_signal(number)
        return "lives"

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


Simulated = simactors.remote(Handler)


@pytest.fixture
def handler() -> Iterator[Any]:
    with simactors.simulate():
        yield Simulated.remote()


def pid_of(actor: Any) -> int:
    pid: int = simactors.get(actor.pids.remote())[0]
    return pid


@pytest.mark.parametrize("number", DEADLY)
@pytest.mark.parametrize("method", ["strike", "raise_it"])
def test_what_ends_a_process_by_default(handler: Any, number: int, method: str) -> None:
    with pytest.raises(exceptions.ActorDiedError):
        simactors.get(getattr(handler, method).remote(number))


@pytest.mark.parametrize("number", DEADLY)
def test_anybody_may_send_it(handler: Any, number: int) -> None:
    @simactors.remote
    def strike(pid: int) -> None:
        os.kill(pid, number)

    simactors.get(strike.remote(pid_of(handler)))
    with pytest.raises(exceptions.ActorDiedError):
        simactors.get(handler.read.remote())


@pytest.mark.parametrize("number", HARMLESS)
def test_what_does_nothing_by_default(handler: Any, number: int) -> None:
    assert simactors.get(handler.strike.remote(number)) == "lives"
    os.kill(pid_of(handler), number)
    assert simactors.get(handler.read.remote()) == []


def test_signals_that_do_not_exist(handler: Any) -> None:
    os.kill(pid_of(handler), 0)
    for number in (-1, 65):
        with pytest.raises(OSError, match="Invalid argument"):
            os.kill(pid_of(handler), number)


def test_a_handler_runs_at_once_also_above_code_that_sleeps(handler: Any) -> None:
    assert simactors.get(handler.handle.remote(signal.SIGUSR1, "note")) == signal.SIG_DFL
    pid = pid_of(handler)
    began = time.monotonic()
    woke = handler.nap.remote(10)
    time.sleep(3)
    os.kill(pid, signal.SIGUSR1)
    assert simactors.get(woke) == pytest.approx(began + 10, abs=0.1)
    assert simactors.get(handler.read.remote()) == [("SIGUSR1", pytest.approx(began + 3), "nap")]
    os.kill(pid, signal.SIGUSR1)  # while it does nothing
    assert len(simactors.get(handler.read.remote())) == 2


def test_what_a_handler_raises_leaves_the_code_that_waits(handler: Any) -> None:
    simactors.get(handler.handle.remote(signal.SIGUSR1, "raise"))
    pid = pid_of(handler)
    nap = handler.nap.remote(10)
    time.sleep(3)
    os.kill(pid, signal.SIGUSR1)
    with pytest.raises(LookupError, match="SIGUSR1"):
        simactors.get(nap)
    assert time.monotonic() < 4
    with pytest.raises(LookupError, match="SIGUSR1"):
        simactors.get(handler.strike.remote(signal.SIGUSR1))
    os.kill(pid, signal.SIGUSR1)  # while it does nothing: nobody is there who could take it
    with pytest.raises(exceptions.ActorDiedError, match="handler of SIGUSR1 raised LookupError"):
        simactors.get(handler.read.remote())


def test_ignored_signals_and_defaults_again(handler: Any) -> None:
    simactors.get(handler.handle.remote(signal.SIGTERM, "ignore"))
    assert simactors.get(handler.strike.remote(signal.SIGTERM)) == "lives"
    assert simactors.get(handler.handle.remote(signal.SIGTERM, "not")) == signal.SIG_IGN
    with pytest.raises(exceptions.ActorDiedError, match="SIGTERM"):
        simactors.get(handler.strike.remote(signal.SIGTERM))


def test_nobody_can_ignore_being_killed(handler: Any) -> None:
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with pytest.raises(OSError, match="Invalid argument"):
            simactors.get(handler.handle.remote(number, "ignore"))
    with pytest.raises(ValueError, match="signal number out of range"):
        simactors.get(handler.handle.remote(65, "ignore"))
    with pytest.raises(TypeError, match="signal handler must be"):
        simactors.get(handler.call.remote(lambda: signal.signal(signal.SIGUSR1, "x")))  # type: ignore[arg-type]


def test_handlers_belong_to_processes(handler: Any) -> None:
    real = signal.getsignal(signal.SIGUSR1)
    simactors.get(handler.handle.remote(signal.SIGUSR1, "ignore"))
    assert signal.getsignal(signal.SIGUSR1) == real
    with pytest.raises(exceptions.ActorDiedError):
        simactors.get(Simulated.remote().strike.remote(signal.SIGUSR1))
    assert simactors.get(handler.strike.remote(signal.SIGUSR1)) == "lives"


def test_what_handles_signals_at_the_start(handler: Any) -> None:
    def look() -> list[Any]:
        numbers = (signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1)
        with pytest.raises(SystemExit):
            signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)  # type: ignore[misc, operator]
        return [getattr(signal.getsignal(number), "__name__", signal.getsignal(number)) for number in numbers]

    assert simactors.get(handler.call.remote(look)) == ["default_int_handler", signal.SIG_IGN, signal.SIG_DFL]


def test_a_process_that_is_stopped_goes_on_when_it_is_told_to(handler: Any) -> None:
    pid = pid_of(handler)
    nap = handler.nap.remote(1)
    time.sleep(0.5)
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(10)
    assert simactors.wait([nap], timeout=1)[0] == []
    os.kill(pid, signal.SIGCONT)
    assert simactors.get(nap) == pytest.approx(11.5, abs=0.1)
    stops = handler.strike.remote(signal.SIGSTOP)
    time.sleep(10)
    assert simactors.wait([stops], timeout=1)[0] == []
    os.kill(pid, signal.SIGCONT)
    assert simactors.get(stops) == "lives"


def test_alarms_are_virtual(handler: Any) -> None:
    def alarms() -> list[Any]:
        moments: list[float] = []
        signal.signal(signal.SIGALRM, lambda *_: moments.append(time.monotonic()))
        began = time.monotonic()
        assert signal.alarm(5) == 0
        time.sleep(1)
        assert signal.alarm(2) == 4
        time.sleep(10)
        assert signal.setitimer(signal.ITIMER_REAL, 1, 0.5) == (0, 0)
        time.sleep(0.25)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.75, 0.5)
        time.sleep(1.5)
        assert signal.alarm(0) == 1
        time.sleep(10)
        assert signal.setitimer(signal.ITIMER_PROF, 0.001) == (0, 0)
        return [round(moment - began, 3) for moment in moments]

    assert simactors.get(handler.call.remote(alarms)) == [3, 12, 12.5]
    with pytest.raises(exceptions.ActorDiedError, match="SIGALRM"):
        simactors.get(Simulated.remote().call.remote(lambda: (signal.alarm(1), time.sleep(2))))


def test_pids_of_parents(handler: Any) -> None:
    other = Simulated.remote()
    (pid, parent), (other_pid, other_parent) = simactors.get([handler.pids.remote(), other.pids.remote()])
    assert parent == other_parent
    assert len({pid, other_pid, parent, os.getpid(), os.getppid()}) == 5


def test_the_driver_may_have_handlers_and_be_sent_signals() -> None:
    got: list[Any] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: got.append(time.monotonic()))
    try:
        with simactors.simulate():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert got == [0]
            driver = os.getpid()
            sends = Simulated.remote().call.remote(lambda: os.kill(driver, signal.SIGUSR1))
            simactors.get(sends)
            assert len(got) == 2
            assert 0 < got[1] < 1
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_driver_that_is_killed_ends_its_run_not_the_test_runner() -> None:
    with pytest.raises(SystemExit) as ended, simactors.simulate():
        os.kill(os.getpid(), signal.SIGKILL)
    assert ended.value.code == 128 + signal.SIGKILL
    driver = os.getpid()
    with pytest.raises(SystemExit) as ended, simactors.simulate():
        simactors.get(
            Simulated.remote().call.remote(lambda: (os.kill(driver, signal.SIGTERM), time.sleep(9)))
        )
    assert ended.value.code == 128 + signal.SIGTERM


@pytest.mark.parametrize("how", ["kill", "kill its own", "killpg", "killpg of getpgrp", "killpg of getpgid"])
def test_as_on_ray_a_worker_is_a_group_of_its_own(handler: Any, how: str) -> None:
    def strike(number: int) -> str:
        if how.startswith("killpg"):
            group = {"killpg": 0, "killpg of getpgrp": os.getpgrp(), "killpg of getpgid": os.getpgid(0)}[how]
            os.killpg(group, number)
        else:
            os.kill(0 if how == "kill" else -os.getpid(), number)
        return "lives"

    other = Simulated.remote()
    pid = pid_of(other)
    simactors.get(handler.handle.remote(signal.SIGUSR1, "note"))
    assert simactors.get(handler.call.remote(strike, signal.SIGUSR1)) == "lives"
    assert len(simactors.get(handler.read.remote())) == 1
    with pytest.raises(exceptions.ActorDiedError, match="SIGKILL"):
        simactors.get(handler.call.remote(strike, signal.SIGKILL))
    assert pid_of(other) == pid
    assert os.getpgid(pid) == pid
    os.killpg(pid, signal.SIGKILL)
    with pytest.raises(exceptions.ActorDiedError, match="SIGKILL"):
        simactors.get(other.read.remote())


def test_nobody_can_signal_the_whole_machine(handler: Any) -> None:
    # With 0, which does nothing should it ever get through.
    for send in (lambda: os.kill(-1, 0), lambda: os.killpg(1, 0)):
        with pytest.raises(RuntimeError, match="every process of the machine"):
            send()
        with pytest.raises(RuntimeError, match="every process of the machine"):
            simactors.get(handler.call.remote(send))


@pytest.mark.parametrize("how", ["kill", "kill its own", "killpg", "abort"])
def test_a_driver_that_kills_its_group_ends_its_run_not_the_test_runner(how: str) -> None:
    def strike() -> None:
        if how == "abort":
            os.abort()
        elif how == "killpg":
            os.killpg(os.getpgrp(), signal.SIGTERM)
        else:
            os.kill(0 if how == "kill" else -os.getpgrp(), signal.SIGTERM)

    with pytest.raises(SystemExit) as ended, simactors.simulate():
        strike()
    assert ended.value.code == 128 + (signal.SIGABRT if how == "abort" else signal.SIGTERM)


@pytest.mark.parametrize("group", ["0", "-os.getpgrp()"])
def test_a_signal_of_the_driver_to_its_group_reaches_its_own_handler_alone(group: str) -> None:
    # In a group of its own, with a bystander in it who would die of the signal.
    program = f"""
import os, signal, subprocess, sys, simactors
bystander = subprocess.Popen(["sleep", "60"])
handled = []
signal.signal(signal.SIGUSR1, lambda number, frame: handled.append(number))
with simactors.simulate():
    os.kill({group}, signal.SIGUSR1)
bystander.kill()  # does nothing to one who has ended by another signal
print(len(handled), bystander.wait() == -signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 True\n"


def test_no_handler_prevents_an_abort(handler: Any) -> None:
    simactors.get(handler.handle.remote(signal.SIGABRT, "note"))
    with pytest.raises(exceptions.ActorDiedError, match="SIGABRT"):
        simactors.get(handler.call.remote(lambda: os.abort()))


@pytest.mark.parametrize("waits", ["get", "sleep", "join", "asyncio", "the end"])
@pytest.mark.parametrize(
    "end", [lambda: os._exit(3), lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os.abort()]
)
def test_a_thread_of_the_driver_ends_the_whole_program(waits: str, end: Callable[[], None]) -> None:
    went_on = []

    def body() -> None:
        time.sleep(1)
        try:
            end()
        finally:
            went_on.append(time.monotonic())

    def program() -> None:
        thread = threading.Thread(target=body)
        thread.start()
        if waits == "get":
            simactors.get(Simulated.remote().nap.remote(10))
        elif waits == "asyncio":
            asyncio.run(asyncio.sleep(10))
        elif waits == "sleep":
            time.sleep(10)
        elif waits == "join":
            thread.join()

    with pytest.raises(SystemExit) as ended, simactors.simulate() as simulation:
        program()
    assert ended.value.code in (3, 128 + signal.SIGKILL, 128 + signal.SIGABRT)
    assert simulation.now_s == pytest.approx(1, abs=0.1)


def test_pauses_and_stops_are_counted_together() -> None:
    pause = FaultPlan((Pause(process="actor-1", at_s=1, for_s=4),))
    with simactors.simulate(faults=pause):
        actor = Simulated.remote()
        pid = pid_of(actor)
        time.sleep(2 - time.monotonic())
        os.kill(pid, signal.SIGSTOP)
        answer = actor.pids.remote()
        time.sleep(8 - time.monotonic())  # the pause has ended, the stop has not
        assert simactors.wait([answer], timeout=0.5)[0] == []
        os.kill(pid, signal.SIGCONT)
        simactors.get(answer)
    with simactors.simulate(faults=pause):
        actor = Simulated.remote()
        pid = pid_of(actor)
        time.sleep(2 - time.monotonic())
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
        simactors.get(actor.pids.remote())
        assert time.monotonic() > 5


def test_sigterm_in_a_thread_meets_the_main_one(handler: Any) -> None:
    def terminate() -> str:
        thread = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGTERM))
        thread.start()
        try:
            time.sleep(1)
        except SystemExit as error:
            return f"SystemExit({error.code}) at {time.monotonic():.1f}"
        return "slept"

    assert simactors.get(handler.call.remote(terminate)).startswith("SystemExit(1) at 0.0")


def test_everything_is_restored_after_use_nesting_and_errors() -> None:
    names = ("signal", "getsignal", "raise_signal", "setitimer", "getitimer", "alarm")
    of_os = ("kill", "killpg", "abort", "getpid", "getppid", "getpgid", "getpgrp", "_exit")

    def all_names() -> list[Any]:
        return [*(getattr(signal, name) for name in names), *(getattr(os, name) for name in of_os)]

    def fail() -> None:
        with simactors.simulate(), simactors.simulate(seed=1):
            raise KeyError

    before = all_names()
    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert all_names() == before


@pytest.mark.parametrize("seed", range(5))
def test_runs_with_signals_repeat(seed: int) -> None:
    def digest() -> str:
        with simactors.simulate(seed=seed) as sim:
            actors = [Simulated.remote() for _ in range(3)]
            simactors.get([actor.handle.remote(signal.SIGUSR1, "note") for actor in actors])
            naps = [actor.nap.remote(1) for actor in actors]
            time.sleep(0.5)
            for actor in actors:
                simactors.get(Simulated.remote().pids.remote())
                os.kill(simactors.get(naps and actor.pids.remote())[0], signal.SIGUSR1)
            return f"{sim.digest} {simactors.get([actor.read.remote() for actor in actors])}"

    assert digest() == digest()
