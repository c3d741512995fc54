"""Runs user code as a simulated process and turns how it ended into outcomes.

Not when: actors and calls decide that. This is the only place of the simulator where user code is called.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from simactors.core import calls, codec
from simactors.core.calls import pack_results
from simactors.core.current import running
from simactors.core.outcome import Failure, Outcome, Value, task_failure
from simactors.exceptions import TaskCancelledError
from simactors.sim.cluster import Process
from simactors.sim.fiber import SimulationEnded
from simactors.sim.intercept import interrupts
from simactors.sim.invocation import Invocation, outcome_of


def context_of(process: Process) -> contextvars.Context:
    """A context for code of `process`: of all context variables, only who is running is set."""
    context = contextvars.Context()
    context.run(running.set, process)
    return context


def execute(
    invocation: Invocation,
    context: contextvars.Context,
    function: Callable[..., Any],
) -> Any:
    """Call `function` with fresh copies of the invocation's arguments, on the running greenlet.

    Whatever it raises comes out as it is; see `outcomes_of`.
    """
    try:
        value = _call(invocation, context, function)
        if type(value) is GeneratorType:  # as on Ray, its items are the return values
            value = context.run(calls.take_items, value, invocation.num_returns)
    except KeyboardInterrupt as error:
        if interrupts.was_pressed():
            raise
        raise TaskCancelledError(f"{invocation} raised KeyboardInterrupt") from error
    return value


def _call(
    invocation: Invocation,
    context: contextvars.Context,
    function: Callable[..., Any],
) -> Any:
    arguments = invocation.arguments
    if type(arguments) is tuple:
        return context.run(function, *arguments)
    values = [outcome_of(ref.entry).unwrap() for ref in invocation.refs]  # type: ignore[arg-type]
    args, kwargs = arguments.unpack(values)  # type: ignore[union-attr]  # no tuple, see above
    return context.run(function, *args, **kwargs)


def outcomes_of(invocation: Invocation, value: Any) -> tuple[Outcome, ...]:
    """What to answer for a call that returned `value`."""
    count = invocation.num_returns
    if count == 1 and type(value) in codec.ATOMS:
        return (Value(value),)
    try:
        return tuple(Value(packed) for packed in pack_results(value, count))
    except Exception as error:  # pickling runs the user's code
        return (failure_of(invocation, error),) * count


def failure_of(invocation: Invocation, error: BaseException) -> Failure:
    """What to answer for a call that raised `error`."""
    assert invocation.process is not None
    return task_failure(invocation.label, error, invocation.process.where)


# Never an outcome: these end the whole run, whoever's code was running.
FATAL = (SimulationEnded, KeyboardInterrupt)
