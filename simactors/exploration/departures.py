"""Where a run left the path of another one, of which only landmarks are kept: the first step that was another.

A landmark is one byte of a running checksum over the names of the steps so far. The name of the step that the first
run made instead is not kept: a path is far too long for a token.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from simactors.core.choices import Offer
from simactors.exploration.capturing import captured
from simactors.exploration.frames import user_line
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Left
from simactors.exploration.stopping import Moment, Stopped, Stopper
from simactors.sim.config import NS
from simactors.sim.inspection import Ahead, Inspection
from simactors.sim.phrases import named, phrase

MOST_LANDMARKS = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where a run left the path of the first one.

    Attributes:
        same: so many steps are the same.
        before: the first that is not is at most this one, counted from 1.
        step: that step in this run, in words; empty if the run was over, or if it is not known exactly.
        time_s: when it happened, in virtual seconds; None if the run was over.
        place: where the code stood that it came from, as ``app.py:12 in transfer``; empty if that is not known.
        failing: what the script wanted there and could not have, in words; empty if it could.
    """

    same: int
    before: int
    step: str = ""
    time_s: float | None = None
    place: str = ""
    failing: str = ""


def landmarks(path: Sequence[Offer]) -> str:
    """How many steps a path has, and its landmarks; empty for an empty one."""
    if not path:
        return ""
    marks = _marks(path, len(path))
    return f"{len(path)}:{base64.b64encode(marks).decode().rstrip('=')}"


def find(recipe: Recipe, first: str, path: Sequence[Offer], left: Left | None) -> Departure | None:
    """Where the run of `recipe` left the path of the first one.

    Args:
        first: `landmarks` of that.
        path: of this run.
        left: where its script could not be followed.
    """
    span = _span(first, path)
    if span is None:
        return (
            None if left is None else _looked_at(recipe, path, max(left.step, 1) - 1, max(left.step, 1), left)
        )
    return _looked_at(recipe, path, *span, left)


def _span(first: str, path: Sequence[Offer]) -> tuple[int, int] | None:
    """How many steps are the same, and which is the last that may be the first other one."""
    length, _, marks = first.partition(":")
    try:
        total, known = int(length), base64.b64decode(marks + "=" * (-len(marks) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    places = _places(total)
    if len(places) != len(known):
        return None
    reached = [place for place in places if place <= len(path)]
    mine = _marks(path, total)
    agree = next((n for n in range(len(reached)) if mine[n] != known[n]), len(reached))
    if agree == len(reached):
        same = reached[-1] if reached else 0
        return None if len(path) == total == same else (same, min(len(path), total) + 1)
    return (reached[agree - 1] if agree else 0), reached[agree]


def _places(total: int) -> list[int]:
    count = min(total, MOST_LANDMARKS)
    return sorted({total * (n + 1) // count for n in range(count)}) if count else []


def _marks(path: Sequence[Offer], total: int) -> bytes:
    places, running, marks = set(_places(total)), 0, bytearray()
    for number, step in enumerate(path, 1):
        running = zlib.crc32(step.name.encode("utf-8", "backslashreplace"), running)
        if number in places:
            marks.append((running ^ (running >> 8) ^ (running >> 16) ^ (running >> 24)) & 0xFF)
    return bytes(marks)


def _looked_at(recipe: Recipe, path: Sequence[Offer], same: int, before: int, left: Left | None) -> Departure:
    """Make the run once more, silently, up to there, and look where its code stands."""
    failing = ""
    if left is not None and left.step <= before:
        failing = left.why
        if left.waiting is not None and left.after is not None:
            failing = f"{named(left.waiting)} was to come after {named(left.after)}, {left.why}"
    if same >= len(path):
        return Departure(same=same, before=before, failing=failing)
    seen: list[tuple[float, str]] = []

    def note(inspection: Inspection, upcoming: Ahead) -> Moment | None:
        source = path[same].source
        seen.append((inspection.now_ns / NS, user_line(inspection.frame_of(source))))
        raise Stopped

    stopper = Stopper(Moment(step=same + 1), note)
    with captured(), suppress(Stopped):
        recipe.run(onlookers=[stopper])
    time_s, place = seen[0] if seen else (None, "")
    step = phrase(path[same]) if before == same + 1 else ""
    return Departure(same=same, before=before, step=step, time_s=time_s, place=place, failing=failing)
