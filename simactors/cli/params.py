"""Arguments and options that several commands take; a wrong value is answered with the nearest right one."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

from simactors.api import session
from simactors.cli import completion
from simactors.cli.files import OutFile
from simactors.cli.group import WrongInput
from simactors.core import backend as backends
from simactors.core import nearest
from simactors.exceptions import TargetError
from simactors.exploration.named import named, place
from simactors.exploration.target import MAX_STEPS as MOST_STEPS
from simactors.exploration.target import Program
from simactors.sim.config import SimConfig
from simactors.sim.escapes import KINDS
from simactors.sim.fail_on import FailOn
from simactors.sim.profile import load_profile


class TargetType(click.ParamType):  # type: ignore[type-arg]  # click is generic since 8.5 only
    """``FILE.py[:function]`` or a scenario, checked for being there, as a program."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Program:
        """Raise `WrongInput` if the file isn't there."""
        try:
            return value if isinstance(value, Program) else named(value)
        except TargetError as error:
            raise WrongInput(str(error)) from None

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """See `completion.targets`."""
        return completion.targets(ctx, param, incomplete)


class BackendType(click.ParamType):  # type: ignore[type-arg]  # as above
    """The name of a backend."""

    name = "backend"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raise a usage error for an unknown name."""
        check_backend(str(value), "--backend", ctx)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names of the backends."""
        return [CompletionItem(name) for name in backends.names() if name.startswith(incomplete)]

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What the help shows."""
        return "[" + "|".join(backends.names()) + "]"


def chosen_backend(flag: str | None) -> str:
    """The backend to run on: the flag, else the environment variable SIMACTORS_BACKEND, else the simulator.

    Raises:
        click.UsageError: the variable holds no backend's name.
    """
    if flag is not None:
        return flag
    variable = os.environ.get(session.BACKEND_VARIABLE)
    if not variable:
        return "sim"
    check_backend(variable, f"the environment variable {session.BACKEND_VARIABLE}", None)
    return variable


def check_backend(name: str, origin: str, ctx: click.Context | None) -> None:
    """Raise a usage error unless `name` is a backend's; `origin` says where it was written."""
    names = backends.names()
    if name not in names:
        near = nearest.sentence(name, names) or f" Use one of {', '.join(names)}."
        raise click.UsageError(f"{origin}: there is no backend {name!r}.{near}", ctx)
    missing = backends.lack(name)
    if missing is not None:
        raise click.UsageError(f"{origin}: {missing}", ctx)


def completed(
    program: Program,
    cluster: str | None,
    faults: str | None,
    fail_on: tuple[str, ...],
    profile: str | None = None,
    **knobs: Any,
) -> Program:
    """`program` with what the command line says of it, which wins over what its scenario says.

    Args:
        cluster, faults, profile: files.
        knobs: of `Program`.

    Raises:
        WrongInput: one of the files can't be used.
    """
    if cluster is not None or faults is not None:
        from simactors.exploration import cluster_file  # lazily: pydantic takes as long as a small run

        try:
            read_cluster, read_faults = cluster_file.load_world(cluster, faults, program.cluster)
        except TargetError as error:
            raise WrongInput(str(error)) from None
        knobs["cluster"] = read_cluster
        if faults is not None:
            knobs["faults"], knobs["drawn"] = read_faults, ()
    if profile is not None:
        try:
            measured = load_profile(profile)
        except ValueError as error:
            raise WrongInput(str(error)) from None
        knobs["cluster"] = (knobs.get("cluster", program.cluster) or SimConfig()).with_profile(measured)
    knobs["as_ray"] = knobs["as_ray"] or program.as_ray
    return replace(program, fail_on=fail_on or program.fail_on, **knobs)


TARGET = click.argument("target", type=TargetType(), metavar="FILE.py[:FUNCTION]|SCENARIO[:VARIANT]")
ARGS = click.argument("args", nargs=-1, metavar="[-- ARGS]...")
AS_RAY = click.option("--as-ray", is_flag=True, help="`import ray` in the program means simactors.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object as the last line on stdout."
)
MAX_STEPS = click.option(
    "--max-steps",
    type=click.IntRange(min=1),
    default=MOST_STEPS,
    show_default=True,
    help="A simulated run that makes so many steps has reached its limit.",
)
CLUSTER = click.option(
    "--cluster",
    metavar="FILE.toml",
    shell_complete=completion.files,
    help="The simulated cluster: its nodes, network, costs of work. Default: one node, messages take about 1 ms.",
)
FAULTS = click.option(
    "--faults",
    metavar="FILE.toml",
    shell_complete=completion.files,
    help="What goes wrong; real processes meet only what they can. Default: nothing.",
)
ALLOW = click.option(
    "--allow",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="Let the program reach the real world in this way; may be given several times.",
)


class FailOnType(click.ParamType):  # type: ignore[type-arg]  # as above
    """Kinds of failures with commas, as a tuple of words."""

    name = "kinds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Raise a usage error for what is none."""
        words = value if isinstance(value, tuple) else str(value).split(",")
        words = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
        try:
            FailOn.parse(words)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return words


FAIL_ON = click.option(
    "--fail-on",
    type=FailOnType(),
    default=(),
    metavar="KIND[,KIND]",
    help="What a run fails for without any assertion, besides deadlocks and limits: unread-error, leaked-actor, "
    "starvation[=100|=5s] (so many calls are answered before one that came earlier, or it waits so long), "
    "livelock[=10000] (so many steps, and no answer for the driver that waits), get-timeout.",
)


def scenario_of(word: str, variant: str | None) -> tuple[str | None, str]:
    """The file of the scenario that `word` names, and its variant; no file if it names something else.

    A name behind a scenario that is not that of a variant is a function: that is a program.

    Raises:
        WrongInput: the file can't be read.
    """
    file, name = place(word)
    if file is None or (name is None and not Path(file).exists()):
        return None, ""
    if name is not None:
        from simactors.exploration import cluster_file  # lazily: pydantic takes as long as a small run

        try:
            variants = cluster_file.read(file).get("variants", {})
        except TargetError as error:
            raise WrongInput(str(error)) from None
        if name not in variants:
            return None, ""
        if variant not in (None, name):
            raise click.UsageError(f"{word} is one variant, and --variant {variant} another one")
    return file, variant or name or ""


def _setting(told: str) -> tuple[str, Any]:
    """``key=value``, the value as TOML has it, or else a text."""
    key, equals, value = told.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"{told!r}: write key=value, as replicas=4 or workload.arrivals.rate=200/s")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


class TracesToFiles(click.Command):
    """A command whose `--trace FILE.json` means `--timeline FILE.json`: so Perfetto and others call that file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        end = args.index("--") if "--" in args else len(args)
        for index, option in enumerate(args[:end]):
            follower = args[index + 1] if index + 1 < end else ""
            if (option == "--trace" and follower.endswith(_TIMELINES)) or option.startswith("--trace="):
                args = [*args[:index], option.replace("--trace", "--timeline", 1), *args[index + 1 :]]
        return super().parse_args(ctx, args)


_TIMELINES = (".json", ".mmd")

OF_SCENARIOS = ("seeds", "variant", "settings", "jobs", "csv", "out", "report", "timeline")


def of_scenarios(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options for scenarios: `OF_SCENARIOS`."""
    for option in (
        click.option(
            "--timeline",
            type=OutFile({".json": "a timeline for ui.perfetto.dev", ".mmd": "a Mermaid diagram"}),
            help="Of a scenario: write what ran where and when in the run that failed first, or else in the first one: "
            "for ui.perfetto.dev, as `ray timeline` does, or as a Mermaid diagram, of at most 200 messages. --trace "
            "FILE.json does the same.",
        ),
        click.option(
            "--report",
            type=OutFile({".html": "a page"}),
            help="Of a scenario: write a page to look into it.",
        ),
        click.option(
            "--out",
            type=OutFile({".json": "a result"}),
            help="Of a scenario: write the result to a file, for `simactors compare`.",
        ),
        click.option(
            "--csv",
            type=OutFile({".csv": "a table"}),
            help="Of a scenario: write a line for each run to a file.",
        ),
        click.option(
            "--jobs", type=click.IntRange(min=1), help="Of a scenario: how many processes make its runs."
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=completion.settings,
            callback=lambda _, __, told: tuple(map(_setting, told)),
            help="Of a scenario: another value of a parameter, or of a key of its file: workload.arrivals.rate=200/s.",
        ),
        click.option(
            "--variant",
            metavar="NAME",
            shell_complete=completion.variants,
            help="Of a scenario: one of its variants.",
        ),
        click.option(
            "--seeds", type=click.IntRange(1, 100_000), help="Of a scenario: how many seeds, from 0."
        ),
    ):
        command = option(command)
    return command


Preemption = Literal["off", "stores", "lines"]


def preempt(default: Preemption) -> Callable[[Any], Any]:
    """The option ``--preempt``."""
    return click.option(
        "--preempt",
        type=click.Choice(["off", "stores", "lines"]),
        default=default,
        show_default=True,
        help="Where threads, also of threaded actors, may be interrupted: nowhere, before what they compute is stored, "
        "or at each line.",
    )


class DurationType(click.ParamType):  # type: ignore[type-arg]  # as above
    """``90s``, ``5m``, ``1h`` or a number of seconds, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raise a usage error for anything else."""
        text = str(value).strip()
        factor = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
        number = text[:-1] if factor else text
        try:
            seconds = float(number) * (factor or 1)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            self.fail(f"{text!r} is no duration: write 90s, 5m or 1h", param, ctx)
        return seconds


DURATION = DurationType()
SEED = click.IntRange(min=0)
