"""What it costs a process to call others, and to wake when an answer comes: work on the cores of its own node.

Not what calls cost those who run them: `work.ServiceTimes`. Only where the config says that it costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simactors.core.calls import MethodCall, TaskCall
from simactors.core.refs import ObjectRef
from simactors.sim.calls import Calls
from simactors.sim.cluster import Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.invocation import State
from simactors.sim.kernel import Kernel
from simactors.sim.objects import Objects
from simactors.sim.work import work


def charge(
    kernel: Kernel, config: SimConfig, calls: Calls, objects: Objects, caller: Callable[[], Process]
) -> None:
    """Let calls, and waking up with a result, take their time from now on.

    Args:
        caller: the process whose code runs.
    """
    call_ns, wake_ns = round(config.call_work_s * NS), round(config.wake_work_s * NS)
    submit_method, submit_task = calls.submit_method, calls.submit_task
    wait, wait_one = objects.wait, objects.wait_one

    def method(call: MethodCall) -> list[ObjectRef[Any]]:
        process = caller()
        work(kernel, process, process.node, call_ns)
        return submit_method(call)

    def task(call: TaskCall) -> list[ObjectRef[Any]]:
        process = caller()
        work(kernel, process, process.node, call_ns)
        return submit_task(call)

    def several(
        process: Process,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        stop_at_error: bool,  # as in `Objects.wait`
    ) -> list[ObjectRef[Any]]:
        blocks = sum(ref.entry.outcome is not None for ref in refs) < num_returns  # type: ignore[attr-defined]  # ours
        found = wait(process, refs, num_returns, timeout_s, stop_at_error)
        if blocks:
            work(kernel, process, process.node, wake_ns)
        return found

    def one(process: Process, state: State, timeout_s: float | None) -> bool:
        blocks = state.outcome is None
        found = wait_one(process, state, timeout_s)
        if blocks:
            work(kernel, process, process.node, wake_ns)
        return found

    # Methods of these two objects: in other simulations nobody pays for asking.
    if call_ns:
        calls.submit_method, calls.submit_task = method, task  # type: ignore[method-assign]
    if wake_ns:
        objects.wait, objects.wait_one = several, one  # type: ignore[method-assign]
