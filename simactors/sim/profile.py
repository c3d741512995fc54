"""`Profile`: how fast a real runtime was, as `simactors calibrate` has measured it. A file, and numbers; no simulation.

`SimConfig.with_profile` says what a cluster is like that is as fast.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

_FORMAT = 1
_TABLE = "profile"
_WORDS = ("backend", "where")
_SAMPLES = ("round_trip_s", "process_start_s", "restart_s")
_SERVICES = ("service_times_s", "first_service_times_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was measured; durations in seconds; where there are several, sorted, the quantiles of what was seen.

    Work is processor time: who does it needs a core, and shares those of its machine with all others.

    Attributes:
        backend: of which runtime: ``local``, ``ray``.
        where: on what, for people: Python's version, the number of cores.
        round_trip_s: one call of an actor after the other, from `remote` to the end of `get`.
        caller_work_s: what each of very many calls that are under way together costs who makes them.
        wake_work_s: how much more it costs to wait for each one's result before the next.
        callee_work_s: what each of very many calls costs who runs them, if their code does nothing.
        connect_s: how much longer the first call takes that one actor makes to another one.
        process_start_s: from the creation of an actor to its first answer, without that call itself.
        process_spacing_s: what each further one takes of many processes that start together.
        restart_s: from the death of an actor's process to the first answer of the next one.
        bytes_per_s: how fast large values travel, there and back, being packed and unpacked.
        slowdown: how much longer code took than it worked, because the machine did other things, too.
        service_times_s: by label (``Account.change``, ``transfer``), how much the calls of a program have worked by
            themselves.
        first_service_times_s: the same of the first call of that label in its process.
    """

    backend: str
    where: str
    round_trip_s: Sequence[float]
    caller_work_s: float
    wake_work_s: float
    callee_work_s: float
    connect_s: float
    process_start_s: Sequence[float]
    process_spacing_s: float
    restart_s: Sequence[float]
    bytes_per_s: float
    slowdown: float
    service_times_s: Mapping[str, Sequence[float]] = field(default_factory=dict)
    first_service_times_s: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if wrong := list(_mistakes(self)):
            raise ValueError("; ".join(wrong))
        for name in _SAMPLES:
            object.__setattr__(self, name, _sorted(getattr(self, name)))
        for name in _SERVICES:
            services = {label: _sorted(samples) for label, samples in getattr(self, name).items()}
            object.__setattr__(self, name, services)

    @property
    def one_way_s(self) -> Sequence[float]:
        """How long a message takes: half of what a round trip takes beside the work for it."""
        work_s = self.caller_work_s + self.wake_work_s + self.callee_work_s
        return [max(0.0, (round_trip - work_s) / 2) for round_trip in self.round_trip_s]

    def to_toml(self) -> str:
        """As a file says it."""
        plain = [knob.name for knob in fields(self) if knob.name not in _SERVICES]
        lines = [f"[{_TABLE}]", f"format = {_FORMAT}"]
        lines += [f"{name} = {_toml(getattr(self, name))}" for name in plain]
        for name in _SERVICES:
            services = getattr(self, name)
            if services:
                lines += ["", f"[{name}]"]
                lines += [f"{json.dumps(label)} = {_toml(samples)}" for label, samples in services.items()]
        return "\n".join(lines) + "\n"


def _mistakes(profile: Profile) -> list[str]:
    wrong = [
        f"{name} has to be a text, not {value!r}"
        for name in _WORDS
        if not isinstance(value := getattr(profile, name), str)
    ]
    wrong += [_not_samples(name, getattr(profile, name)) for name in _SAMPLES]
    for name in _SERVICES:
        services = getattr(profile, name)
        if isinstance(services, Mapping):
            wrong += [_not_samples(f"{name}[{label!r}]", samples) for label, samples in services.items()]
        else:
            wrong.append(f"{name} has to be a table of labels, not {services!r}")
    for knob in fields(profile):
        if knob.type == "float" and not _is_number(value := getattr(profile, knob.name)):
            wrong.append(f"{knob.name} has to be a number >= 0, not {value!r}")
    if _is_number(profile.bytes_per_s) and not profile.bytes_per_s:
        wrong.append("bytes_per_s has to be a number > 0")
    if _is_number(profile.slowdown) and profile.slowdown < 1:
        wrong.append(f"slowdown has to be a number >= 1, not {profile.slowdown!r}")
    return [words for words in wrong if words]


def _not_samples(name: str, samples: object) -> str:
    if isinstance(samples, list | tuple) and samples and all(map(_is_number, samples)):
        return ""
    return f"{name} has to be a list of durations in seconds, not {samples!r}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _sorted(samples: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted(map(float, samples)))


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value) if isinstance(value, str) else f"{value:.6g}"


def load_profile(path: str | Path) -> Profile:
    """The inverse of `Profile.to_toml`.

    Raises:
        ValueError: no such file, or no profile; the message names the file, and all that is wrong.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"{path}: no such file; `simactors calibrate --backend local -o {path}` makes one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: can't be read: {error}") from None
    told = tables.pop(_TABLE, None)
    if not isinstance(told, dict):
        raise ValueError(f"{path}: no profile: the table [{_TABLE}] is missing")
    if (version := told.pop("format", None)) != _FORMAT:
        raise ValueError(f"{path}: a profile of format {version}, not {_FORMAT}: measure it again")
    names = [knob.name for knob in fields(Profile) if knob.name not in _SERVICES]
    wrong = [f"{name} is missing" for name in names if name not in told]
    wrong += [f"there is no {name}" for name in told if name not in names]
    wrong += [f"there is no table [{name}]" for name in tables if name not in _SERVICES]
    if wrong:
        raise ValueError(f"{path}: {'; '.join(wrong)}")
    try:
        return Profile(**told, **tables)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
