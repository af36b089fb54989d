"""Options that several verbs share, and the folders they mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from xbatch.base.errors import UsageError
from xbatch.spec.model import Analysis

__all__ = ["cores", "default_run_dir", "find_run_dir", "places", "run_folder", "spec_argument", "store_dir"]


def cores() -> int:
    """Count the cores that this process may use (a batch system may allow it fewer than there are)."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


F = TypeVar("F", bound=Callable[..., object])


def spec_argument(function: F) -> F:
    """Add the spec's path and ``--set`` to a verb."""
    function = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        help="Set a value of the spec, e.g. data.root=/data or binning.min30.counts=20. May be repeated.",
    )(function)
    return click.argument("spec", type=click.Path(path_type=Path))(function)


def places(function: F) -> F:
    """Add ``--out`` and ``--store`` to a verb."""
    function = click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="XBATCH_STORE",
        help="Where finished results are kept by key  [default: .store beside the run's folder]",
    )(function)
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="The run's folder  [default: out/NAME]",
    )(function)


def default_run_dir(analysis: Analysis, out: Path | None) -> Path:
    """Give the folder of a run: the one asked for, else ``out/NAME`` below the current folder."""
    return (out if out is not None else Path("out") / analysis.name).absolute()


def store_dir(run_dir: Path, store: Path | None) -> Path:
    """Give the folder of the store: the one asked for, else the one that neighbouring runs share."""
    return (store if store is not None else run_dir.parent / ".store").absolute()


def run_folder(function: F) -> F:
    """Add the folder of a run to a verb; without it, the newest below ``out/``."""
    return click.argument("run", required=False, type=click.Path(path_type=Path, file_okay=False))(function)


def find_run_dir(run: Path | None) -> Path:
    """Give the folder of a run that was made before.

    Raises
    ------
    UsageError
        There is none, or the folder is not a run's.
    """
    if run is not None:
        if not (run / "journal.jsonl").is_file():
            raise UsageError(f"{run} is not the folder of a run (it has no journal.jsonl); runs lie below out/")
        return run.absolute()
    runs = sorted(Path("out").glob("*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise UsageError("no run below out/; name its folder, or make one with: xbatch run SPEC")
    return runs[-1].parent.absolute()
