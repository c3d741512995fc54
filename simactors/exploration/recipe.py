"""All that it takes to make one simulated run, as data that can be written to a file and sent to another process.

Not what came of the run: that is a `Repro`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Protocol

from simactors.core.choices import Choices, SeededChoices
from simactors.core.events import Record
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.drawn_faults import Drawn
from simactors.exploration.runner import Onlooker, RunResult, run_simulated
from simactors.exploration.script import Answer, Deviation, Follower, Script
from simactors.exploration.target import Program, Target
from simactors.exploration.world import World, world_of
from simactors.sim.config import SimConfig, Slack
from simactors.workload.load import Load

_KINDS: Mapping[str, tuple[type, ...]] = {
    "target": (str,),
    "seed": (int,),
    "max_steps": (int,),
    **dict.fromkeys(("as_ray", "is_timeless"), (bool,)),
    **dict.fromkeys(("cluster", "slack", "load"), (dict,)),
    **dict.fromkeys(
        ("argv", "allow", "fail_on", "faults", "drawn", "plan", "deviations", "answers", "workload"),
        (list, tuple),
    ),
}


class MakesRuns(Protocol):
    """Makes a run of what is no function to call: of a test, with its fixtures around it."""

    def __call__(
        self,
        recipe: Recipe,
        watch: Callable[[Record], None] | None,
        choices: Choices,
        onlookers: Sequence[Onlooker],
    ) -> RunResult:
        """See `Recipe.run`; `choices` are those that the recipe says."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One run.

    Attributes:
        seed: what its answers are drawn from.
        faults: what goes wrong, besides what the program's own file says.
        script: its answers; None: they are drawn.
        maker: who makes it, in this process; None: it is run as a program.
    """

    program: Program
    seed: int = 0
    faults: FaultPlan = field(default_factory=FaultPlan)
    script: Script | None = None
    maker: MakesRuns | None = field(default=None, compare=False, repr=False)

    def run(
        self,
        watch: Callable[[Record], None] | None = None,
        *,
        around: Callable[[Choices], Choices] = lambda choices: choices,
        onlookers: Sequence[Onlooker] = (),
    ) -> RunResult:
        """Make the run.

        Args:
            watch: see `simulate`.
            around: what is to stand between the simulation and who answers.
            onlookers: see `run_simulated`.

        Raises:
            TargetError: the program, or one of its files, can't be loaded.
        """
        answers = SeededChoices(self.seed) if self.script is None else Follower(self.script)
        world, choices = self.world, around(answers)
        if self.maker is not None:
            return self.maker(self, watch, choices, onlookers)
        return run_simulated(
            self.program, self.seed, watch, world=world, choices=choices, onlookers=onlookers
        )

    @property
    def world(self) -> World:
        """Where it runs."""
        return world_of(self.program, self.seed).also(self.faults)

    @property
    def with_all_faults(self) -> Recipe:
        """The same with the faults that the program has in every run among those of this one."""
        program = replace(self.program, faults=FaultPlan(), drawn=())
        return replace(self, program=program, faults=self.world.faults)

    def to_fields(self) -> dict[str, Any]:
        """What JSON can hold of it; what is as by default is left out."""
        told: dict[str, Any] = {"target": str(self.program.target)}
        for knob in fields(Program):
            value = getattr(self.program, knob.name)
            if knob.name != "target" and value != knob.default:
                told[knob.name] = _as_json(value)
        told["seed"] = self.seed
        if self.faults.faults:
            told["plan"] = _as_json(self.faults)
        if self.script is not None:
            told["deviations"] = [list(d) for d in self.script.deviations]
            told["answers"] = [list(a) for a in self.script.answers]
        return told

    @classmethod
    def from_fields(cls, told: Mapping[str, Any]) -> Recipe:
        """What `to_fields` wrote.

        Raises:
            ValueError, TypeError, KeyError: it has not.
            TargetError: the target isn't there.
        """
        rest = dict(told)
        for name, kinds in _KINDS.items():
            if name in rest and not isinstance(rest[name], kinds):
                raise TypeError(f"{name} is {rest[name]!r}")
        if rest.get("preemption", "off") not in ("off", "stores", "lines"):
            raise ValueError(f"preemption is {rest['preemption']!r}")
        target, seed = Target.parse(rest.pop("target")), rest.pop("seed")
        deviations, answers = rest.pop("deviations", None), rest.pop("answers", None)
        for name, read in _READERS.items():
            if name in rest:
                rest[name] = read(rest[name])
        faults, script = rest.pop("plan", FaultPlan()), None
        if deviations is not None:
            script = Script(
                tuple(Deviation(*map(str, d)) for d in deviations),
                tuple(Answer(str(label), int(nth), int(answer)) for label, nth, answer in answers or ()),
            )
        return cls(program=Program(target=target, **rest), seed=int(seed), faults=faults, script=script)


def _faults(tables: Any) -> FaultPlan:
    from simactors.exploration import cluster_file  # lazily: pydantic takes as long as a small run

    return cluster_file.faults_of(tables)


def _drawn(tables: Any) -> tuple[Drawn, ...]:
    from simactors.exploration import cluster_file  # lazily, as above

    return cluster_file.drawn_of(tables)


def _cluster(table: Any) -> SimConfig:
    from simactors.exploration import cluster_file  # lazily, as above

    return cluster_file.cluster_of(table)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("argv", "allow", "fail_on"), tuple),
    "workload": lambda told: tuple((str(name), value) for name, value in told),
    "slack": lambda told: Slack(**told),
    "load": Load.from_fields,
    "cluster": _cluster,
    "drawn": _drawn,
    **dict.fromkeys(("faults", "plan"), _faults),
}
"""How what JSON holds becomes a knob again."""


def _as_json(value: Any) -> Any:
    """A knob of a program as JSON can hold it."""
    if isinstance(value, Slack):
        return asdict(value)
    if isinstance(value, Load):
        return value.to_fields()
    if isinstance(value, tuple) and value and isinstance(value[0], Drawn):
        from simactors.exploration import cluster_file  # lazily, as above

        return cluster_file.drawn_tables(value)
    if isinstance(value, SimConfig | FaultPlan):
        from simactors.exploration import cluster_file  # lazily, as above

        return (
            cluster_file.cluster_table(value)
            if isinstance(value, SimConfig)
            else cluster_file.fault_tables(value)
        )
    return value
