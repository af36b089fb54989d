"""``xbatch compare``: fits of members and of runs side by side, and which step made them differ."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from xbatch.cli.options import find_run_dir

__all__ = ["command"]

_WIDE = 160


@click.command(
    "compare",
    epilog="""\b
Examples:
  xbatch compare                                          the members of the newest run below out/
  xbatch compare out/vela-x1 --fit cutoff --parameter pl.PhoIndex
  xbatch compare out/vela-x1 --against counts=30          with differences from that member
  xbatch compare out/before out/after                     two runs, fit by fit
  xbatch compare out/vela-x1 --format html --out compare.html
  xbatch compare out/vela-x1 --format ecsv > fits.ecsv
""",
)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "ecsv", "json", "html"]), default="table", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file, not to the terminal.")
@click.option("--fit", "fits", multiple=True, metavar="NAME", help="This fit only (or a pattern). May be repeated.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME",
    help="This parameter or flux only (or a pattern), fixed ones too. May be repeated.",
)
@click.option("--against", metavar="MEMBER", help="The member, or the run, that the others are compared with.")
def command(
    runs: tuple[Path, ...],
    form: str,
    out: Path | None,
    fits: tuple[str, ...],
    parameters: tuple[str, ...],
    against: str | None,
) -> None:
    """Show the fits of RUNS side by side: over the members of a sweep, and over several runs.

    For each: swept values, parameters with errors, statistic, degrees of freedom, bins, counts, fluxes; then which step
    differs, and by what: parameter, input, version of the task, engine. Fits and parameters are matched by name.
    """
    from xbatch.report.compare import collect

    folders = list(runs) if runs else [find_run_dir(None)]
    comparison = collect(folders, fits, parameters, against)
    if form == "table":
        from xbatch.report.compare.text import comparison_text

        is_terminal = out is None and sys.stdout.isatty()
        columns = shutil.get_terminal_size((_WIDE, 24)).columns
        text = comparison_text(comparison, columns, _paint if is_terminal else None)
    elif form == "html":
        from xbatch.report.compare.page import comparison_page

        text = comparison_page(comparison)
    else:
        from xbatch.report.compare.forms import as_csv, as_ecsv, as_json

        text = {"csv": as_csv, "ecsv": as_ecsv, "json": as_json}[form](comparison)
    if out is None:
        click.echo(text, nl=False)
        return
    from xbatch.base.files import write_atomically

    write_atomically(out, text)
    click.echo(out)


def _paint(text: str, style: str) -> str:
    if style == "bold":
        return click.style(text, bold=True)
    return click.style(text, dim=True) if style == "dim" else click.style(text, fg=style)
