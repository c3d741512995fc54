"""Reads a scenario: a folder whose ``scenario.toml`` says what is run and where, what goes wrong, and what is to hold.

The file names code, and runs none; the program, and every file that it names, must lie in the same folder. What it may
say key by key is in `scenario_file.py`; making the runs is for `simactors.scenarios`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simactors.core import nearest
from simactors.core.fault_plan import FaultPlan
from simactors.exceptions import TargetError
from simactors.exploration import (
    cluster_file,
    entry_points,
    objectives,
    overriding,
    scenario_file,
    workload_shape,
)
from simactors.exploration.drawn_faults import Drawn
from simactors.exploration.objectives import Objective
from simactors.exploration.quantities import duration_s
from simactors.exploration.scenario_file import ScenarioFile
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig
from simactors.workload import arrivals
from simactors.workload.load import Arrivals, Burst, Clients, Constant, Judged, Load, Poisson, Ramp, Trace

MOST_POINTS = 10_000
"""Of a sweep."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the grid of a sweep.

    Attributes:
        swept: the values that make it; empty if nothing is swept.
    """

    swept: tuple[tuple[str, Any], ...]
    program: Program
    objectives: tuple[Objective, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario that can be run.

    Attributes:
        file: its ``scenario.toml``.
        variant: which; empty for what stands outside of variants.
        expect: what is to come out: ``passes``: every run; ``fails``: at each point at least one; ``any``.
        because: what is to stand in the name or the message of a failed check, if it is to fail.
        points: of the grid; one if nothing is swept.
        expects: the names of all variants, with what is expected of each.
    """

    file: str
    variant: str
    title: str
    expect: str
    because: str
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    expects: Mapping[str, str]

    @property
    def name(self) -> str:
        """What the user would write for it."""
        folder = str(Path(self.file).parent) if Path(self.file).name == "scenario.toml" else self.file
        return f"{folder}:{self.variant}" if self.variant else folder


def load(file: str, variant: str = "", settings: Sequence[tuple[str, Any]] = ()) -> Scenario:
    """Read a scenario; all of its variants are checked, whichever is wanted.

    Args:
        file: its ``scenario.toml``.
        settings: what is to be otherwise, by name, as for a sweep.

    Raises:
        TargetError: no such file or variant, or not a scenario; the message names everything that is wrong.
    """
    text, table = cluster_file.read_text(file)
    reader = _Reader(file)
    plain = reader.file(table, [])
    problems, elsewhere = list(reader.problems), list(reader.elsewhere)
    tables = table.get("variants", {})
    tables = tables if isinstance(tables, dict) else {}
    found = {"": plain}
    for name, changed in tables.items():
        if isinstance(changed, dict):
            other = _Reader(file)
            found[name] = other.file(overriding.merged(table, changed, reader.folder), [])
            problems += [f"variants.{name}.{each}" for each in other.problems if each not in reader.problems]
            elsewhere += [each for each in other.elsewhere if each not in elsewhere]
    cluster_file.refuse(file, problems, text, elsewhere)
    if variant not in found:
        names = [name for name in found if name]
        near = nearest.clause(variant, names)
        raise TargetError(
            f"{file}: there is no variant {variant!r}{near}; it has {', '.join(names) or 'none'}"
        )
    expects = {name: each.expect for name, each in found.items() if each is not None}
    table = overriding.merged(table, tables[variant], reader.folder) if variant else table
    return _scenario(file, variant, table, settings, expects, text)


def _scenario(
    file: str,
    variant: str,
    table: dict[str, Any],
    settings: Sequence[tuple[str, Any]],
    expects: Mapping[str, str],
    text: str,
) -> Scenario:
    reader, given = _Reader(file), dict(settings)
    told = scenario_file.validated(table, [])
    assert told is not None
    grid = {name: values for name, values in told.sweep.items() if name not in given}
    count = 1
    for values in grid.values():
        count *= len(values)
    if count > MOST_POINTS:
        raise TargetError(f"{file}: the sweep has {count} points, and {MOST_POINTS} are the most")
    points, problems, elsewhere = [], dict[str, str](), dict[str, str]()
    for combination in itertools.product(*grid.values()):
        swept = tuple(zip(grid, combination, strict=True))
        made = reader.file(table, [*given.items(), *swept])
        if made is None or reader.problems or reader.elsewhere:
            named = ", ".join(f"{name} = {value!r}" for name, value in (*given.items(), *swept))
            for problem in reader.problems:  # one is told with the first point that has it
                problems.setdefault(problem, f"{'sweep: ' if swept else ''}with {named}: {problem}")
            for problem in reader.elsewhere:
                elsewhere.setdefault(problem, f"{problem} (with {named})")
            reader = _Reader(file)
        else:
            points.append(reader.point(swept))
    cluster_file.refuse(file, list(problems.values()), text, list(elsewhere.values()))
    return Scenario(
        file=file,
        variant=variant,
        title=told.title,
        expect=told.expect,
        because=told.because,
        seeds=tuple(told.seeds),
        points=tuple(points),
        expects=expects,
    )


def program_of(file: str, name: str | None) -> Program:
    """What a hunt runs: a scenario, one of its variants, or another function of its program in the same world.

    Raises:
        TargetError: as `load`.
    """
    _, table = cluster_file.read_text(file)
    if name is None or name in table.get("variants", {}):
        return load(file, name or "").points[0].program
    program = load(file).points[0].program
    functions = entry_points.names(Path(program.target.file))
    if functions is not None and name not in functions:
        near = nearest.clause(name, [*table.get("variants", {}), *sorted(functions)])
        raise TargetError(
            f"{file}: there is no variant {name!r}, and no function in {program.target.file}{near}"
        )
    is_entry = program.load is None and program.target.function == name
    target = Target.parse(f"{program.target.file}:{name}")
    return replace(program, target=target, load=None, workload=program.workload if is_entry else ())


class _Reader:
    """Reads one table; `problems` are those of this file, `elsewhere` those of others that it names."""

    def __init__(self, file: str) -> None:
        self.folder = Path(file).parent
        self.problems: list[str] = []
        self.elsewhere: list[str] = []
        self._point: Point

    def file(self, table: dict[str, Any], settings: Sequence[tuple[str, Any]]) -> ScenarioFile | None:
        """What it says with some settings; None if it is no scenario."""
        for name, value in settings:
            try:
                table = overriding.changed(table, name, value, self.folder)
            except ValueError as error:
                self.problems.append(f"sweep.{name}: {error}")
        told = scenario_file.validated(table, self.problems)
        cluster = self._cluster(table.get("cluster"))
        faults, drawn = self._faults(table.get("faults", []), cluster)
        entries = self._entries(table)
        if told is None:
            return None
        target, made = self._workload(told, entries)
        for name in told.sweep:
            self._check_swept(table, name)
        if self.problems or self.elsewhere:
            return told
        plain = made is not None and made.request is None and not made.checks and not made.histories
        assert target is not None
        program = Program(
            target=target,
            as_ray=told.workload.as_ray,
            cluster=cluster,
            faults=faults,
            drawn=drawn,
            fail_on=tuple(told.checks.fail_on),
            load=None if plain else made,
            workload=tuple(sorted(told.workload.parameters.items())) if plain else (),
        )
        self._point = Point((), program, tuple(map(objectives.parse, told.checks.objectives)))
        return told

    def point(self, swept: tuple[tuple[str, Any], ...]) -> Point:
        """What `file` has made last, as a point of a grid."""
        return replace(self._point, swept=swept)

    def _check_swept(self, table: dict[str, Any], name: str) -> None:
        try:
            overriding.changed(table, name, 0, self.folder)
        except ValueError as error:
            self.problems.append(f"sweep.{name}: {error}")

    # Cluster and faults

    def _cluster(self, told: Any) -> SimConfig | None:
        """The cluster that a table describes, or the file in the folder that a word names."""
        if isinstance(told, str):
            named: SimConfig | None = self._other(told, "cluster", cluster_file.load_cluster)
            return named
        if not isinstance(told, dict | None):
            self.problems.append(f"cluster: {scenario_file.TABLE_OR_FILE}")
        return cluster_file.read_cluster(told, "cluster", self.problems) if isinstance(told, dict) else None

    def _faults(self, told: Any, cluster: SimConfig | None) -> tuple[FaultPlan, tuple[Drawn, ...]]:
        """As `_cluster`; those with a rate are drawn for each run."""
        is_cluster_known = (
            not self.problems and not self.elsewhere
        )  # else nobody knows what faults can aim at

        def read(file: str) -> FaultPlan:
            if not is_cluster_known:
                return cluster_file.load_faults(file)
            return cluster_file.load_world(None, file, cluster)[1]

        if isinstance(told, str):
            return self._other(told, "faults", read) or FaultPlan(), ()
        if not isinstance(told, list):
            self.problems.append(f"faults: {scenario_file.LIST_OR_FILE}")
            return FaultPlan(), ()
        if not is_cluster_known:
            return cluster_file.read_all_faults(told, self.problems)
        return cluster_file.read_fitting_faults(told, cluster, self.problems)

    def _other(self, name: str, place: str, read: Any) -> Any:
        if not self._is_inside(name, place):
            return None
        try:
            return read(str(self.folder / name))
        except TargetError as error:
            self.elsewhere += str(error).splitlines()
            return None

    def _is_inside(self, name: str, place: str) -> bool:
        if entry_points.is_inside(self.folder, name):
            return True
        self.problems.append(f"{place}: {name} lies outside the scenario's folder")
        return False

    # The workload

    def _entries(self, table: dict[str, Any]) -> list[tuple[str, str | None]]:
        """All entry points, and the file of each; None for one that is not there."""
        workload, checks = table.get("workload"), table.get("checks")
        workload = workload if isinstance(workload, dict) else {}
        checks = checks if isinstance(checks, dict) else {}
        named = [(f"workload.{key}", workload.get(key)) for key in ("entry", "setup", "request", "teardown")]
        for key, inside in (("entries", ""), ("histories", "recording")):
            listed = checks.get(key)
            for number, value in enumerate(listed if isinstance(listed, list) else []):
                place = f"checks.{key}[{number}]" + (f".{inside}" if inside else "")
                named.append((place, value.get(inside) if inside and isinstance(value, dict) else value))
        return [
            (value, entry_points.check(place, value, self.folder, self.problems))
            for place, value in named
            if isinstance(value, str) and value
        ]

    def _workload(
        self, told: ScenarioFile, entries: list[tuple[str, str | None]]
    ) -> tuple[Target | None, Load | None]:
        """The program's file, and what to call in it."""
        self.problems += workload_shape.problems(told)
        if told.because and told.expect != "fails":
            self.problems.append('because: it says why a run fails; write expect = "fails", too')
        files = [file for _, file in entries if file is not None]
        if len(set(files)) > 1:
            self.problems.append("workload: all entry points are in one file, and here they are in several")
        called = [name for name, file in entries if file is not None and name not in _recordings(told)]
        if len(called) + len(_recordings(told)) == len(entries):
            parameters = told.workload.parameters
            entry_points.check_parameters(parameters, called, self.folder, self.problems)
        made, think = None, self._think(told)
        if not self.problems and not self.elsewhere:
            made = self._load(told, think)
        if not entries or made is None or self.problems:
            return None, made
        function = _function(entries[0][0])
        if function is None and (made.checks or made.histories or made.parameters):
            self.problems.append(
                "workload.entry: a script takes no parameters and no checks; name a function: app.py:main"
            )
        return Target(str(self.folder / files[0]), function), made

    def _load(self, told: ScenarioFile, think: dict[str, Any]) -> Load:
        workload, checks = told.workload, told.checks
        return Load(
            setup=_function(workload.entry or workload.setup),
            request=_function(workload.request),
            teardown=_function(workload.teardown),
            parameters=workload.parameters,
            arrivals=self._arrivals(workload),
            clients=None if workload.clients is None else Clients(workload.clients.count, think),
            requests=workload.requests,
            duration_s=workload.duration,
            warmup_s=workload.warmup,
            timeout_s=workload.timeout,
            checks=tuple(str(_function(each)) for each in checks.entries),
            histories=tuple(
                Judged(str(_function(each.recording)), each.is_, each.spec or "", each.arguments)
                for each in checks.histories
            ),
        )

    def _arrivals(self, workload: scenario_file.Workload) -> Arrivals | None:
        match workload.arrivals:
            case scenario_file.ConstantRate() as told:
                return Constant(told.rate)
            case scenario_file.Poisson() as told:
                return Poisson(told.rate)
            case scenario_file.Ramp() as told:
                if told.from_ == told.to == 0:
                    self.problems.append(
                        "workload.arrivals: nothing arrives if the rate is 0 from beginning to end"
                    )
                return Ramp(told.from_, told.to, told.over, told.spacing)
            case scenario_file.Burst() as told:
                return Burst(told.size, told.every)
            case scenario_file.Trace() as told:
                return self._trace(told.file)
        return None

    def _trace(self, file: str) -> Trace:
        if self._is_inside(file, "workload.arrivals.file"):
            place = "workload.arrivals.file"
            try:
                if not arrivals.read_trace(str(self.folder / file)):
                    self.problems.append(f"{place}: {file} holds no time, so nothing would arrive")
            except UnicodeDecodeError:
                self.problems.append(f"{place}: {file} is no text in UTF-8")
            except OSError as error:
                near = nearest.clause(file, sorted(each.name for each in self.folder.glob("*.csv")))
                self.problems.append(f"{place}: {file} can't be read: {error.strerror}{near}")
            except ValueError as error:
                self.problems.append(f"{place}: {error}")
        return Trace(str(self.folder / file))

    def _think(self, told: ScenarioFile) -> dict[str, Any]:
        think: Any = 0.0 if told.workload.clients is None else told.workload.clients.think
        if isinstance(think, dict):
            cluster_file.read_distribution(think, "workload.clients.think", self.problems)
            return think
        try:
            return {"kind": "constant", "value_s": duration_s(think)}
        except ValueError as error:
            self.problems.append(f"workload.clients.think: {error}")
            return {}


def _recordings(told: ScenarioFile) -> list[str]:
    """Entry points that nobody calls."""
    return [history.recording for history in told.checks.histories]


def _function(entry: str | None) -> str | None:
    return None if entry is None else entry.partition(":")[2] or None
