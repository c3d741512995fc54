"""The simulator as a backend: it wires the parts together and forwards to them; it decides nothing.

`simulation.simulate` opens it for a ``with`` block, `open_backend` for ``init(backend="sim")``.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simactors import exceptions
from simactors.core import calls, codec, current
from simactors.core.abilities import GroupInfo, NodeInfo, RuntimeInfo
from simactors.core.backend import Settings
from simactors.core.choices import Choices, SeededChoices
from simactors.core.environments import checked_variables
from simactors.core.fault_plan import FaultPlan
from simactors.core.outcome import Outcome
from simactors.core.refs import ActorRef, ObjectRef
from simactors.sim import callers, demands, hesitation, introspection, threads, world
from simactors.sim.call_log import CallLog
from simactors.sim.cluster import Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.inspection import Inspection
from simactors.sim.intercept import interrupts
from simactors.sim.lifecycle import Event
from simactors.sim.machine import Machine
from simactors.sim.offer import ALL
from simactors.sim.stores import StoredValue
from simactors.sim.trace import Row
from simactors.sim.watching import Watching

log = logging.getLogger("simactors")

_running = current.running.get  # bound once: asked for every call
_DEFAULT_NAMESPACE = "default"


class SimBackend:
    """One simulated cluster and its driver; see `core.backend.Backend` for what its methods promise.

    What only some backends can do is in `core.abilities`: it has all of that.
    """

    name = "sim"

    def __init__(
        self,
        choices: Choices,
        config: SimConfig,
        faults: FaultPlan,
        watch: Callable[[Row], None] | None = None,
    ) -> None:
        world.refuse_second()
        self._machine = machine = Machine(self, choices, config, faults, self._caller, watch)
        self.trace = machine.trace
        self.kernel = machine.kernel
        self._driver = machine.driver
        callers.charge(machine.kernel, config, machine.calls, machine.objects, self._caller)
        # Bound, not forwarded: a method here would be one more frame in every call.
        self.submit_method = machine.calls.submit_method
        self.submit_task = machine.calls.submit_task
        self._watching: Watching | None = None
        if watch is not None:
            self._watching = watching = Watching(machine.calls, machine.kernel, self._caller, watch)
            self.submit_method, self.submit_task = watching.submit_method, watching.submit_task
        self._oversights = machine.oversights
        if self._oversights is not None:
            self.wait = self._oversights.waiting(self.wait, self._caller)  # type: ignore[method-assign]  # as above
        if config.hesitation_s:
            hesitation.hesitate(self, machine.kernel, self._caller, config.hesitation_s)
        self.disturb = machine.disturb
        self._name_ns = round(config.latency.low_s * NS)
        self._namespace = _DEFAULT_NAMESPACE
        self.call_log: CallLog | None = None
        self._closed = False
        self._the_driver = machine.the_driver
        self._objects = machine.objects
        self._world = world.World(machine, config, self._caller)
        # No `gc.freeze`, though a collection during the run would then take 3 ms and not 30: `gc.unfreeze` makes all
        # that was young old without counting it, so that the garbage of thousands of short runs is never collected.
        self._is_gc_on = gc.isenabled()
        gc.disable()
        if machine.homes is not None:
            codec.homes.append(machine.homes)

    # What programs ask

    def create_actor(self, creation: calls.Creation) -> ActorRef:
        """See `Backend`."""
        demands.check_creation(creation)
        if self._watching is not None:
            self._watching.tell_creation(creation)
        options = creation.options
        name = None if options.name is None else (options.namespace or self._namespace, options.name)
        living = None if name is None else self._machine.actors.named(name)
        if living is None:
            made = self._machine.calls.create_actor(creation, name)
            if self._oversights is not None:
                self._oversights.created(made.entry)  # type: ignore[arg-type]  # our own entry
            return made
        if options.get_if_exists:
            return self._machine.actors.handle(living)
        self._ask_head()
        raise exceptions.ActorAlreadyExistsError(
            f"The name {options.name} (namespace={options.namespace}) is already taken. Please use a different "
            f"name or get the existing actor using ray.get_actor('{options.name}', "
            f"namespace='{options.namespace}')"
        )

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        """See `Backend`."""
        found = self._machine.actors.named((namespace or self._namespace, name))
        if found is None:
            self._ask_head()
            return None
        return self._machine.actors.handle(found)

    def _ask_head(self) -> None:
        """Wait for what the head says of names: two that find one free, one after the other, may both want it then.

        The time is not drawn, so that programs with names have the latencies that they had before they asked.
        """
        hesitation.stand_still(self.kernel, self._caller(), self._name_ns)

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """See `Backend`."""
        target = self._machine.calls.our_actor(actor, self._caller())
        self._machine.calls.kill(target, no_restart=no_restart)

    def put(self, value: object) -> ObjectRef[Any]:
        """See `Backend`."""
        caller = self._caller()
        try:
            packed = codec.pack(value)
        except Exception as error:  # pickling runs the user's code
            raise calls.unserializable("put value", value, error) from error
        value = self._machine.stores.stored(caller, packed, "put()")
        return self._machine.objects.put(value, caller)

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`; a task that blocks, and not only a thread of it, lends its CPUs to others meanwhile."""
        the_driver, objects = self._the_driver, self._objects
        caller: Any = _running() or the_driver()
        if caller.task is None and len(refs) == 1:  # most waits by far
            state: Any = refs[0].entry
            is_ready = getattr(state, "caller", None) is caller and state.outcome is not None
            ready = is_ready or objects.wait_one(caller, state, timeout_s)
            return refs if ready else []  # type: ignore[return-value]  # nobody changes what `api` gives and gets
        if caller.task is None or threads.current(caller).kind != "main" or objects.ready(refs, num_returns):
            return objects.wait(caller, refs, num_returns, timeout_s, stop_at_error)
        grant = caller.grant
        self._machine.placement.lend(grant)
        try:
            return objects.wait(caller, refs, num_returns, timeout_s, stop_at_error)
        finally:
            self._machine.placement.take_back(grant)

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """See `Backend`; a large value is brought here first, which takes its time."""
        state: Any = ref.entry  # our own entry
        outcome: Outcome = state.outcome
        # `outcome_of` without its frame: this runs for every ref that is read.
        if type(outcome) is StoredValue or outcome is None or state.caller.gone:
            return self._machine.stores.obtain(self._caller(), state)
        return outcome

    def look_after_waits(self, look: Callable[[str], None]) -> None:
        """See `Simulation.look_after_waits`."""
        wait, offers = self.wait, self.kernel.offers
        assert offers is not None

        def watched(*args: Any, **kwargs: Any) -> list[ObjectRef[Any]]:
            ready = wait(*args, **kwargs)
            look(offers.name(self._caller()))
            return ready

        self.wait = watched  # type: ignore[method-assign]  # as in `__init__`

    def inspection(self) -> Inspection:
        """See `Simulation.inspection`."""
        return Inspection(self._machine)

    def close(self) -> None:
        """End the simulation: suspended code gets `SimulationEnded`, patched names are restored."""
        if self._closed:
            return
        with interrupts.held():
            self._closed = True
            self._world.begin_closing()
            self.trace.freeze()  # what code does while it is being ended is no part of the run
            try:
                self.kernel.close()
            finally:
                self._world.close()
                if self._machine.homes is not None:
                    codec.homes.remove(self._machine.homes)
                if self._is_gc_on:
                    gc.enable()

    def join_threads(self) -> None:
        """See `JoinsThreads`."""
        if not self._closed and self.kernel.in_driver():
            self._world.join_threads()

    def check(self) -> None:
        """The program has ended: raise what it was to fail for, if it has done that; see `SimConfig.fail_on`."""
        if self._oversights is not None and not self._closed:
            self._oversights.check()

    # What `init` and `shutdown` do inside ``with simulate()``

    def join(self, settings: Settings) -> None:
        """The program initializes inside an open simulation."""
        variables = checked_variables(settings.runtime_env.get("env_vars", {}))
        ignored = sorted(settings.runtime_env.keys() - {"env_vars"})
        if ignored:
            log.warning("init: runtime_env: %s is ignored by backend='sim', which honours env_vars", ignored)
        self._machine.configure(settings)
        self._world.output.is_shown = settings.log_to_driver
        self._world.privates.note_environment(variables)
        self._namespace = settings.namespace or _DEFAULT_NAMESPACE

    def leave(self) -> None:
        """The program shuts down inside an open simulation: its actors end."""
        for actor in self._driver.children:
            self._machine.actors.end(actor, Event.OWNER_DIED, "its driver shut down")
        self._machine.configure(Settings())
        self._world.output.is_shown = True
        self._namespace = _DEFAULT_NAMESPACE

    # Abilities, see `core.abilities`

    def cancel(self, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """See `Cancels`."""
        self._machine.cancels.cancel(self._caller(), ref, force=force, recursive=recursive)

    def runtime_info(self) -> RuntimeInfo:
        """See `KnowsItself`."""
        return introspection.runtime_info(self._caller(), self._namespace)

    def running_call(self) -> tuple[int, int] | None:
        """See `KnowsItself`."""
        return introspection.running(self._caller())

    def end_this_actor(self) -> BaseException:
        """See `EndsActors`."""
        return self._machine.leaving.asked(self._caller())

    def nodes(self) -> list[NodeInfo]:
        """See `KnowsItself`."""
        self.kernel.touches(ALL)
        return introspection.node_infos(self._machine.nodes.all)

    def named_actors(self) -> list[tuple[str, str]]:
        """See `KnowsItself`."""
        names = self._machine.actors.names
        self._ask_head()
        return names

    def timeline(self) -> list[dict[str, Any]]:
        """See `KnowsItself`; as far back as the trace is kept."""
        self.kernel.touches(ALL)
        return introspection.timeline(self.trace.last(sys.maxsize))

    def create_group(
        self,
        bundles: Sequence[Mapping[str, float]],
        strategy: str,
        *,
        name: str,
        detached: bool,
        bundle_label_selector: Sequence[Mapping[str, str]] = (),
    ) -> int:
        """See `PlacesGroups`."""
        self.kernel.touches(ALL)
        number = self._machine.objects.next_id()
        group = self._machine.groups.create(number, bundles, strategy, name, bundle_label_selector)
        group.owner = None if detached else self._caller()
        return number

    def remove_group(self, group_id: int) -> None:
        """See `PlacesGroups`."""
        self.kernel.touches(ALL)
        self._machine.groups.remove(group_id)

    def groups(self) -> list[GroupInfo]:
        """See `PlacesGroups`."""
        self.kernel.touches(ALL)
        return [group.info() for group in self._machine.groups.all()]

    def clear_nodes(self) -> None:
        """See `ChangesNodes`."""
        self.kernel.touches(ALL)
        self._machine.clear_nodes()

    def add_node(self, resources: Mapping[str, float], labels: Mapping[str, str]) -> int:
        """See `ChangesNodes`."""
        self.kernel.touches(ALL)
        return self._machine.join(resources, labels).id

    def remove_node(self, node_id: int) -> None:
        """See `ChangesNodes`."""
        self.kernel.touches(ALL)
        self._machine.membership.leave(self._machine.nodes.all[node_id - 1])

    def next_item(self, stream: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        """See `Streams`."""
        items = stream.entry.stream  # type: ignore[attr-defined]  # our own entry
        if not self.wait([self.peek(stream)], 1, timeout_s):
            return None
        item = items.take()
        if item is None:
            raise StopIteration
        self._machine.calls.tell_taken(stream.entry)  # type: ignore[arg-type]  # our own entry
        return ObjectRef(item)

    def peek(self, stream: ObjectRef[Any]) -> ObjectRef[Any]:
        """See `Streams`."""
        items = stream.entry.stream  # type: ignore[attr-defined]  # our own entry
        return stream if items.is_finished else ObjectRef(items.next)

    def is_finished(self, stream: ObjectRef[Any]) -> bool:
        """See `Streams`."""
        return bool(stream.entry.stream.is_finished)  # type: ignore[attr-defined]  # our own entry

    def record_calls(self) -> CallLog:
        """See `RecordsCalls`."""
        if self.call_log is None:
            self.call_log = log = CallLog(self._machine, self.submit_method, self.submit_task, self._caller)
            # These are looked up for each call: runs that are not recorded pay nothing.
            self.submit_method, self.submit_task = log.submit_method, log.submit_task
        return self.call_log

    def teller(self) -> Callable[[Callable[[], None]], None]:
        """See `core.refs.Tells`."""
        return self._world.threads.teller()

    def _caller(self) -> Process:
        """The process whose code runs now."""
        return _running() or self._the_driver()  # type: ignore[return-value]  # what our executor put there


def open_backend(settings: Settings) -> SimBackend:
    """See `core.backend.Opener`."""
    backend = None
    try:
        with interrupts.held():
            backend = SimBackend(
                SeededChoices(settings.seed or 0), SimConfig(), settings.faults or FaultPlan()
            )
            backend.join(settings)
    except BaseException:  # Ctrl-C, too, which has waited
        if backend is not None:
            backend.close()
        raise
    return backend
