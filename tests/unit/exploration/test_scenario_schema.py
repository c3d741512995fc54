"""The JSON Schema of scenario files, and the reference that is made of it: nothing is left out or out of date."""

from __future__ import annotations

from dataclasses import fields

from docs import scenario_format
from simactors.exploration.scenario_schema import schema
from simactors.sim.config import NodeConfig, SimConfig


def test_the_reference_says_what_the_schema_says() -> None:
    told = scenario_format.page()
    assert scenario_format.PAGE.read_text() == told, "python docs/scenario_format.py writes it anew"


def test_every_table_has_its_place_in_the_reference() -> None:
    told = scenario_format.PAGE.read_text()
    assert [name for name in schema()["$defs"] if f"### `{name}`" not in told] == []


def test_every_key_is_explained() -> None:
    whole = schema()
    tables = {"the file": whole, **whole["$defs"]}
    keys = {(table, key): said for table in tables for key, said in tables[table]["properties"].items()}
    assert [place for place, said in keys.items() if place[1] != "kind" and not said.get("description")] == []


def test_a_description_of_a_table_leaves_its_keys_to_themselves() -> None:
    assert [name for name, table in schema()["$defs"].items() if "Attributes:" in table["description"]] == []


def test_every_knob_of_the_cluster_is_there_but_those_of_the_command() -> None:
    tables = schema()["$defs"]
    assert {*tables["SimConfig"]["properties"], "max_steps", "preemption"} == {
        each.name for each in fields(SimConfig)
    }
    assert list(tables["NodeConfig"]["properties"]) == [each.name for each in fields(NodeConfig)]


def test_constant_arrivals_are_not_a_constant_duration() -> None:
    tables = schema()["$defs"]
    arrivals = tables["Workload"]["properties"]["arrivals"]["anyOf"][0]["discriminator"]["mapping"]
    assert set(tables[arrivals["constant"].rpartition("/")[2]]["properties"]) == {"kind", "rate"}
    assert set(tables["Constant"]["properties"]) == {"kind", "value_s"}
