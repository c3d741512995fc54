"""Ready specifications: what registers, counters, sets, queues, locks, maps and banks do, one operation after the
other.

Each knows its operations under the names that programs most often give them; other names are arguments:
``Register(0, read="current", write="assign")``. Where programs differ in how they answer (a counter's ``add`` returns
the new value, or nothing), all usual ways are right. Values are answered in normal form (`checkers.values`): lists as
tuples, which equal lists.

`Sequential` makes a specification of a plain class. One of your own is any object with ``initial`` and ``apply``:

Examples:
    >>> from simactors.checkers.linearizability import linearizable
    >>> from simactors.core.history import History, Operation
    >>> class Ticket:
    ...     initial = 0
    ...     def apply(self, state, operation):
    ...         return state + 1, state + 1
    >>> history = History((
    ...     Operation(client="ann", name="draw", called=0, returned=2, status="returned", result=2),
    ...     Operation(client="bob", name="draw", called=1, returned=3, status="returned", result=1),
    ... ))
    >>> print(linearizable(history, Ticket()))
    linearizable: ok (2 seen)
"""

from __future__ import annotations

from simactors.checkers.banks import Bank
from simactors.checkers.containers import KeyValueMap, Queue, Set
from simactors.checkers.locks import Lock
from simactors.checkers.registers import CasRegister, Counter, Register
from simactors.checkers.sequential import Sequential
from simactors.checkers.values import ANYTHING

__all__ = [
    "ANYTHING",
    "Bank",
    "CasRegister",
    "Counter",
    "KeyValueMap",
    "Lock",
    "Queue",
    "Register",
    "Sequential",
    "Set",
]
