"""Coroutine tests that ask for `sim`: we run them, on the simulation's own clock, whichever other plugin would."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest


class SimulatedCoroutine(pytest.Function):
    """A coroutine function as a test."""

    def runtest(self) -> None:
        """Run it to its end, in a loop in virtual time."""
        arguments = {name: self.funcargs[name] for name in self._fixtureinfo.argnames}
        asyncio.run(self.obj(**arguments))


def claimed(node: Any) -> Any:
    """A test that asks for `sim`, or one in its place if it is a coroutine."""
    if not isinstance(node, pytest.Function) or not inspect.iscoroutinefunction(node.obj):
        return node
    made: SimulatedCoroutine = SimulatedCoroutine.from_parent(
        node.parent,
        name=node.name,
        callspec=getattr(node, "callspec", None),
        fixtureinfo=node._fixtureinfo,
        keywords=node.keywords,
        originalname=node.originalname,
    )
    made.own_markers = node.own_markers
    return made
