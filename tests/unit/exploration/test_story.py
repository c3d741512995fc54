"""What a trace means together, told from records written by hand and from real runs."""

from __future__ import annotations

import time

import pytest

import simactors as ray
from simactors import FaultPlan, simulate
from simactors.core.events import Record
from simactors.exceptions import DeadlockError
from simactors.exploration.folds import Fold
from simactors.exploration.hops import Event, Lane
from simactors.exploration.runner import Ending
from simactors.exploration.story import Decisive, Story
from simactors.faults import CrashProcess

FAILED = Ending("failed", "AssertionError", "no")


def told(*rows: tuple[int, str, int, str, str], **options) -> Story:
    """A story of records given as (milliseconds, kind, call, process, what)."""
    records = [Record(ms * 1_000_000, kind, call, process, what) for ms, kind, call, process, what in rows]
    return Story.of(records, ending=FAILED, **options)


ONE_CALL = (
    (0, "join", 1, "node-1", ""),
    (0, "send", 0, "driver", "Cell.put(3)"),
    (0, "call", 2, "driver", "Cell.put"),
    (1, "start", 2, "actor-1", "Cell.put"),
    (1, "return", 2, "actor-1", "Cell.put"),
    (2, "ready", 2, "driver", "Cell.put"),
)


def arrows(story: Story) -> list[tuple[str, int, int | None, bool]]:
    return [(m.sort, m.source, m.target, m.failed) for m in story.messages]


def kinds(story: Story) -> list[str]:
    return [event.kind for event in story.events]


def test_a_call_is_a_request_an_activation_a_reply_and_a_wait():
    story = told(*ONE_CALL)
    assert arrows(story) == [("request", 0, 1, False), ("reply", 2, 3, False)]
    assert [(a.lane, a.what, a.first, a.last) for a in story.activations] == [
        (0, "driver", 0, None),
        (1, "Cell.put", 1, 2),
    ]
    assert [(w.lane, w.first, w.last) for w in story.waits] == [(0, 0, 3)]


def test_a_call_is_told_with_its_arguments_which_are_no_step_of_their_own():
    story = told(*ONE_CALL)
    assert kinds(story) == ["call", "start", "return", "ready"]
    assert story.events[0].words == "calls Cell.put(3)"
    assert story.events[0].record == 2


def test_lanes_have_the_names_of_their_classes_and_nodes_without_a_story_have_none():
    story = told(*ONE_CALL)
    assert [lane.title for lane in story.lanes] == ["driver", "Cell (actor-1)"]


def test_a_worker_that_ran_two_tasks_has_no_name():
    story = told(
        (0, "start", 1, "worker-1", "f"), (1, "return", 1, "worker-1", "f"), (2, "start", 2, "worker-1", "g")
    )
    assert story.lanes[1] == Lane(process="worker-1")


def test_a_node_that_crashes_has_a_lane():
    story = told((0, "join", 1, "node-1", ""), (0, "join", 2, "node-2", ""), (5, "crash", 2, "node-2", ""))
    assert [lane.process for lane in story.lanes] == ["driver", "node-2"]


def test_what_was_not_answered_dangles_and_its_caller_waits_for_ever():
    story = told(*ONE_CALL[:4])
    assert arrows(story) == [("request", 0, 1, False)]
    assert [(w.lane, w.first, w.last) for w in story.waits] == [(0, 0, None)]
    assert arrows(told(*ONE_CALL[:3])) == [("request", 0, None, False)]
    assert arrows(told(*ONE_CALL[:5]))[1] == ("reply", 2, None, False)


def test_a_caller_hears_of_a_death_from_the_one_who_died():
    story = told(
        (0, "call", 2, "driver", "Cell.put"),
        (1, "start", 2, "actor-1", "Cell.put"),
        (2, "die", 1, "actor-1", "its process crashed"),
        (3, "fail", 2, "driver", "Cell.put"),
    )
    assert arrows(story) == [("request", 0, 1, False), ("notice", 2, 3, True)]
    assert story.activations[1].last == 2
    assert story.past(3) == {0, 1, 2, 3}


def test_a_call_that_is_made_again_has_two_requests_and_the_lost_one_dangles():
    story = told(
        (0, "call", 2, "driver", "Cell.put"),
        (0, "fault", 2, "driver", "broken connection: request of Cell.put"),
        (1, "retry", 2, "driver", "Cell.put"),
        (2, "start", 2, "actor-1", "Cell.put"),
    )
    assert arrows(story) == [("request", 0, None, True), ("retry", 2, 3, False)]


def test_a_call_that_is_only_late_still_arrives():
    story = told(
        (0, "call", 2, "driver", "Cell.put"),
        (0, "fault", 2, "driver", "broken connection: late Cell.put"),
        (1, "retry", 2, "driver", "Cell.put"),
        (2, "start", 2, "actor-1", "Cell.put"),
        (3, "return", 2, "actor-1", "Cell.put"),
        (4, "start", 2, "actor-1", "Cell.put"),
    )
    assert arrows(story)[:2] == [("request", 0, 3, False), ("retry", 2, 5, False)]


def test_calls_side_by_side_have_bars_side_by_side():
    story = told(
        (0, "start", 2, "actor-1", "A.f"),
        (0, "start", 3, "actor-1", "A.f"),
        (1, "return", 2, "actor-1", "A.f"),
        (1, "start", 4, "actor-1", "A.f"),
    )
    assert [(a.call, a.depth) for a in story.activations if a.call] == [(2, 0), (3, 1), (4, 0)]


def test_a_constructor_ends_where_the_first_call_begins():
    story = told(
        (0, "start", 1, "actor-1", "A.__init__"),
        (1, "sleep", 0, "actor-1", "1s"),
        (2, "start", 2, "actor-1", "A.f"),
    )
    assert [(a.what, a.first, a.last) for a in story.activations] == [("A.__init__", 0, 1), ("A.f", 2, None)]


def test_a_note_on_the_arguments_or_on_the_call_is_of_the_call_and_its_request():
    for index in (1, 2):
        story = told(*ONE_CALL, notes={index: "delayed"})
        assert story.events[0].note == "delayed"
        assert [m.note for m in story.messages] == ["delayed", ""]
    arriving = told(*ONE_CALL, notes={5: "late reply"})
    assert [m.note for m in arriving.messages] == ["", "late reply"]


def test_the_decisive_step_is_found_by_its_record():
    assert told(*ONE_CALL, decisive=Decisive(record=3, before=0.1, after=1)).decided_at == 1
    assert told(*ONE_CALL, decisive=Decisive(record=1, before=0.1, after=1)).decided_at == 0
    with pytest.raises(IndexError, match="record 6 of 6"):
        told(*ONE_CALL, decisive=Decisive(record=6, before=0.1, after=1))
    with pytest.raises(ValueError, match="between 0 and 1"):
        Decisive(record=0, before=12, after=100)


def chatter(count: int) -> list[tuple[int, str, int, str, str]]:
    """The driver polls an actor, and in the middle of it a worker that nobody waits for dies."""
    rows = []
    for call in range(1, count + 1):
        rows += [
            (4 * call, "call", call, "driver", "A.poll"),
            (4 * call + 1, "start", call, "actor-1", "A.poll"),
            (4 * call + 2, "return", call, "actor-1", "A.poll"),
            (4 * call + 3, "ready", call, "driver", "A.poll"),
        ]
        if call == count // 2:
            rows.append((4 * call + 3, "die", 9999, "worker-1", "its process crashed"))
    return rows


def test_a_long_run_is_folded_and_every_event_is_shown_or_counted():
    story = told(*chatter(500), most=60)
    assert story.is_folded
    assert len(story.rows) < 60
    counted = [
        n
        for row in story.rows
        for n in (range(row.first, row.last + 1) if isinstance(row, Fold) else [row.number])
    ]
    assert counted == list(range(len(story.events)))
    for fold in (row for row in story.rows if isinstance(row, Fold)):
        assert sum(count for _, count in fold.counts) == fold.size


def test_the_end_the_decision_and_faults_are_never_folded():
    story = told(*chatter(500), most=60, decisive=Decisive(record=400, before=0, after=1))
    shown = {row.number for row in story.rows if isinstance(row, Event)}
    assert {400, len(story.events) - 1, kinds(story).index("die")} <= shown


def test_a_fold_says_what_it_hides():
    story = told(*chatter(500), most=60)
    assert any(
        "A.poll" in row.words and "steps: " in row.words for row in story.rows if isinstance(row, Fold)
    )


def test_a_short_run_is_shown_whole():
    story = told(*chatter(10))
    assert story.rows == story.events


@ray.remote
class Peer:
    def meet(self, other):
        self.other = other

    def ask(self):
        return ray.get(self.other.answer.remote())

    def answer(self):
        return 1


def test_in_a_deadlock_everybody_in_the_circle_waits_for_ever():
    records: list[Record] = []

    def ask_each_other():
        first, second = Peer.remote(), Peer.remote()
        ray.get([first.meet.remote(second), second.meet.remote(first)])
        ray.get([first.ask.remote(), second.ask.remote()])

    with simulate(watch=records.append), pytest.raises(DeadlockError):
        ask_each_other()
    story = Story.of(records, ending=Ending("deadlock", "DeadlockError", "stuck"))
    stuck = {story.lanes[wait.lane].process for wait in story.waits if wait.last is None}
    assert stuck == {"driver", "actor-1", "actor-2"}
    assert sum(m.target is None for m in story.messages) == 2


def test_a_crash_is_told_with_the_restart_that_followed():
    records: list[Record] = []

    @ray.remote(max_restarts=1, max_task_retries=1)
    class Slow:
        def work(self):
            time.sleep(1)
            return 1

    with simulate(watch=records.append, faults=FaultPlan([CrashProcess(process="Slow", at_s=0.5)])):
        assert ray.get(Slow.remote().work.remote()) == 1
    story = Story.of(records, ending=Ending("passed"))
    words = [event.words for event in story.events]
    assert "fault: its process crashes" in words
    assert words.count("starts Slow") == 2
    assert {"request", "notice", "retry", "reply"} == {message.sort for message in story.messages}


def test_refs_and_handles_among_arguments_are_short():
    records: list[Record] = []
    with simulate(watch=records.append):
        peer = Peer.remote()
        peer.meet.remote(peer)
        ray.get(peer.meet.remote(ray.put([1])))
    words = [event.words for event in Story.of(records, ending=Ending("passed")).events]
    assert "calls Peer.meet(ActorHandle())" in words
    assert any(word.startswith("calls Peer.meet(ObjectRef(#") for word in words)
