"""What nobody would type on purpose: it is answered in a line, and never taken for a fault of simactors itself."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from simactors.cli import main

# A half of a character: Python reads file names so that are no UTF-8, and no file can hold it.
APP = """
import simactors as ray

@ray.remote
class Zähler:
    def erhöhe(self): raise ValueError("grüße \\udc80")

def main():
    ray.get(Zähler.options(name="\\udc81").remote().erhöhe.remote())

def fine():
    print("☃")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "scenario.toml").write_text('title = "☃"\nworkload.entry = "app.py:main"\n')
    return tmp_path


def code_of(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize("command", ["run", "hunt", "init", "replay", "doctor"])
def test_a_name_that_is_too_long_is_wrong_input(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(command, "x" * 300) == 2
    assert capsys.readouterr().err.count("\n") <= 3


def test_an_empty_name_makes_no_scenario_here(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("init", "") == 2
    assert "name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [["hunt", ".", "--out"], ["run", "app.py:fine", "--backend", "local", "--record"]]
)
def test_a_folder_that_can_not_be_written_to_is_refused_before_any_run(
    folder: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(*args, "app.py/below") == 2
    told = capsys.readouterr().err
    assert told == f"Error: {args[-1]}: app.py/below can't be written to: {folder / 'app.py'} is no folder\n"


def test_messages_with_half_characters_are_told_replayed_and_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("run", "app.py:main") == 1
    token = capsys.readouterr().err.split("simactors replay ")[1].split()[0]
    assert code_of("replay", token) == 1
    assert "grüße \\udc80" in capsys.readouterr().err
    assert code_of("hunt", "app.py:main", "--seeds", "1", "--shrink-time", "0s") == 1
    capsys.readouterr()
    wanted = ["--out", "out.json", "--csv", "out.csv", "--report", "page.html", "--json"]
    assert code_of("run", ".", *wanted) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["points"][0]["runs"][0]["message"] == "grüße \\udc80"
    assert "grüße \\udc80" in (folder / "page.html").read_text()


def test_letters_that_a_terminal_has_not_are_no_failure_but_a_programs_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert code_of("run", ".", "--seeds", "1") == 1
    terminal.flush()
    assert b"\\u2603" in terminal.buffer.getvalue()  # type: ignore[attr-defined]  # it is a BytesIO
    assert code_of("run", "app.py:fine") == 1  # as with Python alone
