"""``xbatch unlock``: free the folder of a run whose machine has died."""

from __future__ import annotations

from pathlib import Path

import click

from xbatch.cli.options import find_run_dir, run_folder

__all__ = ["command"]


@click.command(
    "unlock",
    epilog="""\b
Examples:
  xbatch unlock out/vela-x1
""",
)
@run_folder
def command(run: Path | None) -> None:
    """Free the folder of a run that is held by nobody who lives.

    A run that is killed holds nothing: its system frees the folder. Only on a disk of the network a lock may outlive
    the machine that held it. A lock of a process that lives on this machine is never cleared; of one on another
    machine make sure first that it has ended.
    """
    from xbatch.run.lock import clear

    run_dir = find_run_dir(run)
    owner = clear(run_dir)
    click.echo(f"{run_dir}: the lock of {owner} is cleared" if owner else f"{run_dir}: no run holds it")
