"""How a hunt stands, while it runs: on a terminal a display that changes, in a pipe a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

from simactors.exploration.campaign import Tally
from simactors.exploration.findings import Finding

_TERMINAL_EVERY_S = 0.1
_PIPE_EVERY_S = 10.0


class Display(Protocol):
    """Is told how the hunt stands, often."""

    def update(self, tally: Tally) -> None:
        """Before each run."""
        ...

    def shrinking(self, finding: Finding) -> None:
        """Before a failure is made small."""
        ...


@contextmanager
def shown(runs: int | None, seconds: float | None) -> Iterator[Display]:
    """A display on stderr, for the time of a hunt of so many runs or seconds."""
    if not sys.stderr.isatty():
        yield _Lines(_PIPE_EVERY_S)
        return
    from rich.console import Console  # lazily: no run needs it
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, auto_refresh=False) as live:
        yield _Panel(live, runs, seconds)


def rate(runs: int, seconds: float) -> str:
    """Runs a second, for a reader."""
    return f"{runs / seconds:,.0f} runs/s" if seconds > 0 else "- runs/s"


class _Lines:
    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._began = self._shown_at = time.perf_counter()

    def update(self, tally: Tally) -> None:
        now = time.perf_counter()
        if now - self._shown_at >= self._every_s:
            self._shown_at = now
            click.echo(
                f"{tally.runs} runs, {rate(tally.runs, now - self._began)}, {_figures(tally)}", err=True
            )

    def shrinking(self, finding: Finding) -> None:
        pass  # what was found is told at the end, which is near


class _Panel:
    def __init__(self, live: Any, runs: int | None, seconds: float | None) -> None:
        self._live = live
        self._runs = runs
        self._seconds = seconds
        self._began = time.perf_counter()
        self._shown_at = -_TERMINAL_EVERY_S

    def update(self, tally: Tally) -> None:
        now = time.perf_counter()
        if now - self._shown_at < _TERMINAL_EVERY_S:
            return
        self._shown_at = now
        self._live.update(self._table(tally, now - self._began), refresh=True)

    def shrinking(self, finding: Finding) -> None:
        from rich.text import Text  # lazily, as above

        self._live.update(
            Text(f"run {finding.run} failed: {finding.group}\nmaking it small ..."), refresh=True
        )

    def _table(self, tally: Tally, spent_s: float) -> Any:
        from rich.progress_bar import ProgressBar  # lazily, as above
        from rich.table import Table

        total, done = (self._runs, tally.runs) if self._runs is not None else (self._seconds, spent_s)
        table = Table.grid(padding=(0, 2))
        table.add_row("runs", f"{tally.runs:,}", rate(tally.runs, spent_s))
        table.add_row("orders seen", f"{tally.orders:,}", "of two messages at one actor")
        for group, finding in tally.findings.items():
            table.add_row("failed", f"{finding.others + 1:,}", str(group), style="red")
        table.add_row(
            "", ProgressBar(total=total, completed=min(done, total or done), width=30), f"{spent_s:.0f} s"
        )
        return table


def _figures(tally: Tally) -> str:
    failures = sum(finding.others + 1 for finding in tally.findings.values())
    return f"{tally.orders} orders of two messages seen, {failures} failed"
