"""Service objectives as people write them, ``p99 < 50ms``: what is measured, and what it is to be.

Not the measuring: `scenarios.objectives` holds them against a run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simactors.core import nearest
from simactors.exploration.quantities import duration_s, rate_per_s, share

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(
    r"\s*(?P<measure>[a-z_]+|p[0-9.]+)\s*(?:\(\s*(?P<of>[^()]*?)\s*\))?\s*(?P<op><=|>=|==|<|>)\s*(?P<bound>.+?)\s*"
)
_READERS: Mapping[str, Callable[[object], float]] = {
    "mean": duration_s,
    "max": duration_s,
    "availability": share,
    "errors": share,
    "throughput": rate_per_s,
    "utilization": share,
    "reserved": share,
    "queue": share,
    "calls": share,
    "retries": share,
    "restarts": share,
    "lost": share,
    "duration": duration_s,
}
_NEEDS_WHAT = {
    "utilization": "a resource: utilization(GPU)",
    "reserved": "a resource: reserved(CPU)",
    "queue": "a class: queue(Store)",
}
MEASURES = tuple(_READERS)
"""What an objective may be about, besides percentiles."""
_TAKES_WHAT = ("mean", "max", "calls", *_NEEDS_WHAT)


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective; prints as it was written.

    Attributes:
        text: as it was written.
        measure: ``quantile``, or what else it is about: ``availability``.
        of: a method or task, a class, or a resource; empty: the requests of the workload.
        quantile: from 0 to 1, if that is what it is about.
        bound: in seconds, per second, or as a share.
    """

    text: str
    measure: str
    of: str
    quantile: float
    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a measured value is as it is to be."""
        return _OPERATORS[self.sign](value, self.bound)

    @property
    def is_of_latency(self) -> bool:
        """Whether it is about how long something takes."""
        return self.measure in ("quantile", "mean", "max")

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Objective:
    """Read an objective.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is no objective: write for example p99 < 50ms, or availability > 0.999")
    measure, of, quantile = form["measure"], form["of"] or "", 0.0
    read: Callable[[object], float]
    if re.fullmatch(r"p[0-9]+(\.[0-9]+)?", measure):
        quantile = float(measure[1:]) / 100
        if not 0 < quantile < 1:
            raise ValueError(f"{text!r}: {measure} is no percentile: write p50, p99 or p99.9")
        measure, read = "quantile", duration_s
    elif measure in _READERS:
        read = _READERS[measure]
    else:
        hint = nearest.clause(measure, ["p50", "p99", *_READERS])
        raise ValueError(
            f"{text!r}: nothing measures {measure!r}: there are p50, p99.9, {', '.join(_READERS)}{hint}"
        )
    if measure in _NEEDS_WHAT and not of:
        raise ValueError(f"{text!r}: {measure} needs {_NEEDS_WHAT[measure]}")
    if of and measure != "quantile" and measure not in _TAKES_WHAT:
        raise ValueError(f"{text!r}: {measure} is of the whole run: leave out ({of})")
    try:
        return Objective(text.strip(), measure, of, quantile, form["op"], read(form["bound"]))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
