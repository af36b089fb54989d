"""``xbatch run``: do the plan of a spec; leave products, report and manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.files import write_atomically
from xbatch.cli.limits import limit_options, wishes_from
from xbatch.cli.options import cores as cores_here
from xbatch.cli.options import default_run_dir, places, read_spec, spec_argument, store_dir
from xbatch.cli.pipe import stop_output

if TYPE_CHECKING:
    from xbatch.plan.steps import Plan
    from xbatch.run.result import RunResult
    from xbatch.spec.model import Analysis

__all__ = ["command", "leave_record"]


@click.command(
    "run",
    epilog="""\b
Examples:
  xbatch run analysis.yaml
  xbatch run analysis.yaml --set data.root=/data/nustar --jobs 4
  xbatch run analysis.yaml --only 'group:*'         the groupings and what they need
  xbatch run analysis.yaml --from 'group:*' --only 'fit:*'    what lies between
  xbatch run analysis.yaml --force 'fit:*'          the fits again, in any case
  xbatch run analysis.yaml --timeout 'fit:*=10m'    no fit may take longer

\b
Exit status: 0 done, 1 a step failed, 2 the spec or the call is wrong, 130 interrupted.
""",
)
@spec_argument
@places
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Steps at the same time  [default: the cores here].")
@click.option("--only", multiple=True, metavar="STEP", help="Do these steps (names or patterns) and what they need.")
@click.option("--from", "begin", multiple=True, metavar="STEP", help="Do these steps and all that hangs on them.")
@click.option("--force", multiple=True, metavar="STEP", help="Do these steps even if they are up to date.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more after the first failure.")
@limit_options
@click.option("--paranoid", is_flag=True, help="Read every input again; do not trust sizes and times.")
@click.option("--quiet", "-q", is_flag=True, help="Print failures and the summary only.")
def command(
    spec: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    store: Path | None,
    jobs: int | None,
    only: tuple[str, ...],
    begin: tuple[str, ...],
    force: tuple[str, ...],
    fail_fast: bool,
    timeout: tuple[str, ...],
    tries: tuple[str, ...],
    cores: tuple[str, ...],
    memory: tuple[str, ...],
    limit: tuple[str, ...],
    paranoid: bool,
    quiet: bool,
) -> None:
    """Run a spec: do what is not up to date, in parallel, and leave products, report.html and manifest.json.

    A second run does nothing; a changed spec or file reruns what hangs on it. A step that fails stops only what needs
    it. Ctrl-C once lets running steps end, twice stops them.
    """
    from xbatch.plan.compile import compile_plan
    from xbatch.report.progress import make_reporter
    from xbatch.run.session import execute

    wishes = wishes_from(timeout, tries, cores, memory, limit)
    analysis = read_spec(spec, overrides)
    for note in analysis.notes:
        click.echo(f"note: {note}", err=True)
    plan = compile_plan(analysis)
    run_dir = default_run_dir(analysis, out)
    count = jobs if jobs is not None else cores_here()
    with make_reporter(sys.stderr, sys.stderr.isatty(), quiet) as reporter:
        result = execute(
            plan,
            run_dir,
            store_dir(run_dir, store),
            jobs=count,
            only=only,
            begin=begin,
            force=force,
            fail_fast=fail_fast,
            wishes=wishes,
            paranoid=paranoid,
            on_event=reporter,
        )
    leave_record(analysis, plan, result, count)
    try:
        _print_results(result, quiet)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # nobody reads on (rich would exit then): the status says how the run went
        stop_output()
    sys.exit(result.exit_status)


def leave_record(analysis: Analysis, plan: Plan, result: RunResult, jobs: int) -> None:
    """Write the spec as it was read, the manifest and the page."""
    from xbatch.provenance import manifest
    from xbatch.report import write_page

    write_atomically(result.run_dir / "spec.yaml", analysis.files[str(analysis.path)])
    content = manifest.build(analysis, plan, result, jobs, sys.argv)
    manifest.write(result.run_dir, content)
    write_page(result.run_dir)


def _print_results(result: RunResult, quiet: bool) -> None:
    from xbatch.report.terminal import print_run

    print_run(result, sys.stdout, quiet=quiet)
