"""What a simulated cluster is like: frozen data, every knob with its unit.

What goes wrong in it is a `FaultPlan` (`core/fault_plan.py`). By default there is one node, messages
take up to two milliseconds, work takes no time, and nothing fails.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from simactors.core.numbers import LARGEST, check_numbers
from simactors.sim import escapes
from simactors.sim.distributions import Constant, Distribution, Empirical
from simactors.sim.fail_on import FailOn
from simactors.sim.profile import Profile, load_profile

NS = 1_000_000_000
"""Nanoseconds in a second."""
MOST_NODES = 100_000
"""Of a simulated cluster."""

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long messages take on a link, in seconds.

    Every link (one process to another) has a least latency of its own, drawn between `low_s` and `high_s` from the
    run's choices when it is first used; each message takes longer than that by up to `jitter_s`, or by a sample of
    `extra`.

    Attributes:
        low_s, high_s: between which the least latency of a link lies.
        jitter_s: how much longer a message may take.
        extra: a distribution instead of the uniform jitter.
    """

    low_s: float = 0.0001
    high_s: float = 0.001
    jitter_s: float = 0.001
    extra: Distribution | None = None

    def __post_init__(self) -> None:
        check_numbers(self)
        if not 0 <= self.low_s <= self.high_s:
            raise ValueError(
                f"Latency needs 0 <= low_s <= high_s, not low_s={self.low_s}, high_s={self.high_s}"
            )
        if self.jitter_s < 0:
            raise ValueError(f"Latency needs jitter_s >= 0, not {self.jitter_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One or several equal machines.

    Attributes:
        count: how many.
        num_cpus, num_gpus, resources: as in Ray's `init`.
        memory_bytes: what tasks and actors may ask for with `memory`, and what `SimConfig.memory_use` fills.
        object_store_bytes: how much its object store holds.
        labels: for label selectors.
        zone: where it stands, for `LinkConfig`.
        clock_offset_s: how far its clock is ahead of the true time, in seconds; negative: behind.
        clock_drift_ppm: microseconds that its clock gains in each second.
        slowness: how many times longer its work takes.
    """

    count: int = 1
    num_cpus: float = 8
    num_gpus: float = 0
    resources: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: int = 16 * _GIB
    object_store_bytes: int = 4 * _GIB
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    clock_offset_s: float = 0.0
    clock_drift_ppm: float = 0.0
    slowness: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self)
        _positive(self, "count", "memory_bytes", "object_store_bytes", "slowness")
        _not_negative(self, "num_cpus", "num_gpus")
        for name, quantity in self.resources.items():
            if name in ("CPU", "GPU", "memory", "object_store_memory"):
                raise ValueError(f"NodeConfig has a knob of its own for {name!r}: leave it out of resources")
            if not 0 <= quantity <= LARGEST:
                raise ValueError(f"NodeConfig needs resources >= 0, not {name}={quantity}")

    @property
    def quantities(self) -> dict[str, float]:
        """What it has, by resource."""
        return {
            "CPU": self.num_cpus,
            "GPU": self.num_gpus,
            "memory": self.memory_bytes,
            "object_store_memory": self.object_store_bytes,
            **self.resources,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkConfig:
    """How nodes are connected; the first that fits a pair of nodes holds.

    Attributes:
        between: two names of nodes (``node-2``) or zones, in any order; ``"*"`` is any; a node and itself, too.
        latency: of messages between them; None for `SimConfig.latency`.
        bandwidth_bytes_per_s: what all transfers from one of the nodes to the other share; None for no limit.
        loss: the share of messages that get lost on the way. Ray rides on TCP: each loss is a delay of
            `retransmit_s` seconds, never a message that does not come.
        duplication: the share of messages that are sent twice; the second is thrown away, but uses bandwidth.
        retransmit_s: after how many seconds a message that got lost is sent again.
    """

    between: tuple[str, str] = ("*", "*")
    latency: Latency | None = None
    bandwidth_bytes_per_s: float | None = None
    loss: float = 0.0
    duplication: float = 0.0
    retransmit_s: float = 0.2

    def __post_init__(self) -> None:
        check_numbers(self)
        if len(self.between) != 2:
            raise ValueError(f"LinkConfig needs two names in between, not {self.between!r}")
        for name in ("loss", "duplication"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"LinkConfig needs 0 <= {name} < 1, not {getattr(self, name)}")
        if self.bandwidth_bytes_per_s is not None:
            _positive(self, "bandwidth_bytes_per_s")
        _not_negative(self, "retransmit_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """How much later than at its earliest something may happen, in seconds; when, is a choice.

    Attributes:
        messages_s: of messages; None for as late as the latency of their link has it.
        sleeps_s: how much later sleeping code may go on: pauses of its process.
        resumes_s: how much later code may go on that has waited for others, or has waited long enough: its process is
            given no processor.
        keeps_turns_apart: that a call arrives at an idle actor and that it starts are two steps, as they are where it
            has to wait for its turn: for who wants to know what depends on what.
    """

    messages_s: float | None = None
    sleeps_s: float = 0.0
    resumes_s: float = 0.0
    keeps_turns_apart: bool = False

    def __post_init__(self) -> None:
        check_numbers(self)
        _not_negative(self, "sleeps_s")
        _not_negative(self, "resumes_s")
        if self.messages_s is not None:
            _not_negative(self, "messages_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimConfig:
    """A simulated cluster.

    Attributes:
        nodes: the machines, the head (where the driver runs) first; without any, one with `num_cpus` CPUs.
        num_cpus: CPUs of the node; `init(num_cpus=...)` in the program wins over it, for every node.
        latency: of every link between two processes.
        links: what holds between certain nodes or zones.
        slack: for hunts. None: latencies are drawn. Otherwise a message can arrive, and a sleep end, at any moment
            within its slack, and what happens next of all that can is one choice; nothing else draws a latency.
        service_times: how long the code of a method (``Model.predict``), a constructor (``Model.__init__``) or a task
            (``train``) takes on an idle core, beside what it sleeps; ``*`` and ``?`` are wildcards, the first that fits
            holds. Where more code works on a node than it has CPUs, it all goes slower.
        first_service_times: the same for the first time that it runs in a process, where it imports what it needs, say;
            what is not named takes no longer than later.
        call_work_s: how long a process works for each call that it makes, beside the code of that call.
        wake_work_s: how long it works when it has waited for a result.
        hesitation_s: before it calls, waits, kills, cancels or asks for a name, code may stand still for up to so long,
            as on a busy machine; whether it does is a choice. 0: code takes no time but its own.
        cancel_gap_s: so long a plain actor waits, in seconds, for a call that was cancelled before its caller had sent
            it; what the same process has sent after it fails then with `ActorUnavailableError`. Ray 2.60 does that,
            after 30 s; see `docs/semantics.md`. 0: nobody waits for it.
        memory_use: how many bytes the process of a method or task uses while that runs; same names. When those on a
            node use more than it has, the youngest is killed, as Ray's memory monitor does.
        process_start: how long a new process takes to start.
        process_restart: the same where an actor starts again; None: as long.
        connect_s: so long the first call of a process to an actor takes more than the next.
        process_spacing_s: so long after it began to start one process, a node can begin to start the next.
        detection_s: after so many seconds of silence a node is declared dead.
        spilling: what does not fit into an object store goes to disk; otherwise `ObjectStoreFullError`.
        spill_bytes_per_s: how fast the disk is.
        epoch_s: what `time.time()` says at the start, in seconds since 1970.
        max_steps: the run ends with `LimitError` after that many steps.
        max_virtual_time_s: the run ends with `LimitError` at that virtual time, in seconds.
        max_tasks: the run ends with `LimitError` when so many tasks, calls and objects have been made.
        trace_records: how many of the last trace records stay readable.
        share_globals: all processes see the same module globals, class attributes and closures, so that a test can look
            into an actor through a list, say. No real runtime does that, and bugs hide behind it.
        preemption: where code that runs beside other code of its process, in a threaded actor or in threads of its own,
            may stand still for a moment: nowhere but where it waits anyway; between a value and its store into what
            others may see; before each line (which does not find what goes wrong within ``self.v += 1``).
        prefix_output: say in front of each line that a process prints who it was, ``(Account pid=5000001)``, as Ray.
        escapes: what becomes of code that reaches for the real world, by kind: "raise", "warn" or "allow". By default
            "raise" for socket, subprocess, fork, multiprocessing and kill, "warn" for write, process and input; see
            `docs/escapes.md`.
        fail_on: what else a run fails for, without any assertion: ``FailOn(unread_error=True)``.
    """

    nodes: tuple[NodeConfig, ...] = ()
    num_cpus: float = 8
    latency: Latency = field(default_factory=Latency)
    links: tuple[LinkConfig, ...] = ()
    slack: Slack | None = None
    service_times: Mapping[str, Distribution] = field(default_factory=dict)
    first_service_times: Mapping[str, Distribution] = field(default_factory=dict)
    call_work_s: float = 0.0
    wake_work_s: float = 0.0
    hesitation_s: float = 0.0
    cancel_gap_s: float = 0.0
    memory_use: Mapping[str, int] = field(default_factory=dict)
    process_start: Distribution | None = None
    process_restart: Distribution | None = None
    process_spacing_s: float = 0.0
    connect_s: float = 0.0
    detection_s: float = 5.0
    spilling: bool = True
    spill_bytes_per_s: float = 1e9
    epoch_s: float = 1_704_067_200.0  # 2024-01-01T00:00:00Z
    max_steps: int = 10_000_000
    max_virtual_time_s: float = 365 * 86_400.0
    max_tasks: int = 100_000_000
    trace_records: int = 1_000
    share_globals: bool = False
    preemption: Literal["off", "stores", "lines"] = "off"
    prefix_output: bool = True
    escapes: Mapping[str, str] = field(default_factory=dict)
    fail_on: FailOn = field(default_factory=FailOn)

    def __post_init__(self) -> None:
        check_numbers(self)
        _positive(self, "num_cpus", "max_steps", "max_virtual_time_s", "max_tasks", "trace_records")
        _positive(self, "detection_s", "spill_bytes_per_s")
        _not_negative(
            self,
            "process_spacing_s",
            "connect_s",
            "call_work_s",
            "wake_work_s",
            "hesitation_s",
            "cancel_gap_s",
        )
        for name, kind in (("nodes", NodeConfig), ("links", LinkConfig)):
            wrong = [item for item in getattr(self, name) if not isinstance(item, kind)]
            if wrong:
                raise TypeError(f"SimConfig needs a tuple of {kind.__name__} in {name}, not {wrong[0]!r}")
        if sum(node.count for node in self.nodes) > MOST_NODES:
            raise ValueError(f"SimConfig has at most {MOST_NODES:,} nodes")
        escapes.policy(self.escapes)
        if self.preemption not in ("off", "stores", "lines"):
            raise ValueError(
                f'SimConfig needs "off", "stores" or "lines" in preemption, not {self.preemption!r}'
            )
        for name in ("service_times", "first_service_times"):
            for label, time in getattr(self, name).items():
                if not isinstance(time, Distribution):
                    raise TypeError(
                        f"SimConfig needs a distribution, Constant(0.1) say, in {name}[{label!r}]"
                    )
        for label, size in self.memory_use.items():
            if not 0 <= size <= LARGEST:
                raise ValueError(f"SimConfig needs memory_use >= 0, not {label}={size}")

    @classmethod
    def from_profile(cls, path: str | Path, **knobs: Any) -> SimConfig:
        """A cluster as fast as a real runtime was, where `simactors calibrate` measured it.

        Args:
            path: the file that it wrote.
            knobs: of `SimConfig`.

        Raises:
            ValueError: no such file, or no profile.
        """
        return cls(**knobs).with_profile(load_profile(path))

    def with_profile(self, profile: Profile) -> SimConfig:
        """The same cluster, as fast as that runtime was: latency, bandwidth, starts of processes, costs of calls.

        What `service_times` said of a method before, holds.
        """
        one_way_s = profile.one_way_s
        least_s = one_way_s[0]
        extra = Empirical([sample - least_s for sample in one_way_s])
        return replace(
            self,
            latency=Latency(low_s=least_s, high_s=least_s, jitter_s=0.0, extra=extra),
            links=(*self.links, LinkConfig(bandwidth_bytes_per_s=profile.bytes_per_s)),
            process_start=Empirical(profile.process_start_s),
            process_restart=Empirical(profile.restart_s),
            process_spacing_s=profile.process_spacing_s,
            connect_s=profile.connect_s,
            call_work_s=profile.caller_work_s,
            wake_work_s=profile.wake_work_s,
            service_times={
                **self._with_work(self.service_times, profile, profile.service_times_s),
                **({} if "*" in self.service_times else {"*": Constant(profile.callee_work_s)}),
            },
            first_service_times=self._with_work(
                self.first_service_times, profile, profile.first_service_times_s
            ),
        )

    def _with_work(
        self, times: Mapping[str, Distribution], profile: Profile, measured_s: Mapping[str, Sequence[float]]
    ) -> dict[str, Distribution]:
        """`times`, and what calls have worked of which the config says nothing itself.

        The runtime's part of a call is added; on a machine that is as busy as it was, its own part takes longer.
        """
        said = (*self.service_times, *times)
        return dict(times) | {
            label: Empirical([sample * profile.slowdown + profile.callee_work_s for sample in samples])
            for label, samples in measured_s.items()
            if not any(fnmatchcase(label, pattern) for pattern in said)
        }

    @property
    def has_work(self) -> bool:
        """Whether any code takes time."""
        return bool(self.service_times or self.first_service_times)

    @property
    def machines(self) -> list[NodeConfig]:
        """One entry for each node, the head first."""
        groups = self.nodes or (_plain_node(self.num_cpus),)
        return [group for group in groups for _ in range(group.count)]


@functools.lru_cache(maxsize=100)  # asked for in each run
def _plain_node(num_cpus: float) -> NodeConfig:
    return NodeConfig(num_cpus=num_cpus)


def wait_ns(seconds: float) -> int:
    """How long code waits that asks for `seconds`: not at all only if it asks for that, or what is left of a time
    that is no whole number of nanoseconds would never be over."""
    return max(round(seconds * NS), 1 if seconds > 0 else 0)


def _positive(config: object, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            raise ValueError(f"{type(config).__name__} needs {name} > 0, not {getattr(config, name)}")


def _not_negative(config: object, *names: str) -> None:
    for name in names:
        if not getattr(config, name) >= 0:
            raise ValueError(f"{type(config).__name__} needs {name} >= 0, not {getattr(config, name)}")
