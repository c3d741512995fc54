"""What an audit sees beyond the trace: the arguments that calls are made with.

Not in the trace itself: every call of every run would pay for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from simactors.core import codec
from simactors.core.calls import Creation, MethodCall, TaskCall
from simactors.core.refs import ObjectRef
from simactors.sim.calls import Calls
from simactors.sim.cluster import Process
from simactors.sim.kernel import Kernel
from simactors.sim.trace import Row

_LONGEST = 80
_DEEPEST = 6


class Watching:
    """Tells `watch` of the arguments of every call, as a record of the kind "send", before the call is made."""

    def __init__(
        self, calls: Calls, kernel: Kernel, caller: Callable[[], Process], watch: Callable[[Row], None]
    ) -> None:
        self._calls = calls
        self._kernel = kernel
        self._caller = caller
        self._watch = watch

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_method`."""
        self._tell(call.method.label, call.args, call.kwargs)
        return self._calls.submit_method(call)

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_task`."""
        self._tell(call.function.spec.label, call.args, call.kwargs)
        return self._calls.submit_task(call)

    def tell_creation(self, creation: Creation) -> None:
        """An actor is about to be made."""
        self._tell(creation.actor_class.constructor.label, creation.args, creation.kwargs)

    def _tell(self, label: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        told = ", ".join([*map(shown, args), *(f"{name}={shown(v)}" for name, v in kwargs.items())])
        self._watch((self._kernel.now_ns, "send", 0, self._caller().label, f"{label}({told})"))


def shown(value: object, depth: int = 0) -> str:
    """What a value is, in words that are the same in every process: no addresses, and sets in one order.

    Long ones are cut, and end with a digest of the whole.
    """
    text = _words(value, depth)
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    return f"{text[: _LONGEST // 2]}... ({digest})"


def _words(value: object, depth: int) -> str:
    kind = type(value)
    if kind in codec.ATOMS:
        return repr(value)
    if isinstance(value, ObjectRef):
        return f"ObjectRef({value.hex()})"
    if depth >= _DEEPEST:
        return f"<{kind.__name__}>"
    if isinstance(value, set | frozenset):
        return f"{kind.__name__}({', '.join(sorted(shown(item, depth + 1) for item in value))})"
    if isinstance(value, dict):
        items = (f"{shown(key, depth + 1)}: {shown(item, depth + 1)}" for key, item in value.items())
        return f"{kind.__name__}({', '.join(items)})"
    if isinstance(value, list | tuple):
        return f"{kind.__name__}({', '.join(shown(item, depth + 1) for item in value)})"
    held = getattr(value, "__dict__", None)
    return f"{kind.__name__}({shown(held, depth + 1) if isinstance(held, dict) and held else ''})"
