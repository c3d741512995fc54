"""Waiting until something holds, as Ray's own tests do: `wait_for_condition` and its async kin."""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
from collections.abc import Callable
from typing import Any

_NEVER = "The condition wasn't met before the timeout expired."


def wait_for_condition(
    condition_predictor: Callable[..., Any],
    timeout: float = 10,
    retry_interval_ms: float = 100,
    raise_exceptions: bool = False,
    **kwargs: Any,
) -> None:
    """Return as soon as a function returns something true.

    Args:
        condition_predictor: the function; called with `kwargs`.
        timeout: seconds.
        retry_interval_ms: milliseconds between two calls.
        raise_exceptions: let through what it raises, which else counts as false.

    Raises:
        RuntimeError: that was not the case in time.
    """
    start = time.monotonic()
    raised = ""
    while time.monotonic() - start <= timeout:
        try:
            if condition_predictor(**kwargs):
                return
        except Exception:
            if raise_exceptions:
                raise
            raised = f" Last exception: {traceback.format_exc()}"
        time.sleep(retry_interval_ms / 1000)
    raise RuntimeError(_NEVER + raised)


async def async_wait_for_condition(
    condition_predictor: Callable[..., Any],
    timeout: float = 10,
    retry_interval_ms: float = 100,
    **kwargs: Any,
) -> None:
    """As `wait_for_condition`, without blocking the event loop; the function may be a coroutine function."""
    start = time.monotonic()
    raised = ""
    while time.monotonic() - start <= timeout:
        try:
            met = condition_predictor(**kwargs)
            if await met if inspect.isawaitable(met) else met:
                return
        except Exception as error:  # whatever the function raises
            raised = f" Last exception: {error}"
        await asyncio.sleep(retry_interval_ms / 1000)
    raise RuntimeError(_NEVER + raised)
