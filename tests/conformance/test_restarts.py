"""Actors that die and come back, and calls that are made again."""

from __future__ import annotations

import os
import time
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.api import session


@simactors.remote
class Tally:
    """Outlives those whose attempts it counts."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def note(self, what: Any) -> int:
        self.notes.append(what)
        return len(self.notes)

    def read(self) -> list[Any]:
        return self.notes


@simactors.remote
class Mortal:
    """Dies on demand."""

    def __init__(self, tally: Any = None, start: Any = (), die_at_birth: bool = False) -> None:
        self.tally = tally
        self.start = list(start)
        self.calls = 0
        if tally is not None and not die_at_birth:
            simactors.get(tally.note.remote("born"))
        if die_at_birth:
            simactors.get(tally.note.remote("stillborn"))
            os._exit(1)

    def call(self, what: Any = None) -> int:
        self.calls += 1
        return self.calls

    def die(self) -> None:
        os._exit(1)

    def die_once(self, what: Any) -> Any:
        first = simactors.get(self.tally.note.remote(what)) == 2  # after "born"
        if first:
            os._exit(1)
        return what

    def fail_twice(self) -> int:
        attempt: int = simactors.get(self.tally.note.remote("attempt"))
        if attempt <= 2:
            raise ValueError(attempt)
        return attempt

    def fail_once(self, what: Any) -> Any:
        attempts = simactors.get(self.tally.note.remote(what))
        if what == 1 and attempts <= 6:  # "born" and five calls
            raise ValueError(what)
        return what

    def started_with(self) -> list[Any]:
        return self.start

    def pid(self) -> int:
        return os.getpid()

    def leave(self) -> None:
        simactors.exit_actor()


@simactors.remote
class LateStarter:
    """Dies at its first birth."""

    def __init__(self, tally: Any) -> None:
        self.births = simactors.get(tally.note.remote("born"))
        if self.births == 1:
            os._exit(1)

    def ready(self) -> int:
        return self.births  # type: ignore[no-any-return]  # what the other actor has answered


@simactors.remote
def slow() -> str:
    time.sleep(1)
    return "late"


def ask_for_ever(ray: ModuleType, mortal: Any) -> None:
    for _ in range(1000):
        ray.get(mortal.call.remote())


def ask_until_alive(ray: ModuleType, ask: Any) -> Any:
    """An actor that restarts is out of reach for a while."""
    for _ in range(1000):
        try:
            return ray.get(ask())
        except ray.exceptions.ActorUnavailableError:
            ray.get(Tally.remote().note.remote("time passes"))
    raise AssertionError("it never came back")


def test_a_restarted_actor_has_lost_its_state_and_has_another_process(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=1).remote()
    pid = ray.get(mortal.pid.remote())
    assert ray.get([mortal.call.remote(), mortal.call.remote()]) == [1, 2]
    crash, queued = mortal.die.remote(), mortal.call.remote()
    with pytest.raises(ray.exceptions.ActorUnavailableError, match="temporarily unavailable"):
        ray.get(crash)
    ray.wait([queued])  # unavailable too, unless it arrived after the restart
    assert ask_until_alive(ray, mortal.call.remote) < 3
    assert ray.get(mortal.pid.remote()) != pid
    mortal.die.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ask_until_alive(ray, mortal.die.remote)


def test_a_restart_runs_the_constructor_with_the_original_arguments(ray: ModuleType) -> None:
    start = [1, 2]
    mortal = Mortal.options(max_restarts=-1).remote(None, start)
    start.append(3)
    assert ray.get(mortal.started_with.remote()) == [1, 2]
    mortal.die.remote()
    assert ask_until_alive(ray, mortal.started_with.remote) == [1, 2]


def test_a_killing_call_that_is_retried_kills_again(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=1, max_task_retries=1).remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.die.remote())
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.call.remote())


def test_a_killing_call_is_given_up_and_the_actor_lives_on(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=-1, max_task_retries=1).remote()
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(mortal.die.remote())
    assert ray.get(mortal.call.remote()) >= 1


def test_calls_around_a_single_crash_all_answer_and_run_at_least_once(ray: ModuleType) -> None:
    tally = Tally.remote()
    mortal = Mortal.options(max_restarts=-1, max_task_retries=-1).remote(tally)
    refs = [mortal.die_once.remote(i) if i == 3 else mortal.call.remote(i) for i in range(8)]
    assert ray.get(refs[3]) == 3
    assert len(ray.get(refs)) == 8
    assert ray.get(tally.read.remote()) == ["born", 3, "born", 3]


def test_kill_with_restart_brings_a_fresh_incarnation(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=1, name="phoenix").remote()
    pid = ray.get(mortal.pid.remote())
    ray.kill(mortal, no_restart=False)
    for _ in range(1000):
        if ask_until_alive(ray, mortal.pid.remote) != pid:
            break
    assert ray.get(mortal.pid.remote()) != pid
    assert ray.get_actor("phoenix") == mortal
    ray.kill(mortal)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.call.remote())


def test_a_constructor_that_exits_is_run_once_for_each_restart_and_once_more(ray: ModuleType) -> None:
    tally = Tally.remote()
    mortal = Mortal.options(max_restarts=2).remote(tally, die_at_birth=True)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ask_until_alive(ray, mortal.call.remote)
    assert ray.get(tally.read.remote()) == ["stillborn"] * 3


@pytest.mark.not_yet(sim="there it has reached the process, and is lost with it")
def test_a_call_made_before_survives_a_constructor_that_exits(ray: ModuleType) -> None:
    tally = Tally.remote()
    late = LateStarter.options(max_restarts=1).remote(tally)
    assert ray.get(late.ready.remote()) == 2


def test_a_call_whose_argument_is_not_ready_survives_a_crash(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=1).remote()
    assert ray.get(mortal.call.remote()) == 1
    crash, late = mortal.die.remote(), mortal.call.remote(slow.remote())
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(crash)
    assert ray.get(late) == 1


def test_kill_with_restart_ends_an_actor_that_has_none_left(ray: ModuleType) -> None:
    mortal = Mortal.remote()
    ray.get(mortal.call.remote())
    ray.kill(mortal, no_restart=False)
    with pytest.raises(ray.exceptions.ActorDiedError, match=r"killed by `ray\.kill`"):
        ask_for_ever(ray, mortal)


def test_kills_of_an_actor_that_has_not_begun_spend_a_restart_each(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=1).remote()
    ray.kill(mortal, no_restart=False)
    ray.kill(mortal, no_restart=False)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ask_for_ever(ray, mortal)


@pytest.mark.parametrize("pause_s", [0, 0.005])
def test_after_a_kill_for_good_calls_fail_as_with_a_dead_actor_also_while_it_restarts(
    ray: ModuleType, pause_s: float
) -> None:
    mortal = Mortal.options(max_restarts=-1).remote()
    assert ray.get(mortal.call.remote()) == 1
    ray.kill(mortal, no_restart=False)
    time.sleep(pause_s)
    ray.kill(mortal)
    for _ in range(3):
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(mortal.call.remote())


def test_an_actor_that_leaves_is_not_restarted(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=5).remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.leave.remote())
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.call.remote())


def test_a_method_that_raises_is_run_again_only_if_its_exceptions_are_retried(ray: ModuleType) -> None:
    mortal = Mortal.options(max_task_retries=2).remote(Tally.remote())
    with pytest.raises(ValueError, match="2"):  # the constructor's note was the first
        ray.get(mortal.fail_twice.remote())
    mortal = Mortal.options(max_task_retries=2).remote(Tally.remote())
    assert ray.get(mortal.fail_twice.options(retry_exceptions=True).remote()) == 3
    mortal = Mortal.remote(Tally.remote())
    again = mortal.fail_twice.options(retry_exceptions=[ValueError], max_task_retries=-1)
    assert ray.get(again.remote()) == 3


def test_a_method_that_is_run_again_comes_after_those_that_were_called_meanwhile(ray: ModuleType) -> None:
    tally = Tally.remote()
    mortal = Mortal.options(max_task_retries=1).remote(tally)
    method = mortal.fail_once.options(retry_exceptions=True)
    assert ray.get([method.remote(i) for i in range(5)]) == [0, 1, 2, 3, 4]
    assert ray.get(tally.read.remote()) == ["born", 0, 1, 2, 3, 4, 1]


def test_what_an_actor_has_answered_outlives_it(ray: ModuleType) -> None:
    mortal = Mortal.remote()
    ref = mortal.call.remote()
    ray.wait([ref])
    ray.kill(mortal)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(mortal.call.remote())
    assert ray.get(ref) == 1


def test_callers_keep_their_own_order_and_none_between_them(ray: ModuleType) -> None:
    @ray.remote
    def caller(tally: Any, name: str) -> None:
        simactors.get([tally.note.remote((name, i)) for i in range(10)])

    tally = Tally.remote()
    ray.get([caller.remote(tally, "a"), caller.remote(tally, "b")])
    notes = ray.get(tally.read.remote())
    assert len(notes) == 20
    for name in "ab":
        assert [i for who, i in notes if who == name] == list(range(10))


@simactors.remote(max_restarts=-1, max_task_retries=2)
class Doomed:
    def crash(self) -> None:
        os._exit(1)

    def echo(self, x: Any) -> Any:
        return x


def test_a_call_that_is_made_again_does_not_wait_for_one_that_waits_for_it(ray: ModuleType) -> None:
    doomed = Doomed.remote()
    crashing = doomed.crash.remote()
    dependent = doomed.echo.remote(crashing)
    later = doomed.echo.remote(3)
    assert ray.get(later, timeout=60) == 3
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(crashing, timeout=60)
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(dependent, timeout=60)


@simactors.remote
class MortalLoop:
    """Its calls hold nobody back."""

    async def call(self, what: Any = None) -> Any:
        return what


@simactors.remote
def fail_late() -> None:
    time.sleep(1.0)
    raise ValueError("too late to matter")


@pytest.mark.parametrize("kind", [Mortal, MortalLoop])
def test_calls_that_wait_for_arguments_fail_with_their_actor_at_once(ray: ModuleType, kind: Any) -> None:
    actor = kind.remote()
    ray.get(actor.call.remote())
    waits = actor.call.remote(fail_late.remote())
    ray.kill(actor)
    # Not with the error of the argument, which comes a second later.
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(waits, timeout=60)


def test_a_failed_argument_is_told_also_while_the_actor_restarts(ray: ModuleType) -> None:
    mortal = Mortal.options(max_restarts=-1).remote()
    ray.get(mortal.call.remote())
    lost = mortal.die.remote()
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(lost)
    # The actor may be back, or not yet. What is told is the failed argument, as a `RayTaskError`; on Ray now and then
    # it is only that the actor restarts.
    with pytest.raises(ray.exceptions.ActorUnavailableError) as told:
        ray.get(mortal.call.remote(lost))
    assert session.active().name == "ray" or isinstance(told.value, ray.exceptions.RayTaskError)


@pytest.mark.parametrize("kind", [Mortal, MortalLoop])
def test_a_call_to_an_actor_that_is_known_to_be_dead_is_not_about_its_arguments(
    ray: ModuleType, kind: Any
) -> None:
    actor, failed = kind.remote(), fail_late.remote()
    ray.get(actor.call.remote())
    ray.kill(actor)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.call.remote())
    ray.wait([failed])
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.call.remote(failed))
