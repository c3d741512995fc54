"""`Counter`, `Gauge`, `Histogram`: what ``ray.util.metrics`` takes, checked as Ray checks it.

Ray exports them to Prometheus through its dashboard; here nobody collects them, and what is recorded is dropped.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class Metric:
    """What all three have.

    Args:
        tag_keys: the tags that each value must come with, unless `set_default_tags` has set them.

    Raises:
        ValueError: an empty name.
        TypeError: `tag_keys` is no tuple of strings.
    """

    def __init__(self, name: str, description: str = "", tag_keys: tuple[str, ...] | None = None) -> None:
        if not name:
            raise ValueError("Empty name is not allowed. Please provide a metric name.")
        self._is_discarded = _NAME.fullmatch(name) is None
        if self._is_discarded:
            warnings.warn(
                f"Invalid metric name: {name}. Metric will be discarded and data will not be collected or published. "
                "Metric names can only contain letters, numbers, _, and :. Metric names cannot start with numbers.",
                UserWarning,
                stacklevel=3,
            )
        self._name = name
        self._description = description
        self._tag_keys = tag_keys or ()
        self._default_tags: dict[str, str] = {}
        if not isinstance(self._tag_keys, tuple):
            raise TypeError(f"tag_keys should be a tuple type, got: {type(self._tag_keys)}")
        for key in self._tag_keys:
            if not isinstance(key, str):
                raise TypeError(f"Tag keys must be str, got {type(key)}.")

    def set_default_tags(self, default_tags: Mapping[str, str]) -> Self:
        """Tags for all values that come without them; gives the metric back.

        Raises:
            ValueError: a tag that is not among `tag_keys`.
            TypeError: a value that is no string.
        """
        for key, value in default_tags.items():
            if key not in self._tag_keys:
                raise ValueError(f"Unrecognized tag key {key}.")
            _check_tag(value)
        self._default_tags = dict(default_tags)
        return self

    @property
    def info(self) -> dict[str, Any]:
        """What it was made with."""
        return {
            "name": self._name,
            "description": self._description,
            "tag_keys": self._tag_keys,
            "default_tags": self._default_tags,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._name, self._description, self._tag_keys)

    def _check(self, value: object, tags: Mapping[str, str] | None) -> None:
        if not isinstance(value, int | float):
            raise TypeError(f"value must be int or float, got {type(value)}.")
        if self._is_discarded:
            return
        for tag in (tags or {}).values():
            _check_tag(tag)
        missing = [key for key in self._tag_keys if key not in {**self._default_tags, **(tags or {})}]
        if missing:
            raise ValueError(f"Missing value for tag key(s): {','.join(missing)}.")


def _check_tag(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"Tag values must be str, got {type(value)}.")


class Counter(Metric):
    """What only grows."""

    def inc(self, value: float = 1.0, tags: Mapping[str, str] | None = None) -> None:
        """Add `value`.

        Raises:
            TypeError: no number, or a tag that is no string.
            ValueError: not above 0, or a tag is missing.
        """
        if isinstance(value, int | float) and value <= 0:
            raise ValueError(f"value must be >0, got {value}")
        self._check(value, tags)


class Gauge(Metric):
    """What is of the moment."""

    def set(self, value: float | None, tags: Mapping[str, str] | None = None) -> None:
        """Take `value` for what was before; None changes nothing. See `Counter.inc` for errors."""
        if value is not None:
            self._check(value, tags)


class Histogram(Metric):
    """How often values lie between boundaries.

    Raises:
        ValueError: no boundaries, or one that is not above 0.
    """

    def __init__(
        self,
        name: str,
        description: str = "",
        boundaries: Sequence[float] | None = None,
        tag_keys: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(name, description, tag_keys)
        if not boundaries:
            raise ValueError(
                "boundaries argument should be provided when using the Histogram class. e.g., "
                'Histogram("name", boundaries=[1.0, 2.0])'
            )
        for index, boundary in enumerate(boundaries):
            if boundary <= 0:
                raise ValueError(
                    f"Invalid `boundaries` argument at index {index}, {boundaries}. Use positive values for the "
                    "arguments."
                )
        self.boundaries = boundaries

    def observe(self, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Count `value`. See `Counter.inc` for errors."""
        self._check(value, tags)

    @property
    def info(self) -> dict[str, Any]:
        """What it was made with."""
        return {**super().info, "boundaries": self.boundaries}

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram, (self._name, self._description, self.boundaries, self._tag_keys)


__all__ = ["Counter", "Gauge", "Histogram"]
