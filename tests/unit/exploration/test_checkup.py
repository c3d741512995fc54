"""What `simactors doctor` finds by reading: escapes, loops that spin by the clock, what may differ, in all modules."""

from __future__ import annotations

import json
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from simactors.cli import main
from simactors.exceptions import TargetError
from simactors.exploration import checkup
from simactors.reports import doctor
from simactors.sim.escapes import policy


def found_in(tmp_path: Path, source: str, **others: str) -> list[tuple[int, str]]:
    (tmp_path / "app.py").write_text(source)
    for name, text in others.items():
        (tmp_path / f"{name}.py").write_text(text)
    report = checkup.check([str(tmp_path / "app.py")], policy({}))
    return [(found.line, found.kind) for found in report.findings]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("import socket\nsocket.socket()", ["socket"]),
        ("from socket import create_connection as c\nc(('x', 1))", ["socket"]),
        ("import requests\nrequests.get('x')", ["socket"]),
        ("import subprocess as sp\nsp.run(['x'])", ["subprocess"]),
        ("import os\nos.fork()", ["fork"]),
        ("import os\nos.killpg(1, 9)", ["kill"]),
        ("from multiprocessing import Pool\nPool(2)", ["multiprocessing"]),
        ("open('x', 'w')", ["write"]),
        ("open('x', mode='a')", ["write"]),
        ("import os\nopen('x'); open('x', 'rb'); open(os.devnull, 'w')", []),
        ("import os\nos.open('x', os.O_RDWR); os.open('x', os.O_RDONLY)", ["write"]),
        ("from pathlib import Path\nPath('x').write_text('')", ["write"]),
        ("from pathlib import Path\nPath('x').open('w'); Path('x').open()", ["write"]),
        ("import sqlite3\nsqlite3.connect(':memory:')", []),
        ("import os\nos.chdir('x')", ["process"]),
        ("input()", ["input"]),
        ("import time\nwhile time.monotonic() < 5: pass", ["clock"]),
        ("import time\nwhile time.monotonic() < 5: time.sleep(1)", []),
        ("from time import time as now\nwhile now() < 5: x = now()", ["clock"]),
        ("import time\nCLOCKS = (time.monotonic, 1)", ["early"]),
        ("import time\nCLOCKS = [time.monotonic, 1]", []),
        ("from time import process_time\nprocess_time()", ["repeat"]),
        ("for x in {1, 2}: print(x)", ["repeat"]),
        ("import time\ntime.sleep(1)", []),
    ],
)
def test_a_line_is_found_with_its_kind(tmp_path: Path, source: str, kinds: list[str]) -> None:
    assert [kind for _, kind in found_in(tmp_path, source)] == kinds


def test_modules_of_the_same_folder_are_read_too_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from . import inner")
    (tmp_path / "pack" / "inner.py").write_text("import os\nos.fork()")
    source = "import os, json, other\nfrom pack import inner"
    found = found_in(tmp_path, source, other="import app\nid(3)")
    assert found == [(2, "repeat"), (2, "fork")]


def test_a_compiled_module_is_named(tmp_path: Path) -> None:
    (tmp_path / f"fast{EXTENSION_SUFFIXES[0]}").touch()
    assert found_in(tmp_path, "import fast") == [(1, "compiled")]


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", *args], "simactors")
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_the_exit_code_says_whether_something_would_be_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = tmp_path / "app.py"
    app.write_text("x = 1")
    assert run(str(app)) == 0
    assert "Nothing found" in capsys.readouterr().out
    app.write_text("open('x', 'w')")
    assert run(str(app)) == 0
    app.write_text("import os\nos.system('x')")
    assert run(str(app)) == 1
    assert f"{app}:2: [subprocess] os.system('x')" in capsys.readouterr().out
    assert run(str(app), "--allow", "subprocess") == 0
    cluster = tmp_path / "cluster.toml"
    cluster.write_text('[escapes]\nsubprocess = "warn"')
    assert run(str(app), "--cluster", str(cluster)) == 0
    app.write_text("def")
    assert run(str(app)) == 2
    assert run(str(tmp_path / "missing.py")) == 2


def test_another_program_can_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = tmp_path / "app.py"
    app.write_text("import os\nos.fork()")
    assert run(str(app), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["findings"][0] == {
        "file": str(app),
        "line": 2,
        "kind": "fork",
        "policy": "raise",
        "why": "would copy the whole simulation into another real process",
        "text": "os.fork()",
    }


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(b"\0")
    with pytest.raises(TargetError, match=r"app\.py"):
        checkup.check([str(tmp_path / "app.py")], policy({}))


def test_the_report_is_grouped_by_what_becomes_of_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\nid(3)\nopen('x', 'w')\nos.fork()")
    told = doctor.text(checkup.check([str(tmp_path / "app.py")], policy({})))
    order = [told.index(word) for word in ("Refused", "os.fork", "Warned", "open(", "May differ", "id(3)")]
    assert order == sorted(order)
    assert told.endswith("3 findings, 1 of them refused (1 file read)")
