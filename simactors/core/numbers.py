"""Which numbers a config or a plan may hold."""

from __future__ import annotations

from typing import Any

LARGEST = 1e18
"""None may be larger, and none infinite: times in nanoseconds are counted exactly."""

_NUMBERS = (int, float)


def check_numbers(thing: Any) -> None:
    """Raise `ValueError` for a number among the fields of a frozen dataclass that nothing could be done with."""
    for name in thing.__dataclass_fields__:
        value = getattr(thing, name)
        if isinstance(value, _NUMBERS) and not abs(value) <= LARGEST:  # also what is not a number at all
            raise ValueError(
                f"{type(thing).__name__} needs a finite {name}, at most {LARGEST:g}, not {value}"
            )
