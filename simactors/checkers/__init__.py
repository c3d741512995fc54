"""Judges of what actors did: pure functions of a history, which return a verdict; and what they need.

A `Verdict` is `Ok`, `Violated` or `Unknown`; only the first is true, and ``check()`` of the others raises. The guide is
``docs/checkers.md``.

    ====================  ===========================================================================================
    Judges of histories
    `linearizable`        objects behave as if each operation took effect at once, between its call and its answer
    `isolated`            transactions don't see each other, up to an isolation level
    `monotonic_reads`     no client reads something older than before
    `read_your_writes`    no client reads something older than it has written
    `monotonic_writes`    the writes of each client take effect in its order
    `writes_follow_reads` what a client writes is newer than what it has read
    --------------------  -------------------------------------------------------------------------------------------
    Judges of messages, logs and effects
    `fifo`                messages of one sender to one receiver come in their order
    `causal`              nobody hears of an effect before its cause
    `total_order`         replicas have the same entries in the same order
    `exactly_once`        each request has taken effect once; also `at_most_once` and `at_least_once`. A `Request` was
                          made perhaps again and again; `requests` finds them in a history
    --------------------  -------------------------------------------------------------------------------------------
    Histories
    `Recording`           what clients write down of themselves, with a decorator: in a simulation, or on Ray
    `record_calls`        what the simulation that runs knows of all calls; a test asks for ``simulate(record=True)``
    `lines`               histories as files, also of other programs: JSON lines
    `transactions`        how to write transactions down
    `History`             made of `Operation`; what was sent to whom is a `Delivery`
    --------------------  -------------------------------------------------------------------------------------------
    Specifications, for `linearizable`
    `Register`            a value; `CasRegister` can compare before it writes, `Counter` adds
    `KeyValueMap`         values by keys; `Set` has elements, `Queue` lets them leave in their order
    `Lock`, `Bank`        one holder at most; money that is only moved
    `Sequential`          a plain class; one of your own is any object that is a `Specification`
    --------------------  -------------------------------------------------------------------------------------------
    Properties, stated by the program itself
    `always`              what must hold whenever it comes by; `unreachable`: it must never come by
    `sometimes`           what should hold at least once in many runs; `reachable`: it should come by
    `eventually`          what must hold some time after the last fault
    `declared`, `unmet`   what stands in the files, and what of it no run ever met
    ====================  ===========================================================================================

Importing this loads no judge: each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simactors.checkers import lines, transactions
    from simactors.checkers.declarations import declared, unmet
    from simactors.checkers.effects import Request, at_least_once, at_most_once, exactly_once, requests
    from simactors.checkers.isolation import isolated
    from simactors.checkers.linearizability import linearizable
    from simactors.checkers.ordering import causal, fifo, total_order
    from simactors.checkers.properties import always, eventually, reachable, sometimes, unreachable
    from simactors.checkers.recording import Recording
    from simactors.checkers.sessions import (
        monotonic_reads,
        monotonic_writes,
        read_your_writes,
        writes_follow_reads,
    )
    from simactors.checkers.simulated import record_calls
    from simactors.checkers.specification import Specification
    from simactors.checkers.specs import (
        ANYTHING,
        Bank,
        CasRegister,
        Counter,
        KeyValueMap,
        Lock,
        Queue,
        Register,
        Sequential,
        Set,
    )
    from simactors.checkers.values import same, same_arguments
    from simactors.checkers.verdict import Ok, Unknown, Verdict, Violated
    from simactors.core.history import Delivery, History, Operation

__all__ = [
    "ANYTHING",
    "Bank",
    "CasRegister",
    "Counter",
    "Delivery",
    "History",
    "KeyValueMap",
    "Lock",
    "Ok",
    "Operation",
    "Queue",
    "Recording",
    "Register",
    "Request",
    "Sequential",
    "Set",
    "Specification",
    "Unknown",
    "Verdict",
    "Violated",
    "always",
    "at_least_once",
    "at_most_once",
    "causal",
    "declared",
    "eventually",
    "exactly_once",
    "fifo",
    "isolated",
    "linearizable",
    "lines",
    "monotonic_reads",
    "monotonic_writes",
    "reachable",
    "read_your_writes",
    "record_calls",
    "requests",
    "same",
    "same_arguments",
    "sometimes",
    "total_order",
    "transactions",
    "unmet",
    "unreachable",
    "writes_follow_reads",
]

_CHECKERS = {
    "declarations": ("declared", "unmet"),
    "effects": ("Request", "at_least_once", "at_most_once", "exactly_once", "requests"),
    "isolation": ("isolated",),
    "linearizability": ("linearizable",),
    "ordering": ("causal", "fifo", "total_order"),
    "properties": ("always", "eventually", "reachable", "sometimes", "unreachable"),
    "recording": ("Recording",),
    "sessions": ("monotonic_reads", "monotonic_writes", "read_your_writes", "writes_follow_reads"),
    "simulated": ("record_calls",),
    "specification": ("Specification",),
    "banks": ("Bank",),
    "containers": ("KeyValueMap", "Queue", "Set"),
    "locks": ("Lock",),
    "registers": ("CasRegister", "Counter", "Register"),
    "sequential": ("Sequential",),
    "values": ("ANYTHING", "same", "same_arguments"),
    "verdict": ("Ok", "Unknown", "Verdict", "Violated"),
}
_LAZY = {name: f"{__name__}.{module}" for module, names in _CHECKERS.items() for name in names}
_LAZY |= dict.fromkeys(("Delivery", "History", "Operation"), "simactors.core.history")


def __getattr__(name: str) -> Any:
    if name in ("lines", "transactions"):
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'simactors.checkers' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
