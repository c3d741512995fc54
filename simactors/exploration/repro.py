"""A repro: what it takes to make one run again, as a file or as one token to paste; and whether it came out the same.

It holds no code: replaying needs the same program in the same place. What the program has become since is told by a
fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from simactors.core.choices import Choices
from simactors.core.events import Record
from simactors.exploration import departures
from simactors.exploration.departures import Departure
from simactors.exploration.frames import is_users
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import Onlooker, RunResult
from simactors.exploration.script import Follower
from simactors.exploration.target import Program
from simactors.exploration.witness import ADDRESS

PREFIX = "sim5-"
LONGEST_TOKEN = 2_000
"""Longer ones are no use on a command line: there is the file."""

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_HASH_SEED = "PYTHONHASHSEED"
_FORMAT = 1


_TEXT = (str, type(None))
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("code", "digest", "failure", "version", "python"), (str,)),
    **dict.fromkeys(("kind", "hash_seed"), _TEXT),
    "recipe": (dict,),
}


class ReproError(Exception):
    """Neither a token nor a repro's file, or one that was damaged. The message is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repro:
    """One run, told from all others.

    Attributes:
        recipe: how to make it, with its cluster; its target is named relative to where it was run.
        code: a short digest of the program's text, and of the modules in its folder that it had imported.
        digest: the first 16 digits of the trace's.
        kind: the class of the failure; None if the run passed.
        failure: a short digest of the failure's message.
        version: of the simactors that made the run.
        python: of the interpreter, as "3.11"; where code is preempted, another one may see other lines.
        hash_seed: what PYTHONHASHSEED was; None if it was not set.
        path: `departures.landmarks` of what happened; empty if the order was not explored.
    """

    recipe: Recipe
    code: str
    digest: str
    kind: str | None
    failure: str
    version: str
    python: str
    hash_seed: str | None
    path: str = ""

    @classmethod
    def of(cls, recipe: Recipe, result: RunResult, path: str = "") -> Repro:
        """The repro of a simulated run, just made.

        Args:
            path: its landmarks, if it has been made before and `result` does not hold its path any more.
        """
        return cls(
            recipe=recipe.with_all_faults,
            code=code_digest(recipe.program),
            digest=(result.digest or "")[:16],
            kind=result.ending.kind,
            failure=_failure_digest(recipe.program, result),
            version=metadata.version("simactors"),
            python=_PYTHON,
            hash_seed=os.environ.get(_HASH_SEED),
            path=path or departures.landmarks(result.path),
        )

    @classmethod
    def read(cls, word: str) -> Repro:
        """Read a token, or the file that `word` names.

        Raises:
            ReproError: it can't be read.
            TargetError: the program isn't there.
        """
        if word.startswith(PREFIX):
            return cls._from_token(word)
        if not Path(word).is_file():
            raise ReproError(
                f"{word!r} is neither a file nor a replay token: tokens of this release start with {PREFIX!r}"
            )
        try:
            told = json.loads(Path(word).read_text())
            if not isinstance(told, dict) or told.get("simactors_repro") != _FORMAT:
                raise ReproError(f'{word} is no repro of this release: it needs "simactors_repro": {_FORMAT}')
            return cls._from_fields(told["run"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ReproError(f"{word} can't be read as a repro: {type(error).__name__}: {error}") from None

    @classmethod
    def _from_token(cls, token: str) -> Repro:
        try:
            body = token.removeprefix(PREFIX)
            sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            checksum, packed = sealed[:4], sealed[4:]
            if zlib.crc32(packed).to_bytes(4, "big") != checksum:
                raise ValueError("wrong checksum")
            return cls._from_fields(json.loads(zlib.decompress(packed)))
        except (binascii.Error, ValueError, TypeError, KeyError, zlib.error):
            raise ReproError("the token is damaged: copy the whole line again") from None

    @classmethod
    def _from_fields(cls, told: Mapping[str, Any]) -> Repro:
        for name, kinds in _KINDS.items():
            if not isinstance(told.get(name), kinds):
                raise TypeError(f"{name} is {told.get(name)!r}")
        return cls(**{**told, "recipe": Recipe.from_fields(told["recipe"])})

    def to_fields(self) -> dict[str, Any]:
        """What JSON can hold."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "recipe": self.recipe.to_fields()}

    @property
    def token(self) -> str:
        """The repro as one word, safe to paste into a shell."""
        packed = zlib.compress(json.dumps(self.to_fields(), separators=(",", ":")).encode(), 9)
        sealed = zlib.crc32(packed).to_bytes(4, "big") + packed
        return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def write(self, path: Path, **more: Any) -> None:
        """Write it as a file, with further fields for who reads it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"simactors_repro": _FORMAT, "run": self.to_fields(), **more}
        path.write_text(json.dumps(told, indent=1) + "\n")

    @property
    def other_hash_seed(self) -> str | None:
        """The PYTHONHASHSEED that this process would need to make the same run; None if it has it, or any will do."""
        wanted = self.hash_seed or ""
        return wanted if wanted.isdigit() and wanted != os.environ.get(_HASH_SEED) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A run made again.

    Attributes:
        differences: in what it differs from the first one; empty if it was reproduced exactly.
        departure: where it left the path of the first one; None if it did not, or that can't be known.
        unused: how many of the first one's choices never came up.
    """

    repro: Repro
    result: RunResult
    differences: tuple[str, ...]
    departure: Departure | None = None
    unused: int = 0

    @property
    def program(self) -> Program:
        """What ran."""
        return self.repro.recipe.program

    @property
    def is_other_program(self) -> bool:
        """Whether what ran was changed since."""
        return self.repro.code != code_digest(self.program)


def replay(
    repro: Repro,
    watch: Callable[[Record], None] | None = None,
    around: Callable[[Choices], Choices] = lambda choices: choices,
    onlookers: Sequence[Onlooker] = (),
) -> Replay:
    """Make the run of `repro` again and compare.

    Args:
        watch, around, onlookers: see `Recipe.run`.

    Raises:
        TargetError: the program can't be loaded (any more).
    """
    followers: list[Follower] = []

    def noting(choices: Choices) -> Choices:
        if isinstance(choices, Follower):
            followers.append(choices)
        return around(choices)

    result = repro.recipe.run(watch, around=noting, onlookers=onlookers)
    differences = _differences(repro, result)
    if differences:
        left = followers[0].left if followers else None
        departure = departures.find(repro.recipe, repro.path, result.path, left)
        unused = followers[0].unused if followers else 0
    else:
        departure, unused = None, 0
    return Replay(
        repro=repro, result=result, differences=tuple(differences), departure=departure, unused=unused
    )


def _differences(repro: Repro, result: RunResult) -> list[str]:
    found, program = [], repro.recipe.program
    if repro.kind != result.ending.kind:
        found.append(f"it ended with {result.ending.kind or 'success'}, the first one with {repro.kind}")
    elif repro.failure != _failure_digest(program, result):
        found.append(f"its {repro.kind} says something else than the first one's")
    digest = (result.digest or "")[:16]
    if repro.digest != digest:
        found.append(f"its trace has the digest {digest}..., the first one's {repro.digest}...")
    if found and repro.code != code_digest(program):
        found.append("the program has been changed since")
    version = metadata.version("simactors")
    if found and repro.version != version:
        found.append(f"the first one was made by simactors {repro.version}, this is {version}")
    if found and repro.recipe.program.preemption != "off" and repro.python != _PYTHON:
        found.append(f"the first one was made by Python {repro.python}, this is {_PYTHON}")
    return found


def code_digest(program: Program, world: object = None) -> str:
    """Of the target's own text; what it imports counts as far as it lies beside it.

    Args:
        world: what else makes it what it is.
    """
    folder = Path(program.target.file).resolve().parent
    texts = list(_texts(folder))
    if world is not None:
        texts.append(json.dumps(world, sort_keys=True).encode())
    return _digest(b"\0".join(texts))


def _texts(folder: Path) -> Iterator[bytes]:
    """Of the user's files there. What nobody can read, nobody can import: an editor's lock, say.

    Emacs has ``.#app.py``, a link to nowhere, as long as ``app.py`` is not saved.
    """
    for path in sorted(folder.glob("*.py")):
        if is_users(str(path)):
            with suppress(OSError):
                yield path.read_bytes()


def _failure_digest(program: Program, result: RunResult) -> str:
    """Of the words of the failure's message, in whatever order: sets of strings have another one in each process.

    The program's folder in it, as a deadlock names it, may be another elsewhere.
    """
    if program.target.test is not None and result.ending.kind == AssertionError.__name__:
        return _digest(b"")  # pytest writes the text, and the more of it the more -v it is given
    folder = str(Path(program.target.file).resolve().parent)
    message = ADDRESS.sub("0x...", result.ending.message or "").replace(folder, "")
    words = sorted(re.findall(r"\w+|[^\w\s]", message))
    return _digest(" ".join(words).encode("utf-8", "backslashreplace"))  # it may hold what no file can


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:8]
