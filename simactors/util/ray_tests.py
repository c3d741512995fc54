"""What else tests of Ray programs import from Ray's own helpers: small things about actors and values.

Not those that reach into a cluster's servers, which are not here.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from simactors import exceptions
from simactors.api.actors import kill
from simactors.api.objects import get
from simactors.util.conditions import wait_for_condition


def client_test_enabled() -> bool:
    """Whether the tests run through a Ray Client server: never."""
    return False


def generate_system_config_map(**config: Any) -> dict[str, Any]:
    """`config` as an argument of `init`, which ignores it."""
    return {"_system_config": config}


def kill_actor_and_wait_for_failure(actor: Any, timeout: float = 10, retry_interval_ms: float = 100) -> None:
    """End an actor, and return when that is known here.

    Args:
        timeout: seconds.
        retry_interval_ms: milliseconds between two looks.

    Raises:
        RuntimeError: not in time.
    """

    def is_gone() -> bool:
        try:
            get(actor.__ray_ready__.remote(), timeout=timeout)
        except exceptions.RayActorError:
            return True
        return False

    kill(actor)
    wait_for_condition(is_gone, timeout, retry_interval_ms, raise_exceptions=True)


def wait_for_pid_to_exit(pid: int, timeout: float = 20) -> None:
    """Return when there is no process with that id any more.

    Args:
        timeout: seconds.

    Raises:
        RuntimeError: not in time.
    """
    wait_for_condition(lambda: not _lives(pid), timeout)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def same_elements(elems_a: Collection[Any], elems_b: Collection[Any]) -> bool:
    """Whether each item of two collections is in the other one, too; they need not be hashable."""
    return all(item in elems_b for item in elems_a) and all(item in elems_a for item in elems_b)


__all__ = [
    "client_test_enabled",
    "generate_system_config_map",
    "kill_actor_and_wait_for_failure",
    "same_elements",
    "wait_for_pid_to_exit",
]
