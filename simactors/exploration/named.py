"""What users name as a target: a program's file, or a scenario."""

from __future__ import annotations

from pathlib import Path

from simactors.exploration.target import Program, Target

_SCENARIO = "scenario.toml"


def named(word: str) -> Program:
    """The program that ``FILE.py[:function]``, or a scenario's folder or file, stands for.

    A function behind the folder or file of a scenario is called instead of its entry point, in the same world.

    Raises:
        TargetError: there is no such thing; the message says what to write instead.
    """
    path, colon, function = word.rpartition(":")
    if colon and function.isidentifier() and not Path(word).exists():
        file = _scenario(path)
    else:
        file, function = _scenario(word), ""
    if file is None:
        return Program(Target.parse(word))
    from simactors.exploration import scenario  # lazily: pydantic takes as long as a small run

    return scenario.load(file, function or None)


def _scenario(word: str) -> str | None:
    path = Path(word)
    if path.suffix == ".toml":
        return word
    return str(path / _SCENARIO) if (path / _SCENARIO).is_file() else None
