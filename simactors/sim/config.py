"""What a simulated cluster is like: frozen data, every knob with its unit."""

from __future__ import annotations

from dataclasses import dataclass, field

NS = 1_000_000_000
"""Nanoseconds in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long messages take on a link, in seconds.

    Every link (one process to another) has a least latency of its own, drawn between `low_s` and `high_s` from the
    run's choices when it is first used; each message takes up to `jitter_s` longer than that.
    """

    low_s: float = 0.0001
    high_s: float = 0.001
    jitter_s: float = 0.001

    def __post_init__(self) -> None:
        if not 0 <= self.low_s <= self.high_s:
            raise ValueError(
                f"Latency needs 0 <= low_s <= high_s, not low_s={self.low_s}, high_s={self.high_s}"
            )
        if self.jitter_s < 0:
            raise ValueError(f"Latency needs jitter_s >= 0, not {self.jitter_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimConfig:
    """A simulated cluster.

    Attributes:
        latency: of every link between two processes.
        num_cpus: CPUs of the node; `init(num_cpus=...)` in the program wins over it.
        epoch_s: what `time.time()` says at the start, in seconds since 1970.
        max_steps: the run ends with `LimitError` after that many steps.
        max_virtual_time_s: the run ends with `LimitError` at that virtual time, in seconds.
        trace_records: how many of the last trace records stay readable.
    """

    latency: Latency = field(default_factory=Latency)
    num_cpus: float = 8
    epoch_s: float = 1_704_067_200.0  # 2024-01-01T00:00:00Z
    max_steps: int = 10_000_000
    max_virtual_time_s: float = 365 * 86_400.0
    trace_records: int = 1_000

    def __post_init__(self) -> None:
        for name in ("num_cpus", "max_steps", "max_virtual_time_s", "trace_records"):
            if getattr(self, name) <= 0:
                raise ValueError(f"SimConfig needs {name} > 0, not {getattr(self, name)}")
