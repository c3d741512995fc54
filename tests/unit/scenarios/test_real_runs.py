"""What a trace of times tells of a real run: each test writes one, as the processes of a run would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simactors.core.tracing import SUFFIX, Lines
from simactors.scenarios.real_runs import RealRun
from simactors.scenarios.result import Method, Totals
from simactors.scenarios.tally import Tally
from simactors.scenarios.timeline import DIED, RAISED, RETURNED, RUNNING, drawn

ORIGIN_S = 1000.0
Write = Callable[..., None]


class Written:
    """A folder with a driver on a node of 4 CPUs and a GPU; times count from the origin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[Lines] = []
        self.driver = self.file()
        self.driver(
            "process", 0.0, is_driver=True, node="a", nodes=[("a", "node-1", {"CPU": 4.0, "GPU": 1.0})]
        )

    def file(self) -> Write:
        """That of one more process."""
        lines = Lines(self.folder)
        self.opened.append(lines)
        return lambda event, at_s, **fields: lines.write(event, ORIGIN_S + at_s, **fields)

    def process(self, at_s: float, actor: str | None = None, pid: int = 7) -> Write:
        """One that runs code."""
        write = self.file()
        write("process", at_s, node="a", pid=pid, actor=actor)
        return write

    def create(self, actor: str, at_s: float = 0.0, **fields: Any) -> None:
        """The driver makes an actor of the class Shard."""
        told = {"class_name": "Shard", "name": None, "holds": {}, **fields}
        self.driver("create", at_s, actor=actor, **told)

    def call(self, number: int | None, at_s: float, actor: str = "a1", label: str = "Shard.put") -> None:
        """The driver calls an actor."""
        self.driver("call", at_s, call=number, label=label, actor=actor)

    def read(self) -> RealRun:
        """What there is by now."""
        return RealRun(self.folder, ORIGIN_S)

    def tally(self) -> Tally:
        """What it counts."""
        tally, run = Tally(), self.read()
        for record in run.records:
            tally.count(record)
        for trouble in run.troubles:
            tally.meet(trouble)
        return tally

    def method(self) -> Method:
        """The only one that was called."""
        (method,) = self.tally().methods
        return method


def run(
    process: Write, number: int, begin_s: float, end_s: float | None, *, label: str = "Shard.put", **end: Any
) -> None:
    """A process runs the code of a call."""
    process("begin", begin_s, call=number, label=label, cpu_s=0.0)
    if end_s is not None:
        process("end", end_s, call=number, cpu_s=0.0, **end)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    found = Written(tmp_path)
    yield found
    for lines in found.opened:
        lines.close()


def test_latency_counts_until_code_of_the_caller_has_seen_the_answer(written: Written) -> None:
    written.create("a1")
    written.call(1, 1.0)
    run(written.process(0.5, "a1"), 1, 1.25, 1.5)
    assert written.method().latency.max_s == pytest.approx(0.5)  # nobody has asked: until the code ended
    written.driver("seen", 2.0, call=1, ok=True)
    method = written.method()
    assert (method.calls, method.failed) == (1, 0)
    assert [each.max_s for each in (method.waiting, method.service, method.latency)] == pytest.approx(
        [0.25, 0.25, 1.0]
    )


def test_a_call_fails_if_it_raises_or_if_the_caller_is_told_so(written: Written) -> None:
    written.create("a1")
    shard = written.process(0.5, "a1")
    for number in (1, 2, 3):
        written.call(number, 1.0)
    run(shard, 1, 1.1, 1.2, raised=True)
    run(shard, 2, 1.2, 1.3, raised=True)
    written.driver("seen", 2.0, call=2, ok=None)  # `wait` does not look at values
    written.driver("seen", 2.0, call=3, ok=False)  # it never began
    assert written.method().failed == 3


def test_what_a_process_that_died_had_begun_is_lost_and_what_waited_for_it_fails(written: Written) -> None:
    written.create("a1")
    run(written.process(0.5, "a1"), 1, 1.1, None)
    for number in (1, 2):
        written.call(number, 1.0)
    assert written.tally().totals.lost == 0
    written.file()("died", 1.5, actor="a1", pid=7, what="SIGKILL", wanted=False)
    tally = written.tally()
    assert (tally.totals.lost, tally.totals.deaths, written.method().failed) == (1, 1, 2)
    assert [(fault.kind, fault.where, fault.what, fault.start_s) for fault in tally.faults] == [
        ("death", "actor-1", "SIGKILL", 1.5)
    ]
    assert written.method().latency.max_s == pytest.approx(0.5)


def test_a_second_beginning_is_a_retry_and_that_of_a_constructor_a_restart(written: Written) -> None:
    written.create("a1")
    written.call(1, 0.6)
    for at_s, end_s in ((0.5, None), (2.0, 2.5)):
        shard = written.process(at_s, "a1")
        run(shard, 99, at_s, at_s + 0.1, label="Shard.__init__")
        run(shard, 1, at_s + 0.2, end_s)
    tally = written.tally()
    # Nobody has told of the death; but there was one.
    assert tally.totals == Totals(calls=1, retries=1, restarts=1, deaths=1, lost=1)
    found = drawn(written.read().records, written.read().place_of, 3e6)
    assert found.ended == [DIED, RETURNED]
    assert [(row.name, row.process, row.node, row.died_us) for row in found.rows] == [
        ("Shard#1", "actor-1", "node-1", None),
        ("driver", "driver", "node-1", None),
    ]


def test_an_actor_that_died_before_its_code_ran_was_restarted_all_the_same(written: Written) -> None:
    written.create("a1")
    supervisor = written.file()
    for at_s in (0.1, 0.2):
        supervisor("died", at_s, actor="a1", pid=7, what="SIGKILL", restarts=True)
    run(written.process(0.5, "a1", pid=9), 99, 0.5, 0.6, label="Shard.__init__")
    assert (written.tally().totals.restarts, written.tally().totals.deaths) == (2, 2)


def test_retries_that_never_began_are_known_from_the_number_of_the_attempt(written: Written) -> None:
    written.create("a1")
    written.call(1, 1.0)
    written.process(0.5, "a1")("begin", 2.0, call=1, label="Shard.put", attempt=2)
    assert written.tally().totals.retries == 2


def test_an_end_that_was_wanted_is_no_death_and_still_ends_the_row(written: Written) -> None:
    written.create("a1", name="the shard")
    run(written.process(0.5, "a1"), 99, 0.5, 0.6, label="Shard.__init__")
    written.file()("died", 2.0, actor="a1", pid=7, what="it was killed", wanted=True)
    assert (written.tally().totals.deaths, written.tally().faults) == (0, [])
    rows = drawn(written.read().records, written.read().place_of, 3e6).rows
    assert [(row.name, row.died_us) for row in rows] == [("the shard", 2e6)]


def test_a_pause_has_an_end_and_faults_are_named_by_their_process(written: Written) -> None:
    task = written.process(0.5, pid=8)
    run(task, 1, 0.5, 1.0, label="work")
    written.file()("fault", 1.0, pid=8, what="its process stands still", for_s=0.5)
    written.file()("fault", 2.0, pid=8, what="delay of work by 1 s")
    assert [(fault.where, fault.what, fault.start_s, fault.end_s) for fault in written.tally().faults] == [
        ("worker-1", "its process stands still", 1.0, 1.5),
        ("worker-1", "delay of work by 1 s", 2.0, None),
    ]
    assert written.tally().totals.faults == 2


def test_queues_hold_the_calls_that_were_made_and_have_not_begun(written: Written) -> None:
    for actor in ("a1", "a2"):
        written.create(actor)
    shard = written.process(0.5, "a1")
    for number in (1, 2, 3):
        written.call(number, 1.0)
    written.call(4, 2.0, "a2")
    written.call(5, 0.0, "a2", "Shard.__ray_ready__")  # of which nobody sees that it begins
    for number in (1, 2, 3):
        run(shard, number, 3.0 + number, 3.5 + number)
    samples = written.read().samples(8.0)
    (queue,) = samples.queues
    assert queue.class_name == "Shard"
    at = {round(time_s): number for number, time_s in reversed(list(enumerate(samples.times_s)))}
    seen = [
        (queue.waiting[number + 40], queue.longest[number + 40]) for number in (at[0], at[1], at[3], at[5])
    ]
    assert seen == [(0, 0), (3, 3), (4, 3), (2, 1)]


def test_of_resources_what_is_held_is_reserved_and_what_works_is_used(written: Written) -> None:
    written.create("a1", holds={"CPU": 1.0, "GPU": 0.5})
    shard = written.process(1.0, "a1")
    shard("begin", 1.0, call=99, label="Shard.__init__", cpu_s=10.0)
    shard("end", 2.0, call=99, cpu_s=10.5)
    written.driver("call", 2.0, call=2, label="work", holds={"CPU": 2.0})
    task = written.process(2.0, pid=8)
    task("begin", 2.0, call=2, label="work", cpu_s=1.0)
    task("end", 3.0, call=2, cpu_s=2.0)
    written.file()("died", 3.5, actor="a1", pid=7, what="it was killed", wanted=True)
    samples = written.read().samples(5.0)
    uses = {use.resource: use for use in samples.uses}
    assert [(use.node, use.total) for use in uses.values()] == [("node-1", 4.0), ("node-1", 1.0)]

    def during(values: list[float], from_s: float) -> float:
        (value,) = {
            round(value, 3)
            for time_s, value in zip(samples.times_s, values, strict=True)
            if 0.1 < time_s - from_s < 0.4
        }
        return value

    moments_s = (0.0, 1.0, 2.0, 3.0, 4.0)
    assert [during(uses["CPU"].reserved, s) for s in moments_s] == [0.0, 0.25, 0.75, 0.25, 0.0]
    assert [during(uses["CPU"].used, s) for s in moments_s] == [0.0, 0.125, 0.25, 0.0, 0.0]
    assert [during(uses["GPU"].reserved, s) for s in moments_s] == [0.0, 0.5, 0.5, 0.5, 0.0]
    assert [during(uses["GPU"].used, s) for s in moments_s] == [0.0, 0.5, 0.0, 0.0, 0.0]


def test_calls_without_a_ref_are_those_that_begin_next(written: Written) -> None:
    written.create("a1")
    for at_s in (1.0, 2.0):
        written.call(None, at_s)
    shard = written.process(0.5, "a1")
    for number, at_s in ((51, 1.5), (52, 3.0)):
        run(shard, number, at_s, at_s + 0.25)
    method = written.method()
    assert (method.calls, method.latency.count) == (2, 2)
    assert method.latency.max_s == pytest.approx(1.25)


def test_code_that_ends_after_its_caller_was_told_is_drawn_to_its_end(written: Written) -> None:
    written.create("a1")
    written.call(1, 1.0)
    run(written.process(0.5, "a1"), 1, 1.0, 3.0, raised=True)
    written.driver("seen", 2.0, call=1, ok=False)  # it was cancelled
    found = drawn(written.read().records, written.read().place_of, 5e6)
    assert (found.ended, found.end_us, found.answered_us) == ([RAISED], [3e6], [2e6])
    written.call(2, 4.0)
    run(written.process(3.5, "a1"), 2, 4.0, None)
    assert drawn(written.read().records, written.read().place_of, 5e6).ended == [RAISED, RUNNING]


def test_sessions_of_one_program_have_ids_of_their_own(written: Written) -> None:
    written.create("a1")
    written.call(1, 1.0)
    run(written.process(0.5, "a1"), 1, 1.0, 1.5)
    written.driver = written.file()
    written.driver("process", 2.0, is_driver=True, node="a", nodes=[("a", "node-1", {"CPU": 4.0})])
    written.create("a1", 2.0)
    written.call(1, 3.0)
    run(written.process(2.5, "a1"), 1, 3.0, 3.25)
    assert (written.method().calls, written.method().retries) == (2, 0)
    assert [written.read().place_of(f"actor-{n}") for n in (1, 2)] == [
        ("Shard#1", "node-1"),
        ("Shard#2", "node-1"),
    ]


def test_half_a_line_of_a_process_that_was_killed_is_nothing(written: Written) -> None:
    written.create("a1")
    written.call(1, 1.0)
    (written.folder / f"half{SUFFIX}").write_text('{"event":"call","time_s":1')
    assert written.method().calls == 1


def test_where_nothing_was_written_nobody_has_watched(tmp_path: Path) -> None:
    found = RealRun(tmp_path, ORIGIN_S)
    assert (found.is_watched, found.records) == (False, [])
