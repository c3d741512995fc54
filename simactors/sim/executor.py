"""Runs user code as a simulated process and turns how it ended into outcomes.

Not when: actors and calls decide that. This is the only place of the simulator where user code is called.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from simactors.core import codec
from simactors.core.calls import pack_results
from simactors.core.current import running
from simactors.core.outcome import Failure, Outcome, Value, task_failure
from simactors.sim.fiber import SimulationEnded
from simactors.sim.invocation import Invocation


def arguments_of(invocation: Invocation) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Fresh copies of the call's arguments, the values of its refs among them."""
    arguments = invocation.arguments
    if not arguments.refs:
        return arguments.unpack()
    return arguments.unpack([ref.entry.outcome.unwrap() for ref in arguments.refs])  # type: ignore[attr-defined]


def execute(
    invocation: Invocation,
    context: contextvars.Context,
    function: Callable[..., Any],
) -> Any:
    """Call `function` with the invocation's arguments, on the running greenlet, as the invocation's process.

    Whatever it raises comes out as it is; see `outcomes_of`.
    """
    args, kwargs = arguments_of(invocation)
    return context.run(_enter, invocation, function, args, kwargs)


def _enter(
    invocation: Invocation,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    running.set(invocation)
    return function(*args, **kwargs)


def outcomes_of(invocation: Invocation, value: Any) -> tuple[Outcome, ...]:
    """What to answer for a call that returned `value`."""
    count = invocation.num_returns
    try:
        if count == 1:
            return (Value(codec.pack(value)),)
        return tuple(Value(packed) for packed in pack_results(value, count))
    except Exception as error:  # pickling runs the user's code
        return (failure_of(invocation, error),) * count


def failure_of(invocation: Invocation, error: BaseException) -> Failure:
    """What to answer for a call that raised `error`."""
    assert invocation.process is not None
    return task_failure(invocation.label, error, invocation.process.where)


# Never an outcome: these end the whole run, whoever's code was running.
FATAL = (SimulationEnded, KeyboardInterrupt)
