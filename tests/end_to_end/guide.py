"""Walks through a guide: writes the files that it shows, makes its changes, runs its commands, compares their output.

Not a test: `test_docs_of_testing.py` and the like are, and `refresh_docs.py` writes what the
commands say today into the page.

- A block of Python, ini or TOML whose first line is a comment with a file's name is that file; with ``(more)`` after
  the name, it comes at its end.
- A block of a diff changes the file that its first line names: the lines without a plus must stand there once.
- In a block of the console, ``$ `` begins a command. Below it is what it prints; a line ``...`` stands for any lines.
  ``(exit code 1)`` as its last line says how it ends, if not with 0. A token ends in ``...``; a command with it means
  the one that was printed last. What stands behind a prompt, ``(simactors) ``, is typed there.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r"sim5-[\w.-]+")
FOLDERS = re.compile(r'(?<=File ")/[^"]*/')
_PROMPT = "(simactors) "
_VARIES = (
    (re.compile(r"\b(in|after) \d+\.\d+ ?s\b"), r"\1 0.00s"),
    (TOKEN, "sim5-..."),
    (FOLDERS, ".../"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x..."),
    (re.compile(r"[=_-]{3,}"), "---"),
    (re.compile(r"\d+ms\b|~ \d+%"), "0ms"),
)
_PLUGINS = "-p no:randomly -p no:asyncio -p no:timeout -p no:xdist -p no:cacheprovider -o sim_shrink_s=60"
_SIMACTORS = ("simactors", "pytest", "python")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of the page, what the page says that it prints, and what it has printed."""

    command: str
    shown: str
    printed: str

    @property
    def is_as_shown(self) -> bool:
        """Whether the page tells the truth."""
        parts = [re.escape(plain(line)) for line in self.shown.splitlines()]
        pattern = "".join(r"(?:.*\n)*?" if part == re.escape("...") else f"{part}\n" for part in parts)
        return (
            re.fullmatch(pattern, "".join(f"{plain(line)}\n" for line in self.printed.splitlines()))
            is not None
        )


def plain(line: str) -> str:
    """A line without what is another one each time."""
    for varies, instead in _VARIES:
        line = varies.sub(instead, line)
    return line.rstrip()


def walk(page: str, folder: Path) -> Iterator[Ran]:
    """Do what the page says, from its top to its end, in a folder; yields each command that was run."""
    token = ""
    for language, text in BLOCK.findall(page):
        head, _, rest = text.partition("\n")
        if language in ("python", "ini", "toml") and head.startswith("# "):
            write(folder, head.removeprefix("# "), text, rest)
        elif language == "diff":
            change(folder / head.removeprefix("--- "), rest)
        elif language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                ran = Ran(command, shown, run(TOKEN.sub(token or "sim5-", command), folder, typed(shown)))
                yield ran
                token = (TOKEN.findall(ran.printed) or [token])[-1]


def write(folder: Path, name: str, text: str, rest: str) -> None:
    """Make a file, or make it longer."""
    file = folder / name.removesuffix(" (more)")
    if name.endswith(" (more)"):
        text = file.read_text() + "\n\n" + rest.strip("\n") + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def change(file: Path, diff: str) -> None:
    """Change a file as the parts of a diff say, which are separated by ``@@``."""
    for part in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = part.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        text = file.read_text()
        assert text.count(f"{before}\n") == 1, f"{file.name} has {text.count(before)} times:\n{before}"
        file.write_text(text.replace(f"{before}\n", f"{after}\n"))


def typed(shown: str) -> list[str]:
    """What is typed at the prompts of a command."""
    return [line.removeprefix(_PROMPT) for line in shown.splitlines() if line.startswith(_PROMPT)]


def run(command: str, folder: Path, answers: list[str]) -> str:
    """What a command prints, with the answers at its prompts; and how it ends, if not well."""
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    words = words[len(variables) :]
    if words[0] in _SIMACTORS:
        words = [sys.executable, *(() if words[0] == "python" else ("-m", words[0])), *words[1:]]
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SIMACTORS_", "PYTEST"))
    }
    settings = {"COLUMNS": "100", "NO_COLOR": "1", "PYTEST_ADDOPTS": _PLUGINS, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**clean, **settings, **variables},
        input="".join(f"{answer}\n" for answer in answers),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    # A terminal would show what is typed.
    first, *others = done.stdout.split(_PROMPT)
    echoed = first + "".join(
        f"{_PROMPT}{answer}\n{other}" for answer, other in zip_longest(answers, others, fillvalue="")
    )
    return echoed + (f"(exit code {done.returncode})\n" if done.returncode else "")
