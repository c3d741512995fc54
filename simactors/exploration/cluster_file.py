"""Reads a simulated cluster and its faults from TOML files: the command's ``--cluster`` and ``--faults``.

The shape is that of `SimConfig` and `FaultPlan`, field by field; all that is wrong in a file is told at once. A file
names no code, and nothing in it is run.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from simactors.core import fault_plan
from simactors.exploration.target import TargetError
from simactors.sim import aims, config, distributions

Loaded = TypeVar("Loaded")

_DISTRIBUTIONS: Mapping[str, type] = {
    "constant": distributions.Constant,
    "uniform": distributions.Uniform,
    "exponential": distributions.Exponential,
    "lognormal": distributions.Lognormal,
    "empirical": distributions.Empirical,
}
_KINDS = {cls: name for kinds in (_DISTRIBUTIONS, fault_plan.KINDS) for name, cls in kinds.items()}
_PARTS = (config.SimConfig, config.NodeConfig, config.LinkConfig, config.Latency)
for _cls in (*_PARTS, *_DISTRIBUTIONS.values(), *fault_plan.KINDS.values()):
    with_config(ConfigDict(extra="forbid"))(_cls)  # a misspelt knob is an error, not a knob left as it was


def load_world(
    cluster_file: str | None, faults_file: str | None, otherwise: config.SimConfig | None = None
) -> tuple[config.SimConfig | None, fault_plan.FaultPlan]:
    """The cluster that a file describes, and what goes wrong in it.

    Args:
        otherwise: the cluster if no file describes it; None for the plain one.

    Raises:
        TargetError: one of the files can't be read, or the two don't fit together.
    """
    cluster = otherwise if cluster_file is None else load_cluster(cluster_file)
    faults = fault_plan.FaultPlan() if faults_file is None else load_faults(faults_file)
    try:
        aims.check(faults, cluster or config.SimConfig())
    except ValueError as error:
        raise TargetError(f"{faults_file}: {error}") from None
    return cluster, faults


def load_cluster(path: str) -> config.SimConfig:
    """The cluster that a file describes; ``kind`` says which distribution a duration has.

    Raises:
        TargetError: no such file, or not a cluster; the message names everything that is wrong.
    """
    problems: list[str] = []
    cluster = read_cluster(read(path), "", problems)
    refuse(path, problems)
    assert cluster is not None
    return cluster


def load_faults(path: str) -> fault_plan.FaultPlan:
    """The faults that a file lists as ``[[faults]]`` tables; ``kind`` says which fault each is.

    Raises:
        TargetError: as `load_cluster`.
    """
    table = read(path)
    problems = [f"{name}: not a part of a fault file; write [[faults]]" for name in table if name != "faults"]
    faults = read_faults(table.get("faults", []), problems)
    refuse(path, problems)
    return faults


def read_cluster(table: Any, place: str, problems: list[str]) -> config.SimConfig | None:
    """The cluster that a table describes; None, and `problems` says why, if it is none.

    Args:
        place: where the table stands in its file; empty if it is the whole file.
    """
    table = _with_distributions(table, place, problems)
    for name, option in (("max_steps", "--max-steps"), ("preemption", "--preempt")):
        if name in table:  # one doorway for it, or it would be unclear which one wins
            problems.append(f"{name}: give it to the command, as {option}")
    return _validated(config.SimConfig, table, place, problems)


def read_faults(tables: Any, problems: list[str]) -> fault_plan.FaultPlan:
    """What goes wrong, out of ``[[faults]]``; `problems` takes what is no fault."""
    listed = tables if isinstance(tables, list) else [tables]
    faults = [_of_kind(entry, fault_plan.KINDS, f"faults[{i}]", problems) for i, entry in enumerate(listed)]
    return fault_plan.FaultPlan(tuple(fault for fault in faults if fault is not None))


def cluster_table(cluster: config.SimConfig) -> dict[str, Any]:
    """What `load_cluster` would read as `cluster`: all that is not as by default."""
    return _told(cluster)


def cluster_of(table: Any) -> config.SimConfig:
    """What `cluster_table` wrote.

    Raises:
        ValueError: it has not.
    """
    problems: list[str] = []
    found = read_cluster(table, "cluster", problems) if isinstance(table, dict) else None
    if found is None or problems:
        raise ValueError("; ".join(problems) or f"cluster is {table!r}")
    return found


def fault_tables(faults: fault_plan.FaultPlan) -> list[dict[str, Any]]:
    """What `load_faults` would read as `faults`."""
    return [_told(fault) for fault in faults.faults]


def faults_of(tables: Any) -> fault_plan.FaultPlan:
    """What `fault_tables` wrote.

    Raises:
        ValueError: it has not.
    """
    problems: list[str] = []
    found = read_faults(tables, problems)
    if problems:
        raise ValueError("; ".join(problems))
    return found


def _told(part: Any) -> dict[str, Any]:
    """What is not as it is by default, as a file would say it."""
    values = {knob.name: getattr(part, knob.name) for knob in fields(part)}
    defaults = {knob.name: _default(knob) for knob in fields(part)}
    told = {name: _plain(value) for name, value in values.items() if value != defaults[name]}
    return {"kind": _KINDS[type(part)], **told} if type(part) in _KINDS else told


def _default(knob: Field[Any]) -> Any:
    return knob.default_factory() if knob.default_factory is not MISSING else knob.default


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _told(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def read(path: str) -> dict[str, Any]:
    """What a file says, before anybody asks what it means.

    Raises:
        TargetError: no such file, or not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text())
    except FileNotFoundError:
        raise TargetError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: not TOML: {error}") from None


def _with_distributions(table: Any, place: str, problems: list[str]) -> Any:
    """`table` with every table that has a ``kind`` made the distribution of that kind."""
    if isinstance(table, list):
        return [_with_distributions(v, f"{place}[{i}]", problems) for i, v in enumerate(table)]
    if not isinstance(table, dict):
        return table
    if isinstance(table.get("kind"), str):
        return _of_kind(table, _DISTRIBUTIONS, place, problems) or distributions.Constant(0.0)  # told already
    below = f"{place}." if place else ""
    # Labels are the user's own words: one may well be called ``kind``.
    return {
        key: value if key == "labels" else _with_distributions(value, f"{below}{key}", problems)
        for key, value in table.items()
    }


def _of_kind(entry: Any, kinds: Mapping[str, type], place: str, problems: list[str]) -> Any:
    kind = str(entry.get("kind")) if isinstance(entry, dict) else ""
    if kind not in kinds:
        problems.append(f"{place}.kind: {kind!r} is none of {', '.join(kinds)}{nearest(kind, kinds)}")
        return None
    rest = {key: value for key, value in entry.items() if key != "kind"}
    return _validated(kinds[kind], rest, place, problems)


def _validated(cls: type[Loaded], table: Any, place: str, problems: list[str]) -> Loaded | None:
    try:
        return TypeAdapter(cls).validate_python(table)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            where = _path((place, *problem["loc"]))
            text = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "unexpected_keyword_argument":
                text = f"there is no such knob{nearest(str(problem['loc'][-1]), _knobs())}"
            problems.append(f"{where}: {text}" if where else text)
        return None


def _path(parts: tuple[int | str, ...]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _knobs() -> list[str]:
    classes: list[Any] = [*_PARTS, *_DISTRIBUTIONS.values(), *fault_plan.KINDS.values()]
    return sorted({field.name for cls in classes for field in fields(cls)})


def nearest(word: str, words: Any) -> str:
    """What to append to the complaint about a wrong word."""
    near = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def refuse(path: str, problems: list[str]) -> None:
    """Tell what is wrong with a file, if anything is.

    Raises:
        TargetError: something is.
    """
    if problems:
        raise TargetError("\n  ".join([f"{path}:", *problems]))
