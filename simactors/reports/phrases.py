"""Words and figures that the reports on one run share: times, probabilities, how it ended."""

from __future__ import annotations

from simactors.exploration.hops import Event
from simactors.exploration.runner import Ending
from simactors.exploration.story import Story

_MS = 1_000_000
_S = 1_000_000_000
_LONG = 10 * _S


def unit(story: Story) -> str:
    """The unit of all times of this run."""
    last = story.events[-1].time_ns if story.events else 0
    return "s" if last >= _LONG else "ms"


def clock(time_ns: int, unit: str) -> str:
    """A time without its unit, precise to the microsecond: all times of a run have the same number of decimals."""
    return f"{time_ns / _S:.6f}" if unit == "s" else f"{time_ns / _MS:.3f}"


def percent(share: float) -> str:
    """``12 %``; never ``0 %`` or ``100 %`` for what is only nearly so."""
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def count(number: int, noun: str) -> str:
    """``1 step``, ``2 steps``, ``2 processes``."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def numbered(event: Event) -> str:
    """Its words, with the id of the call."""
    return f"{event.words} #{event.call}" if event.call and event.kind not in ("die", "kill") else event.words


def ended(ending: Ending) -> str:
    """In one line, how the run ended."""
    if ending.kind is None:
        return ending.outcome
    first = (ending.message or "").strip().split("\n")[0]
    return f"{ending.kind}: {first}" if first else ending.kind


def decided(story: Story) -> str:
    """What was measured at the decisive step; empty if nothing was."""
    if story.decisive is None:
        return ""
    before, after = percent(story.decisive.before), percent(story.decisive.after)
    return f"before: {before} of continuations fail; after: {after}"


def size(story: Story, unit: str) -> str:
    """How large the run is."""
    last = story.events[-1].time_ns if story.events else 0
    parts = [
        count(len(story.events), "event"),
        count(len(story.lanes), "process"),
        f"{clock(last, unit)} {unit} of virtual time",
    ]
    return ", ".join(parts)
