"""``--until``, ``--pdb``, ``--trace``: watching one run while it is made. For `run` and `replay`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import click

from simactors.cli import console, debugger
from simactors.cli.group import INTERRUPTED
from simactors.cli.output import Output
from simactors.core.events import Record
from simactors.exploration.autopsy import Coroner, Scout
from simactors.exploration.capturing import captured
from simactors.exploration.runner import Ending, Onlooker
from simactors.exploration.stopping import Moment, Stopped, Stopper
from simactors.exploration.story import Story
from simactors.reports import diagram

_LONGEST_DIAGRAM = 60
_MOST_DRAWN = 2_000

Made = TypeVar("Made", covariant=True)


class Makes(Protocol[Made]):
    """Makes a run."""

    def __call__(self, watch: Callable[[Record], None] | None, onlookers: Sequence[Onlooker]) -> Made:
        """See `Recipe.run`."""
        ...


class MomentType(click.ParamType):  # type: ignore[type-arg]  # click is generic since 8.5 only
    """``1.25s``, ``250ms``, ``step 37``."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Raise a usage error for anything else."""
        try:
            return value if isinstance(value, Moment) else Moment.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What somebody wants to see of a run.

    Attributes:
        until: stop there, and talk.
        pdb: stop in the debugger where it fails.
        trace: tell every record.
    """

    until: Moment | None = None
    pdb: bool = False
    trace: bool = False

    def __bool__(self) -> bool:
        return self.until is not None or self.pdb or self.trace


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the three options, as `until`, `pdb` and `trace`."""
    until = click.option(
        "--until",
        type=MomentType(),
        metavar="TIME|STEP",
        help="Stop there, with virtual time standing still, and show actors, messages, who waits: --until 250ms, "
        "--until 1.25s, --until 'step 37'. A plain number is seconds.",
    )
    pdb = click.option(
        "--pdb",
        is_flag=True,
        help="If it fails, open Python's debugger in the line that raised, also in an actor. Makes the run twice.",
    )
    trace = click.option(
        "--trace",
        is_flag=True,
        help="Tell on stderr every step as it happens, and a short run as a drawing at its end.",
    )
    return until(pdb(trace(command)))


class Attendance:
    """One run that is watched.

    Args:
        output: the command's own.
    """

    def __init__(self, wishes: Wishes, output: Output) -> None:
        self._wishes = wishes
        self._output = output
        self._stopper: Stopper | None = None
        self._coroner: Coroner | None = None
        self._records: list[Record] = []

    @property
    def is_over(self) -> bool:
        """Whether the user has ended the run."""
        return self._stopper is not None and self._stopper.is_over

    def make(self, make: Makes[Made]) -> Made:
        """Make the run as was wished.

        Raises:
            KeyboardInterrupt: it was ended by the user; `Stopped` if by a command.
        """
        wishes, onlookers = self._wishes, list[Onlooker]()
        attending: AbstractContextManager[None] = nullcontext()
        if wishes.until is not None:
            self._stopper = Stopper(wishes.until, console.talk(self._output))
            onlookers.append(self._stopper)
        if wishes.pdb:
            self._coroner = Coroner(self._suspect(make), debugger.examine(self._output))
            onlookers.append(self._coroner)
            attending = self._coroner.attending()
        watch = self._teller() if wishes.trace else None
        with attending:
            made = make(watch, onlookers)
        if self.is_over:  # the program has caught it
            raise Stopped
        return made

    @staticmethod
    def _suspect(make: Makes[object]) -> Any:
        scout = Scout()
        with captured(), scout.noting():
            make(None, [scout])
        return scout.suspect

    def _teller(self) -> Callable[[Record], None]:
        tell, told = self._output.tell, _Told()

        def watch(record: Record) -> None:
            if len(self._records) <= _MOST_DRAWN:
                self._records.append(record)
            line = told.line(record)
            if line:
                tell(line)

        return watch

    def closing_words(self, ending: Ending) -> list[str]:
        """What there is to say besides the report of the run."""
        words = []
        if self._wishes.trace and 0 < len(self._records) <= _MOST_DRAWN:
            width = shutil.get_terminal_size().columns
            drawn = diagram.text(Story.of(self._records, ending=ending), width)
            if len(drawn.splitlines()) <= _LONGEST_DIAGRAM:
                words.append(drawn)
        if self._stopper is not None and not self._stopper.has_stopped:
            words.append(f"the run ended before {self._wishes.until}: it never stopped")
        if self._coroner is not None and not self._coroner.has_examined:
            words.append("nothing failed, so there was nothing to debug")
        if self._coroner is not None and self._coroner.has_moved:
            words.append(
                "the debugger has let the simulation go on: the figures of this run are not comparable"
            )
        return words


@contextmanager
def interruptible(what: str, finish: Callable[[], None]) -> Iterator[None]:
    """End the command if the user ends the run, with the exit code that says so.

    Args:
        finish: what is to be done before.
    """
    try:
        yield
    except Stopped:
        click.echo(f"ended by 'quit': {what} has neither passed nor failed", err=True)
    except KeyboardInterrupt:
        click.echo(f"stopped by Ctrl-C: {what}", err=True)
    else:
        return
    finish()
    raise click.exceptions.Exit(INTERRUPTED)


class _Told:
    """Puts the arguments of a call, which are told before it, into its line."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}

    def line(self, record: Record) -> str:
        """What to print for a record; nothing for one that only prepares another one."""
        if record.kind == "send":
            self._sent[record.process] = record.what
            return ""
        sent = self._sent.pop(record.process, "")
        if record.kind in ("call", "create") and sent.partition("(")[0].startswith(record.what):
            return str(record._replace(what=sent))
        return str(record)
