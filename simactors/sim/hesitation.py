"""Code that stands still for a moment where it asks something of the runtime: others may do something meanwhile.

In the simulator code takes no time, so that nothing can arrive between two calls. On a real machine, which is busy with
others, much can. `hesitate`: only where `SimConfig.hesitation_s` allows it; whether it happens is a choice, and 0 means
no. `stand_still`: where the answer to a question comes from the head, always.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from simactors.core import codec
from simactors.core.current import running
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.kernel import Kernel

ASKS = ("submit_method", "submit_task", "create_actor", "find_actor", "kill", "cancel", "put", "wait")
"""What asks something of the runtime, by the name of the backend's method."""

_ONE_IN = 4  # times it does


def hesitate(
    backend: object,
    kernel: Kernel,
    caller: Callable[[], Process],
    longest_s: float,
    asks: Iterable[str] = ASKS,
) -> None:
    """Let code stand still before it calls these methods, from now on.

    Args:
        caller: the process whose code runs.
        longest_s: for so long at most, in seconds, and as late as sleeping code goes on.
    """
    longest_ns = round(longest_s * NS)

    def pause() -> None:
        process = caller()
        if _can_wait(kernel, process) and kernel.choices.number("hesitate", _ONE_IN) == _ONE_IN - 1:
            kernel.sleep(process, 1 + kernel.choices.number("hesitated", longest_ns))

    def after_a_pause(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def asked(*arguments: Any, **options: Any) -> Any:
            pause()
            return method(*arguments, **options)

        return asked

    # Methods of this object: in other simulations nobody pays for asking.
    for name in asks:
        setattr(backend, name, after_a_pause(getattr(backend, name)))


def stand_still(kernel: Kernel, process: Process, delay_ns: int) -> None:
    """Let the running code of `process` wait so long, unless it is code that can't wait."""
    if _can_wait(kernel, process):
        kernel.sleep(process, delay_ns)


def _can_wait(kernel: Kernel, process: Process) -> bool:
    if kernel.closing or process.halted or codec.is_busy():
        return False
    return running.get() is not None or kernel.in_driver()  # else the kernel itself runs it: a finalizer, say
