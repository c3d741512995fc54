"""What `runtime_env` says of environment variables, checked the same way for every backend that honours it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

Variables = tuple[tuple[str, str], ...]
"""Names and values, sorted."""


def checked_variables(said: Any) -> Variables:
    """The variables that `env_vars` gives.

    Raises:
        TypeError: no dictionary of strings.
        ValueError: something that no process can have in its environment.
    """
    if not isinstance(said, Mapping) or not all(isinstance(x, str) for pair in said.items() for x in pair):
        raise TypeError(f"runtime_env['env_vars'] must be of type Dict[str, str], not {said!r}")
    for name, value in said.items():
        if not _can_be_set(name, value):
            raise ValueError(f"runtime_env: env_vars: no process can have a variable {name!r} of {value!r}")
    return tuple(sorted(said.items()))


def _can_be_set(name: str, value: str) -> bool:
    try:
        encoded = os.fsencode(name), os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return bool(name) and "=" not in name and not any(b"\0" in part for part in encoded)
