"""A short run as a sequence diagram in Mermaid's words, for a page that draws them: an issue, a wiki, a README."""

from __future__ import annotations

import re

from simactors.scenarios.result import Run
from simactors.scenarios.timeline import DIED, RAISED, RETURNED, Timeline

MOST_MESSAGES = 200
"""Longer ones nobody can read."""


def text(run: Run, timeline: Timeline) -> str | None:
    """The diagram; None if the run is too long for one."""
    if timeline.every > 1 or 2 * len(timeline.row) > MOST_MESSAGES:
        return None
    lines: list[tuple[float, int, str]] = []
    for n, row in enumerate(timeline.row):
        source, target = timeline.source[n], f"p{row}"
        if source < 0:
            continue
        label = _safe(f"{timeline.labels[timeline.label[n]]} #{timeline.call[n]}")
        lines.append((timeline.start_us[n], 0, f"p{source}->>{target}: {label}"))
        if timeline.ended[n] in (RETURNED, RAISED):
            arrow = "-->>" if timeline.ended[n] == RETURNED else "--x"
            words = "returns" if timeline.ended[n] == RETURNED else "raises"
            at_us = timeline.answered_us[n] if timeline.answered_us[n] >= 0 else timeline.end_us[n]
            lines.append((at_us, 1, f"{target}{arrow}p{source}: {words}, #{timeline.call[n]}"))
        elif timeline.ended[n] == DIED:
            lines.append((timeline.end_us[n], 1, f"Note over {target}: dies in #{timeline.call[n]}"))
    span = f"p0,p{len(timeline.rows) - 1}" if len(timeline.rows) > 1 else "p0"
    for fault in run.faults:
        lines.append((fault.start_s * 1e6, 2, f"Note over {span}: {_safe(f'{fault.where}: {fault.what}')}"))
    participants = [f"participant p{n} as {_safe(row.name)}" for n, row in enumerate(timeline.rows)]
    return "\n".join(
        ["sequenceDiagram", *(f"  {line}" for line in participants)]
        + [f"  {line}" for *_, line in sorted(lines)]
    )


def _safe(words: str) -> str:
    """Without what means something to Mermaid."""
    return re.sub(r"[;#\n]", lambda found: {";": ",", "#": "no. ", "\n": " "}[found[0]], words)
