"""``xbatch run``: do the plan of a spec; leave products, report and manifest."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from xbatch.base.files import write_atomically
from xbatch.cli.cluster import cluster_options, joined
from xbatch.cli.limits import limit_options, wishes_from
from xbatch.cli.options import cores as cores_here
from xbatch.cli.options import default_run_dir, places, read_spec, spec_argument, store_dir
from xbatch.cli.pipe import nobody_reads, stop_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from xbatch.plan.steps import Plan
    from xbatch.run.result import Event, RunResult
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
  xbatch run analysis.yaml --cluster tcp://head:8786    on the workers of a Dask scheduler
  xbatch run analysis.yaml --json | jq -r 'select(.outcome == "failed") | .step'

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
@cluster_options
@click.option("--paranoid", is_flag=True, help="Read every input again; do not trust sizes and times.")
@click.option("--quiet", "-q", is_flag=True, help="Print failures and the summary only.")
@click.option("--json", "as_json", is_flag=True, help="Tell each event as a line of JSON; all else on standard error.")
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
    cluster: str | None,
    cluster_config: Path | None,
    paranoid: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run a spec: do what is not up to date, in parallel, and leave products, report.html and manifest.json.

    A second run does nothing; a changed spec or file reruns what hangs on it. A step that fails stops only what needs
    it. Ctrl-C once lets running steps end, twice stops them.
    """
    from xbatch.plan.compile import compile_plan
    from xbatch.report.events import EventLines
    from xbatch.report.progress import make_reporter
    from xbatch.report.screen import can_draw
    from xbatch.run.session import execute

    wishes = wishes_from(timeout, tries, cores, memory, limit)
    analysis = read_spec(spec, overrides)
    for note in analysis.notes:
        click.echo(f"note: {note}", err=True)
    plan = compile_plan(analysis)
    run_dir = default_run_dir(analysis, out)
    store = store_dir(run_dir, store)
    with ExitStack() as stack:
        told = stack.enter_context(EventLines(sys.stdout if as_json else None, run_dir, store))
        count, make_workers = jobs if jobs is not None else cores_here(), None
        if cluster is not None:
            workers = stack.enter_context(joined(cluster, cluster_config, {"--store": store, "--out": run_dir}, jobs))
            count, make_workers = workers.slots, workers.make_workers
            for text in workers.notes():
                click.echo(f"note: {text}", err=True)
        with make_reporter(sys.stderr, can_draw(sys.stderr), quiet, run_dir) as reporter:
            result = execute(
                plan,
                run_dir,
                store,
                jobs=count,
                only=only,
                begin=begin,
                force=force,
                fail_fast=fail_fast,
                wishes=wishes,
                paranoid=paranoid,
                on_event=_both(told.take, reporter),
                make_workers=make_workers,
                leave=lambda result: leave_record(analysis, plan, result, count),
            )
        told.finish(result)
    try:
        _print_results(result, sys.stderr if as_json else sys.stdout, quiet)
        sys.stdout.flush()
    except SystemExit:  # rich does so when nobody reads on: the status says how the run went
        stop_output()
    except OSError as error:
        if not nobody_reads(error):
            raise
        stop_output(*((sys.stdout,) if isinstance(error, BrokenPipeError) else (sys.stdout, sys.stderr)))
    sys.exit(result.exit_status)


def _both(first: Callable[[Event], None], second: Callable[[Event], None]) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell


def leave_record(analysis: Analysis, plan: Plan, result: RunResult, jobs: int) -> None:
    """Write the spec as it was read, the manifest and the page."""
    from xbatch.provenance import manifest
    from xbatch.report import write_page

    write_atomically(result.run_dir / "spec.yaml", analysis.files[str(analysis.path)])
    content = manifest.build(analysis, plan, result, jobs, sys.argv)
    manifest.write(result.run_dir, content)
    write_page(result.run_dir)


def _print_results(result: RunResult, stream: IO[str], quiet: bool) -> None:
    from xbatch.report.terminal import print_run

    print_run(result, stream, quiet=quiet)
