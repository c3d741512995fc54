"""What `simactors doctor` found, for a human reader and for another program."""

from __future__ import annotations

import json
from collections.abc import Iterable

from simactors.exploration.checkup import Checkup
from simactors.exploration.suspects import Suspect
from simactors.sim.escapes import KINDS

_WORDS = {
    "raise": "Refused, as it would really happen in each of thousands of runs",
    "warn": "Warned about, and really done",
    "allow": "Allowed, and really done",
}
_OTHERS = {
    "clock": "Looks at the clock instead of sleeping",
    "early": "Out of the simulator's reach",
    "compiled": "Compiled modules",
    "repeat": "May differ from run to run",
}


def text(checkup: Checkup) -> str:
    """By what becomes of it, the worst first."""
    count = len(checkup.files)
    read = f"{count} file{'s' if count != 1 else ''} read"
    if not checkup.findings:
        return f"Nothing found that could escape or not repeat ({read})."
    blocks = []
    for verdict, title in _WORDS.items():
        kinds = [kind for kind in KINDS if checkup.verdicts[kind] == verdict]
        found = [one for one in checkup.findings if one.kind in kinds]
        if found:
            blocks.append(f"{title}:\n{_lines(found)}\n{_advice(found, verdict)}")
    for kind, title in _OTHERS.items():
        found = [one for one in checkup.findings if one.kind == kind]
        if found:
            blocks.append(f"{title}:\n{_lines(found)}")
    total = len(checkup.findings)
    blocks.append(
        f"{total} finding{'s' if total != 1 else ''}, {len(checkup.refused)} of them refused ({read})"
    )
    return "\n\n".join(blocks)


def json_line(checkup: Checkup) -> str:
    """One JSON object on one line."""
    findings = [
        {
            "file": found.file,
            "line": found.line,
            "kind": found.kind,
            "policy": checkup.verdicts.get(found.kind),
            "why": found.why,
            "text": found.text,
        }
        for found in checkup.findings
    ]
    return json.dumps({"files": checkup.files, "findings": findings, "refused": len(checkup.refused)})


def _lines(found: Iterable[Suspect]) -> str:
    shown = []
    for one in found:
        kind, why = (f"[{one.kind}] ", "") if one.kind in KINDS else ("", f"\n    {one.why}")
        shown.append(f"  {one.file}:{one.line}: {kind}{one.text}{why}")
    return "\n".join(shown)


def _advice(found: list[Suspect], verdict: str) -> str:
    lines = []
    for kind in KINDS:
        if any(one.kind == kind for one in found):
            allow = f"; or --allow {kind}" if verdict != "allow" else ""
            lines.append(f"  -> {kind}: it {KINDS[kind].harm}. {KINDS[kind].instead}{allow}.")
    return "\n".join(lines)
