"""Reads a simulated cluster and its faults from TOML files: the command's ``--cluster`` and ``--faults``.

The shape is that of `SimConfig` and `FaultPlan`, field by field; all that is wrong in a file is told at once. A file
names no code, and nothing in it is run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from simactors.core import fault_plan, nearest
from simactors.exceptions import TargetError
from simactors.exploration import drawn_faults, toml_lines
from simactors.exploration.quantities import duration_s, rate_per_s
from simactors.sim import aims, config, distributions

Loaded = TypeVar("Loaded")

_DISTRIBUTIONS: Mapping[str, type] = distributions.KINDS
_DISTRIBUTION_NAMES = tuple(cls.__name__ for cls in _DISTRIBUTIONS.values())
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
    if faults_file is None:
        return cluster, fault_plan.FaultPlan()
    text, faults = _read_faults_file(faults_file)
    misfits = aims.problems(faults, cluster or config.SimConfig())
    refuse(faults_file, [f"faults[{index}]: {problem}" for index, problem in misfits], text)
    return cluster, faults


def load_cluster(path: str) -> config.SimConfig:
    """The cluster that a file describes; ``kind`` says which distribution a duration has.

    Raises:
        TargetError: no such file, or not a cluster; the message names everything that is wrong.
    """
    problems: list[str] = []
    text, table = read_text(path)
    cluster = read_cluster(table, "", problems)
    refuse(path, problems, text)
    assert cluster is not None
    return cluster


def load_faults(path: str) -> fault_plan.FaultPlan:
    """The faults that a file lists as ``[[faults]]`` tables; ``kind`` says which fault each is.

    Raises:
        TargetError: as `load_cluster`.
    """
    return _read_faults_file(path)[1]


def _read_faults_file(path: str) -> tuple[str, fault_plan.FaultPlan]:
    """Its text, too."""
    text, table = read_text(path)
    problems = [f"{name}: not a part of a fault file; write [[faults]]" for name in table if name != "faults"]
    faults = read_faults(table.get("faults", []), problems)
    refuse(path, problems, text)
    return text, faults


def read_cluster(table: Any, place: str, problems: list[str]) -> config.SimConfig | None:
    """The cluster that a table describes; None, and `problems` says why, if it is none.

    Args:
        place: where the table stands in its file; empty if it is the whole file.
    """
    table = _with_distributions_inside(table, place, problems)
    for name, option in (("max_steps", "--max-steps"), ("preemption", "--preempt")):
        if name in table:  # one doorway for it, or it would be unclear which one wins
            problems.append(f"{name}: give it to the command, as {option}")
    return _validated(config.SimConfig, table, place, problems)


def read_faults(tables: Any, problems: list[str]) -> fault_plan.FaultPlan:
    """What goes wrong, out of ``[[faults]]``; `problems` takes what is no fault."""
    listed = tables if isinstance(tables, list) else [tables]
    faults = [_of_kind(entry, fault_plan.KINDS, f"faults[{i}]", problems) for i, entry in enumerate(listed)]
    return fault_plan.FaultPlan(tuple(fault for fault in faults if fault is not None))


def read_all_faults(
    tables: list[Any], problems: list[str]
) -> tuple[fault_plan.FaultPlan, tuple[drawn_faults.Drawn, ...]]:
    """The same, with those that come at a ``rate``, between ``from`` and ``until``, apart."""
    faults, drawn = [], []
    for number, entry in enumerate(tables):
        place = f"faults[{number}]"
        if isinstance(entry, dict) and "rate" in entry:
            drawn.append(_drawn(entry, place, problems))
        else:
            faults.append(_of_kind(entry, fault_plan.KINDS, place, problems))
    plan = fault_plan.FaultPlan(tuple(fault for fault in faults if fault is not None))
    return plan, tuple(one for one in drawn if one is not None)


def read_fitting_faults(
    tables: list[Any], cluster: config.SimConfig | None, problems: list[str]
) -> tuple[fault_plan.FaultPlan, tuple[drawn_faults.Drawn, ...]]:
    """As `read_all_faults`; `problems` also takes what can't be in that cluster, or in the plain one."""
    faults, drawn = read_all_faults(tables, problems)
    if not problems:
        everything = fault_plan.FaultPlan(faults.faults + tuple(one.fault for one in drawn))
        places = sorted(range(len(tables)), key=lambda index: "rate" in tables[index])  # as in `everything`
        misfits = aims.problems(everything, cluster or config.SimConfig())
        problems += [f"faults[{places[index]}]: {problem}" for index, problem in misfits]
    return faults, drawn


def _drawn(entry: dict[str, Any], place: str, problems: list[str]) -> drawn_faults.Drawn | None:
    own = ("rate", "from", "until")
    times: dict[str, float] = {"from": 0.0}
    for name, read in zip(own, (rate_per_s, duration_s, duration_s), strict=True):
        try:
            if name in entry:
                times[name] = read(entry[name])
        except ValueError as error:
            problems.append(f"{place}.{name}: {error}")
    if "until" not in entry:
        problems.append(f'{place}.until: a fault with a rate needs an end: until = "10s"')
    rest = {name: value for name, value in entry.items() if name not in own}
    fault = _of_kind({"at_s": 0.0, **rest}, fault_plan.KINDS, place, problems)
    if "at_s" in entry:
        problems.append(f"{place}.at_s: it comes at a time or at a rate, not both")
    if fault is None or not {"rate", "until"} <= set(times) or "at_s" in entry:
        return None
    try:
        return drawn_faults.Drawn(
            fault=fault, rate_per_s=times["rate"], from_s=times["from"], until_s=times["until"]
        )
    except ValueError as error:
        problems.append(f"{place}: {error}")
        return None


def drawn_tables(drawn: tuple[drawn_faults.Drawn, ...]) -> list[dict[str, Any]]:
    """What `drawn_of` reads."""
    return [
        {**_told(one.fault), "rate": one.rate_per_s, "from": one.from_s, "until": one.until_s}
        for one in drawn
    ]


def drawn_of(tables: Any) -> tuple[drawn_faults.Drawn, ...]:
    """What `drawn_tables` wrote.

    Raises:
        ValueError: it has not.
    """
    problems: list[str] = []
    tables = [{name: value for name, value in table.items() if name != "at_s"} for table in tables]
    plan, drawn = read_all_faults(tables, problems)
    if problems or plan.faults:
        raise ValueError("; ".join(problems) or f"faults without a rate: {plan}")
    return drawn


def read_distribution(table: dict[str, Any], place: str, problems: list[str]) -> Any:
    """The distribution that a table with a ``kind`` is; None, and `problems` says why, if it is none."""
    return _of_kind(table, _DISTRIBUTIONS, place, problems)


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
    return read_text(path)[1]


def read_text(path: str) -> tuple[str, dict[str, Any]]:
    """The same with its text, which knows where everything stands.

    Raises:
        TargetError: as `read`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        raise TargetError(f"{path}: no such file") from None
    except OSError as error:
        raise TargetError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TargetError(f"{path}: can't be read: it is no UTF-8: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: not TOML: {error}") from None
    except RecursionError:
        raise TargetError(f"{path}: not TOML that anybody could read: it is nested too deeply") from None


def _with_distributions(table: Any, place: str, problems: list[str]) -> Any:
    """`table` with every table that has a ``kind`` made the distribution of that kind."""
    if isinstance(table, list):
        return [_with_distributions(v, f"{place}[{i}]", problems) for i, v in enumerate(table)]
    if not isinstance(table, dict):
        return table
    if isinstance(table.get("kind"), str):
        return _of_kind(table, _DISTRIBUTIONS, place, problems) or distributions.Constant(0.0)  # told already
    return _with_distributions_inside(table, place, problems)


def _with_distributions_inside(table: Mapping[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """The same, if the table itself is none, whatever is in it: where ``[[faults]]`` was forgotten, say."""
    below = f"{place}." if place else ""
    # Labels are the user's own words: one may well be called ``kind``.
    return {
        key: value if key == "labels" else _with_distributions(value, f"{below}{key}", problems)
        for key, value in table.items()
    }


def _of_kind(entry: Any, kinds: Mapping[str, type], place: str, problems: list[str]) -> Any:
    if not isinstance(entry, dict) or "kind" not in entry:
        what = "say which kind" if isinstance(entry, dict) else f"write a table, not {entry!r}, with a kind"
        problems.append(f"{place}: {what}: {', '.join(kinds)}")
        return None
    kind = str(entry["kind"])
    if kind not in kinds:
        problems.append(f"{place}.kind: {kind!r} is none of {', '.join(kinds)}{nearest.clause(kind, kinds)}")
        return None
    rest = {key: value for key, value in entry.items() if key != "kind"}
    return _validated(kinds[kind], rest, place, problems)


def _validated(cls: type[Loaded], table: Any, place: str, problems: list[str]) -> Loaded | None:
    try:
        return TypeAdapter(cls).validate_python(table)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            where = toml_lines.path((place, *problem["loc"]))
            text = problem["msg"].removeprefix("Value error, ")
            if (
                problem["loc"] and problem["loc"][-1] in _DISTRIBUTION_NAMES
            ):  # told of each kind that it could be
                where = toml_lines.path((place, *problem["loc"][:-1]))
                text = f'write how long as a table, {{ kind = "constant", value_s = 0.1 }}, not {problem["input"]!r}'
            if problem["type"] == "unexpected_keyword_argument":
                name, knobs = str(problem["loc"][-1]), _knobs()
                text = f"there is no such knob{' here' if name in knobs else nearest.clause(name, knobs)}"
            if problem["type"] == "missing":
                text = "it is missing"
            told = f"{where}: {text}" if where else text
            if told not in problems:
                problems.append(told)
        return None


def _knobs() -> list[str]:
    classes: list[Any] = [*_PARTS, *_DISTRIBUTIONS.values(), *fault_plan.KINDS.values()]
    return sorted({field.name for cls in classes for field in fields(cls)})


def refuse(path: str, problems: list[str], text: str, elsewhere: list[str] | None = None) -> None:
    """Tell what is wrong with a file, if anything is: each with its line.

    Args:
        problems: each begins with the place in the file, as `toml_lines.path` has it.
        elsewhere: what is wrong with other files, as this has told it.

    Raises:
        TargetError: something is.
    """
    lines = toml_lines.lines_of(text) if problems else {}
    placed = sorted((toml_lines.line_of(problem, lines) or 0, problem) for problem in set(problems))
    told = [f"{path}:{line}: {problem}" if line else f"{path}: {problem}" for line, problem in placed]
    told += elsewhere or []
    if told:
        raise TargetError("\n".join(told))
