"""A simulation goes the way of a real run: the same messages in the same order, whichever it was.

Method: traces as processes would have written them, of orders that are chosen here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from simactors.exceptions import TargetError
from simactors.exploration.following import follow, keep_program, program_of
from simactors.exploration.repro import replay
from simactors.exploration.target import Program, Target
from simactors.traces import Trace, TraceError

APP = """
import simactors as ray

@ray.remote
class Log:
    def __init__(self):
        self.lines = []
    def add(self, line):
        self.lines.append(line)
    def all(self):
        return "".join(self.lines)

@ray.remote
def write(log, line):
    ray.get(log.add.remote(line))

def main():
    log = Log.options(num_cpus=0).remote()
    ray.get([write.options(num_cpus=0.1).remote(log, line) for line in "abc"])
    assert not "ORDER", ray.get(log.all.remote())
"""


def written(folder: Path, order: str, *more: dict[str, Any]) -> Path:
    """The trace of a run of APP in which the lines came in this order."""
    driver: dict[str, Any] = {}
    events: list[dict[str, Any]] = [
        {"event": "driver", "backend": "local", "file": str(folder / "app.py"), "argv": [], "as_ray": False},
        {"event": "create", "by": driver, "actor": "1", "class_name": "Log", "name": None},
    ]
    for line in "abc":
        events.append(
            {"event": "call", "by": driver, "call": f"t{line}", "label": "write", "actor": None, "args": []}
        )
    for line in order:
        call = {"event": "call", "by": {"task": f"t{line}"}, "call": f"m{line}", "label": "Log.add"}
        events += [
            {"event": "begin", "call": f"t{line}", "label": "write", "by": {"task": f"t{line}"}},
            {**call, "actor": "1", "args": [line]},
            {"event": "begin", "call": f"m{line}", "label": "Log.add", "by": {"actor": "1"}},
            {"event": "end", "call": f"m{line}", "result": None},
            {"event": "end", "call": f"t{line}", "result": None},
        ]
    # Of each process a file of its own, and none of them in order.
    trace = folder / "trace"
    trace.mkdir()
    for number, event in enumerate([*events, *more]):
        with (trace / f"{number % 3}.trace.jsonl").open("a") as file:
            file.write(json.dumps({"time_s": 1_000.0 + number, **event}) + "\n")
    return trace


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "app.py").write_text(APP.replace('not "ORDER"', "False"))
    return Program(target=Target(str(tmp_path / "app.py"), "main"))


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_messages_come_in_the_order_of_the_trace_whichever_it_is(
    order: str, program: Program, tmp_path: Path
) -> None:
    followed = follow(program, Trace.load(written(tmp_path, order)))
    assert followed.result.ending.message == order
    # The driver's last call is not in the trace.
    assert [(gone.place, gone.number, gone.wanted) for gone in followed.departures] == [("Log#1", 4, None)]
    assert (followed.calls, followed.kept) == (6, 6)
    again = replay(followed.repro)
    assert again.result.ending.message == order
    assert not again.differences


def test_where_it_could_not_follow_is_told(program: Program, tmp_path: Path) -> None:
    Path(program.target.file).write_text(APP.replace('"abc"', '"ab"').replace('not "ORDER"', "False"))
    followed = follow(program, Trace.load(written(tmp_path, "cab")))
    assert followed.result.ending.message == "ab"
    assert followed.kept == 2
    assert [(gone.place, gone.number) for gone in followed.departures] == [("write#3", 1), ("Log#1", 1)]


def test_a_trace_is_a_history_for_judges(tmp_path: Path) -> None:
    lost = {"event": "call", "by": {}, "call": "x", "label": "Log.all", "actor": "1", "args": []}
    failed = {"event": "call", "by": {}, "call": "y", "label": "Log.all", "actor": "1", "args": []}
    end = {"event": "end", "call": "y", "error": {"$error": {"class": "ValueError", "args": ["no"]}}}
    trace = Trace.load(written(tmp_path, "ba", lost, failed, end))
    assert str(trace.history).splitlines() == [
        "write#2: Log#1.add('b') -> None",
        "write#1: Log#1.add('a') -> None",
        "driver: Log#1.all() (unknown)",
        "driver: Log#1.all() raised ValueError('no')",
    ]


def test_the_program_is_the_one_that_was_kept_or_the_one_that_ran(program: Program, tmp_path: Path) -> None:
    folder = written(tmp_path, "abc")
    trace = Trace.load(folder)
    assert str(program_of(trace, folder).target) == str(tmp_path / "app.py")
    with pytest.raises(TargetError, match="is not empty: a trace needs a folder of its own"):
        keep_program(program, folder)
    keep_program(program, tmp_path / "new" / "folder")
    assert program_of(trace, tmp_path / "new" / "folder") == program
    (tmp_path / "new" / "folder" / "program.json").write_text("[]")
    with pytest.raises(TargetError, match="does not say which program it was"):
        program_of(trace, tmp_path / "new" / "folder")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (None, "holds no trace: run the program with SIMACTORS_TRACE_TO="),
        ([], "holds the traces of 0 sessions"),
        (['{"event": "driver", "time_s": 1}'] * 2, "holds the traces of 2 sessions"),
        (["{"], r"0.trace.jsonl:1 is no event of a trace: '\{'"),
        (['{"event": "call", "time_s": "now"}'], "is no event of a trace"),
        (['{"event": "driver", "time_s": 1}', '{"event": "call", "time_s": 2}'], "can't be read as a trace"),
    ],
)
def test_what_is_no_trace_is_refused(lines: Sequence[str] | None, says: str, tmp_path: Path) -> None:
    if lines is not None:
        (tmp_path / "0.trace.jsonl").write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(TraceError, match=says):
        Trace.load(tmp_path)


WAITING = """
import simactors as ray

@ray.remote(num_cpus=0.1)
def work(name):
    pass

def main():
    names, looks = {work.remote(name): name for name in "ab"}, []
    refs = list(names)
    while refs:
        ready, refs = ray.wait(refs, timeout=0.001)
        looks.append("".join(names[ref] for ref in ready) or "-")
    assert False, " ".join(looks)
"""


@pytest.mark.parametrize(
    ("events", "looks"),
    [
        ("begin a, end a, begin b, end b, look, look", "a b"),
        ("begin b, end b, look, begin a, end a, look", "b a"),
        # Both had come when the driver had its turn: the first of its list, whichever was first.
        ("begin b, end b, begin a, end a, look, look", "a b"),
        # The answer of `a` was still on its way.
        ("begin b, end b, begin a, end a, look but a, look", "b a"),
        # Nothing had come in time, again and again.
        (
            "look but ab, look but ab, begin b, look but ab, end b, look, look but a, begin a, end a, look",
            "- - - b - a",
        ),
    ],
)
def test_code_that_waited_goes_on_when_it_did(events: str, looks: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WAITING)
    driver: dict[str, Any] = {}
    call = {"event": "call", "by": driver, "label": "work", "actor": None}
    told: list[dict[str, Any]] = [
        {"event": "driver", "backend": "local", "file": str(tmp_path / "app.py")},
        *({**call, "call": f"t{name}", "args": [name]} for name in "ab"),
    ]
    for words in events.split(", "):
        kind, _, names = words.partition(" ")
        if kind == "begin":
            told.append({"event": kind, "call": f"t{names}", "label": "work", "by": {"task": f"t{names}"}})
        elif kind == "end":
            told.append({"event": kind, "call": f"t{names}", "result": names})
        else:
            pending = [f"t{name}" for name in names.removeprefix("but ")]
            told.append({"event": "waited", "by": driver, "pending": pending})
    (tmp_path / "0.trace.jsonl").write_text(
        "".join(json.dumps({"time_s": 1_000.0 + second, **event}) + "\n" for second, event in enumerate(told))
    )
    program = Program(target=Target(str(tmp_path / "app.py"), "main"))
    followed = follow(program, Trace.load(tmp_path))
    assert followed.result.ending.message == looks
    assert replay(followed.repro).result.ending.message == looks
