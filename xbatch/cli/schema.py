"""``xbatch schema``: the JSON schemas, for editors and for programs that read what xbatch writes."""

from __future__ import annotations

import click

from xbatch.base.files import schema_text

__all__ = ["SCHEMAS", "command"]

SCHEMAS = {
    "analysis": "analysis-1",
    "manifest": "manifest-1",
    "step": "step-1",
    "events": "events-1",
    "simulate": "simulate-1",
}


@click.command(
    "schema",
    epilog="""\b
Examples:
  xbatch schema > analysis-1.json     for an editor: # yaml-language-server: $schema=analysis-1.json
  xbatch schema manifest              what manifest.json holds
  xbatch schema events                what a line of xbatch run --json holds
""",
)
@click.argument("name", type=click.Choice(list(SCHEMAS)), default="analysis")
def command(name: str) -> None:
    """Print the JSON schema (draft-07) of a spec (analysis), of a run's manifest, of a step's record, of an event
    that a run tells (--json), or of a simulation."""
    click.echo(schema_text(SCHEMAS[name]), nl=False)
