"""What a trace is made of: one record for every hop of every call."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One thing that happened in a simulation.

    Attributes:
        time_ns: virtual nanoseconds since the start.
        kind: what happened, one of `KINDS`.
        call: the id of the call, object or actor it happened to; 0 if to none.
        process: where it happened: ``driver``, ``actor-1``, ``worker-2``.
        what: whatever makes it readable: ``Account.add``.
    """

    time_ns: int
    kind: str
    call: int
    process: str
    what: str

    def __str__(self) -> str:
        number = f"#{self.call}" if self.call else ""
        return (
            f"{self.time_ns / 1e9:>12.6f}s  {self.process:<12} {KINDS.get(self.kind, self.kind):<9} "
            f"{self.what} {number}"
        ).rstrip()


KINDS = {
    "call": "calls",
    "create": "creates",
    "start": "starts",
    "send": "sends",
    "return": "returns",
    "raise": "raises",
    "ready": "receives",
    "fail": "receives the failure of",
    "put": "puts",
    "sleep": "sleeps",
    "preempt": "preempts",
    "retry": "repeats",
    "kill": "kills",
    "die": "dies:",
    "cancel": "cancels",
    "recover": "makes again",
    "join": "joins",
    "crash": "stops",
    "lose": "is declared dead:",
    "fault": "meets",
}
"""Every kind of record, with the words that print it."""
