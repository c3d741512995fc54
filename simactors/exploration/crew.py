"""A hunt in several processes: each makes its share of the runs by itself, and tells what it finds.

Not the runs: `campaign.py`, which runs in each of them. They share no strategy: each learns from its own runs.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from typing import Any

from simactors.core.sightings import Property, Sighting, Sightings
from simactors.exceptions import InternalError, TargetError
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.covered import NOTHING, Covered, Share
from simactors.exploration.endings import end_with
from simactors.exploration.findings import Finding
from simactors.exploration.runner import Ending, RunResult
from simactors.exploration.target import Program
from simactors.sim.intercept import interrupts

_TELL_EVERY_S = 0.2
_WAIT_S = 0.5
_PIECE = 1 << 20
_LAST_WORDS_S = 2.0
_ENDS_WITHIN_S = 5.0


def search(
    program: Program,
    quest: Quest,
    budget: Budget,
    jobs: int,
    watch: Callable[[Tally], None] = lambda _: None,
    covered: Covered = NOTHING,
) -> Tally:
    """Make the runs of a hunt in `jobs` processes.

    Args:
        watch: told now and then.
        covered: see `Campaign`.

    Raises:
        TargetError: the program can't be loaded.
        InternalError: all processes ended before they had said all; the others go on without one that did.
    """
    members: list[_Member] = []
    try:
        for number in range(jobs):
            members.append(_Member(program, quest, budget, Share(number, jobs), covered))
            members[-1].begin()
        _listen(members, watch, keep_going=quest.keep_going)
        return Tally.of(member.tally for member in members)
    except KeyboardInterrupt:
        with suppress(KeyboardInterrupt):  # whoever presses it twice does not want to wait
            _interrupt(members)
        return replace(Tally.of(member.tally for member in members), interrupted=True)
    finally:
        for member in members:
            member.end()


def _listen(members: Sequence[_Member], watch: Callable[[Tally], None], *, keep_going: bool) -> None:
    """Hear what they say until they have said all, or one has found something."""
    with selectors.DefaultSelector() as selector:
        for member in members:
            selector.register(member.stdout, selectors.EVENT_READ, member)
        while selector.get_map():
            for key, _ in selector.select(_WAIT_S):
                if not key.data.hear():
                    selector.unregister(key.fileobj)
            if all(member.tally.losses for member in members):
                raise InternalError("; ".join(loss for member in members for loss in member.tally.losses))
            total = Tally.of(member.tally for member in members)
            watch(total)
            if total.findings and not keep_going:
                return


def _interrupt(members: Sequence[_Member]) -> None:
    """Interrupt them, as soon as they listen, and hear what they have not told yet."""
    left = Budget(seconds=_LAST_WORDS_S)
    with selectors.DefaultSelector() as selector:
        for member in members:
            selector.register(member.stdout, selectors.EVENT_READ, member)
        while selector.get_map() and not left.is_spent:
            for member in members:
                member.interrupt()
            for key, _ in selector.select(_WAIT_S):
                if not key.data.hear():
                    selector.unregister(key.fileobj)


class _Member:
    """One of the processes, as seen from here."""

    def __init__(
        self, program: Program, quest: Quest, budget: Budget, share: Share, covered: Covered
    ) -> None:
        runs = None if budget.runs is None else covered.part(budget.runs, share)
        order = Campaign.order(program, quest, share, covered)
        # A group of its own: Ctrl-C at the terminal is for the one process that sums up.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.stdout = self._process.stdout
        self._share = share
        self.tally = Tally()
        self._heard = b""
        self._is_listening = self._is_interrupted = False
        self._order = json.dumps(
            {**order, "runs": runs, "seconds": budget.seconds, "parent": os.getpid()}
        ).encode()

    def begin(self) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already, and `hear` will tell how
            self._process.stdin.write(self._order)
            self._process.stdin.close()

    def hear(self) -> bool:
        """Take in what it says; false if it has said all."""
        piece = os.read(self.stdout.fileno(), _PIECE)
        if not piece:
            code = self._process.wait()
            if code:
                how = (
                    f"was killed by {signal.Signals(-code).name}"
                    if code < 0
                    else f"ended with exit code {code}"
                )
                which = f"process {self._share.number + 1} of the {self._share.of} of this hunt"
                self.tally.losses = (f"{which} {how}, after {self.tally.runs} runs",)
            return False
        *lines, self._heard = (self._heard + piece).split(b"\n")
        for line in lines:
            self._take_in(json.loads(line))
        return True

    def interrupt(self) -> None:
        """Let it end as Ctrl-C would, once, if it is as far that it could tell anything; it has made no run before."""
        if self._is_listening and not self._is_interrupted:
            self._is_interrupted = True
            self._process.send_signal(signal.SIGINT)

    def _take_in(self, told: dict[str, Any]) -> None:
        self._is_listening = True
        if "wrong input" in told:
            raise TargetError(told["wrong input"])
        if "finding" in told:
            self.tally.add(Finding.from_fields(told["finding"]))
        else:
            read_figures(told, self.tally)
            self.tally.shares = (self._share._replace(runs=self.tally.runs),)

    def end(self) -> None:
        """End it, if it has not ended yet."""
        self.stdout.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class _Teller:
    """Writes to the process that sums up how this one stands."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._clock = Budget()
        self._told_s = -_TELL_EVERY_S  # the first time at once: from then on it listens
        self._known: dict[Any, int] = {}

    def look_at(self, tally: Tally) -> None:
        """Tell what is new, if it is time."""
        if self._clock.spent_s - self._told_s >= _TELL_EVERY_S or len(tally.findings) > len(self._known):
            self.tell(tally)

    def tell(self, tally: Tally) -> None:
        """Tell what is new."""
        self._told_s = self._clock.spent_s
        for group, finding in tally.findings.items():
            if group not in self._known:
                self._say({"finding": finding.to_fields()})
            elif finding.others > self._known[group]:
                again = replace(finding, others=finding.others - self._known[group] - 1)
                self._say({"finding": again.to_fields()})
            self._known[group] = finding.others
        self._say(figures(tally))

    def _say(self, told: dict[str, Any]) -> None:
        self._stream.write(json.dumps(told) + "\n")
        self._stream.flush()


_FIGURES = ("runs", "orders", "verdict", "is_done")
_OF_A_RUN = ("seed", "digest", "virtual_time_s", "steps")


def figures(tally: Tally) -> dict[str, Any]:
    """How a hunt stands, but for its findings, as JSON can hold it."""
    told: dict[str, Any] = {name: getattr(tally, name) for name in _FIGURES}
    told["struck"] = sorted(tally.struck)
    told["calls"] = sorted(tally.calls)
    told["sightings"] = [[*astuple(seen.property), seen.met, seen.held] for seen in tally.sightings]
    last = tally.last
    if last is not None:
        told["last"] = {"ending": list(last.ending), **{name: getattr(last, name) for name in _OF_A_RUN}}
    return told


def read_figures(told: Mapping[str, Any], tally: Tally) -> None:
    """Set what `figures` told."""
    for name in _FIGURES:
        setattr(tally, name, told[name])
    tally.struck = set(told["struck"])
    tally.calls = set(told["calls"])
    tally.sightings = Sightings()
    tally.sightings.add(
        Sighting(Property(file, line, kind, name), met, held)
        for file, line, kind, name, met, held in told["sightings"]
    )
    if "last" in told:
        tally.last = RunResult(**{**told["last"], "ending": Ending(*told["last"]["ending"])})


def main() -> None:
    """What each of the processes does."""
    order = json.loads(sys.stdin.read())
    end_with(order["parent"])
    # Programs may print, close or replace stdout; what is said here is nobody else's business.
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    teller = _Teller(stream)
    # A signal that tells it to end comes in simulated code, and after all is told.
    with suppress(KeyboardInterrupt), interrupts.held():
        try:
            campaign = Campaign.ordered(order)
            tally = campaign.run(Budget(order["runs"], order["seconds"]), teller.look_at)
        except TargetError as error:
            stream.write(json.dumps({"wrong input": str(error)}) + "\n")
            stream.flush()
        else:
            teller.tell(tally)


if __name__ == "__main__":
    main()
