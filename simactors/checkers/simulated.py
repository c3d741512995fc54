"""The history of the simulation that runs, for programs that judge themselves. For all other backends: `recording.py`.

It needs no decorator and misses no call. A test that opens the simulation itself asks for ``simulate(record=True)``
and reads ``sim.history``; this here is for a driver that somebody else runs: ``simactors hunt``, `explore`, a fixture.
"""

from __future__ import annotations

from simactors.core import current
from simactors.core.abilities import CallLog, RecordsCalls


def record_calls() -> CallLog:
    """Record all calls of actors' methods from now on, if that was not asked for before; the run stays the same.

    Returns:
        The log of the run, with ``history`` and ``deliveries`` up to the moment when these are read; see
        `Simulation.history` for what is in them. Actors that were made before have names like ``actor-3``.

    Raises:
        RuntimeError: nothing runs, or it is not the simulator.

    Examples:
        >>> import simactors
        >>> from simactors.checkers.linearizability import linearizable
        >>> from simactors.checkers.specs import Counter
        >>> @simactors.remote
        ... class Visits:
        ...     def __init__(self): self.count = 0
        ...     def add(self): self.count += 1; return self.count
        >>> def main():
        ...     calls = record_calls()
        ...     visits = Visits.remote()
        ...     simactors.get([visits.add.remote() for _ in range(2)])
        ...     print(calls.history)
        ...     linearizable(calls.history, Counter()).check()
        >>> with simactors.simulate():
        ...     main()
        driver: Visits#1.add() -> 1
        driver: Visits#1.add() -> 2
    """
    running, session = current.running.get(), current.session()
    if running is not None:
        backend = running.backend
    elif session is not None:
        backend = session.backend
    else:
        raise RuntimeError(
            "nothing runs whose calls could be recorded: call this in the driver, inside simulate()"
        )
    if not isinstance(backend, RecordsCalls):
        raise RuntimeError(
            f"the backend {backend.name!r} can't record calls; let clients record them with checkers.Recording"
        )
    return backend.record_calls()
