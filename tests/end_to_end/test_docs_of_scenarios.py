"""The guide `docs/scenarios.md`: its files work, its commands print what it shows, and no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simactors.exploration import objectives, scenario_file
from tests.end_to_end.guide import walk

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def test_each_command_prints_what_the_guide_shows(tmp_path: Path) -> None:
    ran = list(walk(PAGE.read_text(), tmp_path))
    assert len(ran) > 5
    for found in ran:
        assert found.is_as_shown, (
            f"$ {found.command}\nthe guide shows:\n{found.shown}\nit prints:\n{found.printed}\n"
            "see tests/end_to_end/refresh_docs.py"
        )


@pytest.mark.parametrize(
    "model",
    [scenario_file.ScenarioFile, scenario_file.Workload, scenario_file.Checks, scenario_file.HistoryCheck],
)
def test_every_key_is_explained(model: type[scenario_file.Workload]) -> None:
    explained = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert {field.alias or name for name, field in model.model_fields.items()} <= explained


def test_every_kind_of_arrival_and_everything_that_an_objective_may_measure_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)(?:\([A-Za-z.]+\))?`", PAGE.read_text()))
    assert {*scenario_file.ARRIVALS, *objectives.MEASURES} <= explained
