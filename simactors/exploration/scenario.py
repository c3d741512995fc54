"""Reads a scenario: a folder whose ``scenario.toml`` names a program, what to call it with, a cluster, and its faults.

The file names code, and runs none; the program must lie in the same folder. What the program does is not said here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from simactors.core.fault_plan import FaultPlan
from simactors.exploration import cluster_file
from simactors.exploration.target import Program, Target
from simactors.sim import aims
from simactors.sim.config import SimConfig
from simactors.sim.fail_on import FailOn

_TABLE_OR_FILE = "write a table, or the name of a file in the scenario's folder"


class _Workload(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    entry: Annotated[str, Field(min_length=1)]
    parameters: dict[str, Any] = {}
    as_ray: bool = False


class _Checks(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    fail_on: list[str] = []


class _Scenario(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: str = ""
    workload: _Workload
    cluster: Any = {}
    faults: Any = []
    checks: _Checks = _Checks()


def load(file: str, function: str | None = None) -> Program:
    """The program of a scenario, with its world.

    Args:
        file: its ``scenario.toml``.
        function: what to call instead of its entry point.

    Raises:
        TargetError: no such file, or not a scenario; the message names everything that is wrong.
    """
    table, folder = cluster_file.read(file), Path(file).parent
    problems: list[str] = []
    told = _validated(table, problems)
    cluster = _cluster(table.get("cluster"), folder, problems)
    faults = _faults(table.get("faults", []), folder, problems)
    if told is not None:
        _check(told, folder, problems)
    if not problems:
        _check_aims(faults, cluster, problems)
    cluster_file.refuse(file, problems)
    assert told is not None
    entry, _, named = told.workload.entry.partition(":")
    target = Target.parse(str(folder / entry) + f":{function or named}" * bool(function or named))
    return Program(
        target=target,
        as_ray=told.workload.as_ray,
        cluster=cluster,
        faults=faults,
        fail_on=tuple(told.checks.fail_on),
        workload=tuple(sorted(told.workload.parameters.items())) if function in (None, named) else (),
    )


def _cluster(told: Any, folder: Path, problems: list[str]) -> SimConfig | None:
    """The cluster that a table describes, or the file in the folder that a word names."""
    if isinstance(told, str) and _is_inside(told, folder, "cluster", problems):
        return cluster_file.load_cluster(str(folder / told))
    if not isinstance(told, dict | str | None):
        problems.append(f"cluster: {_TABLE_OR_FILE}")
    return cluster_file.read_cluster(told, "cluster", problems) if isinstance(told, dict) else None


def _faults(told: Any, folder: Path, problems: list[str]) -> FaultPlan:
    """As `_cluster`."""
    if isinstance(told, str) and _is_inside(told, folder, "faults", problems):
        return cluster_file.load_faults(str(folder / told))
    if not isinstance(told, list | str):
        problems.append(f"faults: {_TABLE_OR_FILE}")
    return cluster_file.read_faults(told, problems) if isinstance(told, list) else FaultPlan()


def _is_inside(name: str, folder: Path, place: str, problems: list[str]) -> bool:
    if (folder / name).resolve().is_relative_to(folder.resolve()):
        return True
    problems.append(f"{place}: {name} lies outside the scenario's folder")
    return False


def _validated(table: Any, problems: list[str]) -> _Scenario | None:
    try:
        return TypeAdapter(_Scenario).validate_python(table)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path = problem["loc"]
            where = ".".join(map(str, path))
            text = problem["msg"]
            if problem["type"] == "extra_forbidden":
                text = f"there is no such key{cluster_file.nearest(str(path[-1]), _keys())}"
            if problem["type"] == "missing":
                text = 'it is missing; write for example [workload] with entry = "app.py:main"'
            problems.append(f"{where}: {text}")
        return None


def _keys() -> list[str]:
    return sorted({name for model in (_Scenario, _Workload, _Checks) for name in model.model_fields})


def _check(told: _Scenario, folder: Path, problems: list[str]) -> None:
    """What only makes sense, or not, taken together."""
    entry, colon, function = told.workload.entry.partition(":")
    if not _is_inside(entry, folder, "workload.entry", problems):
        return
    if not entry.endswith(".py") or not (folder / entry).is_file():
        near = cluster_file.nearest(entry, sorted(each.name for each in folder.glob("*.py")))
        problems.append(f"workload.entry: there is no Python file {entry} in the scenario's folder{near}")
    elif colon and not function.isidentifier():
        problems.append(f"workload.entry: {function!r} is not the name of a function; write app.py:main")
    if told.workload.parameters and not colon:
        problems.append("workload.parameters: a script takes none; name a function as entry: app.py:main")
    for name, value in told.workload.parameters.items():
        if not isinstance(value, bool | int | float | str):
            problems.append(f"workload.parameters.{name}: a parameter is a number, a text, true or false")
        elif isinstance(value, float) and not math.isfinite(value):
            problems.append(f"workload.parameters.{name}: {value} is no finite number")
    try:
        FailOn.parse(tuple(told.checks.fail_on))
    except ValueError as error:
        problems.append(f"checks.fail_on: {error}")


def _check_aims(faults: FaultPlan, cluster: SimConfig | None, problems: list[str]) -> None:
    try:
        aims.check(faults, cluster or SimConfig())
    except ValueError as error:
        problems.append(str(error))
