"""``xbatch status``: how the last run of a folder went, from its journal."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from xbatch.cli.options import find_run_dir, run_folder

__all__ = ["command"]


@click.command(
    "status",
    epilog="""\b
Examples:
  xbatch status                  the newest run below out/
  xbatch status out/vela-x1 --json
""",
)
@run_folder
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
def command(run: Path | None, as_json: bool) -> None:
    """Show what became of each step in the last run of a folder, also while it runs."""
    from xbatch.run.journal import last_run
    from xbatch.run.lock import held_by

    run_dir = find_run_dir(run)
    last = last_run(run_dir)
    owner = held_by(run_dir)
    state = f"running ({owner})" if owner else f"ended {last.ended}" if last.ended else "stopped before its end"
    if as_json:
        steps = [
            {"name": s.name, "outcome": s.outcome, "seconds": s.seconds, "message": s.message}
            for s in last.steps.values()
        ]
        answer = {"run": str(run_dir), "state": state, "started": last.started, "ended": last.ended or None}
        click.echo(json.dumps({**answer, "running": list(last.running), "steps": steps}, indent=2))
        return
    click.echo(f"{run_dir}: started {last.started}, {state}")
    running = dict.fromkeys(last.running, "running" if owner else "cut off")
    outcomes = {**{s.name: s.outcome for s in last.steps.values()}, **running}
    width = max((len(name) for name in outcomes), default=0)
    for name, outcome in outcomes.items():
        click.echo(f"  {name:<{width}}  {outcome}")
        if name in last.steps and last.steps[name].message:
            click.echo(f"      {last.steps[name].message}")
    count = Counter[str](outcomes.values())
    click.echo(", ".join(f"{number} {word}" for word, number in count.items()) or "no step has ended")
