"""Writes `docs/reference/scenario.md` from the JSON Schema of scenario files: python docs/scenario_format.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from simactors.core.fault_plan import KINDS as FAULTS
from simactors.exploration.scenario_schema import schema
from simactors.sim.distributions import KINDS as DISTRIBUTIONS

PAGE = Path(__file__).parent / "reference" / "scenario.md"
_INTRODUCTION = """\
# The scenario file

All that may stand in a `scenario.toml`, table by table. How it is used says the guide, [scenarios](../scenarios.md);
`simactors schema` prints the same for editors. This page is written by `docs/scenario_format.py` from the docstrings.

A *duration* is a number of seconds or a text, `"250ms"`, `"1.5s"`, `"2m"`; a *rate* a number per second or a text,
`"200/s"`, `"30/m"`. An *entry point* is a function of a file in the scenario's folder, `"app.py:request"`. A key
without a default must be there; none, or None, means that it is left out.
"""
_TABLES = (
    ("The file", {"Variant": "variants.NAME"}),
    (
        "The workload",
        {
            "Workload": "workload",
            "ConstantRate": "workload.arrivals",
            "Poisson": "workload.arrivals",
            "Ramp": "workload.arrivals",
            "Burst": "workload.arrivals",
            "Trace": "workload.arrivals",
            "Clients": "workload.clients",
        },
    ),
    ("The checks", {"Checks": "checks", "HistoryCheck": "checks.histories[]"}),
    (
        "The cluster",
        {
            "SimConfig": "cluster",
            "NodeConfig": "cluster.nodes[]",
            "Latency": "cluster.latency",
            "LinkConfig": "cluster.links[]",
            "Slack": "cluster.slack",
            "FailOn": "cluster.fail_on",
        },
    ),
    ("Distributions", {cls.__name__: "" for cls in DISTRIBUTIONS.values()}),
    ("Faults", {cls.__name__: "faults[]" for cls in FAULTS.values()}),
)
_UNITS = (("_bytes_per_s", "bytes/s"), ("_bytes", "bytes"), ("_ppm", "ppm"), ("_s", "s"))
_whole = cache(schema)
_QUANTITIES = {"250ms": "duration", "200/s": "rate"}
"""By an example of theirs."""
_TYPES = {"string": "text", "boolean": "true or false", "integer": "integer", "number": "number"}


def page() -> str:
    """What the page is to say."""
    whole = _whole()
    parts = [_INTRODUCTION]
    for title, tables in _TABLES:
        parts.append(f"## {title}\n")
        if title == "The file":
            parts.append(_table(whole))
        for name in tables:
            table = whole["$defs"][name]
            parts += [f"### {_heading(table)}\n", _table(table)]
    return "\n".join(parts)


def _table(table: dict[str, Any]) -> str:
    required = table.get("required", ())
    rows = [_row(name, key, name in required) for name, key in table["properties"].items() if name != "kind"]
    head = ["| key | type | unit | default | meaning |", "|---|---|---|---|---|"]
    return "\n".join([_prose(table["description"]), "", *head, *rows, ""])


def _row(name: str, key: dict[str, Any], is_required: bool) -> str:
    unit = next((unit for end, unit in _UNITS if name.endswith(end)), "")
    default = "" if is_required else _default(name, key)
    cells = (f"`{name}`", _either(key), unit, default, _prose(key["description"]))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(name: str, key: dict[str, Any]) -> str:
    if "default" in key:
        return "none" if key["default"] is None else f"`{json.dumps(key['default'])}`"
    if name == "at_s":
        return "or `rate`"
    return "`{}`" if key.get("type") == "object" or "$ref" in key else "none"


def _types(key: dict[str, Any]) -> Iterator[str]:
    """What a value may be, in words."""
    examples = {example for option in key.get("anyOf", ()) for example in option.get("examples", ())}
    quantity = next((word for example, word in _QUANTITIES.items() if example in examples), None)
    if quantity is not None:
        yield quantity
    for option in key.get("anyOf") or key.get("oneOf") or [key]:
        if "anyOf" in option or "oneOf" in option:
            yield from _types(option)
        elif "$ref" in option:
            yield _link(option["$ref"].rpartition("/")[2])
        elif "enum" in option:
            yield from (f"`{json.dumps(value)}`" for value in option["enum"])
        elif option.get("type") != "null" and quantity is None:
            yield _plain(option)


def _plain(key: dict[str, Any]) -> str:
    kind = key.get("type", "")
    if kind == "array":
        return f"list: {_either(key.get('items') or key['prefixItems'][0])}"
    if kind == "object":
        values = key.get("additionalProperties")
        return f"table by name: {_either(values)}" if isinstance(values, dict) else "table"
    if isinstance(kind, list):
        return " or ".join(_TYPES[each] for each in kind)
    if "app.py:request" in key.get("examples", ()):
        return "entry point"
    return _TYPES.get(kind, "any") + _bounds(key)


def _either(key: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_types(key)))


def _bounds(key: dict[str, Any]) -> str:
    least = f" ≥ {key['minimum']}" if "minimum" in key else ""
    return least + (f" > {key['exclusiveMinimum']}" if "exclusiveMinimum" in key else "")


_DISTRIBUTIONS = {cls.__name__ for cls in DISTRIBUTIONS.values()}
_FAULTS = {cls.__name__ for cls in FAULTS.values()}


def _link(name: str) -> str:
    if name in _DISTRIBUTIONS or name in _FAULTS:
        return "[distribution](#distributions)" if name in _DISTRIBUTIONS else "[fault](#faults)"
    return f"[`{name}`](#{_slug(name)})"


def _slug(name: str) -> str:
    """How a browser finds the heading of a table."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", _heading(_whole()["$defs"][name]).lower())).strip("-")


def _heading(table: dict[str, Any]) -> str:
    name = table["title"]
    place = next(tables[name] for _, tables in _TABLES if name in tables)
    kind = table["properties"].get("kind", {}).get("const")
    return f"`{name}`" + (f": `{place}`" if place else "") + (f" of kind `{kind}`" if kind else "")


def _prose(text: str) -> str:
    """Docstrings have two backticks around code, Markdown has one; a paragraph is one line in a cell."""
    return re.sub(r"\s*\n\s*", " ", text).replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page())
