"""A hunt on Ray: what it asks of Ray, and that its parts add up. Method: a fake of the few names of Ray it uses."""

from __future__ import annotations

import json
import sys
from collections.abc import Container
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simactors.exceptions import InternalError, TargetError
from simactors.exploration import fleet
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest
from simactors.exploration.covered import Covered
from simactors.exploration.target import Program, Target

HALF_FAIL = "import random\nif random.random() < 0.5: raise ValueError()"


class _RayError(Exception):
    pass


class _RayTaskError(_RayError):
    pass


class FakeRay:
    """Runs every call at once, and sends what crosses a border through JSON, so that nothing else gets across.

    Attributes:
        deaths: the numbers of the calls, from 1, that never answer because their actor dies.
    """

    exceptions = SimpleNamespace(RayError=_RayError, RayTaskError=_RayTaskError)

    def __init__(self) -> None:
        self.actors = 0
        self.calls = 0
        self.deaths: Container[int] = ()
        self.is_open = False

    def is_initialized(self) -> bool:
        return self.is_open

    def init(self, **_: Any) -> None:
        self.is_open = True

    def shutdown(self) -> None:
        self.is_open = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 3.0}

    def remote(self, cls: type) -> Any:
        outer = self

        class Method:
            def __init__(self, function: Any) -> None:
                self.function = function

            def remote(self, *args: Any) -> str:
                outer.calls += 1
                if outer.calls in outer.deaths:
                    return f"dead {outer.calls}"
                return f"{outer.calls} {json.dumps(self.function(*json.loads(json.dumps(args))))}"

        class Handle:
            @staticmethod
            def remote(*args: Any) -> Any:
                outer.actors += 1
                actor = cls(*json.loads(json.dumps(args)))
                handle = Handle()
                handle.hunt = Method(actor.hunt)  # type: ignore[attr-defined]  # as Ray's handles have methods
                return handle

        return Handle

    def wait(self, refs: list[str], num_returns: int) -> tuple[list[str], list[str]]:
        return refs[:num_returns], refs[num_returns:]

    def get(self, ref: str) -> Any:
        if ref.startswith("dead"):
            raise _RayError("The actor died unexpectedly.\nAnd more.")
        return json.loads(ref.partition(" ")[2])


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)  # type: ignore[arg-type]  # it is imported by name
    return fake


def program(folder: Path, code: str) -> Program:
    (folder / "app.py").write_text(code)
    return Program(target=Target(str(folder / "app.py")))


def test_each_actor_makes_its_share_and_what_they_find_is_added_up(ray: FakeRay, tmp_path: Path) -> None:
    quest = Quest(keep_going=True, strategy="random", audit_every=None)
    told: list[int] = []
    tally = fleet.search(
        program(tmp_path, HALF_FAIL), quest, Budget(40), None, watch=lambda t: told.append(t.runs)
    )
    (finding,) = tally.findings.values()
    assert ray.actors == 3, "one for each CPU"
    assert tally.runs == told[-1] == 40
    assert 5 < finding.others + 1 < 35
    assert Covered().also(*tally.shares) == Covered(40)
    assert not ray.is_open


def test_the_first_failure_ends_it_and_runs_made_before_are_left_out(ray: FakeRay, tmp_path: Path) -> None:
    tally = fleet.search(
        program(tmp_path, "raise ValueError()"), Quest(), Budget(40), 2, covered=Covered(until=10)
    )
    (finding,) = tally.findings.values()
    assert finding.run == 11
    assert tally.runs < 40


def test_a_program_that_can_not_be_loaded_is_wrong_input(ray: FakeRay, tmp_path: Path) -> None:
    lacking = Program(target=Target(program(tmp_path, "").target.file, "main"))
    with pytest.raises(TargetError, match="no function 'main'"):
        fleet.search(lacking, Quest(), Budget(4), 1)
    assert not ray.is_open


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]  # so an import fails
    with pytest.raises(TargetError, match=r"pip install 'simactors\[ray\]'"):
        fleet.search(program(tmp_path, ""), Quest(), Budget(4), 1)


def test_another_worker_goes_on_where_a_lost_one_had_told_it_was(
    ray: FakeRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "Budget", lambda runs, seconds: Budget(1))  # one run for each call
    ray.deaths = (5, 8)
    quest = Quest(keep_going=True, strategy="sampled", audit_every=None)
    app = program(tmp_path, "import random\nif random.random() < 0.5: raise ValueError()")
    tally = fleet.search(app, quest, Budget(20), 2)
    quiet = fleet.search(app, quest, Budget(20), 2)
    assert ray.actors == 4 + 2
    assert Covered().also(*tally.shares) == Covered(20)
    assert [loss.partition(" was lost")[2] for loss in tally.losses] == [
        " after 2 runs, and another one goes on: The actor died unexpectedly.",
        " after 3 runs, and another one goes on: The actor died unexpectedly.",
    ]
    assert [f.others for f in tally.findings.values()] == [f.others for f in quiet.findings.values()]
    assert tally.runs == quiet.runs == 20


def test_a_worker_that_is_lost_at_once_is_not_replaced_for_ever(ray: FakeRay, tmp_path: Path) -> None:
    ray.deaths = (1, 3, 4)
    tally = fleet.search(program(tmp_path, ""), Quest(), Budget(10), 2)
    assert tally.runs == 5
    *replaced, last = tally.losses
    assert len(replaced) == 2
    assert last.startswith("worker 1 of the 2 of this hunt was lost after 0 runs, and is given up:")
    ray.calls, ray.deaths = 0, range(100)
    with pytest.raises(InternalError, match=r"worker 1 of the 2 .*; worker 2 of the 2 "):
        fleet.search(program(tmp_path, ""), Quest(), Budget(10), 2)
    assert not ray.is_open
