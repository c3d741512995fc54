"""A run for Perfetto (https://ui.perfetto.dev) and chrome://tracing: events as ``ray timeline`` writes them.

A process there is a node here, a thread is an actor or a worker; each of the calls that one runs side by side has a
thread of its own, as Perfetto draws none that overlap. Messages are flows, queues and uses of resources are counters,
faults are instants. Times are virtual microseconds.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from simactors.scenarios.result import Run
from simactors.scenarios.timeline import DIED, RAISED, RETURNED, RUNNING, Timeline

Threads = list[list[tuple[int, int]]]
"""Of each row and each of its lanes: the numbers of its process and of its thread."""

_ENDED = {RETURNED: "return", RAISED: "raise", DIED: "die", RUNNING: "running"}
_COLOURS = {RETURNED: "generic_work", RAISED: "terrible", DIED: "terrible", RUNNING: "grey"}
_CLUSTER = 0


def events(run: Run, timeline: Timeline) -> list[dict[str, Any]]:
    """All of them, as Chrome's trace format has it."""
    nodes = {node: number for number, node in enumerate(dict.fromkeys(row.node for row in timeline.rows), 1)}
    numbers = itertools.count(1)
    threads = [[(nodes[row.node], next(numbers)) for _ in range(row.lanes)] for row in timeline.rows]
    return [
        *_names(timeline, nodes, threads),
        *_spans(timeline, threads),
        *_flows(timeline, threads),
        *_counters(run),
        *_faults(run),
    ]


def dumps(run: Run, timeline: Timeline) -> str:
    """A JSON array, as ``ray timeline`` writes."""
    return json.dumps(events(run, timeline))


def _names(timeline: Timeline, nodes: dict[str, int], threads: Threads) -> Iterator[dict[str, Any]]:
    for name, pid in (("cluster", _CLUSTER), *nodes.items()):
        yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name or "no node"}}
    for row, lanes in zip(timeline.rows, threads, strict=True):
        name = row.name if row.name == row.process else f"{row.name} ({row.process})"
        for number, (pid, tid) in enumerate(lanes, 1):
            told = name if number == 1 else f"{name}, side by side {number}"
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": told}}


def _spans(timeline: Timeline, threads: Threads) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(timeline.row):
        label, ended = timeline.labels[timeline.label[n]], timeline.ended[n]
        pid, tid = threads[row][timeline.lane[n]]
        yield {
            "ph": "X",
            "cat": f"task::{label}",
            "name": label,
            "cname": _COLOURS[ended],
            "pid": pid,
            "tid": tid,
            "ts": timeline.start_us[n],
            "dur": timeline.end_us[n] - timeline.start_us[n],
            "args": {"call": timeline.call[n], "ended": _ENDED[ended]},
        }


def _flows(timeline: Timeline, threads: Threads) -> Iterator[dict[str, Any]]:
    for n, source in enumerate(timeline.source):
        if source >= 0:
            flow = {"cat": "message", "name": timeline.labels[timeline.label[n]], "id": n}
            pid, tid = threads[source][0]  # on which of its calls it did that, is not known
            yield {"ph": "s", **flow, "pid": pid, "tid": tid, "ts": timeline.sent_us[n]}
            pid, tid = threads[timeline.row[n]][timeline.lane[n]]
            yield {"ph": "f", "bp": "e", **flow, "pid": pid, "tid": tid, "ts": timeline.start_us[n]}


def _counters(run: Run) -> Iterator[dict[str, Any]]:
    for number, time_s in enumerate(run.samples_s):
        for queue in run.queues:
            args: dict[str, float] = {"waiting": queue.waiting[number], "longest": queue.longest[number]}
            yield _counter(f"waiting at {queue.class_name}", time_s, args)
        for use in run.uses:
            args = {"used": use.used[number], "reserved": use.reserved[number]}
            yield _counter(f"{use.resource} of {use.node}", time_s, args)


def _counter(name: str, time_s: float, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "C", "name": name, "pid": _CLUSTER, "tid": 0, "ts": time_s * 1e6, "args": args}


def _faults(run: Run) -> Iterator[dict[str, Any]]:
    for fault in run.faults:
        event = {"cat": "fault", "name": f"{fault.where}: {fault.what}", "pid": _CLUSTER, "tid": 0}
        if fault.end_s is None:
            yield {"ph": "i", "s": "g", **event, "ts": fault.start_s * 1e6}
        else:
            length_us = (fault.end_s - fault.start_s) * 1e6
            yield {"ph": "X", **event, "ts": fault.start_s * 1e6, "dur": length_us}
