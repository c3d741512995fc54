"""A run for Perfetto (https://ui.perfetto.dev) and chrome://tracing: events as ``ray timeline`` writes them.

A process there is a node here, a thread is an actor or a worker; messages are flows, queues and uses of resources are
counters, faults are instants. Times are virtual microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from simactors.scenarios.result import Run
from simactors.scenarios.timeline import DIED, RAISED, RETURNED, RUNNING, Timeline

_ENDED = {RETURNED: "return", RAISED: "raise", DIED: "die", RUNNING: "running"}
_COLOURS = {RETURNED: "generic_work", RAISED: "terrible", DIED: "terrible", RUNNING: "grey"}
_CLUSTER = 0


def events(run: Run, timeline: Timeline) -> list[dict[str, Any]]:
    """All of them, as Chrome's trace format has it."""
    nodes = {node: number for number, node in enumerate(dict.fromkeys(row.node for row in timeline.rows), 1)}
    places = [(nodes[row.node], number) for number, row in enumerate(timeline.rows, 1)]
    return [
        *_names(timeline, nodes, places),
        *_spans(timeline, places),
        *_flows(timeline, places),
        *_counters(run),
        *_faults(run),
    ]


def dumps(run: Run, timeline: Timeline) -> str:
    """A JSON array, as ``ray timeline`` writes."""
    return json.dumps(events(run, timeline))


def _names(
    timeline: Timeline, nodes: dict[str, int], places: list[tuple[int, int]]
) -> Iterator[dict[str, Any]]:
    for name, pid in (("cluster", _CLUSTER), *nodes.items()):
        yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name or "no node"}}
    for row, (pid, tid) in zip(timeline.rows, places, strict=True):
        name = row.name if row.name == row.process else f"{row.name} ({row.process})"
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}


def _spans(timeline: Timeline, places: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(timeline.row):
        label, ended = timeline.labels[timeline.label[n]], timeline.ended[n]
        yield {
            "ph": "X",
            "cat": f"task::{label}",
            "name": label,
            "cname": _COLOURS[ended],
            "pid": places[row][0],
            "tid": places[row][1],
            "ts": timeline.start_us[n],
            "dur": timeline.end_us[n] - timeline.start_us[n],
            "args": {"call": timeline.call[n], "ended": _ENDED[ended]},
        }


def _flows(timeline: Timeline, places: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for n, source in enumerate(timeline.source):
        if source >= 0:
            flow = {"cat": "message", "name": timeline.labels[timeline.label[n]], "id": n}
            pid, tid = places[source]
            yield {"ph": "s", **flow, "pid": pid, "tid": tid, "ts": timeline.sent_us[n]}
            pid, tid = places[timeline.row[n]]
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
