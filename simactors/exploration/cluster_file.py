"""Reads a simulated cluster and its faults from TOML files: the command's ``--cluster`` and ``--faults``.

The shape is that of `SimConfig` and `FaultPlan`, field by field; all that is wrong in a file is told at once. A file
names no code, and nothing in it is run.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from simactors.exploration.target import Program, TargetError
from simactors.sim import aims, config, distributions, plan

Loaded = TypeVar("Loaded")

_DISTRIBUTIONS: Mapping[str, type] = {
    "constant": distributions.Constant,
    "uniform": distributions.Uniform,
    "exponential": distributions.Exponential,
    "lognormal": distributions.Lognormal,
    "empirical": distributions.Empirical,
}
_PARTS = (config.SimConfig, config.NodeConfig, config.LinkConfig, config.Latency)
for _cls in (*_PARTS, *_DISTRIBUTIONS.values(), *plan.KINDS.values()):
    with_config(ConfigDict(extra="forbid"))(_cls)  # a misspelt knob is an error, not a knob left as it was


def world_of(program: Program) -> tuple[config.SimConfig, plan.FaultPlan]:
    """The cluster that the files of a program describe, and what goes wrong in it.

    Raises:
        TargetError: one of its files can't be read, or the two don't fit together.
    """
    cluster = config.SimConfig() if program.cluster is None else load_cluster(program.cluster)
    if program.faults is None:
        faults = plan.FaultPlan()
    else:
        faults = load_faults(program.faults)
        try:
            aims.check(faults, cluster)
        except ValueError as error:
            raise TargetError(f"{program.faults}: {error}") from None
    return cluster, faults


def load_cluster(path: str) -> config.SimConfig:
    """The cluster that a file describes; ``kind`` says which distribution a duration has.

    Raises:
        TargetError: no such file, or not a cluster; the message names everything that is wrong.
    """
    problems: list[str] = []
    table = _with_distributions(_read(path), "", problems)
    for name, option in (("max_steps", "--max-steps"), ("preemption", "--preempt")):
        if name in table:  # one doorway for it, or it would be unclear which one wins
            problems.append(f"{name}: give it to the command, as {option}")
    cluster = _validated(config.SimConfig, table, "", problems)
    _refuse(path, problems)
    assert cluster is not None
    return cluster


def load_faults(path: str) -> plan.FaultPlan:
    """The faults that a file lists as ``[[faults]]`` tables; ``kind`` says which fault each is.

    Raises:
        TargetError: as `load_cluster`.
    """
    table = _read(path)
    problems = [f"{name}: not a part of a fault file; write [[faults]]" for name in table if name != "faults"]
    listed = table.get("faults", [])
    faults = []
    for number, entry in enumerate(listed if isinstance(listed, list) else [listed]):
        faults.append(_of_kind(entry, plan.KINDS, f"faults[{number}]", problems))
    _refuse(path, problems)
    return plan.FaultPlan(tuple(faults))


def fault_tables(faults: plan.FaultPlan) -> list[dict[str, Any]]:
    """What `load_faults` would read as `faults`."""
    names = {cls: name for name, cls in plan.KINDS.items()}
    return [{"kind": names[type(fault)], **_told(fault)} for fault in faults.faults]


def faults_of(tables: Any) -> plan.FaultPlan:
    """What `fault_tables` wrote.

    Raises:
        ValueError: it has not.
    """
    problems: list[str] = []
    found = [_of_kind(table, plan.KINDS, f"faults[{i}]", problems) for i, table in enumerate(tables)]
    if problems:
        raise ValueError("; ".join(problems))
    return plan.FaultPlan(tuple(found))


def _told(fault: Any) -> dict[str, Any]:
    """What is not as it is by default."""
    return {f.name: getattr(fault, f.name) for f in fields(fault) if getattr(fault, f.name) != f.default}


def _read(path: str) -> dict[str, Any]:
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
        problems.append(f"{place}.kind: {kind!r} is none of {', '.join(kinds)}{_nearest(kind, kinds)}")
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
                text = f"there is no such knob{_nearest(str(problem['loc'][-1]), _knobs())}"
            problems.append(f"{where}: {text}" if where else text)
        return None


def _path(parts: tuple[int | str, ...]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _knobs() -> list[str]:
    classes: list[Any] = [*_PARTS, *_DISTRIBUTIONS.values(), *plan.KINDS.values()]
    return sorted({field.name for cls in classes for field in fields(cls)})


def _nearest(word: str, words: Any) -> str:
    near = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _refuse(path: str, problems: list[str]) -> None:
    if problems:
        raise TargetError("\n  ".join([f"{path}:", *problems]))
