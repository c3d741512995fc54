"""The option ``--allow``: what it lets through, and that the replay token remembers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simactors.cli import main

STARTS_A_PROGRAM = """
import subprocess
assert subprocess.run(["true"]).returncode == 1, "a real program"
"""


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    told = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, told.out + told.err


def test_what_is_refused_is_allowed_by_the_option_and_by_the_replay_of_such_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "app.py"
    app.write_text(STARTS_A_PROGRAM)
    code, told = run(capsys, "run", str(app))
    assert code == 1
    assert f"EscapeError: subprocess.Popen() at {app}:3 leaves the simulation" in told
    monkeypatch.chdir(tmp_path)
    code, told = run(capsys, "hunt", str(app), "--seeds", "3", "--allow", "subprocess", "--allow", "write")
    assert code == 1
    assert "AssertionError: a real program" in told
    code, told = run(capsys, "replay", told.split("simactors replay ")[1].split()[0])
    assert code == 1
    assert "reproduced exactly" in told


def test_a_cluster_file_may_say_it_and_the_option_wins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = tmp_path / "app.py"
    app.write_text(STARTS_A_PROGRAM.replace("== 1", "== 0"))
    cluster = tmp_path / "cluster.toml"
    cluster.write_text('[escapes]\nsubprocess = "allow"')
    assert run(capsys, "run", str(app), "--cluster", str(cluster))[0] == 0
    cluster.write_text('[escapes]\nsubprocess = "raise"')
    assert run(capsys, "run", str(app), "--cluster", str(cluster))[0] == 1
    assert run(capsys, "run", str(app), "--cluster", str(cluster), "--allow", "subprocess")[0] == 0
    cluster.write_text('[escapes]\nsubproces = "raise"')
    code, told = run(capsys, "run", str(app), "--cluster", str(cluster))
    assert code == 2
    assert "did you mean 'subprocess'" in told


def test_unknown_kinds_and_real_backends_are_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = tmp_path / "app.py"
    app.write_text("")
    assert run(capsys, "run", str(app), "--allow", "sockets")[0] == 2
    code, told = run(capsys, "run", str(app), "--backend", "local", "--allow", "socket")
    assert code == 2
    assert "--allow means something only to the simulator" in told
