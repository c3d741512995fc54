"""What stands in a program's files: properties found without running it, and those that no run ever met."""

from __future__ import annotations

from pathlib import Path

import pytest

from simactors.checkers.declarations import declared, unmet
from simactors.core.sightings import Property, Sighting, Sightings, collecting

PROGRAM = """
import simactors.checkers.properties
import simactors.checkers.properties as props
from simactors.checkers import properties
from simactors.checkers.properties import reachable, sometimes as at_times
from elsewhere import sometimes

def work(condition):
    at_times(
        condition, "the first"
    )
    props.sometimes(condition, name="the second")
    if condition:
        properties.reachable("the third")
        reachable(name="the " "fourth")
    simactors.checkers.properties.sometimes(condition, "the fifth")
"""
NOT_SEEN = """
    sometimes(condition, "of another module")
    reachable(f"computed {condition}")
    reachable()
    other.reachable("of another object")
    props.always(condition, "of another kind")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "app.py"
    file.write_text(PROGRAM + NOT_SEEN)
    return file


def test_names_are_found_however_the_functions_were_imported(file: Path):
    found = [(one.kind, one.name, one.line) for one in declared([file])]
    assert found == [
        ("sometimes", "the first", 9),
        ("sometimes", "the second", 12),
        ("reachable", "the third", 14),
        ("reachable", "the fourth", 15),
        ("sometimes", "the fifth", 16),
    ]


def test_folders_are_searched_and_what_is_no_python_is_passed_over(file: Path):
    (file.parent / "broken.py").write_text("print 'old'")
    (file.parent / "deep").mkdir()
    (file.parent / "deep" / "more.py").write_text(
        "from simactors.checkers.properties import reachable\nreachable('deep')"
    )
    names = [one.name for one in declared([file.parent, str(file)])]
    assert names == ["the first", "the second", "the third", "the fourth", "the fifth", "deep"]


def test_a_run_meets_properties_at_the_places_that_were_found(file: Path):
    file.write_text(PROGRAM.replace("from elsewhere import sometimes\n", "\n"))
    functions: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), functions)
    with collecting(Sightings()) as seen:
        functions["work"](True)  # type: ignore[operator]  # a function
    assert sorted(one.property for one in seen) == declared([file])
    assert unmet(declared([file]), seen) == []
    with collecting(Sightings()) as seen:
        functions["work"](False)  # type: ignore[operator]  # a function
    assert [(one.property.name, one.met) for one in unmet(declared([file]), seen)] == [
        ("the first", 1),
        ("the second", 1),
        ("the third", 0),
        ("the fourth", 0),
        ("the fifth", 1),
    ]


def test_what_never_held_is_unmet_also_if_its_name_was_computed(file: Path):
    computed = Property(str(file), 99, "sometimes", "computed 3")
    violated = Property(str(file), 98, "always", "no account is overdrawn")
    missing = unmet([], [Sighting(computed, 2, 0), Sighting(violated, 1, 0)])
    assert missing == [Sighting(computed, 2, 0)]


def test_a_file_may_be_known_by_another_path(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(file.parent)
    seen = [Sighting(one, 1, 1) for one in declared([file])]
    assert unmet(declared(["app.py"]), seen) == []
