"""Calls that wait at their sender: one until its refs are ready, and those behind it until it has gone."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from simactors.sim.cluster import Link
from simactors.sim.invocation import Invocation
from simactors.sim.objects import Objects


class Holding:
    """What is held on all links of one run.

    Args:
        send: called with a call whose turn it is and whose refs are ready, however they have ended.
    """

    def __init__(self, objects: Objects, send: Callable[[Invocation], None]) -> None:
        self._objects = objects
        self._send = send

    def hold(self, link: Link, call: Invocation) -> None:
        """Keep a call back until its refs are ready, and every later call on this link behind it."""
        if link.held is not None:
            link.held.append(call)
            return
        link.held = deque([call])
        holders = call.actor.particulars().holders
        if link not in holders:
            holders.append(link)
        self._release(link)

    def withdraw(self, call: Invocation) -> None:
        """A call is cancelled: if it is held, those behind it need not wait for its refs."""
        link = call.link
        if link is None or not link.held or call not in link.held:
            return
        link.held.remove(call)
        if link.held:
            self._release(link)
        else:
            _hold_nothing(link, call)

    def _release(self, link: Link) -> None:
        """Send the calls whose turn it is."""
        while link.held:  # looked at anew each time: an actor that dies here takes what is held with it
            held = link.held
            call: Invocation = held[0]
            states: list[Any] = [ref.entry for ref in call.refs]
            if any(state.outcome is None for state in states):
                self._objects.when_ready(states, functools.partial(self._release, link))
                return
            held.popleft()
            self._send(call)
            if not held:
                _hold_nothing(link, call)


def _hold_nothing(link: Link, last: Invocation) -> None:
    link.held = None
    holders = last.actor.extra.holders
    if link in holders:
        holders.remove(link)
