"""The notation of node labels and label selectors: Kubernetes' syntax, as Ray checks it.

Only the notation: which node matches is for whoever places things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORD = r"[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?"
_NAME = re.compile(_WORD)
_PREFIX = re.compile(rf"({_WORD})?(\.({_WORD})?)*")
_CONDITION = re.compile(rf"!?(in)?\({_WORD}(, ?{_WORD})*\)|!?{_WORD}")
_RULE = (
    "must be 63 chars or less beginning and ending with an alphanumeric character ([a-z0-9A-Z]) with dashes (-), "
    "underscores (_), dots (.), and alphanumerics between."
)


def key_problem(key: str) -> str | None:
    """What is wrong with the key of a label, if anything."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix)):
        return (
            f"Invalid label key prefix `{prefix}`. Prefix must be a series of DNS labels separated by dots (.), "
            "not longer than 253 characters in total."
        )
    if not _NAME.fullmatch(name):
        return f"Invalid label key name `{name}`. Name {_RULE}"
    return None


def labels_problem(labels: Mapping[str, str]) -> str | None:
    """What is wrong with the labels of a node, if anything."""
    for key, value in labels.items():
        problem = key_problem(key)
        if problem is not None:
            return problem
        if value and not _NAME.fullmatch(value):
            return f"Invalid label key value `{value}`. Value {_RULE}"
    return None


def selector_problem(selector: Mapping[str, str] | None) -> str | None:
    """What is wrong with a label selector, if anything: ``{"zone": "in(a, b)", "market": "!spot"}`` is fine."""
    for key, condition in (selector or {}).items():
        problem = key_problem(key)
        if problem is not None:
            return problem
        if condition and not _CONDITION.fullmatch(condition):
            return (
                f"Invalid label selector value `{condition}`. The label selector value should contain optional "
                f"operators and a label value. Supported operators are: ! and {{'in'}}. Value {_RULE}"
            )
    return None


def fallback_problem(strategies: Sequence[Any] | None) -> str | None:
    """What is wrong with the option ``fallback_strategy``, if anything."""
    for strategy in strategies or ():
        if not isinstance(strategy, dict):
            return "Each element in fallback_strategy must be a dictionary."
        if not strategy:
            return "Empty dictionary found in `fallback_strategy`."
        for option in strategy:
            if option != "label_selector":
                return (
                    f"Unsupported option found: '{option}'. Only ['label_selector'] is currently supported."
                )
        selector = strategy["label_selector"]
        if selector and not isinstance(selector, dict):
            return 'The value of "label_selector" must be a dictionary.'
        problem = selector_problem(selector)
        if problem is not None:
            return problem
    return None
