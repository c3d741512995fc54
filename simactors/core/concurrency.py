"""How many calls of an actor may run at once: what its options and its methods say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from simactors.core.interface import ActorInterface
from simactors.core.options import ActorOptions

DEFAULT_GROUP = ""
"""The concurrency group of the methods that name none."""

_MOST_ASYNC = 1000  # as on Ray


class Concurrency(NamedTuple):
    """The concurrency of an actor that runs several calls side by side.

    Attributes:
        limits: how many calls each concurrency group may run at once.
        is_async: calls are coroutines on event loops, not threads.
    """

    limits: Mapping[str, int]
    is_async: bool


def concurrency_of(interface: ActorInterface, options: ActorOptions) -> Concurrency | None:
    """The concurrency of an actor; None for a plain one, which runs one call after the other.

    Raises:
        ValueError: several threads and `allow_out_of_order_execution=False` contradict each other.
    """
    is_async = any(method.needs_event_loop for method in interface.methods.values())
    most = options.max_concurrency or (_MOST_ASYNC if is_async else 1)
    groups = dict(options.concurrency_groups or {})
    if not is_async and most == 1 and not groups:
        return None
    if options.allow_out_of_order_execution is False:
        raise ValueError(
            "If you're using multi-threaded actors, Ray can't execute actor tasks in order. Set "
            "`allow_out_of_order_execution=True` to allow out-of-order execution."
        )
    return Concurrency({DEFAULT_GROUP: most, **groups}, is_async)
