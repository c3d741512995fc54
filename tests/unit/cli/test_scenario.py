"""``simactors run SCENARIO``: what is refused before anything is run, and what is told when writing fails."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from simactors.cli import main
from simactors.scenarios import grid

SCENARIO = """
[workload]
setup = "app.py:setup"
request = "app.py:request"
arrivals = { kind = "constant", rate = "10/s" }
requests = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(
        "def setup():\n    return 1\n\n\ndef request(service):\n    return service\n"
    )
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return tmp_path


def code_of(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_an_ending_of_which_nothing_is_known_is_refused_with_what_is_possible(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    possible = {
        "--timeline": "a timeline for ui.perfetto.dev (.json) or a Mermaid diagram (.mmd)",
        "--report": "a page (.html)",
        "--out": "a result (.json)",
        "--csv": "a table (.csv)",
    }
    for option, formats in possible.items():
        assert code_of("run", str(folder), option, "x.txt") == 2
        told = capsys.readouterr().err
        assert f"'{option}': 'x.txt' ends in '.txt': what is written is {formats}." in told
    assert code_of("calibrate", "--output", "x.yaml") == 2
    assert "what is written is a profile (.toml)." in capsys.readouterr().err
    assert (
        code_of("run", str(folder), "--timeline", str(folder / "X.MMD"), "--out", str(folder / "plain")) == 0
    )
    assert (folder / "X.MMD").read_text().startswith("sequenceDiagram")
    assert (folder / "plain").read_text().startswith('{"version":')


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        (
            ["--out", "{0}/nowhere/x.json"],
            "--out: {0}/nowhere/x.json can't be written to: there is no folder {0}/nowhere",
        ),
        (["--report", ""], "--report: . is a folder; name a file"),
        (["--csv", "{0}/x", "--timeline", "{0}/x"], "--csv and --timeline name the same file, {0}/x"),
    ],
)
def test_a_place_that_can_not_be_written_to_is_refused_before_any_run(
    folder: Path,
    args: list[str],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(grid, "run", lambda *_, **__: pytest.fail("it was run"))
    assert code_of("run", str(folder), *(arg.format(folder) for arg in args)) == 2
    assert capsys.readouterr().err.strip() == f"Error: {answer.format(folder)}"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_does_not_take_the_summary_away(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("run", str(folder), "--out", "/dev/full") == 2
    told = capsys.readouterr()
    assert told.out.endswith("passed, as expected\n")
    assert "/dev/full can't be written to: No space left on device" in told.err


def test_a_run_that_does_not_repeat_is_told_and_not_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "runs", itertools.count(1), raising=False)  # outlives a run, as few things do
    (folder / "app.py").write_text(
        "import json\nimport simactors as ray\n\n@ray.remote\ndef one(): pass\n\n"
        "def setup():\n    ray.get([one.remote() for _ in range(next(json.runs))])\n\n"
        "def request(service): pass\n"
    )
    page, timeline = folder / "page.html", folder / "run.json"
    assert code_of("run", str(folder), "--report", str(page), "--timeline", str(timeline)) == 1
    told = capsys.readouterr()
    assert told.out.endswith("passed, as expected\n")
    remark = "the run with seed 0 went another way when it was made once more to be drawn"
    assert remark in told.err
    assert remark in page.read_text()
    assert 'id="timeline"' not in page.read_text()
    assert not timeline.exists()


@pytest.mark.parametrize("form", ["--trace {}", "--trace={}"])
def test_a_trace_in_a_file_is_the_timeline(folder: Path, form: str) -> None:
    timeline = folder / "run.perfetto.json"
    assert code_of("run", str(folder), *form.format(timeline).split()) == 0
    assert json.loads(timeline.read_text())


def test_a_trace_without_a_file_stays_what_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("run", f"{folder}/app.py:setup", "--trace", "--", "--trace", "x.json") == 0
    assert "seed 0" in capsys.readouterr().err
