"""``xbatch preview``: every region drawn on the image of its observation, before anything is extracted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import UsageError
from xbatch.cli.options import cores, default_run_dir, places, read_spec, spec_argument, store_dir
from xbatch.cli.pipe import stop_output

if TYPE_CHECKING:
    from xbatch.plan.steps import Plan
    from xbatch.run.result import RunResult

__all__ = ["command", "previews"]


@click.command(
    "preview",
    epilog="""\b
Examples:
  xbatch preview analysis.yaml
  xbatch preview analysis.yaml --obsid 90402339002
  xbatch preview analysis.yaml --set regions.src.radius='60 arcsec'

\b
Exit status: 0 done, 1 a step failed, 2 the spec or the call is wrong, 130 interrupted.
""",
)
@spec_argument
@places
@click.option("--obsid", "obsids", multiple=True, metavar="OBSID", help="Draw this observation alone. May be repeated.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Steps at the same time  [default: the cores here].")
@click.option("--quiet", "-q", is_flag=True, help="Print the paths of the pictures and failures only.")
def command(
    spec: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    store: Path | None,
    obsids: tuple[str, ...],
    jobs: int | None,
    quiet: bool,
) -> None:
    """Draw every region on the image of its observation, before anything is extracted.

    Only the event lists are screened, into the same folder and store as `run` uses, so that a run does not do it again.
    """
    from xbatch.cli.run import leave_record
    from xbatch.plan.compile import compile_plan
    from xbatch.report.progress import make_reporter
    from xbatch.report.screen import can_draw
    from xbatch.run.session import execute

    analysis = read_spec(spec, overrides)
    for note in analysis.notes:
        click.echo(f"note: {note}", err=True)
    plan = compile_plan(analysis)
    wanted = previews(plan, obsids)
    run_dir = default_run_dir(analysis, out)
    count = jobs if jobs is not None else cores()
    with make_reporter(sys.stderr, can_draw(sys.stderr), quiet, run_dir) as reporter:
        result = execute(
            plan,
            run_dir,
            store_dir(run_dir, store),
            jobs=count,
            only=wanted,
            on_event=reporter,
            leave=lambda result: leave_record(analysis, plan, result, count),
        )
    try:
        _print_results(result, quiet)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # nobody reads on (rich would exit then): the status says how it went
        stop_output()
    sys.exit(result.exit_status)


def previews(plan: Plan, obsids: Sequence[str]) -> list[str]:
    """Name the steps that draw, of all observations or of some.

    Raises
    ------
    UsageError
        There are none, or one of the observations is not in the spec.
    """
    steps = [step for step in plan if step.task == "preview"]
    if not steps:
        raise UsageError("there are no regions to draw: the spec has no event lists (data.level: events or raw)")
    known = dict.fromkeys(str(step.params["obsid"]) for step in steps)
    for obsid in obsids:
        if obsid not in known:
            raise UsageError(f"--obsid {obsid}: the spec has no such observation; it has {', '.join(known)}")
    return [step.name for step in steps if not obsids or str(step.params["obsid"]) in obsids]


def _print_results(result: RunResult, quiet: bool) -> None:
    from xbatch.report.terminal import print_previews

    print_previews(result, sys.stdout, quiet=quiet)
