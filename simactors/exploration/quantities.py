"""Durations and rates as people write them: ``50ms``, ``200/s``."""

from __future__ import annotations

import math
import re

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"([-+]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(.*)")


def duration_s(told: object) -> float:
    """Seconds; a plain number is one of seconds.

    Raises:
        ValueError: it is no duration.
    """
    number, unit = _parts(told)
    factor = _UNITS_S.get(unit or "s")
    if number is None or factor is None or not 0 <= number < math.inf:
        raise ValueError(f"{told!r} is no duration: write 250ms, 1.5s, 2m or a number of seconds")
    return number * factor


def rate_per_s(told: object) -> float:
    """So many a second; a plain number is one per second.

    Raises:
        ValueError: it is no rate.
    """
    number, unit = _parts(told)
    per = _UNITS_S.get(unit.removeprefix("/").strip() if unit.startswith("/") else "" if unit else "s")
    if number is None or per is None or not 0 <= number < math.inf:
        raise ValueError(f"{told!r} is no rate: write 200/s, 30/m or a number per second")
    return number / per


def share(told: object) -> float:
    """A number, or a percentage as a share of one.

    Raises:
        ValueError: it is neither.
    """
    number, unit = _parts(told)
    if number is None or unit not in ("", "%"):
        raise ValueError(f"{told!r} is no number: write 0.999 or 99.9%")
    return number / 100 if unit else number


def _parts(told: object) -> tuple[float | None, str]:
    """The number and the unit behind it."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        return float(told), ""
    found = _QUANTITY.fullmatch(told.strip()) if isinstance(told, str) else None
    return (None, "") if found is None else (float(found[1]), found[2].strip())


def in_words(seconds: float) -> str:
    """A duration for a reader, with three digits: ``12.3 ms``."""
    if not math.isfinite(seconds):
        return str(seconds)
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= factor or unit == "us":
            return f"{seconds / factor:.3g} {unit}" if seconds else "0 s"
    raise AssertionError
