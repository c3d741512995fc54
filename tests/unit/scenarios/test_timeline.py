"""What ran where and when: of a run that is known, and of one that is too large to be drawn whole."""

from __future__ import annotations

import itertools
import json
from itertools import pairwise
from pathlib import Path

import pytest

from simactors.exceptions import NondeterminismError
from simactors.exploration.recipe import Recipe
from simactors.exploration.target import Program, Target
from simactors.reports import mermaid, perfetto
from simactors.scenarios import timeline
from simactors.scenarios.result import Fault, Run
from simactors.scenarios.timeline import DIED, RAISED, RETURNED, Timeline, recorded

APP = """
import os
import simactors as ray

@ray.remote(max_concurrency=2)
class Worker:
    def nap(self):
        import time
        time.sleep(1)
    def fail(self):
        raise ValueError("no")
    def crash(self):
        os._exit(1)

def main():
    worker = Worker.options(name="the worker").remote()
    ray.get([worker.nap.remote(), worker.nap.remote()])
    for method in (worker.fail, worker.crash):
        try:
            ray.get(method.remote())
        except Exception:
            pass
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "app.py").write_text(APP)
    return Recipe(program=Program(target=Target(str(tmp_path / "app.py"), "main")))


def drawn(recipe: Recipe) -> Timeline:
    return recorded(recipe, recipe.run().digest or "")


def spans(found: Timeline) -> list[tuple[str, int, float]]:
    lengths = [end - start for start, end in zip(found.start_us, found.end_us, strict=True)]
    return [
        (found.labels[n], ended, round(us, -4))
        for n, ended, us in zip(found.label, found.ended, lengths, strict=True)
    ]


def test_each_call_is_a_span_with_its_end_and_calls_side_by_side_have_lanes(recipe: Recipe) -> None:
    found = drawn(recipe)
    assert [(row.name, row.process, row.node) for row in found.rows] == [
        ("driver", "driver", "node-1"),
        ("the worker", "actor-1", "node-1"),
    ]
    assert spans(found) == [
        ("Worker.nap", RETURNED, 1_000_000),
        ("Worker.nap", RETURNED, 1_000_000),
        ("Worker.fail", RAISED, 0),
        ("Worker.crash", DIED, 0),
    ]
    assert found.lane == [0, 1, 0, 0]
    assert found.rows[1].lanes == 2
    assert found.rows[1].died_us == pytest.approx(found.end_us[-1])
    assert found.source == [0] * 4
    for sent_us, start_us, end_us, answered_us in zip(
        found.sent_us, found.start_us, found.end_us, found.answered_us, strict=True
    ):
        assert 0 <= sent_us < start_us <= end_us < answered_us <= found.duration_us


def test_an_actor_that_was_started_again_is_there_to_the_end(recipe: Recipe) -> None:
    Path(recipe.program.target.file).write_text(
        "import os\nimport simactors as ray\n@ray.remote(max_restarts=1, max_task_retries=1)\nclass Frail:\n"
        "    def __init__(self): self.lives = True\n    def crash(self): os._exit(1)\n"
        "def main():\n    frail, killed = Frail.remote(), Frail.options(max_restarts=0).remote()\n"
        "    ray.get(killed.__ray_ready__.remote())\n    ray.kill(killed)\n"
        "    ray.wait([frail.crash.options(max_task_retries=0).remote()])\n    ray.get(frail.__ray_ready__.remote())\n"
    )
    found = drawn(recipe)
    assert DIED in found.ended
    ends = {row.process: row.died_us for row in found.rows}
    assert ends["actor-1"] is None
    assert ends["actor-2"] is not None


def test_looking_does_not_change_the_run(recipe: Recipe) -> None:
    watcher = timeline._Watcher()
    assert recipe.run(watcher.drawing.watch, onlookers=[watcher]).digest == recipe.run().digest


def test_a_run_that_becomes_another_one_is_not_drawn(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "runs", itertools.count(1), raising=False)  # outlives a run, as few things do
    Path(recipe.program.target.file).write_text(
        "import json\nimport simactors as ray\n@ray.remote\ndef one(): pass\n"
        "def main(): ray.get([one.remote() for _ in range(next(json.runs))])\n"
    )
    with pytest.raises(
        NondeterminismError, match=r"seed 0 went another way .* --check-determinism` says what"
    ):
        drawn(recipe)


def test_of_too_many_calls_every_second_one_is_left_out(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(recipe.program.target.file).write_text(
        "import simactors as ray\n@ray.remote\nclass One:\n    def __init__(self): pass\n    def do(self): pass\n"
        "def main():\n    one, other = One.remote(), One.remote()\n"
        "    ray.get([actor.do.remote() for _ in range(50) for actor in (one, other)])\n"
    )
    whole = drawn(recipe)
    assert (whole.every, len(whole.row), len(whole.rows), whole.left_out) == (1, 100, 3, 0)
    monkeypatch.setattr(timeline, "MOST_SPANS", 30)
    found = drawn(recipe)
    assert found.every in (4, 8)
    assert 0 < len(found.row) <= 30
    assert all(call % found.every == 0 for call in found.call)
    assert spans(found) == spans(drawn(recipe))
    monkeypatch.setattr(timeline, "MOST_ROWS", 2)
    narrow = drawn(recipe)
    assert (len(narrow.rows), narrow.left_out) == (2, 1)
    assert set(narrow.row) == {1}


def test_the_page_gets_whole_numbers_from_which_the_times_come_back(recipe: Recipe) -> None:
    found = drawn(recipe)
    told = json.loads(json.dumps(timeline.as_fields(found)))
    now, starts = 0, []
    for step in told["start"]:
        now += step
        starts.append(now / 10)
    assert starts == pytest.approx(found.start_us, abs=0.1)
    assert [start + took / 10 for start, took in zip(starts, told["took"], strict=True)] == pytest.approx(
        found.end_us, abs=0.2
    )


def test_on_a_thread_of_perfetto_no_two_calls_overlap(recipe: Recipe) -> None:
    events = perfetto.events(Run(seed=0, outcome="passed"), drawn(recipe))
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    calls = [event for event in events if event["ph"] == "X"]
    assert sorted(names[event["tid"]] for event in calls if event["name"] == "Worker.nap") == [
        "the worker (actor-1)",
        "the worker (actor-1), side by side 2",
    ]
    for tid in names:
        own = sorted((call["ts"], call["ts"] + call["dur"]) for call in calls if call["tid"] == tid)
        assert all(end <= start for (_, end), (start, _) in pairwise(own))


def test_faults_are_instants_or_lengths_of_time_for_perfetto(recipe: Recipe) -> None:
    run = Run(seed=0, outcome="passed")
    run.faults = [
        Fault(kind="fault", where="network", what="partition", start_s=1.0, end_s=3.0),
        Fault(kind="death", where="actor-1", what="it ended", start_s=2.0),
    ]
    faults = [event for event in perfetto.events(run, drawn(recipe)) if event.get("cat") == "fault"]
    assert [(event["ph"], event["ts"], event.get("dur")) for event in faults] == [
        ("X", 1e6, 2e6),
        ("i", 2e6, None),
    ]


def test_a_run_that_is_too_long_is_no_mermaid_diagram(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, run = drawn(recipe), Run(seed=0, outcome="passed")
    diagram = mermaid.text(run, found)
    assert diagram is not None
    assert "  p1--xp0: raises, no. " in diagram.replace("#", "no. ")
    assert "Note over p1: dies in" in diagram
    monkeypatch.setattr(mermaid, "MOST_MESSAGES", 7)
    assert mermaid.text(run, found) is None
