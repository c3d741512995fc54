"""Walks through a page: writes the files that it shows, makes its changes, runs its commands, compares their output.

Not a test: `test_docs.py` is, and `refresh_docs.py` writes what the commands say today into the page.

- A block of Python, ini or TOML whose first line is a comment with a file's name is that file; with ``(more)`` after
  the name, it comes at its end. A block of Python without a name is run.
- A block of a diff changes the file that its first line names: the lines without a plus must stand there once.
- In a block of the console, ``$ `` begins a command. Below it is what it prints; a line ``...`` stands for any lines.
  ``(exit code 1)`` as its last line says how it ends, if not with 0. A token ends in ``...``; a command with it means
  the one that was printed last. What stands behind a prompt, ``(simactors) `` or ``(Pdb) ``, is typed there.
- In a block of sh, each line is a command; it ends well, or there is ``# fails`` behind it.
- A block of text is no code. Above any other that nobody can run stands ``<!-- not run: REASON -->``.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.end_to_end import command as command_line

_BLOCK = re.compile(r"^(?:<!-- not run: (.+?) -->\n\n?)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r"sim5-[\w.-]+")
FOLDERS = re.compile(r'(?<=File ")/[^"]*/')
_PROMPT = re.compile(r"(\((?:simactors|Pdb)\) )")
FAILS = "# fails"
_VARIES = (
    (re.compile(r"\b(in|after) \d+\.\d+ ?s\b"), r"\1 0.00s"),
    (TOKEN, "sim5-..."),
    (FOLDERS, ".../"),
    (re.compile(r"/\S*/(?=\w+\.py\(\d+\))"), ""),  # pdb's
    (re.compile(r"0x[0-9a-f]{6,}"), "0x..."),
    (re.compile(r"[=_-]{3,}"), "---"),
    (re.compile(r"\d+ms\b|~ \d+%"), "0ms"),
)
_PLUGINS = "-p no:randomly -p no:asyncio -p no:timeout -p no:xdist -p no:cacheprovider -o sim_shrink_s=60"
_OF_PYTHON = ("simactors", "pytest", "python")
_ANYTHING = "...\n"


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences.

    Attributes:
        line: of its first fence, in the page.
        not_run: why; empty if somebody runs it.
    """

    line: int
    language: str
    text: str
    not_run: str

    @property
    def name(self) -> str:
        """Of the file that it is; empty if it is none."""
        head = self.text.partition("\n")[0]
        named = self.language in ("python", "ini", "toml") and re.match(r"# [\w./]+\.\w+( \(more\))?$", head)
        return head.removeprefix("# ") if named else ""


def blocks(page: str) -> list[Block]:
    """All that a page has."""
    return [
        Block(page.count("\n", 0, found.start(2)) + 1, found[2], found[3], found[1] or "")
        for found in _BLOCK.finditer(page)
    ]


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
    for block in blocks(page):
        if block.not_run:
            continue
        head, _, rest = block.text.partition("\n")
        if block.name:
            write(folder, block.name, block.text, rest)
        elif block.language == "python":
            execute(block.text, folder)
        elif block.language == "diff":
            change(folder / head.removeprefix("--- "), rest)
        for command, shown in _commands(block):
            ran = Ran(command, shown, run(TOKEN.sub(token or "sim5-", command), folder, typed(shown)))
            yield ran
            token = (TOKEN.findall(ran.printed) or [token])[-1]


def _commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command, and what the page says that it prints."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown
    elif block.language == "sh":
        for command in block.text.splitlines():
            yield command, "...\n(exit code 1)\n" if command.endswith(FAILS) else _ANYTHING


def execute(code: str, folder: Path) -> None:
    """Run code as a program of its own would; what it prints is not looked at."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.chdir(folder)
        exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})


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
    return [line[found.end() :] for line in shown.splitlines() if (found := _PROMPT.match(line))]


def run(command: str, folder: Path, answers: list[str]) -> str:
    """What a command prints, with the answers at its prompts; and how it ends, if not well."""
    words = shlex.split(command, comments=True)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    words = words[len(variables) :]
    settings = {"COLUMNS": "100", "NO_COLOR": "1", **variables}
    stdin = "".join(f"{answer}\n" for answer in answers)
    if words[0] == "simactors" and not variables:
        printed, code = command_line.shown(*words[1:], cwd=folder, stdin=stdin, **settings)
    else:
        printed, code = _started(words, folder, stdin, settings)
    return _echoed(printed, answers) + (f"(exit code {code})\n" if code else "")


def _started(words: list[str], folder: Path, stdin: str, settings: dict[str, str]) -> tuple[str, int]:
    if words[0] in _OF_PYTHON:
        words = [sys.executable, *(() if words[0] == "python" else ("-m", words[0])), *words[1:]]
    clean = {
        name: value
        for name, value in command_line.clean_environment().items()
        if not name.startswith(("SIMACTORS_", "PYTEST"))
    }
    quick = {"PYTEST_ADDOPTS": _PLUGINS, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**clean, **quick, **settings},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout, done.returncode


def _echoed(printed: str, answers: list[str]) -> str:
    """With what was typed, which a terminal would show."""
    first, *others = _PROMPT.split(printed)
    prompts, texts = others[::2], others[1::2]
    told = [
        f"{prompt}{answer}\n{text}"
        for prompt, answer, text in zip_longest(prompts, answers, texts, fillvalue="")
    ]
    return first + "".join(told)
