"""A repro: what it takes to make one run again, as one token to paste; and whether it came out the same.

The token holds no code: replaying needs the same program in the same place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
import zlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.target import Program, Target

PREFIX = "sim3-"
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_FIELDS = (
    *(
        "version",
        "python",
        "target",
        "argv",
        "as_ray",
        "max_steps",
        "preemption",
        "cluster",
        "faults",
        "allow",
        "world",
    ),
    *("seed", "digest", "kind", "failure"),
)


class TokenError(Exception):
    """Not a token, or one that was damaged on its way. The message is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repro:
    """One run, told from all others.

    Attributes:
        target: as the user wrote it; relative to where it was run. So are `cluster` and `faults`, see `Program`.
        allow: see `Program`.
        world: a short digest of what is in those two files; empty without them.
        digest: the first 16 digits of the trace's.
        kind: the class of the failure; None if the run passed.
        failure: a short digest of the failure's message.
        version: of the simactors that made the run.
        python: of the interpreter, as "3.11"; where code is preempted, another one may see other lines.
    """

    target: str
    argv: tuple[str, ...]
    as_ray: bool
    max_steps: int
    preemption: Literal["off", "stores", "lines"]
    cluster: str | None
    faults: str | None
    allow: tuple[str, ...]
    world: str
    seed: int
    digest: str
    kind: str | None
    failure: str
    version: str
    python: str

    @classmethod
    def of(cls, program: Program, result: RunResult) -> Repro:
        """The repro of a simulated run of `program`."""
        assert result.seed is not None
        return cls(
            target=str(program.target),
            argv=program.argv,
            as_ray=program.as_ray,
            max_steps=program.max_steps,
            preemption=program.preemption,
            cluster=program.cluster,
            faults=program.faults,
            allow=program.allow,
            world=_world_digest(program),
            seed=result.seed,
            digest=(result.digest or "")[:16],
            kind=result.ending.kind,
            failure=_failure_digest(program, result),
            version=metadata.version("simactors"),
            python=_PYTHON,
        )

    @classmethod
    def from_token(cls, token: str) -> Repro:
        """Read what `token` wrote.

        Raises:
            TokenError: it can't be read.
        """
        if not token.startswith(PREFIX):
            raise TokenError(f"not a replay token: tokens of this release start with {PREFIX!r}")
        try:
            body = token.removeprefix(PREFIX)
            sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            checksum, packed = sealed[:4], sealed[4:]
            if zlib.crc32(packed).to_bytes(4, "big") != checksum:
                raise ValueError("wrong checksum")
            fields = dict(zip(_FIELDS, json.loads(zlib.decompress(packed)), strict=True))
            return cls(**{**fields, "argv": tuple(fields["argv"]), "allow": tuple(fields["allow"])})
        except (binascii.Error, ValueError, TypeError, zlib.error):
            raise TokenError("the token is damaged: copy the whole line again") from None

    @property
    def token(self) -> str:
        """The repro as one word, safe to paste into a shell."""
        fields = json.dumps([getattr(self, name) for name in _FIELDS], separators=(",", ":"))
        packed = zlib.compress(fields.encode(), 9)
        sealed = zlib.crc32(packed).to_bytes(4, "big") + packed
        return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    @property
    def program(self) -> Program:
        """What to run.

        Raises:
            TargetError: it isn't there.
        """
        return Program(
            target=Target.parse(self.target),
            argv=self.argv,
            as_ray=self.as_ray,
            max_steps=self.max_steps,
            preemption=self.preemption,
            cluster=self.cluster,
            faults=self.faults,
            allow=self.allow,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A run made again.

    Attributes:
        differences: in what it differs from the first one; empty if it was reproduced exactly.
    """

    program: Program
    result: RunResult
    differences: tuple[str, ...]


def replay(repro: Repro) -> Replay:
    """Make the run of `repro` again and compare.

    Raises:
        TargetError: the program, or a file of its cluster, can't be loaded (any more).
    """
    program = repro.program
    result = run_simulated(program, repro.seed)
    return Replay(program=program, result=result, differences=tuple(_differences(repro, program, result)))


def _differences(repro: Repro, program: Program, result: RunResult) -> list[str]:
    found = []
    if repro.kind != result.ending.kind:
        found.append(f"it ended with {result.ending.kind or 'success'}, the first one with {repro.kind}")
    elif repro.failure != _failure_digest(program, result):
        found.append(f"its {repro.kind} says something else than the first one's")
    digest = (result.digest or "")[:16]
    if repro.digest != digest:
        found.append(f"its trace has the digest {digest}..., the first one's {repro.digest}...")
    if found and repro.world != _world_digest(program):
        files = " or ".join(name for name in (program.cluster, program.faults) if name is not None)
        found.append(f"{files} has been changed since")
    version = metadata.version("simactors")
    if found and repro.version != version:
        found.append(f"the first one was made by simactors {repro.version}, this is {version}")
    if found and repro.preemption != "off" and repro.python != _PYTHON:
        found.append(f"the first one was made by Python {repro.python}, this is {_PYTHON}")
    return found


def _world_digest(program: Program) -> str:
    """Of the files that describe the cluster and its faults."""
    names = [name for name in (program.cluster, program.faults) if name is not None]
    text = b"\0".join(Path(name).read_bytes() if Path(name).is_file() else b"" for name in names)
    return hashlib.sha256(text).hexdigest()[:8] if names else ""


def _failure_digest(program: Program, result: RunResult) -> str:
    """Of the failure's message; the program's folder in it, as a deadlock names it, may be another elsewhere."""
    folder = str(Path(program.target.file).resolve().parent)
    message = (result.ending.message or "").replace(folder, "")
    return hashlib.sha256(message.encode()).hexdigest()[:8]
