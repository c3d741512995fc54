"""`simulate`: one run of a simulated cluster for the code of a ``with`` block, and what can be read off it.

Not the cluster itself: `backend.py` opens and closes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from simactors.core import current, sightings
from simactors.core.choices import Choices, Offer, SeededChoices
from simactors.core.events import Record
from simactors.core.fault_plan import Fault, FaultPlan
from simactors.core.history import Delivery, History
from simactors.core.sightings import Sightings
from simactors.sim.backend import SimBackend
from simactors.sim.call_log import CallLog
from simactors.sim.config import NS, SimConfig
from simactors.sim.inspection import Inspection
from simactors.sim.intercept import interrupts, tracing
from simactors.sim.planned import Plan, PlannedChoices

_DEFAULT = SimConfig()
_NO_FAULTS = FaultPlan()


class Simulation:
    """A run, as the code that opened it sees it; readable during the run and afterwards.

    Attributes:
        seed: what the run's choices are derived from.
        sightings: which properties (`checkers.properties`) the run has met.
        has_failed: to be set if the code of the block has failed without raising: nothing more is looked for then.
    """

    def __init__(self, seed: int, backend: SimBackend) -> None:
        self.seed = seed
        self.has_failed = False
        self.sightings = Sightings(lambda: max(self._calm_at_s - self.now_s, 0.0))
        self._calm_at_s = 0.0
        self._backend = backend
        self._is_finished = False

    @property
    def backend(self) -> str:
        """What `init(backend=...)` calls what runs here: ``sim``."""
        return self._backend.name

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start."""
        return self._backend.kernel.now_ns / NS

    @property
    def steps(self) -> int:
        """How many steps the kernel has run."""
        return self._backend.kernel.steps

    @property
    def digest(self) -> str:
        """A fingerprint of the whole trace so far: equal runs have equal digests, in any process."""
        return self._backend.trace.digest

    @property
    def struck(self) -> tuple[Fault, ...]:
        """The faults that have befallen something so far, in the order in which they first did."""
        return tuple(self._backend.trace.struck)

    @property
    def path(self) -> Sequence[Offer]:
        """What has happened so far, in order; empty unless `SimConfig.slack` is set."""
        offers = self._backend.kernel.offers
        return () if offers is None else offers.taken

    @property
    def history(self) -> History:
        """All calls of actors' methods so far, for the judges of `simactors.checkers`.

        Clients and targets are called as in reports: ``driver``, ``Account#1``, ``transfer#2``, or by the name that an
        actor was given. An operation is a call, however often the simulator makes it again after a failure. It returns
        when its answer is at the client's process, also if nobody waits for it any more; all calls and returns of the
        run have one order. One that was answered with an error of the system, or not at all, is ``unknown``, or
        ``refused`` if it has never begun. Arguments and results are copies of what was sent; handles and refs in them
        are equal to those of the program, and can't be used. Calls with streaming or dynamic generators are left out:
        they have many answers.

        Raises:
            RuntimeError: the run is not recorded.
        """
        return self._log().history

    @property
    def deliveries(self) -> list[Delivery]:
        """The same calls as messages, with those of generators, for `checkers.fifo` and `checkers.causal`.

        One is received when it begins to run for the first time. Answers are no deliveries here.

        Raises:
            RuntimeError: the run is not recorded.
        """
        return self._log().deliveries

    def _log(self) -> CallLog:
        log = self._backend.call_log
        if log is None:
            raise RuntimeError(
                "the calls of this run are not recorded: ask for it with simulate(..., record=True)"
            )
        return log

    def disturb(self, faults: FaultPlan) -> None:
        """Let more go wrong, once, in a run that was opened without faults: times and counts are from now on.

        Raises:
            ValueError: a fault aims at what is not there.
        """
        self._backend.disturb(faults)
        self.expect(faults)

    def expect(self, faults: FaultPlan) -> None:
        """Let `eventually` wait until these, from now on, have struck and healed."""
        self._calm_at_s = max(self._calm_at_s, self.now_s + faults.calm_at_s)

    def finish(self) -> None:
        """The program has ended: wait for its threads, and look for what it was to fail for; what comes is cleaning up.

        Done at the end of the block by itself; again, it does nothing.

        Raises:
            OversightError: the program did what `SimConfig.fail_on` says.
            KeyboardInterrupt: Ctrl-C was pressed, and the program has kept it for itself.
        """
        if self._is_finished:
            return
        self._is_finished = True
        self._backend.kernel.check_interrupt()
        self._backend.join_threads()
        if not self.has_failed:
            self._backend.check()

    def look_after_waits(self, look: Callable[[str], None]) -> None:
        """Call `look` whenever code has waited for refs, with the name of its process; only where order is explored."""
        self._backend.look_after_waits(look)

    def inspection(self) -> Inspection:
        """What stands where, to be asked at any moment; to be made before the first actor is."""
        return self._backend.inspection()

    def last_records(self, count: int) -> list[Record]:
        """At most `count` of the last trace records, oldest first."""
        return self._backend.trace.last(count)


@contextmanager
def simulate(
    seed: int | Plan = 0,
    *,
    config: SimConfig | None = None,
    faults: FaultPlan | None = None,
    choices: Choices | None = None,
    watch: Callable[[Record], None] | None = None,
    record: bool = False,
) -> Iterator[Simulation]:
    """Run the code of the ``with`` block as the driver of a simulated cluster.

    Inside, `init()` joins the simulation, and `time.sleep` and `time.time` are virtual.

    Args:
        seed: decides everything that could go otherwise, unless `choices` does; or a `Plan`, which says order, faults
            and size of the cluster. What a plan has changed in the order is noted on the exception that leaves the
            block.
        config: the cluster; by default one node with 8 CPUs.
        faults: what goes wrong; by default nothing.
        choices: who answers instead of the seed.
        watch: told of each record of the trace as it is written, by the code to which it happens.
        record: write down what is asked of actors and what is told, for `Simulation.history`; the run stays the same.

    Raises:
        DeadlockError: the block waits and nothing can run any more.
        LimitError: the run reached a limit of `config`.
        OversightError: the block did what `SimConfig.fail_on` says.

    Examples:
        >>> import simactors
        >>> @simactors.remote
        ... def double(x):
        ...     return 2 * x
        >>> with simactors.simulate(seed=7) as sim:
        ...     simactors.get(double.remote(21))
        42
    """
    planned = None
    if isinstance(seed, Plan):
        if choices is not None:
            raise TypeError("simulate() takes a plan or choices, not both: a plan is choices")
        planned, config = PlannedChoices(seed), seed.config(config)
        faults = FaultPlan(seed.faults + (faults or _NO_FAULTS).faults)
        choices, seed = planned, seed.seed
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"seed must be an int or a Plan, not {type(seed).__name__}")
    if current.running.get() is not None:
        raise RuntimeError("simulate() can't be opened by code that is being simulated")
    told = None if watch is None else lambda row: watch(Record(*row))
    with tracing.left_alone(), interrupts.held():
        backend = SimBackend(choices or SeededChoices(seed), config or _DEFAULT, faults or _NO_FAULTS, told)
        simulation = Simulation(seed, backend)
        session = current.open_session(backend, scoped=True, join=backend.join, leave=backend.leave)
        try:
            simulation.expect(faults or _NO_FAULTS)
            if record:
                backend.record_calls()
            with sightings.collecting(simulation.sightings), interrupts.heard():
                yield simulation
                simulation.finish()
        except Exception as error:
            if planned is not None and planned.passed:
                error.add_note(planned.story)
            raise
        finally:
            current.close_session(session)
            sightings.current().add(simulation.sightings)
