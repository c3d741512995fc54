"""A hunt on Ray: what it asks of Ray, and that its parts add up. Method: a fake of the few names of Ray it uses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from simactors.exploration import fleet
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest
from simactors.exploration.covered import Covered
from simactors.exploration.target import Program, Target, TargetError

HALF_FAIL = "import random\nif random.random() < 0.5: raise ValueError()"


class FakeRay:
    """Runs every call at once, and sends what crosses a border through JSON, so that nothing else gets across."""

    def __init__(self) -> None:
        self.actors = 0
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
                return json.dumps(self.function(*json.loads(json.dumps(args))))

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
        return json.loads(ref)


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
