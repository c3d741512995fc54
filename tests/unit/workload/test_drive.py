"""Workloads: who is called with what and when, what is written down, and that no choice of order changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simactors.exceptions import TargetError
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Constant as Takes
from simactors.workload import drive
from simactors.workload.load import Clients, Constant, Judged, Load, Poisson
from simactors.workload.measured import Log, Request, collecting

APP = """
import asyncio, time
import simactors as ray
from simactors.checkers import Recording

history = Recording()
SEEN = []

@ray.remote
class Store:
    def __init__(self):
        self.values = {}

    def put(self, key, value):
        self.values[key] = value
        return value

    def get(self, key):
        return self.values.get(key)

    def fail(self):
        raise KeyError("gone")

def setup(shards=1):
    return [Store.remote() for _ in range(shards)]

async def setup_later():
    stores = setup()
    await stores[0].get.remote("x")
    return stores

def returns_a_ref(stores, n):
    return stores[0].put.remote(n, n)

def waits(stores, n):
    return ray.get(stores[0].put.remote(n, n))

async def awaits(stores, n):
    return await stores[0].put.remote(n, n)

def several(stores, n):
    return [store.put.remote(n, n) for store in stores]

def draws(stores, rng, client):
    return rng.random(), client

def sometimes_fails(stores, n):
    return stores[0].fail.remote() if n == 1 else n

def fails(stores):
    return stores[0].fail.remote()

def asserts(stores, n):
    assert n < 2, "a third one"

def slow(stores, n):
    time.sleep(10 if n == 1 else 0)

def with_limit(stores, n, limit):
    return n < limit

def check(stores, results):
    assert len(results) == 3, f"{len(results)} results"

def check_limit(stores, limit):
    assert limit == 2

def never(stores):
    raise ValueError("no good")

class Client:
    @history.operation
    def put(self, store, key, value):
        return ray.get(store.put.remote(key, value))

def records(stores, n):
    put(n, n)

@history.operation
def put(key, value):
    return None

@history.operation
def get(key):
    return "nothing of that"

def records_wrongly(stores, n):
    put("x", n)
    get("x")

def teardown(stores):
    print("torn down", len(stores))
"""


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


def run(app: str, seed: int = 0, config: SimConfig | None = None, **knobs: Any) -> tuple[RunResult, Log]:
    knobs = {"setup": "setup", "arrivals": Constant(10.0), "requests": 3, **knobs}
    if "clients" in knobs:
        del knobs["arrivals"]
    program = Program(Target(app, "setup"), load=Load(**knobs), cluster=config)
    with collecting(Log()) as log:
        return Recipe(program=program, seed=seed).run(), log


def in_order(log: Log) -> list[Request]:
    return sorted(log.requests, key=lambda request: request.number)


@pytest.mark.parametrize("request_", ["returns_a_ref", "waits", "awaits"])
def test_a_request_may_return_a_ref_or_wait_or_await(app: str, request_: str) -> None:
    result, log = run(app, request=request_, checks=("check",))
    assert result.ending.outcome == "passed"
    assert [(r.number, r.value, r.status) for r in in_order(log)] == [(n, n, "answered") for n in range(3)]
    assert [check.status for check in log.checks] == ["passed"]


def test_setup_may_be_a_coroutine_and_a_request_may_return_several_refs(app: str) -> None:
    result, log = run(app, setup="setup_later", request="several")
    assert result.ending.outcome == "passed"
    assert [r.value for r in in_order(log)] == [[0], [1], [2]]


def test_latency_counts_from_the_moment_when_a_request_was_due(app: str) -> None:
    """Requests come faster than the store works: each waits for all before it, and that is part of its latency."""
    config = SimConfig(service_times={"Store.put": Takes(0.3)})
    _, log = run(app, request="waits", config=config)
    assert log.load_began_s is not None
    assert [r.at_s - log.load_began_s for r in in_order(log)] == pytest.approx([0.0, 0.1, 0.2])
    assert [r.latency_s for r in in_order(log)] == pytest.approx([0.3, 0.5, 0.7], abs=0.02)


def test_clients_wait_for_their_answers_and_think(app: str) -> None:
    clients = Clients(2, {"kind": "constant", "value_s": 0.5})
    config = SimConfig(service_times={"Store.put": Takes(0.1)})
    _, log = run(app, request="waits", clients=clients, requests=4, config=config)
    assert log.load_began_s is not None
    first, second = ([r for r in in_order(log) if r.client == client] for client in (0, 1))
    assert [r.number for r in first] == [0, 2]
    assert [r.number for r in second] == [1, 3]
    assert first[0].at_s - log.load_began_s == pytest.approx(0.5)
    assert first[1].at_s - first[0].ended_s == pytest.approx(0.5)


def test_what_is_drawn_depends_on_the_seed_and_the_request_alone(app: str) -> None:
    drawn = [in_order(run(app, seed, request="draws", arrivals=Poisson(5.0))[1]) for seed in (1, 1, 2)]
    values = [[r.value for r in requests] for requests in drawn]
    assert values[0] == values[1] != values[2]
    other = run(app, 1, request="draws", clients=Clients(3))[1]  # in another order, at other times
    assert [r.value[0] for r in in_order(other)] == [value[0] for value in values[0]]
    assert [r.value[1] for r in in_order(other)] == [0, 1, 2]


def test_a_request_that_raises_has_failed_and_the_run_goes_on(app: str) -> None:
    result, log = run(app, request="sometimes_fails")
    assert result.ending.outcome == "passed"
    assert [(r.status, r.error) for r in in_order(log)] == [
        ("answered", ""),
        ("failed", "RayTaskError(KeyError)"),
        ("answered", ""),
    ]


def test_a_request_that_takes_too_long_is_late(app: str) -> None:
    _, log = run(app, request="slow", timeout_s=1.0)
    assert [r.status for r in in_order(log)] == ["answered", "late", "answered"]
    assert in_order(log)[1].latency_s == pytest.approx(1.0)


def test_a_run_of_which_no_request_is_answered_has_failed(app: str) -> None:
    result, _ = run(app, request="fails")
    assert result.ending.kind == "RayTaskError(KeyError)"
    assert "all 3 requests of the workload failed" in result.ending.traceback


def test_an_assertion_in_a_request_fails_the_run(app: str) -> None:
    result, _ = run(app, request="asserts")
    assert (result.ending.outcome, result.ending.message) == ("failed", "a third one")


def test_all_checks_are_made_and_the_first_failure_is_raised(app: str) -> None:
    result, log = run(app, request="waits", requests=2, checks=("check", "never"), teardown="teardown")
    assert (result.ending.kind, result.ending.message) == ("AssertionError", "2 results")
    assert [(c.name, c.status, c.message) for c in log.checks] == [
        ("check", "failed", "2 results"),
        ("never", "failed", "ValueError: no good"),
    ]


def test_requests_of_the_warm_up_do_not_count(app: str) -> None:
    _, log = run(app, request="waits", warmup_s=0.15)
    assert [r.counts for r in in_order(log)] == [False, False, True]


def test_a_load_ends_with_its_duration(app: str) -> None:
    _, log = run(app, request="waits", requests=None, duration_s=0.45)
    assert len(log.requests) == 5


def test_clients_for_whom_no_time_passes_are_refused(app: str) -> None:
    """Their duration would never end."""
    with pytest.raises(TargetError, match=r"draws\(\) takes no time, and its clients don't think"):
        run(app, request="draws", clients=Clients(2), requests=None, duration_s=1.0)


def test_a_load_of_too_many_requests_is_refused_and_not_cut_off(
    app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "MOST_REQUESTS", 4)
    for who in ({"arrivals": Constant(10.0)}, {"clients": Clients(2)}):
        with pytest.raises(TargetError, match="more than 4 requests"):
            run(app, request="waits", **who, requests=None, duration_s=10.0)


def test_parameters_go_to_whoever_takes_them(app: str) -> None:
    parameters = {"shards": 3, "limit": 2}
    result, log = run(app, request="with_limit", parameters=parameters, checks=("check_limit",))
    assert result.ending.outcome == "passed"
    assert [r.value for r in in_order(log)] == [True, True, False]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"request": "wait"}, "there is no function 'wait'; did you mean 'waits'?"),
        ({"parameters": {"shard": 2}}, "no entry point takes the parameter 'shard'; did you mean 'shards'?"),
        ({"request": "with_limit"}, r"with_limit\(\): missing a required argument: 'limit'"),
        ({"histories": (Judged("SEEN", "serializable"),)}, "'SEEN' is no Recording"),
    ],
)
def test_a_workload_that_does_not_fit_its_program_is_wrong_input(
    app: str, knobs: dict[str, Any], message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        run(app, **{"request": "waits", **knobs})


@pytest.mark.parametrize(("request_", "status"), [("records", "passed"), ("records_wrongly", "failed")])
def test_a_recorded_history_is_judged(app: str, request_: str, status: str) -> None:
    histories = (Judged("history", "linearizable", "KeyValueMap"),)
    result, log = run(app, request=request_, histories=histories)
    assert [(check.name, check.status) for check in log.checks] == [("history is linearizable", status)]
    assert result.ending.outcome == status


def test_a_workload_is_the_same_data_after_a_journey_through_json(app: str) -> None:
    load = Load(
        setup="setup",
        request="waits",
        parameters={"shards": 2},
        clients=Clients(3, {"kind": "exponential", "mean_s": 0.5}),
        requests=9,
        checks=("check",),
        histories=(Judged("history", "linearizable", "Register", {"initial": 0}),),
    )
    assert Load.from_fields(load.to_fields()) == load
    recipe = Recipe(program=Program(Target(app, "setup"), load=load), seed=7)
    assert Recipe.from_fields(recipe.to_fields()) == recipe


def test_the_run_is_repeated_exactly(app: str) -> None:
    runs = [run(app, 5, request="waits", arrivals=Poisson(200.0), requests=50) for _ in range(2)]
    assert runs[0][0].digest == runs[1][0].digest
    assert runs[0][1].requests == runs[1][1].requests
