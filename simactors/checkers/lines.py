"""Histories as JSON lines: one operation a line, also from programs that know nothing of simactors.

A line is an object:

    {"client": "ann", "name": "withdraw", "args": [30], "called_s": 0.25, "returned_s": 0.31, "result": 70}

| key            | what it says |
| --- | --- |
| ``client``     | who asked; text |
| ``name``       | what was asked; text |
| ``args``       | with what; a list. Left out: nothing |
| ``target``     | whom it was asked of; text. Left out: there is but one |
| ``called``     | where the call stands among all calls and returns: whole numbers, each but once in a file |
| ``returned``   | where the return stands. Left out or null: none came |
| ``called_s``   | when it was called, in seconds by one clock for the whole file |
| ``returned_s`` | when it returned |
| ``status``     | ``returned``, ``raised``, ``refused`` or ``unknown``; it may be left out |
| ``result``     | what it returned or raised. Left out: null |

All lines have ``called``, or all have ``called_s`` alone: then places come from times, and at equal times calls come
before returns, so that the operations count as concurrent. Empty lines don't matter. Without a ``status``, what has no
return is ``unknown``, what has an error as its result ``raised``, and all else ``returned``.

Values are JSON. Lists and tuples are the same, and come back as tuples. What JSON has not is an object with one key
that begins with a ``$``:

- ``{"$set": [...]}``, ``{"$bytes": "base64"}``, ``{"$float": "nan"}``;
- ``{"$map": [[key, value], ...]}``, if a key is no text;
- ``{"$error": {"class": "KeyError", "args": [...], "bases": ["LookupError"]}}``;
- ``{"$record": {"class": "Point", "fields": {...}}}`` for other objects;
- ``{"$text": "..."}``, the ``repr`` of whatever else there may be.

They come back in normal form: see `checkers.values`.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from simactors.checkers.values import ATOMS, FrozenMap, Record, RecordedError, Text, normal
from simactors.core.history import History, Operation, Status

STATUSES = get_args(Status)
MOST_ERRORS = 20
FIELDS: dict[str, tuple[tuple[type, ...], str]] = {
    "client": ((str,), "text"),
    "name": ((str,), "text"),
    "args": ((list,), "a list"),
    "target": ((str,), "text"),
    "called": ((int,), "a whole number"),
    "returned": ((int, type(None)), "a whole number or null"),
    "called_s": ((int, float), "a number of seconds"),
    "returned_s": ((int, float, type(None)), "a number of seconds or null"),
    "status": ((str,), f"one of {', '.join(STATUSES)}"),
    "result": ((object,), "anything"),
}

LEAST = {"called": 0, "returned": 0, "called_s": -math.inf, "returned_s": -math.inf}
"""The numbers among them, and the least that they may be; infinities and what is no number are none."""


def dumps(history: History) -> str:
    """`history` as JSON lines."""
    return "".join(f"{json.dumps(_line(operation), allow_nan=False)}\n" for operation in history)


def dump(history: History, path: str | Path) -> None:
    """Write `history` to a file."""
    Path(path).write_text(dumps(history), encoding="utf-8")


def load(path: str | Path) -> History:
    """Read a file.

    Raises:
        ValueError: see `loads`.
        OSError: the file can't be read.
    """
    return loads(Path(path).read_text(encoding="utf-8"), name=str(path))


def loads(text: str, *, name: str = "history") -> History:
    """Read JSON lines.

    Args:
        text: the lines.
        name: of the file, for the message.

    Raises:
        ValueError: some lines are no operations: all of them are named, with their numbers.
    """
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    operations: list[Operation] = []
    wrong: list[str] = []
    timed: set[bool] = set()
    for number, line in numbered:
        found = list(_complaints(line))
        if not found:
            read = json.loads(line)
            timed.add("called" not in read)
            found = _read(read, operations)
        wrong += [f"line {number}: {complaint}" for complaint in found]
    if not wrong and len(timed) == 2:
        wrong.append("some lines have `called`, and some only `called_s`: give all of them the same")
    if not wrong and not any(timed):
        wrong += _places_used_twice(operations, [number for number, _ in numbered])
    if wrong:
        more = [f"and {len(wrong) - MOST_ERRORS} more"] if len(wrong) > MOST_ERRORS else []
        raise ValueError("\n  ".join([f"{name} is no history:", *wrong[:MOST_ERRORS], *more]))
    return History.timed(operations) if any(timed) else History.of(operations)


# Writing


def _line(operation: Operation) -> dict[str, Any]:
    """An operation as a line tells it; what is left out means the same."""
    line = {name: getattr(operation, name) for name in FIELDS}
    line["args"] = [told(each) for each in operation.args]
    line["result"] = told(operation.result)
    return {
        name: value for name, value in line.items() if value is not None and (name, value) != ("target", "")
    }


def told(value: Any) -> Any:
    """A value as JSON has it."""
    try:
        return _told_normal(normal(value))
    except TypeError:
        return {"$text": repr(value)}


def _told_normal(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if type(value) in ATOMS and not isinstance(value, complex):
        return value
    if isinstance(value, tuple):
        return [_told_normal(item) for item in value]
    if isinstance(value, frozenset):
        return {"$set": sorted((_told_normal(item) for item in value), key=repr)}
    if isinstance(value, FrozenMap):
        return _told_map(value)
    if isinstance(value, RecordedError):
        return {"$error": {"class": value.name, "args": _told_normal(value.args), "bases": list(value.bases)}}
    if isinstance(value, Record):
        return {"$record": {"class": value.name, "fields": _told_map(value.fields)}}
    return {"$text": repr(value)}


def _told_map(value: FrozenMap) -> Any:
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: _told_normal(item) for key, item in value.items()}
    return {"$map": [[_told_normal(key), _told_normal(item)] for key, item in value.items()]}


# Reading


def _complaints(line: str) -> Iterator[str]:
    """What is wrong with the fields of a line."""
    try:
        read = json.loads(line)
    except json.JSONDecodeError as error:
        yield f"no JSON: {error.msg} at column {error.colno}"
        return
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of too many digits
        yield f"no JSON that Python can read: {error}"
        return
    if not isinstance(read, dict):
        yield f"an operation is an object, not {line.strip()[:40]}"
        return
    for field in ("client", "name"):
        if field not in read:
            yield f"`{field}` is missing"
    if "called" not in read and "called_s" not in read:
        yield "`called` or `called_s` is missing: nobody can say what came first"
    for field, value in read.items():
        if field not in FIELDS:
            yield f"`{field}` means nothing: there are {', '.join(FIELDS)}"
        elif not _fits(field, value):
            yield f"`{field}` must be {FIELDS[field][1]}, not {json.dumps(value)}"


def _fits(field: str, value: Any) -> bool:
    if field == "status":
        return value in STATUSES
    if not isinstance(value, FIELDS[field][0]) or (isinstance(value, bool) and field != "result"):
        return False
    number: Any = value
    return field not in LEAST or number is None or bool(LEAST[field] <= number < math.inf)


def _read(read: dict[str, Any], operations: list[Operation]) -> list[str]:
    """Add the operation of a line whose fields are right; what is wrong with it as a whole, or with its values."""
    placed = "called" in read
    end = read.get("returned") if placed else read.get("returned_s")
    begin = read["called"] if placed else read["called_s"]
    try:
        args, result = meant(read.get("args", [])), meant(read.get("result"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        return [f"a value with `$` can't be read: {error!r}"]
    ended = "raised" if isinstance(result, RecordedError) else "returned"
    status: Any = read.get("status") or ("unknown" if end is None else ended)
    if status in ("returned", "raised") and end is None:
        return [f"it {status}, but nothing says when: `{'returned' if placed else 'returned_s'}` is missing"]
    if end is not None and (end < begin or (placed and end == begin)):
        return [f"it returned at {end}, before it was called at {begin}"]
    known = ("client", "name", "target", "returned", "called_s", "returned_s")
    fields = {name: read[name] for name in known if name in read}
    called = read.get("called", 2 * len(operations))
    operations.append(Operation(**fields, called=called, args=args, status=status, result=result))
    return []


def meant(value: Any) -> Any:
    """The value that JSON tells of, in normal form."""
    if isinstance(value, list):
        return tuple(map(meant, value))
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inside),) = value.items()
        if tag in TAGS:
            return TAGS[tag](inside)
        if tag.startswith("$"):
            raise ValueError(f"there is no {tag}: there are {', '.join(TAGS)}")
    return FrozenMap((key, meant(item)) for key, item in value.items())


TAGS: dict[str, Callable[[Any], Any]] = {
    "$set": lambda inside: frozenset(map(meant, inside)),
    "$map": lambda inside: FrozenMap((meant(key), meant(item)) for key, item in inside),
    "$bytes": lambda inside: base64.b64decode(inside, validate=True),
    "$float": lambda inside: math.nan if inside == "nan" else float(inside),
    "$error": lambda inside: RecordedError(
        _text(inside["class"]), meant(inside.get("args", [])), tuple(map(_text, inside.get("bases", ())))
    ),
    "$record": lambda inside: Record(_text(inside["class"]), meant(inside["fields"])),
    "$text": lambda inside: Text(_text(inside)),
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is wanted, not {value!r}")
    return value


def _places_used_twice(operations: list[Operation], numbers: list[int]) -> list[str]:
    first: dict[int, int] = {}
    wrong = []
    for number, operation in zip(numbers, operations, strict=True):
        for place in (operation.called, operation.returned):
            if place is not None and first.setdefault(place, number) != number:
                wrong.append(f"line {number}: place {place} is taken by line {first[place]}")
    return wrong
