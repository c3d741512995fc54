"""Programs with a planted bug, and for each one its correct twin: what a hunt must find, and what it must not.

The programs are what users of Ray write; they know nothing of simulations. Each file is one class of bugs, and its
docstring says what the bug is, which property it breaks, and what order of messages or which fault that takes. Tests
and benchmarks walk over `PLANTED`; they run a program by its file, as `simactors hunt` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted bug.

    Attributes:
        file: in this folder.
        function: the program with the bug; it fails when the bug shows.
        twin: a function of the same file without the bug: it must not fail under any faults of the kinds `faults`.
        faults: kinds of faults that are needed: "none" (what a seed decides anyway is enough), "delay" (late messages,
            pauses), "crash" (of a process), "node" (loss of a machine), "partition", "skew" (clocks that jump), "rpc"
            (lost requests and replies, calls that run late and twice).
        at_most: how many runs a good hunt may need for it, on average; None if nobody has said.
        nodes: how many machines the cluster has.
    """

    file: str
    function: str
    twin: str
    faults: tuple[str, ...] = ("none",)
    at_most: float | None = None
    nodes: int = 1

    @property
    def path(self) -> Path:
        """Of its file."""
        return FOLDER / self.file

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"


_DELAY = ("delay",)
_CRASH_OR_RPC = ("crash", "rpc")

PLANTED = (
    Planted("lost_update.py", "lost", "counted", at_most=1.5),
    Planted("lost_update.py", "lost_3", "counted_3"),
    Planted("staggered.py", "staggered_5", "together_5", _DELAY),
    Planted("staggered.py", "staggered_20", "together_20", _DELAY, at_most=4),
    Planted("staggered.py", "staggered_50", "together_50", _DELAY),
    Planted("staggered.py", "staggered_same_20", "together_same_20", _DELAY),
    Planted("abba.py", "abba", "in_order", at_most=3.5),
    Planted("abba.py", "abba_10", "in_order_10"),
    Planted("abba.py", "ring_3", "polite_3"),
    Planted("reorder.py", "reorder_3", "together_3"),
    Planted("reorder.py", "reorder_10", "together_10", at_most=10),
    Planted("reorder.py", "reorder_20", "together_20", at_most=10),
    Planted("reorder.py", "reorder_50", "together_50", at_most=10),
    Planted("reorder.py", "reorder_100", "together_100", at_most=10),
    Planted("passed_over.py", "passed_over_5", "awaited_5", _DELAY),
    Planted("passed_over.py", "passed_over_10", "awaited_10", _DELAY, at_most=6),
    Planted("passed_over.py", "passed_over_20", "awaited_20", _DELAY),
    Planted("named_actor.py", "raced", "atomic"),
    Planted("named_actor.py", "raced_at_once", "atomic_at_once"),
    Planted("named_actor.py", "listed_at_once", "atomic_at_once"),
    Planted("stale_cache.py", "unversioned", "versioned"),
    Planted("interleaved.py", "oversold", "taken_first"),
    Planted("interleaved.py", "overwritten", "added_after"),
    Planted("unordered.py", "overtaken", "in_order"),
    Planted("threads.py", "unlocked", "locked"),
    Planted("replica.py", "stale", "own_writes"),
    Planted("impatient.py", "twice", "once", _DELAY),
    Planted("lease.py", "unfenced", "fenced", _DELAY, at_most=50, nodes=3),
    Planted("lease.py", "unfenced_3", "fenced_3", _DELAY, nodes=3),
    Planted("retry.py", "retried", "retried_with_key", _CRASH_OR_RPC, at_most=50, nodes=3),
    Planted("retry.py", "caught", "caught_with_key", _CRASH_OR_RPC, at_most=50, nodes=3),
    Planted("early_ack.py", "early", "late", ("crash",), nodes=3),
    Planted("two_phase.py", "forgetful", "logged", ("crash",), nodes=3),
    Planted("saga.py", "uncompensated", "compensated", _CRASH_OR_RPC, nodes=3),
    Planted("barrier.py", "counted", "named", ("rpc",), nodes=3),
    Planted("raft.py", "duplicate_vote", "correct_5", at_most=50, nodes=3),
    Planted("raft.py", "stale_term", "correct", _DELAY, at_most=50, nodes=3),
    Planted("raft.py", "forgotten_vote", "correct_duel", ("crash",), at_most=50, nodes=3),
    Planted("raft.py", "figure_8", "correct_move", at_most=50, nodes=3),
)
