"""The guide `docs/scenarios.md` leaves no key out, no arrivals and no measure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simactors.exploration import objectives, scenario_file

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


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
