"""Preemption: code of a process with several threads may stand still between two of its steps, while others go on.

Only code that can run beside other code of its process gets points (`intercept/rewriting.py`); everything else runs as
it is. Whether a point does anything is a choice, and 0 means no.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import types
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

from simactors.core import codec
from simactors.core.current import running
from simactors.exceptions import EscapeWarning
from simactors.sim.cluster import Process
from simactors.sim.intercept import rewriting
from simactors.sim.intercept.rewriting import Granularity
from simactors.sim.kernel import Kernel
from simactors.sim.reach import global_names, is_users
from simactors.sim.trace import Trace

_ONE_IN = 4  # points does something
_LONGEST_NS = 3_000_000  # a little more than a message takes, so that calls arrive meanwhile
_DEEPEST = 50
"""How many steps from what runs in threads code is looked for."""
_DEEPEST_INSTANCES = 3
"""The same through the attributes of instances."""
_MOST_ITEMS = 100
"""How many items of a container among the arguments of a thread are looked at."""


class Preemption:
    """The points in the code of one simulation.

    Args:
        driver: gives the process whose code runs where no other is said to.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        granularity: Granularity | Literal["off"],
        driver: Callable[[], Process],
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._granularity = granularity
        self._driver = driver
        self._changed: dict[FunctionType, CodeType] = {}
        self._unchanged: dict[FunctionType, None] = {}

    @property
    def is_on(self) -> bool:
        """Whether there are points at all."""
        return self._granularity != "off"

    def reach(self, *roots: object) -> None:
        """Put points into the user's functions that `roots` lead to: functions, classes, instances."""
        if self._granularity == "off":
            return
        for function in _functions_of(roots):
            if function not in self._changed and function not in self._unchanged:
                self._change(function)

    def restore(self) -> None:
        """Take all points out again."""
        for function, code in self._changed.items():
            function.__code__ = code
        self._changed.clear()

    def preempt(self) -> None:
        """See `intercept.points.Preempts`."""
        process: Any = running.get() or self._driver()
        if self._kernel.closing or process.halted or codec.is_busy() or not _is_concurrent(process):
            return
        if running.get() is None and not self._kernel.in_driver():
            return  # code that the kernel itself runs, a finalizer, say
        if self._kernel.choices.number("preempt", _ONE_IN) != _ONE_IN - 1:
            return
        self._trace.add((self._kernel.now_ns, "preempt", 0, process.label, "its thread"))
        self._kernel.sleep(process, self._kernel.choices.number("preempted", _LONGEST_NS))

    def _change(self, function: FunctionType) -> None:
        assert self._granularity != "off"
        with_asserts = "@pytest_ar" in function.__globals__
        new = rewriting.rewritten(function.__code__, self._granularity, with_asserts=with_asserts)
        if new is None:
            self._unchanged[function] = None
            _warn(function)
        elif new != function.__code__:
            self._changed[function] = function.__code__
            function.__code__ = new


def _is_concurrent(process: Process) -> bool:
    """Whether code of the process may run beside other code of it."""
    lanes = None if process.actor is None else process.actor.lanes
    if lanes is not None and not lanes.is_async:
        return True
    threads = process.threads
    return threads is not None and any(thread.kind == "started" for thread in threads.living.values())


def _warn(function: FunctionType) -> None:
    if function.__code__.co_filename.startswith("<"):
        return  # generated: nobody wrote it, and nothing in it is worth a look
    warnings.warn(
        f"{function.__module__}.{function.__qualname__} can't be preempted: its source is not in "
        f"{function.__code__.co_filename}, or is not what runs",
        EscapeWarning,
        stacklevel=2,
    )


def _functions_of(roots: Iterable[object]) -> list[FunctionType]:
    """The user's functions that code which starts at `roots` may call, as far as that can be seen."""
    pending: deque[tuple[object, int]] = deque((root, 0) for root in roots)
    found: dict[FunctionType, None] = {}
    seen: dict[object, None] = {}
    while pending:
        value, depth = pending.popleft()
        if isinstance(value, FunctionType | type | ModuleType):
            if value in seen:
                continue
            seen[value] = None
        if isinstance(value, FunctionType) and is_users(value):
            found[value] = None
        pending.extend((further, depth + 1) for further in _leads_to(value) if depth < _DEEPEST)
        if depth < _DEEPEST_INSTANCES and is_users(type(value)):
            pending.extend((held, depth + 1) for held in _held_by(value))
    return list(found)


def _leads_to(value: Any) -> list[Any]:
    """The code that `value` refers to, if it is code itself, or the class of an instance."""
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if not _is_empty(cell)]
        globals_ = [value.__globals__[n] for n in global_names(value.__code__) if n in value.__globals__]
        wrapped = [value.__wrapped__] if hasattr(value, "__wrapped__") else []
        return [*cells, *globals_, *wrapped]
    if isinstance(value, type):
        return [*value.__bases__, *map(inspect.unwrap, vars(value).values())] if is_users(value) else []
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, functools.cached_property):
        return [value.func]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if type(value) in (tuple, list, dict):
        items = value.values() if type(value) is dict else value
        return list(itertools.islice(items, _MOST_ITEMS))
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, ModuleType):
        return list(vars(value).values()) if is_users(value) else []
    return [type(value)] if is_users(type(value)) else []


def _is_empty(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return True
    return False


def _held_by(instance: object) -> list[object]:
    held = getattr(instance, "__dict__", None)
    return list(held.values()) if isinstance(held, dict) else []
