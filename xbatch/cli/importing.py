"""``xbatch import``: a spec from an XSPEC command file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import FileError, UsageError
from xbatch.base.files import write_atomically

if TYPE_CHECKING:
    from xbatch.plan.xcmspec import Seen

__all__ = ["command"]


@click.command(
    "import",
    epilog="""\b
Examples:
  xbatch import fit.xcm
  xbatch import fit.xcm --name vela-x1 --output vela-x1.yaml
""",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="The analysis' name  [default: the file's].")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the screen.")
@click.option("--overwrite", is_flag=True, help="Replace a spec that is there.")
def command(file: Path, name: str | None, output: Path | None, overwrite: bool) -> None:
    """Write a spec from FILE, a file of XSPEC commands as its 'save all' writes them.

    Spectra, responses, ignored channels, statistic, model, values and links become keys; what has no counterpart
    is named in comments. Nothing is run.
    """
    import re

    from xbatch.plan.xcmspec import spec_of_xcm
    from xbatch.spec.xcm import read_xcm

    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name or file.stem).strip("-")
    plain = plain if plain[:1].isalpha() else f"fit-{plain}"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(str(file), f"cannot be read as text ({error})") from error
    spec = spec_of_xcm(read_xcm(text, str(file)), file.parent.absolute(), plain[:32].rstrip("-"), _seen)
    if output is None:
        click.echo(spec, nl=False)
        return
    if output.exists() and not overwrite:
        raise UsageError(f"{output} is there; give --overwrite to replace it, or another name")
    write_atomically(output, spec)
    click.echo(f"{output}: a spec from {file.name}; next: xbatch validate {output}")


def _seen(path: Path) -> Seen | None:
    """Look into a spectrum's file; None where it is not there."""
    import numpy as np

    from xbatch.base.fitsheader import find_file
    from xbatch.ogip.pha import read_pha
    from xbatch.plan.xcmspec import Seen

    there = find_file(path)
    if there is None:
        return None
    spectrum = read_pha(there)
    begins = np.flatnonzero(spectrum.grouping != -1)
    ends = np.append(begins[1:], spectrum.channel.size) - 1
    named = str(spectrum.header.get("BACKFILE", "none")).strip().lower() not in ("", "none")
    channel = spectrum.channel
    bins = tuple((int(channel[a]), int(channel[b])) for a, b in zip(begins, ends, strict=True))
    return Seen(named, bins, spectrum.poisson)
