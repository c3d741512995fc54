"""Shows values of a program that stands still: its code may raise, print or never end a line, and nothing is changed.

Not which values: `console.py`.
"""

from __future__ import annotations

import ast
import builtins
import io
import pprint
import re
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

LONGEST = 400
"""How much of one attribute's text is shown."""

_STRING = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_ACTOR = re.compile(rf"(?P<string>{_STRING})|[A-Za-z_][\w.]*#\d+|\bactor-\d+\b")


def attributes(instance: object) -> dict[str, str]:
    """What an object holds, each as text."""
    held = dict(getattr(instance, "__dict__", {}))
    for cls in type(instance).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                held.setdefault(name, _slot(instance, cls, name))
    return {str(name): cut(text(value)) for name, value in held.items() if value is not _EMPTY}


_EMPTY = object()


def _slot(instance: object, cls: type, name: str) -> Any:
    private = name.startswith("__") and not name.endswith("__")
    try:
        return object.__getattribute__(instance, f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    except AttributeError:
        return _EMPTY


def text(value: object) -> str:
    """A value as `pprint` writes it; what its own code prints or raises by that is told instead."""
    return _guarded(lambda: pprint.pformat(value, width=100, sort_dicts=False), f"<{type(value).__name__}")


def _guarded(make: Callable[[], str], whose: str) -> str:
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            made = make()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code may raise anything
        made = f"{whose}, whose repr() raised {type(error).__name__}>"
    return f"{made}  (and printed {printed.getvalue()!r})" if printed.getvalue() else made


def cut(shown: str) -> str:
    """Not too much of it."""
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}... ({len(shown)} characters)"


def evaluated(expression: str, actors: Mapping[str, Any]) -> str:
    """The value of a Python expression, in which actors are called by their names: ``Account#1.balance``.

    Args:
        actors: their instances by name.
    """
    names: dict[str, Any] = {name: value for name, value in actors.items() if name.isidentifier()}

    unknown: list[str] = []

    def named(found: re.Match[str]) -> str:
        if found["string"]:
            return found[0]
        if found[0] not in actors:
            unknown.append(found[0])
            return found[0]
        stand_in = re.sub(r"\W", "_", f"actor_{found[0]}")
        names[stand_in] = actors[found[0]]
        return stand_in

    code = _ACTOR.sub(named, expression)
    if unknown:
        return f"there is no living actor {unknown[0]!r}: 'actors' lists them"
    names |= {"__builtins__": builtins, "actors": dict(actors)}
    return _value(code, names)


def _value(code: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    try:
        parsed = compile(ast.parse(code.strip(), "<expression>", "eval"), "<expression>", "eval")
        with redirect_stdout(printed), redirect_stderr(printed):
            value = eval(parsed, names)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code may raise anything
        return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return printed.getvalue() + text(value)
