"""``xbatch init``: a starter spec from a folder of spectra or event lists."""

from __future__ import annotations

from collections.abc import Sized
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
  xbatch init data --level events
""",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="The analysis' name  [default: the folder's].")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the screen.")
@click.option("--overwrite", is_flag=True, help="Replace a spec that is there.")
@click.option(
    "--level",
    type=click.Choice(["spectra", "events"]),
    help="Start at PHA files or at event lists  [default: at PHA files, if there are any].",
)
def command(folder: Path, name: str | None, output: Path | None, overwrite: bool, level: str | None) -> None:
    """Write a starter spec for the PHA files below FOLDER, or for the event lists of NuSTAR or XMM-Newton.

    PHA files: templates of their names, a binning, a power-law fit. Event lists: regions round the target, images,
    light curves, spectra, and a fit if there are responses beside.
    """
    import re

    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name or folder.resolve().name).strip("-")
    plain = plain if plain[:1].isalpha() else f"obs-{plain}"
    text, what = _starter(folder, plain[:32].rstrip("-"), level)
    if output is None:
        click.echo(text, nl=False)
        return
    if output.exists() and not overwrite:
        raise UsageError(f"{output} is there; give --overwrite to replace it, or another name")
    write_atomically(output, text)
    next_verb = "preview" if "list" in what else "plan"
    click.echo(f"{output}: a spec for {what}; next: xbatch {next_verb} {output}")


def _starter(folder: Path, name: str, level: str | None) -> tuple[str, str]:
    """Give the text of a spec, and what it is for."""
    from xbatch.plan.eventstarter import event_starter_text, find_event_lists
    from xbatch.plan.starter import find_spectra, starter_text

    if level != "events":
        try:
            spectra = find_spectra(folder)
        except UsageError as error:
            if level == "spectra" or not folder.is_dir():
                raise
            no_spectra = error
        else:
            return starter_text(spectra, folder.absolute(), name), _count(spectra, "spectrum", "spectra")
    try:
        lists = find_event_lists(folder)
    except UsageError as error:
        raise error if level == "events" else UsageError(f"{no_spectra}, and it {_after(str(error))}") from None
    return event_starter_text(lists, folder.absolute(), name), _count(lists, "event list", "event lists")


def _count(found: Sized, one: str, many: str) -> str:
    return f"{len(found)} {one if len(found) == 1 else many}"


def _after(message: str) -> str:
    """Take the folder's name off the beginning of a message."""
    return message[message.index(" holds ") + 1 :]
