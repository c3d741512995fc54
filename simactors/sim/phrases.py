"""Steps of a run in words, for a reader who knows the program."""

from __future__ import annotations

import re
from typing import Any

from simactors.core.choices import Offer
from simactors.sim.offer import CLUSTER, FAULT, Description


def phrase(step: Offer) -> str:
    """A step for a reader, as the object of a sentence."""
    description = Description(step.kind, step.source, step.target, step.what)
    return _phrase(description, step.name.rpartition(" ")[2])


_NAME = re.compile(r"(?P<kind>\w+) (?:(?P<source>.+)>)?(?P<target>.+) (?P<what>[^ ]*) (?P<number>\d+)")


def named(name: str) -> str:
    """As `phrase`, of a step that never happened: there is only its name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return repr(name)
    kind, source, target, what, number = found.groups()
    return _phrase(Description(kind, source or target, target, what), number)


def _phrase(step: Description, number: str) -> str:
    kind, source, target, what = step
    which = f"{what} (message {number})"
    match kind:
        case "call" | "create":
            return f"{which} from {source} to {target}"
        case "reply":
            return f"the answer of {source} to {target} for {which}"
        case "turn" if not what:
            return f"the {nth(number)} turn of the event loop of {target}"
        case "turn":
            return f"the {nth(number)} start of {what} at {target}"
        case "sleep" | "timer" if target != CLUSTER:
            return f"the {nth(number)} waking of {target}"
        case "timer" if what == FAULT:
            return f"the {nth(number)} beginning or end of a fault"
        case "timer" if what:
            return f"the {nth(number)} placing of {what.removesuffix('.__init__')}"
        case "resume":
            return f"the {nth(number)} going on of {target}"
        case "begin":
            return f"the beginning of {which} from {source} at {target}"
    return f"the {nth(number)} {kind} of {'the cluster' if target == CLUSTER else target}"


def nth(number: Any) -> str:
    """1st, 2nd, 3rd, 4th."""
    text = str(number)
    if text[-2:] in ("11", "12", "13"):
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
