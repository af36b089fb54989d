"""``xbatch explain``: why a step would run, or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.cli.options import default_run_dir, places, read_spec, spec_argument, store_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["command"]


@click.command(
    "explain",
    epilog="""\b
Examples:
  xbatch explain analysis.yaml                         every step that is not up to date
  xbatch explain analysis.yaml fit:cutoff              one step
  xbatch explain analysis.yaml 'group:*' --set binning.min30.counts=50
  xbatch explain analysis.yaml --json | jq '.steps[].differences'
""",
)
@spec_argument
@click.argument("steps", nargs=-1, metavar="[STEP]...")
@places
@click.option("--json", "as_json", is_flag=True, help="Print the same as data, with every value and whole digests.")
def command(
    spec: Path, overrides: tuple[str, ...], steps: tuple[str, ...], out: Path | None, store: Path | None, as_json: bool
) -> None:
    """Say what differs, old and new, for each STEP (a name, or a pattern with * in quotes).

    A step is compared with its last result in the run's folder; if there is none, with the nearest in the store. Of a
    step that waits for others it is said where that begins. Nothing is run.
    """
    from xbatch.plan.compile import compile_plan
    from xbatch.report.explanation import explain, explained_text, stored_records
    from xbatch.report.state import Looker
    from xbatch.run.products import Products
    from xbatch.run.selection import matching
    from xbatch.run.session import survey
    from xbatch.run.store import Store

    analysis = read_spec(spec, overrides)
    plan = compile_plan(analysis)
    run_dir = default_run_dir(analysis, out)
    kept, products = Store(store_dir(run_dir, store)), Products(run_dir)
    verdicts = survey(plan, run_dir, kept.root)
    names = (
        matching([step.name for step in plan], steps, "STEP")
        if steps
        else frozenset(verdict.step for verdict in verdicts if verdict.kind != "up to date")
    )

    def previous(step: str) -> Mapping[str, Any] | None:
        key = products.last_key(step)
        return kept.record(key) if key else None

    looker = Looker(run_dir)
    looker.look()
    failed = {step: ending.message for step, ending in looker.watch.failed().items()}
    found = explain(plan, verdicts, names, previous, lambda: stored_records(kept), failed)
    if as_json:
        click.echo(json.dumps({"explain": 1, "name": plan.name, "steps": [one.as_dict() for one in found]}, indent=2))
        return
    for one in found:
        click.echo(explained_text(one))
    if not found:
        click.echo(f"all {len(verdicts)} steps are up to date")
