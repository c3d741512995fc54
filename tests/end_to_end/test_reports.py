"""The page of a scenario, opened and clicked in a real browser; and the other files that show a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.browser import CHROMIUM, Page, browser

ROOT = Path(__file__).parents[2]
SCENARIO = """
title = "A counter that </script> loses increments"
expect = "fails"
seeds = 3

[workload]
entry = "app.py:main"
"""
APP = """
import simactors as ray

@ray.remote
class Counter:
    def __init__(self):
        self.value = 0
    def get(self):
        return self.value
    def set(self, value):
        if value > 100:
            raise ValueError(value)
        self.value = value

@ray.remote
def increment(counter):
    ray.get(counter.set.remote(ray.get(counter.get.remote()) + 1))

def main():
    counter = Counter.options(name="the counter").remote()
    ray.get([increment.options(num_cpus=0.1).remote(counter) for _ in range(6)])
    try:
        ray.get(counter.set.remote(101))
    except ValueError:
        pass
    assert ray.get(counter.get.remote()) == 6
"""

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt install chromium")


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simactors", "run", str(folder), *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counter")
    (folder / "scenario.toml").write_text(SCENARIO)
    (folder / "app.py").write_text(APP)
    made = run(folder, "--report", str(folder / "page.html"), "--timeline", str(folder / "run.json"))
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@needs_browser
def test_the_page_can_be_looked_at_zoomed_filtered_and_clicked(counter: Path, page: Page) -> None:
    page.open(counter / "page.html")
    assert page.evaluate("document.title").endswith("A counter that </script> loses increments")
    words = page.evaluate("document.body.innerText")
    assert "failed: as expected" in words
    assert "simactors replay sim5-" in words
    assert "AssertionError" in words
    drawn = "Number(document.getElementById('canvas').dataset.drawn)"
    page.wait_for(f"{drawn} === 20")
    # A look at the moment at which the check broke.
    page.click("button.moment")
    page.wait_for(f"{drawn} < 20")
    page.click("#all")
    page.wait_for(f"{drawn} === 20")
    # The wheel zooms in around the pointer.
    x, y = page.middle_of("#canvas")
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-2000)
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-2000)
    page.wait_for("!document.getElementById('where').textContent.startsWith('0 s')")
    page.click("#all")
    # Only what failed, and only what has a word in it.
    page.evaluate("only.value = 'bad'; only.dispatchEvent(new Event('change'))")
    page.wait_for(f"{drawn} === 1")
    page.evaluate("only.value = 'all'; only.dispatchEvent(new Event('change'))")
    page.type("#filter", "Counter.get")
    page.wait_for(f"{drawn} === 7")
    assert page.errors == []


@needs_browser
def test_pointing_at_a_call_tells_of_it(counter: Path, page: Page) -> None:
    page.open(counter / "page.html")
    page.wait_for("Number(document.getElementById('canvas').dataset.drawn) === 20")
    page.middle_of("#canvas")
    told = page.evaluate(
        "(() => { const c = document.getElementById('canvas'), b = c.getBoundingClientRect();"
        "for (let y = 30; y < b.height; y += 4) for (let x = 192; x < b.width; x += 2) {"
        "c.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + x, clientY: b.top + y}));"
        "const a = document.getElementById('about');"
        "if (!a.hidden && a.textContent.includes('Counter.set')) return a.textContent; }"
        "return ''; })()"
    )
    assert "Counter.set #" in told
    assert "ran at the counter for" in told
    assert "called by" in told
    assert page.errors == []


@needs_browser
def test_it_is_readable_in_the_dark(counter: Path, page: Page) -> None:
    page.dark()
    page.open(counter / "page.html")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 29)"
    assert page.errors == []


def test_the_page_needs_nothing_else(counter: Path) -> None:
    text = (counter / "page.html").read_text()
    assert "http" not in text
    assert "<link" not in text


def test_the_timeline_is_one_for_perfetto(counter: Path) -> None:
    events = json.loads((counter / "run.json").read_text())
    threads = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert {"driver", "the counter (actor-1)"} <= threads
    spans = [e for e in events if e["ph"] == "X"]
    assert sorted({e["name"] for e in spans}) == ["Counter.get", "Counter.set", "increment"]
    assert all(e["dur"] >= 0 and e["ts"] >= 0 for e in spans)
    assert [e["args"]["ended"] for e in spans].count("raise") == 1
    begins = {e["id"] for e in events if e["ph"] == "s"}
    assert begins == {e["id"] for e in events if e["ph"] == "f"}
    assert len(begins) == len(spans) == 20
    assert any(e["ph"] == "C" for e in events)


def test_a_short_run_is_a_mermaid_diagram(counter: Path) -> None:
    made = run(counter, "--seeds", "1", "--timeline", str(counter / "run.mmd"))
    assert made.returncode in (0, 1), made.stderr
    lines = (counter / "run.mmd").read_text().splitlines()
    assert lines[0] == "sequenceDiagram"
    assert "  participant p0 as driver" in lines
    assert sum("->>" in line and "-->>" not in line for line in lines) == 20
    assert sum("--x" in line for line in lines) == 1


def test_a_file_that_can_not_be_written_says_so(counter: Path) -> None:
    made = run(counter, "--seeds", "1", "--report", str(counter / "nowhere" / "page.html"))
    assert made.returncode == 2
    assert "page.html can't be written to: there is no folder" in made.stderr
