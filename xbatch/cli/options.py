"""Options that several verbs share, and the folders they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from xbatch.base.errors import SpecError, UsageError

if TYPE_CHECKING:
    from xbatch.spec.model import Analysis

__all__ = [
    "cores",
    "default_run_dir",
    "find_run_dir",
    "places",
    "read_spec",
    "run_folder",
    "spec_argument",
    "store_dir",
]

_MEMBERS = "xbatch.cli.members"
"""Where a call of a verb keeps its ``--members``, for `read_spec`."""


def cores() -> int:
    """Count the cores that this process may use (a batch system may allow it fewer than there are)."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


F = TypeVar("F", bound=Callable[..., object])


def spec_argument(function: F) -> F:
    """Add the spec's path, ``--set`` and ``--members`` to a verb, which reads it by `read_spec`."""
    function = click.option(
        "--members",
        type=click.IntRange(min=1),
        metavar="N",
        expose_value=False,
        callback=_keep_members,
        help="How many members the sweep may have  [default: its limit, 1000 if it says none].",
    )(function)
    function = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        help="Set a value of the spec, e.g. data.root=/data or binning.min30.counts=20. May be repeated.",
    )(function)
    return click.argument("spec", type=click.Path(path_type=Path))(function)


def _keep_members(context: click.Context, _: click.Parameter, value: int | None) -> None:
    context.meta[_MEMBERS] = value


def read_spec(spec: Path, overrides: Sequence[str]) -> Analysis:
    """Read and check a spec. On a terminal, whether a sweep of many members is meant is asked.

    Raises
    ------
    SpecError
        As `xbatch.spec.load`.
    """
    from xbatch.spec import load

    context = click.get_current_context(silent=True)
    most = context.meta.get(_MEMBERS) if context is not None else None
    try:
        return load(spec, overrides, most)
    except SpecError as error:
        count: int = getattr(error, "count", 0)  # of a TooManyMembersError, whose module only sweeps need
        asks = count and sys.stdin.isatty() and sys.stderr.isatty()
        if not asks or not click.confirm(f"The sweep has {count} members. Do you want them all?", err=True):
            raise
        return load(spec, overrides, count)


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
    newest = max(Path("out").glob("*/journal.jsonl"), key=_last_change, default=None)
    if newest is None:
        raise UsageError("no run below out/; name its folder, or make one with: xbatch run SPEC")
    return newest.parent.absolute()


def _last_change(path: Path) -> tuple[float, str]:
    """Give when a file was last changed, and its name to choose between equals; it may be taken away meanwhile."""
    try:
        return path.stat().st_mtime, str(path)
    except OSError:
        return 0.0, str(path)
