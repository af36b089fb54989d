"""Rows of housekeeping: TIME and some other columns of one extension of a FITS file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.clock import Clock, clock_of_cards, time_zero
from xbatch.ogip.fitsreader import AGAIN
from xbatch.ogip.rows import RowColumn, RowTable, plain_file, row_tables

__all__ = ["Rows", "read_rows"]

#: Extensions whose columns a message lists.
_SHOWN = 3


@dataclass(frozen=True)
class Rows:
    """Columns by time.

    Attributes
    ----------
    extension : str
    time : ndarray, shape (n,)
        s, TIMEZERO of the extension added.
    columns : Mapping of str to ndarray, each of shape (n,)
        By their names in capitals; what is undefined is NaN.
    clock : Clock or None
        What TIME is counted from, where the file says so.
    """

    extension: str
    time: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]
    clock: Clock | None


def read_rows(path: Path, names: Sequence[str], extension: str = "") -> Rows:
    """Read columns of a file of housekeeping.

    Parameters
    ----------
    path : Path
        Plain or gzipped.
    names : sequence of str
        Columns of one number a cell.
    extension : str
        EXTNAME; empty for the first extension that has TIME and all of the columns.

    Raises
    ------
    FileError
        The file cannot be read; there is no such extension or column.
    """
    with tempfile.TemporaryDirectory(prefix="xbatch-") as folder:
        tables = [table for table in row_tables(plain_file(path, Path(folder))) if isinstance(table, RowTable)]
        table = _chosen(tables, ["TIME", *names], extension, path)
        title = str(table.header.get("EXTNAME", "table")).strip()
        if not table.rows:
            raise FileError(str(path), f"has no rows in {title}", AGAIN)
        wanted = list(dict.fromkeys(["TIME", *names]))
        pieces: dict[str, list[NDArray[np.float64]]] = {name: [] for name in wanted}
        for chunk in table.chunks(wanted):
            for name in wanted:
                pieces[name].append(_floats(chunk[name], table.column(name)))
    columns = {name: np.concatenate(parts) for name, parts in pieces.items()}
    timed = np.isfinite(columns["TIME"])
    columns = {name: values[timed] for name, values in columns.items()}
    if not timed.any():
        raise FileError(str(path), f"has no row with a TIME in {title}", AGAIN)
    try:
        clock = clock_of_cards(table.header)
    except ValueError as error:
        raise FileError(str(path), f"has times that cannot be placed: {error}", AGAIN) from error
    columns["TIME"] += time_zero(table.header) or 0.0
    return Rows(title, columns["TIME"], {name: columns[name] for name in wanted}, clock)


def _chosen(tables: Sequence[RowTable], names: Sequence[str], extension: str, path: Path) -> RowTable:
    named: dict[str, RowTable] = {}
    for table in tables:
        named.setdefault(str(table.header.get("EXTNAME", "")).strip().upper(), table)
    if extension:
        found = named.get(extension.strip().upper())
        if found is None:
            raise FileError(str(path), f"has no extension {extension} (it has {', '.join(named) or 'no tables'})")
        for name in names:
            if name.upper() not in found.columns:
                raise FileError(
                    str(path), f"has no column {name} in {extension} (it has {', '.join(found.columns) or 'none'})"
                )
        return found
    for table in tables:
        if all(name.upper() in table.columns for name in names):
            return table
    raise FileError(
        str(path),
        f"has no extension with {' and '.join(dict.fromkeys(names))} "
        f"(it has {'; '.join(_columns(named)) or 'no tables'})",
        "Name the extension, or other columns",
    )


def _columns(tables: Mapping[str, RowTable]) -> list[str]:
    """Say of the first extensions what columns they have."""
    shown = [f"{name} with {', '.join(table.columns)}" for name, table in list(tables.items())[:_SHOWN]]
    return [*shown, f"{len(tables) - _SHOWN} more"] if len(tables) > _SHOWN else shown


def _floats(values: NDArray[Any], column: RowColumn) -> NDArray[np.float64]:
    found = values.astype(np.float64)
    if column.nothing is not None:
        found[values == column.nothing] = np.nan
    return found
