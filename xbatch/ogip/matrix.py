"""Redistribution matrices of RMF files as rows of groups, without a loop over energies.

Formats: OGIP memos CAL/GEN/92-002 and 92-002a (George et al. 1992, with the addenda of 1998 to 2020). In a row of the
MATRIX extension, N_GRP groups of channels begin at F_CHAN and are N_CHAN long, and MATRIX holds their elements end to
end; F_CHAN, N_CHAN and MATRIX are scalars, vectors of a fixed length or variable-length arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.fitsreader import AGAIN, Ragged, Table, whole

__all__ = ["Rows", "find_runs", "read_rows", "spread", "take_rows"]

# Runs from here on are copied one by one, and the zeros at their ends are worth a search.
_LONG = 64
# Elements that are looked at while they are in the processor's cache.
_BLOCK = 2**17


@dataclass(frozen=True)
class Rows:
    """A sparse matrix by rows, and in a row by groups of adjoining columns.

    Attributes
    ----------
    indptr : ndarray, shape (m + 1,)
        Row i has ``values[indptr[i]:indptr[i + 1]]``.
    first, length : ndarray, shape (g,)
        The first column and the number of columns of each group, row by row, ascending in a row.
    values : ndarray
        The elements of all groups end to end.
    """

    indptr: NDArray[np.int64]
    first: NDArray[np.int32]
    length: NDArray[np.int32]
    values: NDArray[Any]


def read_rows(table: Table, channels: NDArray[np.int64], notes: list[str]) -> Rows:
    """Read the matrix of a MATRIX extension; zeros at the ends of long groups are left out.

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
    cells = _cells(table, "MATRIX")
    _check_enough(cells, needed, table.path, "MATRIX")
    # Of each group: where its elements lie in the column.
    begin = np.cumsum(length) - length + (cells.start[:-1] - (np.cumsum(needed) - needed))[row]
    values, kept, end = _packed(cells.values, begin, begin + length)
    some = kept < end
    row, first, length = row[some], (first + kept - begin)[some], (end - kept)[some]
    _check_values(values, table, notes)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, weights=length, minlength=table.rows).astype(np.int64))])
    apart = (row[1:] > row[:-1]) | (first[1:] >= (first + length)[:-1])
    if not np.all(apart):
        return _merged(np.repeat(row, length) * channels.size + spread(first, length), values, indptr, channels.size)
    return Rows(indptr, first.astype(np.int32), length.astype(np.int32), values)


def spread(first: NDArray[np.integer], length: NDArray[np.integer]) -> NDArray[np.int32]:
    """Give the members of runs of adjoining numbers, end to end: ``first[i], first[i] + 1, ...``, `length[i]` of them.

    Parameters
    ----------
    first, length : ndarray, shape (g,)

    Returns
    -------
    ndarray, shape (sum of length,)
    """
    total = int(length.sum())
    if total < _LONG * length.size:
        begin = np.cumsum(length) - length
        numbers = np.repeat((first - begin).astype(np.int32), length)
        numbers += np.arange(total, dtype=np.int32)
        return numbers
    numbers = np.empty(total, np.int32)
    pattern = np.arange(int((first + length).max(initial=0)), dtype=np.int32)
    at = 0
    for start, size in zip(first.tolist(), length.tolist(), strict=True):
        numbers[at : at + size] = pattern[start : start + size]
        at += size
    return numbers


def find_runs(indptr: NDArray[np.integer], indices: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the groups of adjoining columns in the rows of a sparse matrix; `spread` gives the columns again.

    Parameters
    ----------
    indptr : ndarray, shape (m + 1,)
    indices : ndarray, shape (k,)
        Columns, ascending within a row: those of row i are ``indices[indptr[i]:indptr[i + 1]]``.

    Returns
    -------
    first, length : ndarray, shape (g,)
    """
    begins = np.append(True, np.diff(indices) != 1)[: indices.size]
    begins[indptr[:-1][np.diff(indptr) > 0]] = True
    begin = np.flatnonzero(begins)
    return indices[begin].astype(np.int32), np.diff(begin, append=indices.size).astype(np.int32)


def take_rows(rows: Rows, order: NDArray[np.int64]) -> Rows:
    """Give a matrix of some rows in a new order."""
    size = np.diff(rows.indptr)[order]
    indptr = np.concatenate([[0], np.cumsum(size)])
    begin = np.cumsum(rows.length) - rows.length
    bounds = np.searchsorted(begin, rows.indptr)
    groups = spread(bounds[:-1][order], np.diff(bounds)[order])
    values = rows.values[spread(rows.indptr[:-1][order], size)]
    return Rows(indptr, rows.first[groups], rows.length[groups], values)


def _cells(table: Table, name: str) -> Ragged:
    if table.shape(name) < 0:
        return table.ragged(name)
    cells = table.column(name).reshape(table.rows, -1)
    return Ragged(cells.ravel(), np.arange(table.rows + 1, dtype=np.int64) * cells.shape[1])


def _check_enough(cells: Ragged, wanted: NDArray[np.int64], path: str, name: str) -> None:
    length = np.diff(cells.start)
    if np.any(length < wanted):
        short = int(np.flatnonzero(length < wanted)[0])
        raise FileError(
            path, f"row {short + 1} has {length[short]} elements of {name} where {wanted[short]} are needed", AGAIN
        )


def _elements(cells: Ragged, wanted: NDArray[np.int64], path: str, name: str) -> NDArray[Any]:
    """Give the first `wanted[i]` elements of each row i, end to end."""
    _check_enough(cells, wanted, path, name)
    length = np.diff(cells.start)
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


def _packed(
    elements: NDArray[Any], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Copy groups end to end, without the zeros at the ends of long ones, in the machine's order of bytes.

    A matrix of full rows is zeros by more than half, and as large as memory is slow: it is passed once, block by block,
    so that the search for zeros and the copying meet a block in the processor's cache.

    Parameters
    ----------
    elements : ndarray
        All elements of the column.
    begin, end : ndarray, shape (g,)
        Where each group lies in them, ascending.

    Returns
    -------
    values : ndarray
    begin, end : ndarray, shape (g,)
        What was kept of each group.
    """
    single = elements.dtype.kind == "f" and elements.dtype.itemsize == 4
    values: NDArray[Any] = np.empty(int((end - begin).sum()), np.float32 if single else np.float64)
    bits = elements.view(f"u{elements.dtype.itemsize}") if elements.dtype.kind == "f" else elements
    zero = end - begin >= _LONG
    zero[zero] = (bits[begin[zero]] == 0) | (bits[end[zero] - 1] == 0)
    starts, stops = begin.tolist(), end.tolist()
    # What is copied at once: long groups with zeros at an end by themselves, all others with those that adjoin them.
    apart = np.flatnonzero(zero[1:] | zero[:-1] | (begin[1:] != end[:-1])) + 1
    limits = sorted({0, *apart.tolist(), begin.size})
    alone = zero.tolist()
    marks = _Marks(bits)
    at = 0
    for one, other in pairwise(limits):
        start, stop = starts[one], stops[other - 1]
        if alone[one]:
            start, stop = starts[one], stops[one] = marks.shrink(start, stop)
        values[at : at + stop - start] = elements[start:stop]
        at += stop - start
    values.resize(at, refcheck=False)
    return values, np.array(starts, np.int64), np.array(stops, np.int64)


class _Marks:
    """Where elements are not 0: marked block by block, and the marks searched as text is."""

    def __init__(self, bits: NDArray[Any]) -> None:
        self.bits = bits
        self.base = self.stop = 0
        self.bytes = bytearray()

    def shrink(self, start: int, stop: int) -> tuple[int, int]:
        """Move the ends of a group inwards over zeros; groups must be asked for in their order."""
        if stop > self.stop:
            self.base, self.stop = start, min(max(stop, start + _BLOCK), self.bits.size)
            if len(self.bytes) < self.stop - start:
                self.bytes = bytearray(self.stop - start)
            marked = np.frombuffer(self.bytes, np.bool_, self.stop - start)
            np.not_equal(self.bits[start : self.stop], 0, out=marked)
        base = self.base
        last = self.bytes.rfind(1, start - base, stop - base) + 1
        return (base + self.bytes.find(1, start - base, last), base + last) if last else (start, start)


def _check_values(values: NDArray[Any], table: Table, notes: list[str]) -> None:
    """Refuse elements that are not finite, and note negative ones."""
    # As whole numbers, the bits of infinity are above those of all finite numbers, and those of negative ones higher.
    infinity = np.array(np.inf, values.dtype).view(f"u{values.dtype.itemsize}")
    if values.view(infinity.dtype).max(initial=0) < infinity:
        return
    if not np.all(np.isfinite(values)):
        raise FileError(table.path, f"MATRIX of {table.name} has elements that are not finite", AGAIN)
    if np.any(values < 0):
        notes.append("the matrix has negative elements")


def _merged(place: NDArray[np.int64], values: NDArray[Any], indptr: NDArray[np.int64], channels: int) -> Rows:
    """Put the columns of each row in ascending order and add elements of groups that overlap.

    `place` is row times `channels` plus column, of each element.
    """
    key, inverse = np.unique(place, return_inverse=True)
    total = np.bincount(inverse, weights=values, minlength=key.size).astype(values.dtype)
    indptr = np.searchsorted(key, np.arange(indptr.size) * channels)
    return Rows(indptr, *find_runs(indptr, key % channels), total)
