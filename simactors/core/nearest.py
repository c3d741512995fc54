"""Which right word a wrong one was meant to be, as errors say it; always in the same form."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def question(word: str, words: Iterable[str], otherwise: str = "") -> str:
    """``did you mean 'crash'?``, or what to say if no right word is near."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def clause(word: str, words: Iterable[str]) -> str:
    """The question as what a complaint ends with, ``; did you mean 'crash'?``; empty if no right word is near."""
    asked = question(word, words)
    return f"; {asked}" if asked else ""


def sentence(word: str, words: Iterable[str]) -> str:
    """The question as a sentence behind a complaint, `` Did you mean 'crash'?``; empty if no right word is near."""
    asked = question(word, words)
    return f" D{asked[1:]}" if asked else ""
