"""What users name as a target: a program's file, or a scenario."""

from __future__ import annotations

from pathlib import Path

from simactors.exploration.target import Program, Target

_SCENARIO = "scenario.toml"


def named(word: str) -> Program:
    """The program that ``FILE.py[:function]``, or a scenario's folder or file, stands for.

    A name behind the folder or file of a scenario is that of a variant, or else of a function, which is called instead
    of its entry point in the same world.

    Raises:
        TargetError: there is no such thing; the message says what to write instead.
    """
    file, name = place(word)
    if file is None:
        return Program(Target.parse(word))
    from simactors.exploration import scenario  # lazily: pydantic takes as long as a small run

    return scenario.program_of(file, name)


def place(word: str) -> tuple[str | None, str | None]:
    """The file of a scenario that is named so, None if none is, and the name behind the colon."""
    path, colon, name = word.rpartition(":")
    if colon and name.isidentifier() and not Path(word).exists():
        return _scenario(path), name
    return _scenario(word), None


def _scenario(word: str) -> str | None:
    path = Path(word)
    if path.suffix == ".toml":
        return word
    return str(path / _SCENARIO) if (path / _SCENARIO).is_file() else None
