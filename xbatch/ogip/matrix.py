"""Redistribution matrices of RMF files as compressed rows, without a loop over energies.

Formats: OGIP memos CAL/GEN/92-002 and 92-002a (George et al. 1992, with the addenda of 1998 to 2020). In a row of the
MATRIX extension, N_GRP groups of channels begin at F_CHAN and are N_CHAN long, and MATRIX holds their elements end to
end; F_CHAN, N_CHAN and MATRIX are scalars, vectors of a fixed length or variable-length arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.fitsreader import AGAIN, Ragged, Table, whole

__all__ = ["Rows", "read_rows", "take_rows"]


@dataclass(frozen=True)
class Rows:
    """A sparse matrix by rows: row i has ``values[indptr[i]:indptr[i + 1]]`` at columns ``indices[...]``."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[Any]


def read_rows(table: Table, channels: NDArray[np.int64], notes: list[str]) -> Rows:
    """Read the matrix of a MATRIX extension; elements that are exactly 0 are left out.

    Parameters
    ----------
    table : Table
        The extension.
    channels : ndarray, shape (c,)
        CHANNEL of EBOUNDS; column j of the matrix is the channel in row j of EBOUNDS.
    notes : list of str
        Oddities are added.

    Raises
    ------
    FileError
        A column is missing, a row holds fewer elements than its groups need, groups lie outside the channels, or an
        element is not finite.
    """
    groups = table.integers("N_GRP")
    if np.any(groups < 0):
        raise FileError(table.path, f"N_GRP of {table.name} is negative", AGAIN)
    first, length = (
        whole(_elements(_cells(table, name), groups, table.path, name), table.path, f"column {name}")
        for name in ("F_CHAN", "N_CHAN")
    )
    row = np.repeat(np.arange(table.rows), groups)
    if np.any(length < 0):
        raise FileError(table.path, f"N_CHAN of {table.name} is negative", AGAIN)
    needed = np.bincount(row, weights=length, minlength=table.rows).astype(np.int64)
    used = length > 0
    row, first, length = row[used], first[used], length[used]
    first = first - _offset(table, first, channels, notes)
    if length.size and (first.min() < 0 or np.any(first + length > channels.size)):
        raise FileError(
            table.path,
            f"F_CHAN and N_CHAN of {table.name} reach outside the {channels.size} channels of EBOUNDS",
            "Set TLMIN of F_CHAN to the number of the first channel",
        )
    elements = _elements(_cells(table, "MATRIX"), needed, table.path, "MATRIX")
    kept, values = _not_zero(elements)
    if not np.all(np.isfinite(values)):
        raise FileError(table.path, f"MATRIX of {table.name} has elements that are not finite", AGAIN)
    if np.any(values < 0):
        notes.append("the matrix has negative elements")

    # Of each group: where it begins among all elements, and how many of those before it are kept.
    begin = np.cumsum(length) - length
    before = np.searchsorted(kept, np.append(begin, elements.size))
    indices = kept.astype(np.int32)
    indices += np.repeat((first - begin).astype(np.int32), np.diff(before))
    indptr = np.searchsorted(kept, np.concatenate([[0], np.cumsum(needed)]))
    rows = Rows(indptr, indices, values)
    apart = (row[1:] > row[:-1]) | (first[1:] >= (first + length)[:-1])
    return rows if np.all(apart) else _merged(rows, channels.size)


def take_rows(rows: Rows, order: NDArray[np.int64]) -> Rows:
    """Give a matrix of some rows in a new order."""
    length = np.diff(rows.indptr)[order]
    indptr = np.concatenate([[0], np.cumsum(length)])
    place = np.repeat(rows.indptr[:-1][order] - indptr[:-1], length) + np.arange(indptr[-1])
    return Rows(indptr, rows.indices[place], rows.values[place])


def _cells(table: Table, name: str) -> Ragged:
    if table.shape(name) < 0:
        return table.ragged(name)
    cells = table.column(name).reshape(table.rows, -1)
    return Ragged(cells.ravel(), np.arange(table.rows + 1, dtype=np.int64) * cells.shape[1])


def _elements(cells: Ragged, wanted: NDArray[np.int64], path: str, name: str) -> NDArray[Any]:
    """Give the first `wanted[i]` elements of each row i, end to end."""
    length = np.diff(cells.start)
    if np.any(length < wanted):
        short = int(np.flatnonzero(length < wanted)[0])
        raise FileError(
            path, f"row {short + 1} has {length[short]} elements of {name} where {wanted[short]} are needed", AGAIN
        )
    if np.array_equal(length, wanted):
        return cells.values
    kept = np.arange(cells.start[-1]) < np.repeat(cells.start[:-1] + wanted, length)
    return cells.values[kept]


def _offset(table: Table, first: NDArray[Any], channels: NDArray[np.int64], notes: list[str]) -> int:
    """Decide the number of the first channel: TLMIN of F_CHAN, or 1 as the memo says, unless a group begins at 0."""
    lowest = table.limit("TLMIN", "F_CHAN")
    if lowest is None:
        lowest = 0 if first.size and first.min() == 0 else 1
        notes.append(f"the response has no TLMIN for F_CHAN: {lowest} taken as the first channel")
    if channels.size and lowest != channels[0]:
        notes.append(f"F_CHAN counts channels from {lowest}, EBOUNDS from {channels[0]}: taken by position")
    return lowest


def _not_zero(elements: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Find the elements that are not 0 by their bits, so that only those need the machine's byte order."""
    bits = elements.view(f"u{elements.dtype.itemsize}") if elements.dtype.kind == "f" else elements
    kept = np.flatnonzero(bits)
    values = elements[kept]
    kind = np.float32 if values.dtype.kind == "f" and values.dtype.itemsize == 4 else np.float64
    with np.errstate(invalid="ignore"):
        return kept, values.astype(kind)


def _merged(rows: Rows, channels: int) -> Rows:
    """Put the columns of each row in ascending order and add elements of groups that overlap."""
    number = np.repeat(np.arange(rows.indptr.size - 1), np.diff(rows.indptr))
    key, inverse = np.unique(number * channels + rows.indices, return_inverse=True)
    values = np.bincount(inverse, weights=rows.values, minlength=key.size).astype(rows.values.dtype)
    length = np.bincount(key // channels, minlength=rows.indptr.size - 1)
    return Rows(np.concatenate([[0], np.cumsum(length)]), (key % channels).astype(np.int32), values)
