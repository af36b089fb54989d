"""``xbatch init``: a starter spec from a folder of spectra."""

from __future__ import annotations

from pathlib import Path

import click

from xbatch.base.errors import UsageError
from xbatch.base.files import write_atomically

__all__ = ["command"]


@click.command(
    "init",
    epilog="""\b
Examples:
  xbatch init data/90402339002
  xbatch init data --name vela-x1 --output vela-x1.yaml
""",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="The analysis' name  [default: the folder's].")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the screen.")
@click.option("--overwrite", is_flag=True, help="Replace a spec that is there.")
def command(folder: Path, name: str | None, output: Path | None, overwrite: bool) -> None:
    """Write a starter spec for the PHA files below FOLDER: templates of their names, a binning, a power-law fit."""
    import re

    from xbatch.plan.starter import find_spectra, starter_text

    found = find_spectra(folder)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name or folder.resolve().name).strip("-")
    plain = plain if plain[:1].isalpha() else f"obs-{plain}"
    text = starter_text(found, folder.absolute(), plain[:32].rstrip("-"))
    if output is None:
        click.echo(text, nl=False)
        return
    if output.exists() and not overwrite:
        raise UsageError(f"{output} is there; give --overwrite to replace it, or another name")
    write_atomically(output, text)
    click.echo(f"{output}: a spec for {len(found)} spectra; next: xbatch plan {output}")
