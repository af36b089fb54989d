"""``xbatch logs``: what a step said."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import click

from xbatch.base.errors import UsageError
from xbatch.cli.options import find_run_dir

__all__ = ["command"]


@click.command(
    "logs",
    epilog="""\b
Examples:
  xbatch logs                       the names of the steps that have logs
  xbatch logs 'fit:*'               the logs of all fits
  xbatch logs fit:powerlaw --run out/vela-x1
""",
)
@click.argument("step", required=False)
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), help="The run's folder  [default: newest].")
def command(step: str | None, run: Path | None) -> None:
    """Print the log of STEP (a name, or a pattern with * in quotes); without it, the steps there are."""
    from xbatch.run.journal import last_run

    run_dir = find_run_dir(run)
    steps = last_run(run_dir).steps
    if step is None:
        for name in steps:
            click.echo(name)
        return
    matching = [name for name in steps if fnmatchcase(name, step) or name == step]
    if not matching:
        import difflib

        near = difflib.get_close_matches(step, list(steps), n=1)
        raise UsageError(f"no step {step!r} in {run_dir}" + (f"; did you mean {near[0]!r}?" if near else ""))
    for name in matching:
        log = steps[name].log
        click.echo(f"==> {name} ({steps[name].outcome}) <==" if len(matching) > 1 else "", nl=len(matching) > 1)
        if log and Path(log).is_file():
            click.echo(Path(log).read_text(encoding="utf-8", errors="replace"), nl=False)
        elif steps[name].message:
            click.echo(steps[name].message)
