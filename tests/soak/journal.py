"""What the calls of one program promised, and what its journal says that ran. Knows nothing of how they are made."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Promise:
    """A call as the driver saw it.

    Attributes:
        token: names it in the journal; inner calls have the same token and a "/" more for each level.
        number: its place among the program's submissions.
        again: it may run more than once.
        line: the plain actor to which it was sent in order, if that can be told.
        answered: it ended in a value.
    """

    token: str
    number: int
    again: bool = False
    line: str | None = None
    answered: bool = False


def read(path: Path) -> list[tuple[str, int]]:
    """Token and pid of every call that began, in that order."""
    if not path.exists():
        return []
    return [(token, int(pid)) for token, pid in map(str.split, path.read_text().splitlines())]


def judge(promises: list[Promise], begun: list[tuple[str, int]]) -> list[str]:
    """What was not as promised, in words."""
    times = Counter(token for token, _ in begun)
    found = []
    for promise in promises:
        ran = times[promise.token]
        if promise.answered and not ran:
            found.append(f"{promise.token} has answered and never ran")
        if not promise.again and ran > 1:
            found.append(f"{promise.token} may run once only and ran {ran} times")
    for token, ran in times.items():
        if token.endswith("/") and ran > times[token[:-1]]:
            found.append(
                f"{token}, called without retries, ran {ran} times, its caller {times[token[:-1]]} times"
            )
    return [*found, *_disorder(promises, begun)]


def _disorder(promises: list[Promise], begun: list[tuple[str, int]]) -> list[str]:
    """Calls to one incarnation of a plain actor that did not begin in the order of submission."""
    ordered = {p.token: p for p in promises if p.line is not None and not p.again}
    latest: dict[tuple[str | None, int], Promise] = {}
    found = []
    for token, pid in begun:
        promise = ordered.get(token)
        if promise is None:
            continue
        before = latest.get((promise.line, pid))
        if before is not None and before.number > promise.number:
            found.append(f"{promise.token} was sent before {before.token} and began after it, in pid {pid}")
        latest[promise.line, pid] = promise
    return found


class Journals:
    """The journals of the programs that may still have code under way."""

    def __init__(self) -> None:
        self._open: list[tuple[Path, list[Promise]]] = []
        self.ran: Counter[str] = Counter()
        self.ended: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, path: Path, promises: list[Promise]) -> None:
        """A program has ended."""
        self._open.append((path, promises))

    def close(self) -> list[str]:
        """Nothing runs any more: judge what has come to be, and forget it."""
        found = []
        for path, promises in self._open:
            begun = read(path)
            self.ran[path.name.partition("-")[0]] += len(begun)
            found += [f"{path.name}: {line}" for line in judge(promises, begun)]
            path.unlink(missing_ok=True)
        self._open.clear()
        return found
