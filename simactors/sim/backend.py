"""The simulator as a backend: it wires the parts together and forwards to them; it decides nothing.

`simulate` opens it for a ``with`` block, `open_backend` for ``init(backend="sim")``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from simactors import exceptions
from simactors.core import calls, codec, current
from simactors.core.backend import Settings
from simactors.core.choices import Choices, SeededChoices
from simactors.core.events import Record
from simactors.core.outcome import Outcome
from simactors.core.refs import ActorRef, ObjectRef
from simactors.sim import demands, standstill
from simactors.sim.actors import Actors
from simactors.sim.calls import Calls
from simactors.sim.cluster import Cluster, Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.intercept import clock, interrupts, process
from simactors.sim.invocation import OWNER_DIED, State
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event
from simactors.sim.network import Network
from simactors.sim.objects import Objects
from simactors.sim.trace import Trace

_running = current.running.get  # bound once: asked for every call
_DEFAULT_NAMESPACE = "default"


class SimBackend:
    """One simulated cluster and its driver; see `core.backend.Backend` for what its methods promise."""

    name = "sim"

    def __init__(self, choices: Choices, config: SimConfig) -> None:
        if clock.names.worlds and not clock.names.worlds[-1].belongs_here():
            raise RuntimeError("another thread simulates already: run one simulation at a time in a process")
        self.trace = Trace(config.trace_records)
        self.kernel = Kernel(
            choices,
            self.trace,
            max_steps=config.max_steps,
            max_virtual_time_s=config.max_virtual_time_s,
        )
        self._cluster = Cluster(self, config.num_cpus, self.kernel.soon)
        self._driver = self._cluster.start_process("driver")
        self._objects = Objects(self.kernel, self.trace)
        network = Network(self.kernel, config.latency, self._objects.seal)
        self._actors = Actors(self.kernel, self.trace, self._cluster, network)
        self._calls = Calls(
            self.kernel,
            self.trace,
            self._cluster,
            network,
            self._objects,
            self._actors,
            self._caller,
        )
        # Bound, not forwarded: a method here would be one more frame in every call.
        self.submit_method = self._calls.submit_method
        self.submit_task = self._calls.submit_task
        self._namespace = _DEFAULT_NAMESPACE
        self._num_cpus = config.num_cpus
        self._epoch_ns = int(config.epoch_s * NS)
        self._closed = False
        self._pid = process.real_pid()
        self._in_driver = self.kernel.in_driver
        self._collected = gc.isenabled()
        self.kernel.explain_standstill = lambda: standstill.explain(self.kernel.blocked)
        gc.disable()
        clock.names.install(self)
        process.names.install(self)
        interrupts.install()

    # What programs ask

    def create_actor(self, creation: calls.Creation) -> ActorRef:
        """See `Backend`."""
        demands.check_creation(creation)
        options = creation.options
        if options.name is None:
            return self._calls.create_actor(creation, None)
        name = (options.namespace or self._namespace, options.name)
        living = self._actors.named(name)
        if living is None:
            return self._calls.create_actor(creation, name)
        if options.get_if_exists:
            return ActorRef(living, living.cls.interface)
        raise exceptions.ActorAlreadyExistsError(
            f"The name {options.name} (namespace={options.namespace}) is already taken. Please use a different "
            f"name or get the existing actor using ray.get_actor('{options.name}', "
            f"namespace='{options.namespace}')"
        )

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        """See `Backend`."""
        found = self._actors.named((namespace or self._namespace, name))
        return None if found is None else ActorRef(found, found.cls.interface)

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """See `Backend`."""
        target = self._calls.our_actor(actor, self._caller())
        self._calls.kill(target, no_restart=no_restart)

    def put(self, value: object) -> ObjectRef[Any]:
        """See `Backend`."""
        caller = self._caller()
        try:
            packed = codec.pack(value)
        except Exception as error:  # pickling runs the user's code
            raise TypeError(
                f"Could not serialize the put value {value!r}: {type(error).__name__}: {error}"
            ) from error
        return self._objects.put(packed, caller)

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`; a task that blocks lends its CPUs to others meanwhile."""
        caller = self._caller()
        if len(refs) == 1 and not caller.cpus:  # most waits by far
            return list(refs) if self._objects.wait_one(caller, refs[0].entry, timeout_s) else []  # type: ignore[arg-type]
        if not caller.cpus or self._objects.ready(refs, num_returns):
            return self._objects.wait(caller, refs, num_returns, timeout_s, stop_at_error)
        lent, caller.cpus = caller.cpus, 0.0  # should it die meanwhile, it has nothing to give back
        self._cluster.release(lent)
        try:
            return self._objects.wait(caller, refs, num_returns, timeout_s, stop_at_error)
        finally:
            self._cluster.take_back(lent)
            caller.cpus = lent

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """See `Backend`."""
        state: State = ref.entry  # type: ignore[assignment]  # our own entry
        # `outcome_of` without its frame: this runs for every ref that is read.
        return state.outcome if not state.caller.dead else OWNER_DIED  # type: ignore[return-value]  # it is ready

    def close(self) -> None:
        """End the simulation: suspended code gets `SimulationEnded`, patched names are restored."""
        if self._closed:
            return
        self._closed = True
        self.trace.freeze()  # what code does while it is being ended is no part of the run
        try:
            self.kernel.close()
        finally:
            interrupts.uninstall()
            process.names.uninstall(self)
            clock.names.uninstall(self)
            if self._collected:
                gc.enable()

    # What `init` and `shutdown` do inside ``with simulate()``

    def join(self, settings: Settings) -> None:
        """The program initializes inside an open simulation."""
        if settings.num_cpus is not None:
            self._cluster.resize(settings.num_cpus)
        self._namespace = settings.namespace or _DEFAULT_NAMESPACE

    def leave(self) -> None:
        """The program shuts down inside an open simulation: its actors end."""
        for actor in list(self._driver.children or ()):
            self._actors.end(actor, Event.OWNER_DIED, "its driver shut down")
        self._cluster.resize(self._num_cpus)
        self._namespace = _DEFAULT_NAMESPACE

    # What `intercept.clock` asks

    def belongs_here(self) -> bool:
        """See `VirtualClock`."""
        # Suspended code that is being ended still lives in virtual time: a real sleep there would be one.
        return current.running.get() is not None or (not self._closed and self.kernel.in_driver())

    def now_ns(self) -> int:
        """See `VirtualClock`."""
        return self.kernel.now_ns

    def epoch_ns(self) -> int:
        """See `VirtualClock`."""
        return self._epoch_ns

    def sleep(self, seconds: float) -> None:
        """See `VirtualClock`."""
        caller = self._caller()
        self.trace.add((self.kernel.now_ns, "sleep", 0, caller.label, f"{seconds:g}s"))
        self.kernel.sleep(caller, round(seconds * NS))

    # What `intercept.process` asks

    def current_pid(self) -> int | None:
        """See `ProcessTable`."""
        running = current.running.get()
        if running is None or self._forked():
            return None
        return running.pid  # type: ignore[attr-defined, no-any-return]  # our own process

    def is_driver(self) -> bool:
        """See `ProcessTable`."""
        return current.running.get() is None and self.kernel.in_driver() and not self._forked()

    def _forked(self) -> bool:
        return process.real_pid() != self._pid

    def end_process(self, pid: int, why: str) -> bool:
        """See `ProcessTable`."""
        target = self._cluster.process(pid)
        if target is None or target is self._driver:
            return False
        if target.actor is not None:
            self._actors.crash(target.actor, why)
        elif target.task is not None:
            self._calls.crash_task(target.task, why)
        running = current.running.get()
        if running is not None and running.dead:  # type: ignore[attr-defined]  # it has ended itself, or its parent
            self.kernel.stop_for_good(running)  # type: ignore[arg-type]
        return True

    def is_process(self, pid: int) -> bool:
        """See `ProcessTable`."""
        return self._cluster.process(pid) is not None

    def _caller(self) -> Process:
        """The process whose code runs now."""
        running = _running()
        if running is not None:
            return running  # type: ignore[return-value]  # what our executor put there
        if not self._in_driver():
            raise RuntimeError(
                "a simulation can be used only while it is open and from the thread that opened it; "
                "start tasks or actors instead of threads"
            )
        return self._driver


class Simulation:
    """A run, as the code that opened it sees it; readable during the run and afterwards.

    Attributes:
        seed: what the run's choices are derived from.
    """

    def __init__(self, seed: int, backend: SimBackend) -> None:
        self.seed = seed
        self._backend = backend

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

    def last_records(self, count: int) -> list[Record]:
        """At most `count` of the last trace records, oldest first."""
        return self._backend.trace.last(count)


@contextmanager
def simulate(
    seed: int = 0, *, config: SimConfig | None = None, choices: Choices | None = None
) -> Iterator[Simulation]:
    """Run the code of the ``with`` block as the driver of a simulated cluster.

    Inside, `init()` joins the simulation, and `time.sleep` and `time.time` are virtual.

    Args:
        seed: decides everything that could go otherwise, unless `choices` does.
        config: the cluster; by default one node with 8 CPUs.
        choices: who answers instead of the seed.

    Raises:
        DeadlockError: the block waits and nothing can run any more.
        LimitError: the run reached a limit of `config`.

    Example:
        >>> import simactors
        >>> @simactors.remote
        ... def double(x):
        ...     return 2 * x
        >>> with simactors.simulate(seed=7) as sim:
        ...     simactors.get(double.remote(21))
        42
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"seed must be an int, not {type(seed).__name__}")
    if current.running.get() is not None:
        raise RuntimeError("simulate() can't be opened by code that is being simulated")
    backend = SimBackend(choices or SeededChoices(seed), config or SimConfig())
    session = current.open_session(backend, scoped=True, join=backend.join, leave=backend.leave)
    try:
        yield Simulation(seed, backend)
    finally:
        current.close_session(session)


def open_backend(settings: Settings) -> SimBackend:
    """See `core.backend.Opener`."""
    backend = SimBackend(SeededChoices(settings.seed or 0), SimConfig())
    try:
        backend.join(settings)
    except BaseException:
        backend.close()
        raise
    return backend
