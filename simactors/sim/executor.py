"""Runs user code as a simulated process and turns how it ended into outcomes.

Not when: actors and calls decide that. This is the only place of the simulator where user code is called.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from simactors.core import calls, codec
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
    *instance: Any,
) -> tuple[Outcome, ...]:
    """Call `function` with fresh copies of the invocation's arguments, and pack what it returns.

    Args:
        instance: of an actor, if `function` is a method that takes it first; nothing otherwise.

    All on the running greenlet and as the invocation's process: rebuilding arguments and packing results runs the
    user's code, too. Whatever it raises comes out as it is; see `failure_of`.
    """
    arguments = invocation.arguments
    try:
        if type(arguments) is not tuple:
            return context.run(_unpack_and_call, invocation, function, *instance)
        value = context.run(function, *instance, *arguments)
        if invocation.num_returns == 1 and type(value) in codec.ATOMS:
            return (Value(value),)
        return context.run(_pack, value, invocation.num_returns)
    except KeyboardInterrupt as error:
        raise _own_interrupt(invocation, error) from error


def construct(invocation: Invocation, context: contextvars.Context, cls: type) -> Any:
    """Make an actor's instance, as `execute` calls a function."""
    try:
        return context.run(_unpacked, invocation, cls)
    except KeyboardInterrupt as error:
        raise _own_interrupt(invocation, error) from error


def _unpacked(invocation: Invocation, function: Callable[..., Any], *instance: Any) -> Any:
    arguments = invocation.arguments
    if type(arguments) is tuple:
        return function(*instance, *arguments)
    values = [outcome_of(ref.entry).unwrap() for ref in invocation.refs]  # type: ignore[arg-type]
    args, kwargs = arguments.unpack(values)  # type: ignore[union-attr]  # no tuple, see above
    return function(*instance, *args, **kwargs)


def _unpack_and_call(
    invocation: Invocation, function: Callable[..., Any], *instance: Any
) -> tuple[Outcome, ...]:
    return _pack(_unpacked(invocation, function, *instance), invocation.num_returns)


def _pack(value: Any, num_returns: int) -> tuple[Outcome, ...]:
    return tuple(Value(packed) for packed in calls.pack_results(value, num_returns))


def _own_interrupt(invocation: Invocation, error: KeyboardInterrupt) -> BaseException:
    """Ctrl-C ends the run; a KeyboardInterrupt that the code raised itself is its cancellation, as on Ray."""
    if interrupts.was_pressed():
        return error
    return TaskCancelledError(f"{invocation} raised KeyboardInterrupt")


def failure_of(invocation: Invocation, error: BaseException) -> Failure:
    """What to answer for a call that raised `error`."""
    assert invocation.process is not None
    return task_failure(invocation.label, error, invocation.process.where)


# Never an outcome: these end the whole run, whoever's code was running.
FATAL = (SimulationEnded, KeyboardInterrupt)
