"""The JSON Schema of scenario files, for editors and for the reference: keys with their types, defaults and meanings.

What a key means stands in the docstring of the class that holds it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from simactors.core import fault_plan
from simactors.exploration.scenario_file import DURATION, MODELS, RATE, ScenarioFile
from simactors.sim import distributions
from simactors.sim.config import Latency, LinkConfig, NodeConfig, SimConfig, Slack
from simactors.sim.fail_on import FailOn

_CLUSTER = (SimConfig, NodeConfig, Latency, LinkConfig, Slack, FailOn)
_OF_THE_COMMAND = ("max_steps", "preemption")
"""Knobs of `SimConfig` that no file has."""

_RANDOM = {
    "rate": {**RATE, "description": "instead of `at_s`: it comes at random, so often."},
    "from": {**DURATION, "description": "with `rate`: not before that time; 0 by default."},
    "until": {**DURATION, "description": "with `rate`: not after that time."},
}
"""What makes a fault come at random."""

_ATTRIBUTE = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", re.MULTILINE)


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file."""
    made = ScenarioFile.model_json_schema(by_alias=True)
    cluster = TypeAdapter(SimConfig).json_schema()
    definitions: dict[str, Any] = {**made.pop("$defs"), **cluster.pop("$defs"), "SimConfig": cluster}
    for kind, cls in fault_plan.KINDS.items():
        fault = TypeAdapter(cls).json_schema()
        definitions[cls.__name__] = _of_kind(kind, fault, _RANDOM)
    for kind, distribution in distributions.KINDS.items():
        definitions[distribution.__name__] = _of_kind(kind, TypeAdapter(distribution).json_schema())
    for name in _OF_THE_COMMAND:
        cluster["properties"].pop(name)
    file = {"type": "string", "description": "a file in the scenario's folder"}
    faults = {"type": "array", "items": {"anyOf": [_ref(cls) for cls in fault_plan.KINDS.values()]}}
    for properties in (made["properties"], definitions["Variant"]["properties"]):
        properties["cluster"] |= {"anyOf": [_ref(SimConfig), file]}
        properties["faults"] |= {"anyOf": [faults, file]}
    think = {"anyOf": [DURATION, *map(_ref, distributions.KINDS.values())], "default": 0}
    definitions["Clients"]["properties"]["think"] = think
    _describe(made, ScenarioFile)
    for cls in (*MODELS, *_CLUSTER, *fault_plan.KINDS.values(), *distributions.KINDS.values()):
        if cls is not ScenarioFile:
            _describe(definitions[cls.__name__], cls)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "$defs": definitions}


def _ref(cls: type) -> dict[str, str]:
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _of_kind(kind: str, table: dict[str, Any], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {"kind": {"const": kind}, **table.get("properties", {}), **(more or {})}
    required = [name for name in table.get("required", []) if not (more and name == "at_s")]
    return {**table, "properties": properties, "required": ["kind", *required], "additionalProperties": False}


def _describe(table: dict[str, Any], cls: type) -> None:
    """Say what the table and each of its keys means, as the docstring of its class does."""
    head, _, rest = (inspect.getdoc(cls) or "").partition("\n\nAttributes:\n")
    table["description"] = head
    meanings = {
        name.removesuffix("_"): " ".join(found[2].split())
        for found in _ATTRIBUTE.finditer(rest)
        for name in found[1].split(", ")
    }
    for name, key in table["properties"].items():
        key.pop("title", None)  # says the name again
        if name in meanings:
            key["description"] = meanings[name]
