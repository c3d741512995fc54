"""What in a program could escape, or not repeat, found by reading it and the user's modules that it imports.

Nothing is run. Not what a line may be suspected of: `suspects.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from simactors.exceptions import TargetError
from simactors.exploration import suspects
from simactors.exploration.suspects import Suspect


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found.

    Attributes:
        files: all that were read, those that the user named first.
        findings: by file and line.
        verdicts: what the simulator does with each kind of escape: "raise", "warn" or "allow".
    """

    files: tuple[str, ...]
    findings: tuple[Suspect, ...]
    verdicts: Mapping[str, str]

    @property
    def refused(self) -> tuple[Suspect, ...]:
        """Those that would raise."""
        return tuple(found for found in self.findings if self.verdicts.get(found.kind) == "raise")


def check(files: Sequence[str], verdicts: Mapping[str, str]) -> Checkup:
    """Read programs, and the modules in their folders that they import.

    Raises:
        TargetError: a file is not there, or it is not Python code.
    """
    read: dict[Path, None] = {}
    findings: list[Suspect] = []
    waiting = [(Path(file), Path(file).resolve().parent) for file in files]
    while waiting:
        path, root = waiting.pop(0)
        if path.resolve() in (known.resolve() for known in read):
            continue
        read[path] = None
        tree = _parse(path)
        findings += suspects.of_file(str(path))
        for line, found in _imports(tree, path, root):
            if found.suffix == ".py":
                waiting.append((found, root))
            else:
                why = "compiled: all simulated processes share its state, and what it does is not seen"
                findings.append(Suspect(str(path), line, why, found.name, "compiled"))
    order = {str(path): number for number, path in enumerate(read)}
    return Checkup(
        files=tuple(order),
        findings=tuple(sorted(findings, key=lambda found: (order[found.file], found.line, found.kind))),
        verdicts=verdicts,
    )


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        raise TargetError(f"{path} can't be read: {error.strerror}") from None
    except SyntaxError as error:
        raise TargetError(f"{path} can't be read: line {error.lineno}: {error.msg}") from None
    except ValueError as error:  # null bytes
        raise TargetError(f"{path} is not Python code: {error}") from None


def _imports(tree: ast.Module, path: Path, root: Path) -> Iterator[tuple[int, Path]]:
    """The lines of a module's imports, and the files of the same folder tree that they lead to."""
    for node in ast.walk(tree):
        names: list[str] = []
        folder = root
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                folder = path.resolve().parents[node.level - 1]
            base = node.module or ""
            names = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
        for name in names:
            for found in _files_of(name, folder):
                yield node.lineno, _short(found)  # type: ignore[attr-defined]  # one of those two


def _files_of(name: str, folder: Path) -> Iterator[Path]:
    """The files that are loaded for ``package.module``: each package's own, and the module's."""
    place = folder
    for part in name.split(".") if name else []:
        place = place / part
        candidates = (
            place / "__init__.py",
            *(place.with_name(f"{part}{end}") for end in (".py", *EXTENSION_SUFFIXES)),
        )
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is not None and "site-packages" not in found.parts:
            yield found


def _short(path: Path) -> Path:
    """As it can be written from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
