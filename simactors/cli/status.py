"""``simactors status``: what goes on in the sessions of the `local` backend on this machine."""

from __future__ import annotations

import errno
import json
import os
import time

import click
import psutil  # type: ignore[import-untyped]
from msgspec import to_builtins
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from simactors.cli.group import epilog
from simactors.core.status import ProcessStatus, SessionStatus, sessions

_MIB = 1 << 20


@click.command(epilog=epilog("", "simactors status --watch"))
@click.option("--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often, with --watch.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each session, for machines.")
def status(*, watch: bool, every_s: float, as_json: bool) -> None:
    """Show what goes on in backend='local': actors, calls, memory.

    Of all sessions on this machine that are of your own user, with restarts, and what holds which resources.
    """
    if as_json:
        for session in sessions():
            click.echo(json.dumps({**to_builtins(session), "memory": _memory(session)}))
        return
    console = _Console()
    if not watch:
        console.print(_picture())
        return
    with Live(_picture(), console=console, auto_refresh=False, screen=console.is_terminal) as live:
        try:
            while True:
                time.sleep(every_s)
                live.update(_picture(), refresh=True)
        except KeyboardInterrupt:
            return


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the group end the command, as others; rich would do it by itself, with another exit code."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _picture() -> Group | str:
    found = [_table(session) for session in sessions()]
    return Group(*found) if found else "No session of backend='local' is open on this machine."


def _table(session: SessionStatus) -> Table:
    age_s = time.time() - session.started_at
    held = ", ".join(
        f"{session.total[name] - session.available.get(name, 0.0):g}/{quantity:g} {name}"
        for name, quantity in session.total.items()
        if name not in ("memory", "object_store_memory") and not name.startswith("node:")
    )
    waiting = f", {session.waiting} waiting" if session.waiting else ""
    table = Table(
        title=f"driver {session.driver_pid} · namespace {session.namespace} · {age_s:.0f} s · in use: {held}{waiting}",
        title_justify="left",
    )
    for column in ("pid", "what", "name", "state"):
        table.add_column(column)
    for column in ("pending", "done", "waits for", "restarts", "shared", "memory"):
        table.add_column(column, justify="right")
    memory = _memory(session)
    for process in session.processes:
        table.add_row(*_row(process, memory))
    return table


def _row(process: ProcessStatus, memory: dict[int, int]) -> list[str]:
    used = memory.get(process.pid or 0)
    limit = (
        "" if not process.max_restarts else f"/{'∞' if process.max_restarts < 0 else process.max_restarts}"
    )
    style = {"SILENT": "red", "RESTARTING": "yellow", "PENDING_CREATION": "yellow"}.get(process.state)
    return [
        "-" if process.pid is None else str(process.pid),
        process.name or process.kind,
        process.actor_name or "",
        f"[{style}]{process.state}[/]" if style else process.state,
        *(_number(process, count) for count in (process.pending, process.done, process.waits_for)),
        f"{process.restarts}{limit}" if process.kind == "actor" else "",
        f"{process.stored / _MIB:.0f} MiB" if process.stored else "",
        "-" if used is None else f"{used / _MIB:.0f} MiB",
    ]


def _number(process: ProcessStatus, count: int | None) -> str:
    if count is None:
        return "?" if process.state == "SILENT" else ""
    return str(count)


def _memory(session: SessionStatus) -> dict[int, int]:
    """The resident memory of each process, in bytes; what is shared counts in each of them."""
    found = {}
    for process in session.processes:
        if process.pid is not None:
            try:
                found[process.pid] = psutil.Process(process.pid).memory_info().rss
            except psutil.Error:  # it has ended meanwhile
                continue
    return found
