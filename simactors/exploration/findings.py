"""What a hunt has found: failures, grouped by what broke."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import Ending, RunResult


class Group(NamedTuple):
    """What two failures must have in common to be the same.

    Attributes:
        outcome: see `Ending`.
        kind: the class of what was raised.
        place: the user's line that raised it, ``app.py:12 in transfer``; empty if none did.
    """

    outcome: str
    kind: str
    place: str

    @classmethod
    def of(cls, ending: Ending) -> Group:
        """That of a run that failed."""
        return cls(ending.outcome, ending.kind or "", ending.place)

    @property
    def word(self) -> str:
        """Short, and good for a file's name."""
        digest = hashlib.sha256("\0".join(self).encode("utf-8", "backslashreplace")).hexdigest()[:6]
        name = "".join(letter if letter.isalnum() else "-" for letter in self.kind).strip("-")
        return f"{name}-{digest}"

    def __str__(self) -> str:
        return f"{self.kind} at {self.place}" if self.place else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One failure.

    Attributes:
        run: the number of the run that failed, from 1.
        recipe: how to make it again.
        result: what it came to.
        output: what the program printed.
        others: how many further runs failed in the same way.
    """

    run: int
    recipe: Recipe
    result: RunResult
    output: str = ""
    others: int = 0

    @property
    def group(self) -> Group:
        """What broke."""
        return Group.of(self.result.ending)

    def to_fields(self) -> dict[str, Any]:
        """What JSON can hold."""
        result = self.result
        return {
            "run": self.run,
            "recipe": self.recipe.to_fields(),
            "ending": list(result.ending),
            "seed": result.seed,
            "digest": result.digest,
            "virtual_time_s": result.virtual_time_s,
            "steps": result.steps,
            "last_steps": list(result.last_steps),
            "output": self.output,
            "others": self.others,
        }

    @classmethod
    def from_fields(cls, told: Mapping[str, Any]) -> Finding:
        """What `to_fields` wrote."""
        result = RunResult(
            ending=Ending(*told["ending"]),
            seed=told["seed"],
            digest=told["digest"],
            virtual_time_s=told["virtual_time_s"],
            steps=told["steps"],
            last_steps=tuple(told["last_steps"]),
        )
        recipe = Recipe.from_fields(told["recipe"])
        return cls(
            run=told["run"], recipe=recipe, result=result, output=told["output"], others=told["others"]
        )
