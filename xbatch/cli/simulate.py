"""``xbatch simulate``: event lists or spectra with known truth."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command(
    "simulate",
    epilog="""\b
Examples:
  xbatch simulate examples/configs/demo-simulation.yaml --out out/demo-data
  xbatch simulate simulation.yaml --out sims/17 --seed 17
""",
)
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the files (made)."
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed  [default: the file's].")
def command(config: Path, out: Path, seed: int | None) -> None:
    """Make what CONFIG asks for, and the truth beside it (truth.json).

    Whole observations with event lists, of NuSTAR and of XMM-Newton's EPIC, or NuSTAR-like spectra with backgrounds,
    ARFs and an RMF.

    The same file and seed give the same bytes.
    """
    from xbatch.simulator import simulate

    written = simulate(config, out, seed)
    for path in written:
        click.echo(path)
