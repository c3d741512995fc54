"""The talk with a user while a run stands still: what is where, what could come next, and how far to go on.

Not when the run stops: `exploration/stopping.py`. Looking changes nothing of the run.
"""

from __future__ import annotations

import cmd
from collections.abc import Callable
from typing import Any

from simactors.cli import values
from simactors.cli.output import Output
from simactors.core import nearest
from simactors.exploration.frames import user_line
from simactors.exploration.stopping import Moment, Stopped, duration_ns
from simactors.sim.config import NS
from simactors.sim.inspection import ActorView, Ahead, Inspection

_MOST_ROWS = 40
_RECORDS = 20

_HELP = """\
Virtual time stands still. Looking changes nothing; what 'p' calls may.
  actors           every living actor: its state, how many calls wait for their turn, what it runs
  show NAME        what an actor holds: show Account#1; or where other code waits: show driver
  p EXPRESSION     any Python expression, with actors by name: p Account#1.balance + 1
  messages [N]     what comes next (>), what could come instead, and what is due later
  blocked          who waits for what, and at which line
  trace [N]        the last N trace records (20)
  step [N]         go on for N steps (1)
  next TIME        go on for so much virtual time: next 5ms
  until MOMENT     go on to a time or a step: until 1.25s, until step 40
  continue         go on to the end; the end of the input means the same
  quit             end the run here\
"""
_SHORT = {"c": "continue", "cont": "continue", "q": "quit", "exit": "quit", "s": "step", "n": "next"}


def talk(output: Output) -> Callable[[Inspection, Ahead], Moment | None]:
    """See `stopping.Stopper`: the console, on the command's own stdin and stdout."""

    def stopped(inspection: Inspection, upcoming: Ahead) -> Moment | None:
        with output.terminal():
            console = Console(inspection, upcoming)
            console.cmdloop()
            if console.is_over:
                raise Stopped
            return console.until

    return stopped


class Console(cmd.Cmd):
    """One stop.

    Attributes:
        until: the next moment; None for the end of the run.
        is_over: the run shall not go on.
    """

    prompt = "(simactors) "

    def __init__(self, inspection: Inspection, upcoming: Ahead) -> None:
        super().__init__()
        self._inspection = inspection
        self._upcoming = upcoming
        self.until: Moment | None = None
        self.is_over = False
        self.intro = (
            f"stopped at {_time(inspection.now_ns / NS)} before step {inspection.steps}: {_ahead(upcoming)}\n"
            "('help' lists what you can ask)"
        )

    # Looking

    def do_actors(self, line: str) -> None:
        """Every living actor."""
        rows = [
            (v.name, v.label, v.class_name, v.state, v.node, f"{v.waiting} waiting", ", ".join(v.running))
            for v in self._inspection.actors
        ]
        self._say(_table(rows) if rows else "there are no actors")

    def do_show(self, line: str) -> None:
        """What an actor holds, or where other code waits."""
        name = line.strip()
        if not name:
            self._say("show what? Write 'show NAME'; 'actors' lists the names")
            return
        view = self._inspection.actor(name)
        found = [
            *([] if view is None else _actor(view)),
            *self._waiting(name if view is None else view.label),
        ]
        self._say("\n".join(found) if found else self._unknown(name))

    def do_p(self, line: str) -> None:
        """Any Python expression, with actors by name."""
        if not line.strip():
            self._say("print what? Write 'p EXPRESSION', as p Account#1.balance")
            return
        actors = {}
        for view in self._inspection.actors:
            actors[view.label] = actors[view.name] = view.instance
        self._say(values.evaluated(line, actors))

    def do_messages(self, line: str) -> None:
        """What comes next, what could come instead, and what is due later."""
        most = self._count(line, _MOST_ROWS)
        if most is None:
            return
        ahead = self._inspection.ahead
        rows = [(">", *_row(self._upcoming)), *(("", *_row(one)) for one in ahead[:most])]
        self._say(_table(rows) + (f"\nand {len(ahead) - most} more" if len(ahead) > most else ""))

    def do_blocked(self, line: str) -> None:
        """Who waits for what, and at which line."""
        self._say(self._inspection.blocked or "no code waits")

    def do_trace(self, line: str) -> None:
        """The last trace records."""
        count = self._count(line, _RECORDS)
        if count is not None:
            records = self._inspection.last_records(count)
            self._say("\n".join(map(str, records)) or "nothing has happened yet")

    # Going on

    def do_step(self, line: str) -> bool:
        """Go on for some steps."""
        count = self._count(line, 1)
        if count is None:
            return False
        self.until = Moment(step=self._inspection.steps + max(count, 1))
        return True

    def do_next(self, line: str) -> bool:
        """Go on for some virtual time."""
        try:
            self.until = Moment(time_ns=self._inspection.now_ns + max(duration_ns(line), 1))
        except ValueError as error:
            self._say(str(error))
            return False
        return True

    def do_until(self, line: str) -> bool:
        """Go on to a moment."""
        try:
            moment = Moment.parse(line)
        except ValueError as error:
            self._say(str(error))
            return False
        if moment.is_reached(self._inspection.steps, self._inspection.now_ns):
            self._say(
                f"{moment} is not ahead: this is step {self._inspection.steps}; time does not run backwards"
            )
            return False
        self.until = moment
        return True

    def do_continue(self, line: str) -> bool:
        """Go on to the end."""
        return True

    def do_quit(self, line: str) -> bool:
        """End the run here."""
        self.is_over = True
        return True

    def do_help(self, line: str) -> None:
        """List the commands."""
        self._say(_HELP)

    # What `cmd` asks

    def precmd(self, line: str) -> str:
        """The end of the input, and short names."""
        if line == "EOF":
            return "continue"
        word, _, rest = line.strip().partition(" ")
        return f"{_SHORT.get(word, word)} {rest}".strip()

    def emptyline(self) -> bool:
        """Nothing, and not the last command once more."""
        return False

    def default(self, line: str) -> None:
        """An unknown command."""
        word = line.split()[0]
        names = [name.removeprefix("do_") for name in self.get_names() if name.startswith("do_")]
        near = nearest.sentence(word, names) or " 'help' lists them."
        self._say(f"there is no command {word!r}.{near} Values are shown by 'p EXPRESSION'.")

    # Pieces

    def _say(self, words: str) -> None:
        self.stdout.write(f"{words}\n")

    def _count(self, line: str, otherwise: int) -> int | None:
        if not line.strip():
            return otherwise
        if line.strip().isdigit():
            return int(line)
        self._say(f"{line.strip()!r} is no number")
        return None

    def _waiting(self, label: str) -> list[str]:
        found = []
        for code in self._inspection.suspended:
            if code.process == label:
                what = f" ({code.call})" if code.call else ""
                found.append(f"{code.process}{what} waits for {code.why}{user_line(code.frame, ' at ')}")
        return found

    def _unknown(self, name: str) -> str:
        names = [name for view in self._inspection.actors for name in (view.name, view.label)]
        names += [code.process for code in self._inspection.suspended]
        return f"nothing is called {name!r}.{nearest.sentence(name, names) or ' actors lists the actors'}"


def _actor(view: ActorView) -> list[str]:
    head = f"{view.name} ({view.label}, {view.class_name}) on {view.node}: {view.state}"
    if view.instance is None:
        return [f"{head}; its constructor has not returned"]
    held = values.attributes(view.instance)
    return [head, *(f"  {name} = {_indented(shown)}" for name, shown in held.items())]


def _indented(shown: str) -> str:
    return shown.replace("\n", "\n      ")


def _row(one: Ahead) -> tuple[str, str]:
    soonest, latest = _time(one.earliest_s), _time(one.latest_s)
    return (soonest if soonest == latest else f"{soonest} to {latest}"), _ahead(one)


def _ahead(one: Ahead) -> str:
    what = " ".join(one.what.split())
    return f"{what} ({one.call})" if one.call else what


def _time(seconds: float) -> str:
    return f"{seconds:.6f}s"


def _table(rows: list[tuple[Any, ...]]) -> str:
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell!s:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
