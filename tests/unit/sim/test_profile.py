"""`Profile`: the file, and what a simulated cluster is like that is as fast."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import simactors
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Constant
from simactors.sim.profile import Profile, load_profile

QUICK = Profile(
    backend="local",
    where='Python 3.11, "2" cores',
    round_trip_s=[0.0],
    caller_work_s=0.0,
    wake_work_s=0.0,
    callee_work_s=0.0,
    connect_s=0.0,
    process_start_s=[0.0],
    process_spacing_s=0.0,
    restart_s=[0.0],
    bytes_per_s=1e12,
    slowdown=1.0,
)


@simactors.remote
def task() -> float:
    return time.monotonic()


@simactors.remote
class Actor:
    def ask(self, value: Any = None) -> float:
        return time.monotonic()

    def __repr__(self) -> str:
        return "Actor"


# The file


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    profile = replace(
        QUICK,
        round_trip_s=[0.003, 0.001, 2],
        slowdown=1.25,
        service_times_s={"Model.predict": [0.5, 0.25], 'odd "label"': [1e-6]},
        first_service_times_s={"Model.predict": [1.5]},
    )
    path = tmp_path / "profile.toml"
    path.write_text(profile.to_toml())
    assert load_profile(path) == load_profile(str(path)) == profile
    assert profile.round_trip_s == (0.001, 0.003, 2.0)


def test_a_profile_without_a_program_has_no_service_times(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(QUICK.to_toml())
    assert "service_times_s" not in QUICK.to_toml()
    assert load_profile(path) == QUICK


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[profile]", "[profil]", r"no profile: the table \[profile\] is missing"),
        ("format = 1", "format = 9", "a profile of format 9, not 1: measure it again"),
        ("format = 1", "", "a profile of format None, not 1"),
        ("slowdown = 1", "", "slowdown is missing"),
        ("slowdown = 1", "slowdown = 1\nspeed = 3", "there is no speed"),
        ("slowdown = 1", "slowdown = 0.5", "slowdown has to be a number >= 1, not 0.5"),
        ("slowdown = 1", "slowdown = true", "slowdown has to be a number >= 0, not True"),
        ("connect_s = 0", "connect_s = -1", "connect_s has to be a number >= 0, not -1"),
        ("connect_s = 0", "connect_s = inf", "connect_s has to be a number >= 0, not inf"),
        ("bytes_per_s = 1e+12", "bytes_per_s = 0", "bytes_per_s has to be a number > 0"),
        (
            "restart_s = [0]",
            "restart_s = []",
            r"restart_s has to be a list of durations in seconds, not \[\]",
        ),
        ("restart_s = [0]", "restart_s = ['a']", "restart_s has to be a list of durations"),
        ('backend = "local"', "backend = 3", "backend has to be a text, not 3"),
        ("[profile]", "[service_times_s]\nf = 1\n[profile]", r"service_times_s\['f'\] has to be a list"),
        ("[profile]", "[services]\n[profile]", r"there is no table \[services\]"),
        ("[profile]", "service_times_s = 3\n[profile]", "service_times_s has to be a table of labels, not 3"),
        ("[profile]", "[profile", "can't be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_name(old: str, new: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    assert old in QUICK.to_toml()
    path.write_text(QUICK.to_toml().replace(old, new, 1))
    with pytest.raises(ValueError, match=f"profile.toml: .*{told}"):
        load_profile(path)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(
        QUICK.to_toml().replace("slowdown = 1", "slowdown = 0").replace("connect_s = 0", "connect_s = -1")
    )
    with pytest.raises(ValueError, match=r"connect_s .*; slowdown "):
        load_profile(path)


def test_a_missing_file_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such file; `simactors calibrate"):
        SimConfig.from_profile(tmp_path / "none.toml")


def test_the_knobs_of_a_config_can_be_given_beside_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(replace(QUICK, process_spacing_s=0.5).to_toml())
    for named in (path, str(path)):
        config = SimConfig.from_profile(named, num_cpus=3)
        assert (config.num_cpus, config.process_spacing_s) == (3, 0.5)


# The cluster


def took_s(profile: Profile, program: Any, **knobs: Any) -> float:
    with simactors.simulate(seed=1, config=SimConfig(**knobs).with_profile(profile)) as sim:
        started_s = sim.now_s
        program()
        return round(sim.now_s - started_s, 6)


def ten_calls() -> None:
    actor = Actor.remote()
    for _ in range(10):
        simactors.get(actor.ask.remote())


def ten_calls_at_once() -> None:
    actor = Actor.remote()
    simactors.get([actor.ask.remote() for _ in range(10)])


def three_actors() -> None:
    simactors.get([actor.ask.remote() for actor in [Actor.remote() for _ in range(3)]])


def test_calls_one_after_the_other_take_their_round_trips_whatever_is_work_of_them() -> None:
    whole = replace(QUICK, round_trip_s=[1.0])
    parted = replace(whole, caller_work_s=0.25, wake_work_s=0.25, callee_work_s=0.25)
    assert took_s(whole, ten_calls) == 10
    assert took_s(parted, ten_calls) == 10


def test_calls_at_once_share_the_round_trip_but_not_the_work() -> None:
    for name in ("caller_work_s", "callee_work_s"):
        profile = replace(QUICK, round_trip_s=[1.0], **{name: 0.25})
        assert 10 * 0.25 < took_s(profile, ten_calls_at_once) < 10 * 0.25 + 2


def test_callers_and_those_who_run_their_calls_share_the_cores() -> None:
    profile = replace(QUICK, callee_work_s=1.0)
    assert took_s(profile, three_actors, num_cpus=8) == 2  # constructor and method
    assert took_s(profile, three_actors, num_cpus=1) == 6


def test_waiting_costs_only_who_has_really_waited() -> None:
    def program() -> None:
        ref = Actor.remote().ask.remote()
        time.sleep(5)
        simactors.get(ref)

    profile = replace(QUICK, wake_work_s=1.0)
    assert took_s(profile, program) == 5
    assert took_s(profile, ten_calls) == 10


def test_tasks_cost_their_callers_the_same() -> None:
    profile = replace(QUICK, caller_work_s=1.0)
    assert took_s(profile, lambda: simactors.get([task.remote() for _ in range(3)])) == 3


def test_processes_start_one_after_the_other() -> None:
    assert took_s(replace(QUICK, process_start_s=[2.0]), three_actors) == 2
    assert took_s(replace(QUICK, process_start_s=[2.0], process_spacing_s=1.0), three_actors) == 4


def test_a_restart_takes_its_own_time() -> None:
    def program() -> None:
        actor = Actor.options(max_restarts=1, max_task_retries=1).remote()
        simactors.get(actor.ask.remote())
        simactors.kill(actor, no_restart=False)
        simactors.get(actor.ask.remote())

    assert took_s(replace(QUICK, process_start_s=[2.0], restart_s=[7.0]), program) == 9


def test_the_first_call_to_an_actor_connects() -> None:
    assert took_s(replace(QUICK, connect_s=1.0), ten_calls) == 1


def test_large_values_travel_as_fast_as_they_did() -> None:
    config = SimConfig().with_profile(replace(QUICK, bytes_per_s=5e6))
    assert config.links[-1].bandwidth_bytes_per_s == 5e6


def test_what_a_program_computes_is_work_on_a_machine_as_busy_as_it_was() -> None:
    profile = replace(QUICK, service_times_s={"Actor.ask": [1.0]}, callee_work_s=0.5, slowdown=2.0)
    assert took_s(profile, ten_calls) == 0.5 + 10 * 2.5


def test_the_first_call_in_a_process_may_take_longer() -> None:
    profile = replace(QUICK, service_times_s={"Actor.ask": [1.0]}, first_service_times_s={"Actor.ask": [5.0]})
    assert took_s(profile, ten_calls) == 5 + 9
    assert took_s(profile, three_actors) == 5


@pytest.mark.parametrize("pattern", ["Actor.*", "Actor.ask", "*"])
def test_what_a_config_says_of_a_method_holds(pattern: str) -> None:
    nine_s = {"Actor.ask": [9.0]}
    profile = replace(QUICK, service_times_s=nine_s, first_service_times_s=nine_s)
    assert took_s(profile, ten_calls, service_times={pattern: Constant(2.0)}) in (20, 22)  # the constructor's


def test_a_calibrated_run_repeats() -> None:
    profile = replace(
        QUICK,
        round_trip_s=[0.001 * i for i in range(1, 50)],
        caller_work_s=0.0001,
        wake_work_s=0.0001,
        callee_work_s=0.0002,
        process_start_s=[0.01, 0.02, 0.03],
        process_spacing_s=0.004,
        service_times_s={"Actor.ask": [0.001, 0.002, 0.01]},
        first_service_times_s={"Actor.ask": [0.1, 0.2]},
    )

    def digest(seed: int) -> str:
        with simactors.simulate(seed=seed, config=SimConfig(num_cpus=2).with_profile(profile)) as sim:
            ten_calls()
            three_actors()
        return sim.digest

    assert digest(3) == digest(3)
    assert digest(3) != digest(4)
