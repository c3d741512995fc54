"""``simactors schema``: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json

import click

from simactors.cli.group import epilog


@click.command(epilog=epilog("", "simactors schema > scenario.schema.json"))
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from simactors.exploration import scenario_schema

    click.echo(json.dumps(scenario_schema.schema(), indent=2))
