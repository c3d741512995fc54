"""What a ``scenario.toml`` may say, as pydantic models: what is checked key by key.

Its JSON Schema is `scenario_schema.py`'s. What only makes sense taken together is checked in `scenario.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from simactors.core import nearest
from simactors.exploration import objectives, toml_lines
from simactors.exploration.quantities import duration_s, rate_per_s
from simactors.sim.fail_on import FailOn
from simactors.workload import judging, load

TABLE_OR_FILE = "write a table, or the name of a file in the scenario's folder"
LIST_OR_FILE = "write [[faults]], or the name of a file in the scenario's folder"
MOST_SEEDS = 100_000
Scalar = bool | int | float | str


def _finite(value: Scalar) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return value


def _scalar(value: Any) -> Any:
    if not isinstance(value, Scalar):
        raise ValueError("a parameter is a number, a text, true or false")
    return _finite(value)


def _objective(text: str) -> str:
    objectives.parse(text)
    return text


def _seeds(told: Any) -> Any:
    """A number of seeds means the first ones."""
    if type(told) is int and told > MOST_SEEDS:
        raise ValueError(f"{told} are too many: {MOST_SEEDS:,} are the most")
    listed = list(range(told)) if type(told) is int else told
    if (
        not listed
        or not isinstance(listed, list)
        or any(type(seed) is not int or seed < 0 for seed in listed)
    ):
        raise ValueError(f"write how many seeds, 5, or which ones, [3, 8], not {told!r}")
    if len(set(listed)) < len(listed):
        raise ValueError(f"a seed twice is the same run twice, and says nothing new: {told!r}")
    return listed


def _one_of(names: tuple[str, ...]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"{name!r} is none of {', '.join(names)}{nearest.clause(name, names)}")
        return name

    return AfterValidator(check)


def _fail_on(words: list[str]) -> list[str]:
    FailOn.parse(tuple(words))
    return words


_SEEDS = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    ]
}
DURATION = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["250ms", "1.5s", "2m"]}]
}
RATE = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["200/s", "30/m"]}]}
Duration = Annotated[float, BeforeValidator(duration_s), WithJsonSchema(DURATION)]
Rate = Annotated[float, BeforeValidator(rate_per_s), Field(gt=0), WithJsonSchema(RATE)]
RateOrNone = Annotated[float, BeforeValidator(rate_per_s), WithJsonSchema(RATE)]
Seeds = Annotated[list[int], BeforeValidator(_seeds), WithJsonSchema(_SEEDS)]
Parameter = Annotated[
    Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["number", "string", "boolean"]})
]
EntryPoint = Annotated[str, Field(min_length=1, examples=["app.py:request"])]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class ConstantRate(_Table):
    """Requests evenly spaced.

    Attributes:
        kind: ``constant``.
        rate: how many requests come.
    """

    kind: Literal["constant"]
    rate: Rate


class Poisson(_Table):
    """Requests of many users who know nothing of each other.

    Attributes:
        kind: ``poisson``.
        rate: how many requests come on average.
    """

    kind: Literal["poisson"]
    rate: Rate


class Ramp(_Table):
    """A rate that goes from one to another in a straight line, and stays there.

    Attributes:
        kind: ``ramp``.
        from_: the rate at the beginning.
        to: the rate at the end.
        over: how long it takes to get there.
        spacing: whether requests come at random, ``poisson``, or evenly.
    """

    kind: Literal["ramp"]
    from_: Annotated[RateOrNone, Field(alias="from")]
    to: RateOrNone
    over: Annotated[Duration, Field(gt=0)]
    spacing: Literal["poisson", "even"] = "poisson"


class Burst(_Table):
    """So many requests at once, again and again.

    Attributes:
        kind: ``burst``.
        size: how many come at once.
        every: how long it is from one burst to the next.
    """

    kind: Literal["burst"]
    size: Annotated[int, Field(ge=1)]
    every: Annotated[Duration, Field(gt=0)]


class Trace(_Table):
    """Requests at the times in a file, one number of seconds a line.

    Attributes:
        kind: ``trace``.
        file: a CSV file in the scenario's folder.
    """

    kind: Literal["trace"]
    file: str


Arrivals = Annotated[ConstantRate | Poisson | Ramp | Burst | Trace, Field(discriminator="kind")]
ARRIVALS = ("constant", "poisson", "ramp", "burst", "trace")
_THINK = {"anyOf": [DURATION, {"type": "object", "required": ["kind"]}]}


class Clients(_Table):
    """Users of whom each waits for an answer before it asks again.

    Attributes:
        count: how many users.
        think: how long each waits after an answer; a duration, or a distribution.
    """

    count: Annotated[int, Field(ge=1)]
    think: Annotated[Any, WithJsonSchema(_THINK)] = 0.0


class Workload(_Table):
    """What is run: a whole program (entry), or requests (request) to what setup returns.

    Attributes:
        entry: the whole program, ``app.py:main``, or ``app.py``, which runs as a script; without `setup`,
            `request`, `teardown` and all that is about requests.
        setup: is called first; what it returns is the first argument of all others.
        request: is called for each request.
        teardown: is called last, whatever came out.
        parameters: given by name to each entry point that has a parameter of that name.
        as_ray: whether ``import ray`` means simactors.
        arrivals: when requests come by themselves.
        clients: users who wait for their answers, instead of arrivals.
        requests: after how many requests the load ends.
        duration: after how long the load ends.
        warmup: requests that are due before that are not measured.
        timeout: a request that takes longer has failed; without it, none does.
    """

    entry: EntryPoint | None = None
    setup: EntryPoint | None = None
    request: EntryPoint | None = None
    teardown: EntryPoint | None = None
    parameters: dict[str, Parameter] = {}
    as_ray: bool = False
    arrivals: Arrivals | None = None
    clients: Clients | None = None
    requests: Annotated[int, Field(ge=1, le=load.MOST_REQUESTS)] | None = None
    duration: Annotated[Duration, Field(gt=0)] | None = None
    warmup: Duration = 0.0
    timeout: Annotated[Duration, Field(gt=0)] | None = None


class HistoryCheck(_Table):
    """What is to hold of a history that the program records.

    Attributes:
        recording: the `checkers.Recording` of the program, ``app.py:history``.
        is_: what the history must be.
        spec: with ``linearizable``: one of `simactors.checkers.specs`.
        arguments: go to the specification, or to `isolated`.
    """

    recording: EntryPoint
    is_: Annotated[
        str, _one_of(judging.PROPERTIES), Field(alias="is", json_schema_extra={"enum": judging.PROPERTIES})
    ]
    spec: Annotated[str, _one_of(judging.SPECS), Field(json_schema_extra={"enum": judging.SPECS})] | None = (
        None
    )
    arguments: dict[str, Any] = {}


class Checks(_Table):
    """What makes a run good.

    Attributes:
        entries: functions that are called at the end, with what `setup` or `entry` returned and the results.
        objectives: what must be measured, ``p99 < 50ms``.
        histories: what must hold of what clients were told.
        fail_on: what a simulated run fails for without any assertion, in the words of ``--fail-on``.
    """

    entries: list[EntryPoint] = []
    objectives: list[Annotated[str, AfterValidator(_objective), Field(examples=["p99 < 50ms"])]] = []
    histories: list[HistoryCheck] = []
    fail_on: Annotated[list[str], AfterValidator(_fail_on)] = []


Sweep = dict[str, Annotated[list[Parameter], Field(min_length=1)]]


class Variant(_Table):
    """The same with something else: tables are merged, everything else replaces what is said above.

    Attributes:
        title: what it is about.
        expect: what is to come out.
        because: why it is to fail.
        seeds: which runs.
        cluster: what is different in the cluster.
        faults: what goes wrong instead.
        workload: what is different in the load.
        checks: what is different in the checks.
        sweep: what is varied.
    """

    title: str | None = None
    expect: Literal["passes", "fails", "any"] | None = None
    because: str | None = None
    seeds: Any = None
    cluster: Any = None
    faults: Any = None
    workload: dict[str, Any] = {}
    checks: dict[str, Any] = {}
    sweep: dict[str, Any] = {}


class ScenarioFile(_Table):
    """A scenario of simactors.

    Attributes:
        title: what it is about.
        expect: ``passes``: every run is to; ``fails``: at least one run of each point is to; ``any``.
        because: what must stand in the name or the message of a check that fails, if one is to.
        seeds: how many runs, or which seeds.
        cluster: the simulated cluster, a table, or a file in the scenario's folder.
        faults: what goes wrong, a list of tables, or a file in the scenario's folder.
        workload: what is run.
        checks: what makes a run good.
        sweep: names of parameters, or of keys as ``cluster.nodes.1.count``, each with its values: every combination
            is run.
        variants: by name: the same with something else in it.
    """

    title: str = ""
    expect: Literal["passes", "fails", "any"] = "passes"
    because: str = ""
    seeds: Seeds = [0]
    cluster: Any = {}
    faults: Any = []
    workload: Workload
    checks: Checks = Checks()
    sweep: Sweep = {}
    variants: dict[str, Variant] = {}


MODELS: tuple[type[BaseModel], ...] = (
    ScenarioFile,
    Workload,
    Checks,
    HistoryCheck,
    Clients,
    Variant,
    ConstantRate,
    Poisson,
    Ramp,
    Burst,
    Trace,
)


def validated(table: Any, problems: list[str]) -> ScenarioFile | None:
    """What a table says; None, and `problems` says why, if it is no scenario."""
    try:
        return ScenarioFile.model_validate(table)
    except ValidationError as error:
        problems += dict.fromkeys(_told(dict(problem)) for problem in error.errors(include_url=False))
        return None


def _told(problem: dict[str, Any]) -> str:
    parts = tuple(problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        text = f"there is no such key{nearest.clause(str(parts[-1]), _keys(parts))}"
    elif problem["type"] == "missing" and parts == ("workload",):
        text = 'it is missing; write for example [workload] with entry = "app.py:main"'
    elif problem["type"] == "missing":
        text = "it is missing"
    elif problem["type"] == "union_tag_invalid":
        kind = str(problem["input"].get("kind"))
        text = f"{kind!r} is none of {', '.join(ARRIVALS)}{nearest.clause(kind, ARRIVALS)}"
    elif problem["type"] == "union_tag_not_found":
        text = f"say which kind: {', '.join(ARRIVALS)}"
    elif problem["type"] in ("model_type", "model_attributes_type"):
        text = f"write a table, not {problem['input']!r}"
    elif problem["type"] in (
        "literal_error",
        "greater_than",
        "greater_than_equal",
        "less_than_equal",
        "int_type",
        "string_type",
        "list_type",
        "dict_type",
        "bool_type",
    ):
        text = f"{text}, not {problem['input']!r}"
    return f"{toml_lines.path(_without_tags(parts))}: {text}"


def _without_tags(parts: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place in the file: pydantic names the kinds of alternatives, too."""
    return tuple(
        part
        for number, part in enumerate(parts)
        if not (parts[number - 1] == "arrivals" and part in ARRIVALS)
    )


def _keys(parts: tuple[int | str, ...]) -> list[str]:
    """The keys that there are where an unknown one stands."""
    at: dict[str, Any] = {
        "": ScenarioFile,
        "workload": Workload,
        "checks": Checks,
        "clients": Clients,
        "histories": HistoryCheck,
        "variants": Variant,
        **dict(zip(ARRIVALS, (ConstantRate, Poisson, Ramp, Burst, Trace), strict=True)),
    }
    names = [part for part in parts[:-1] if isinstance(part, str)]
    model = at[next((name for name in reversed(names) if name in at), "")]
    return sorted(field.alias or name for name, field in model.model_fields.items())


assert set(ARRIVALS) == {str(get_args(model.model_fields["kind"].annotation)[0]) for model in MODELS[-5:]}
