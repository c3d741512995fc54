"""On which line of a TOML file each key stands, which `tomllib` does not tell. For files that it has read: anything
else may be misread here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_ENDS = re.compile(r"[.\[:]")  # behind which a place goes on, or what is told of it begins
_DELIMITERS = ('"""', "'''", '"', "'")


def path(parts: tuple[int | str, ...]) -> str:
    """How messages name a place: ``faults[0].at_s``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def lines_of(text: str) -> dict[str, int]:
    """The line of each key, of each table and of each element of a list, by its `path`; counted from 1."""
    found = dict(_Scanner(text).all())
    for place, line in list(found.items()):
        while (
            place := place.rpartition(".")[0]
        ) and place not in found:  # ``a`` of ``a.b = 1``, which has no line
            found[place] = line
    return found


def line_of(where: str, lines: dict[str, int]) -> int | None:
    """The line of what is named at the beginning of `where`, as exactly as is known; None if nothing is."""
    ends = [*(sign.start() for sign in _ENDS.finditer(where)), len(where)]
    places = (where[:end] for end in reversed(ends) if end)
    return next((lines[place] for place in places if place in lines), None)


class _Scanner:
    """Reads from the front to the back.

    Invariant: `_at` stands before what was not read yet.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0, 1  # up to where lines have been counted, and which one that is
        self._counts: dict[str, int] = {}  # of the elements of ``[[lists]]`` so far

    def all(self) -> Iterator[tuple[str, int]]:
        table: tuple[int | str, ...] = ()
        while self._skip() < len(self._text):
            line = self._line()
            if self._text.startswith("[[", self._at):
                table = self._element(self._header(2))
                yield path(table), line
                if table[-1] == 0:
                    yield path(table[:-1]), line  # the list begins here
            elif self._text[self._at] == "[":
                table = self._in_lists(self._header(1))
                yield path(table), line
            else:
                yield from self._pair(table)

    def _line(self) -> int:
        before, line = self._counted
        self._counted = self._at, line + self._text.count("\n", before, self._at)
        return self._counted[1]

    def _skip(self) -> int:
        """Go on behind blanks and comments."""
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None
        self._at = blank.end()
        return self._at

    def _header(self, brackets: int) -> tuple[str, ...]:
        self._at += brackets
        parts = self._key()
        self._at = self._text.index("]" * brackets, self._at) + brackets
        return parts

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip()
            if self._text[self._at] in "\"'":
                parts.append(self._string())
            else:
                bare = _BARE.match(self._text, self._at)
                assert bare is not None
                parts.append(bare.group())
                self._at = bare.end()
            self._skip()
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _string(self) -> str:
        """What stands between the quotes, as it is written."""
        quotes = next(mark for mark in _DELIMITERS if self._text.startswith(mark, self._at))
        start = end = self._at + len(quotes)
        while not self._text.startswith(quotes, end):
            end += 2 if quotes[0] == '"' and self._text[end] == "\\" else 1
        self._at = end + len(quotes)
        while (
            self._text.startswith(quotes[0], self._at) and len(quotes) == 3
        ):  # a quote before the closing ones
            self._at += 1
        return self._text[start:end]

    def _pair(self, table: tuple[int | str, ...]) -> Iterator[tuple[str, int]]:
        line = self._line()
        place = (*table, *self._key())
        self._at += 1  # the equals sign
        yield path(place), line
        yield from self._value(place)

    def _value(self, place: tuple[int | str, ...]) -> Iterator[tuple[str, int]]:
        self._skip()
        if self._text[self._at] in "\"'":
            self._string()
        elif self._text[self._at] == "[":
            yield from self._list(place)
        elif self._text[self._at] == "{":
            yield from self._inline(place)
        else:
            scalar = _SCALAR.match(self._text, self._at)
            assert scalar is not None
            self._at = scalar.end()

    def _list(self, place: tuple[int | str, ...]) -> Iterator[tuple[str, int]]:
        self._at += 1
        number = 0
        while self._text[self._skip()] != "]":
            yield path((*place, number)), self._line()
            yield from self._value((*place, number))
            number += 1
            self._skip_comma()
        self._at += 1

    def _inline(self, place: tuple[int | str, ...]) -> Iterator[tuple[str, int]]:
        self._at += 1
        while self._text[self._skip()] != "}":
            yield from self._pair(place)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        if self._text[self._skip()] == ",":
            self._at += 1

    def _element(self, parts: tuple[str, ...]) -> tuple[int | str, ...]:
        name = path(self._in_lists(parts[:-1]) + parts[-1:])
        number = self._counts[name] = self._counts.get(name, -1) + 1
        return (*self._in_lists(parts[:-1]), parts[-1], number)

    def _in_lists(self, parts: tuple[str, ...]) -> tuple[int | str, ...]:
        """A table in a ``[[list]]`` is in its last element."""
        found: tuple[int | str, ...] = ()
        for part in parts:
            found = (*found, part)
            if path(found) in self._counts:
                found = (*found, self._counts[path(found)])
        return found
