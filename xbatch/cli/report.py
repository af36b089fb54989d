"""``xbatch report``: the page of a run."""

from __future__ import annotations

from pathlib import Path

import click

from xbatch.cli.options import find_run_dir, run_folder

__all__ = ["command"]


@click.command(
    "report",
    epilog="""\b
Examples:
  xbatch report                  the newest run below out/
  xbatch report out/vela-x1
""",
)
@run_folder
def command(run: Path | None) -> None:
    """Write report.html of a run again, from its manifest and products: one page, self-contained."""
    from xbatch.report import write_page

    click.echo(write_page(find_run_dir(run)))
