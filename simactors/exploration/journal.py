"""The file of a hunt, ``hunt.json``: what it hunts, which runs it has made, what it has found; so that it can go on.

What strategies have learned is not kept: a hunt that goes on makes the runs of the same seeds as one that was never
stopped, and learns anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from simactors.exceptions import TargetError
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest, Tally
from simactors.exploration.covered import Covered
from simactors.exploration.findings import Finding, Group
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import code_digest
from simactors.exploration.target import Program

NAME = "hunt.json"

_FORMAT = 1
_WRITE_EVERY_S = 5.0
_NO_MATTER = ("keep_going",)  # changes when it stops, and none of its runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was there when a hunt began.

    Attributes:
        covered: the runs that were made.
        seconds: how long they took.
        findings: of those runs.
        told: the groups that a report was written of.
        is_outdated: the program, or its cluster, was changed since, and nothing of it counts.
    """

    covered: Covered = field(default_factory=Covered)
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    told: frozenset[Group] = frozenset()
    is_outdated: bool = False


class Journal:
    """Writes how a hunt stands, now and then.

    Args:
        folder: None to write nothing.

    Attributes:
        before: what was there.

    Raises:
        TargetError: the file is another hunt's, or can't be read.
    """

    def __init__(self, folder: Path | None, program: Program, quest: Quest) -> None:
        self._path = None if folder is None else folder / NAME
        told = {name: value for name, value in asdict(quest).items() if name not in _NO_MATTER}
        recipe = Recipe(program=program).to_fields()
        # A cluster that was edited is like code that was: the same hunt, begun anew.
        world = [recipe.pop(name, None) for name in ("cluster", "faults")]
        self._about = _as_read({**recipe, **told})
        self._code = code_digest(program, world)
        self._clock = Budget()
        self._written_s = 0.0
        self._tally = Tally()
        self._told: frozenset[Group] = frozenset()
        self.before = Before()
        if self._path is not None and self._path.exists():
            self.before = self._read(self._path)

    def total(self, tally: Tally) -> Tally:
        """How the whole hunt stands, if `tally` says what was done since it went on."""
        total = replace(tally, runs=tally.runs + len(self.before.covered), findings={})
        for finding in (*self.before.findings, *tally.findings.values()):
            total.add(finding)
        return total

    def look_at(self, tally: Tally) -> None:
        """Write how it stands, if it is time."""
        if self._clock.spent_s - self._written_s >= _WRITE_EVERY_S:
            self.write(tally)

    def reported(self, groups: Iterable[Group]) -> None:
        """A report was written of these; the hunt is over."""
        self._told = frozenset(groups)
        self._put_down()

    def write(self, tally: Tally) -> None:
        """Write how it stands; `tally` is of what was done since it went on."""
        self._tally, self._written_s = tally, self._clock.spent_s
        self._put_down()

    def _put_down(self) -> None:
        if self._path is None:
            return
        before, total = self.before, self.total(self._tally)
        covered = before.covered.also(*self._tally.shares)
        told = before.told | self._told
        fields = {
            "simactors_hunt": _FORMAT,
            "about": self._about,
            "code": self._code,
            "until": covered.until,
            "beyond": list(covered.beyond),
            "seconds": before.seconds + self._written_s,
            "findings": [
                {**finding.to_fields(), "is_told": group in told} for group, finding in total.findings.items()
            ],
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # By another name first: whoever is interrupted here leaves the old file as it was.
        new = self._path.with_suffix(f".{os.getpid()}.tmp")
        new.write_text(json.dumps(fields, indent=1) + "\n")
        new.replace(self._path)

    def _read(self, path: Path) -> Before:
        try:
            told = json.loads(path.read_text())
            if told["simactors_hunt"] != _FORMAT:
                raise ValueError(f'it needs "simactors_hunt": {_FORMAT}')
            about: dict[str, Any] = told["about"]
            self._refuse_another(path, about)
            findings = tuple(Finding.from_fields(each) for each in told["findings"])
            if told["code"] != self._code:
                return Before(is_outdated=True)
            return Before(
                covered=Covered(int(told["until"]), tuple(map(int, told["beyond"]))),
                seconds=float(told["seconds"]),
                findings=findings,
                told=frozenset(
                    f.group for f, each in zip(findings, told["findings"], strict=True) if each["is_told"]
                ),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TargetError(
                f"{path} can't be read as the file of a hunt: {type(error).__name__}: {error}"
            ) from None

    def _refuse_another(self, path: Path, there: Mapping[str, Any]) -> None:
        here = self._about
        differing = [
            f"{name} is {_shown(there, name)} there, and {_shown(here, name)} here"
            for name in dict.fromkeys((*there, *here))
            if there.get(name) != here.get(name)
        ]
        if differing:
            raise TargetError(
                f"{path} is the file of another hunt: {'; '.join(differing)}. Give this one another folder, or remove "
                "that file."
            )


def _as_read(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of them after JSON: lists instead of tuples."""
    read: dict[str, Any] = json.loads(json.dumps(fields))
    return read


def _shown(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "as by default" if value is None else str(value)
