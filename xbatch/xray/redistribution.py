"""A redistribution matrix, kept to be folded for one grouping after the other.

What depends on the grouping is one sum of channels over each group. A matrix of which a large part is not zero is kept
dense, where that sum is one pass over it; any other is summed along the runs of channels that its rows consist of.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from xbatch.xray.folding import Folding

__all__ = ["Redistribution"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Above this fraction of non-zero elements a matrix is kept dense, unless it had more elements than that.
_DENSE_FROM = 0.2
_MOST_ELEMENTS = 64_000_000
# Elements of a sparse response that are summed at once: what fits in a processor's cache.
_BLOCK = 500_000
_BITS = 62


@dataclass(frozen=True)
class Redistribution:
    """A redistribution matrix in compressed rows.

    Attributes
    ----------
    indptr : ndarray, shape (m + 1,)
        Where each row (energy) begins in `indices` and `values`.
    indices, values : ndarray, shape (k,)
        Channel (from 0) and value of each element.
    channels : int
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float32] | Floats
    channels: int

    @cached_property
    def _dense(self) -> NDArray[np.float32] | Floats | None:
        """The matrix of energies by channels, where it is worth to have it whole."""
        energies = self.indptr.size - 1
        elements = energies * self.channels
        if elements > _MOST_ELEMENTS or self.values.size < _DENSE_FROM * elements:
            return None
        return np.asarray(csr_matrix((self.values, self.indices, self.indptr), (energies, self.channels)).toarray())

    def fold(self, specresp: Floats, channel_group: Integers, channel_scale: Floats, size: int) -> Folding:
        """Make the folding matrix of a dataset.

        Parameters
        ----------
        specresp : ndarray, shape (m,)
            Effective area, cm2.
        channel_group : ndarray, shape (c,)
            The group that each channel of the response counts for, -1 for none.
        channel_scale : ndarray, shape (c,)
            Exposure (s) times AREASCAL of each channel.
        size : int
            The number of groups.
        """
        pieces = _Pieces.find(channel_group)
        scales = channel_scale[channel_group >= 0]
        # All groups have one scale, unless AREASCAL changes with the channel.
        one_scale = scales.size > 0 and bool(np.all(scales == scales[0]))
        area = specresp * (scales[0] if one_scale else 1.0)
        scale = None if one_scale else channel_scale
        if self._dense is None or scales.size == 0:
            return self._fold_sparse(area, channel_group, pieces, scale, size)
        return _fold_dense(self._dense, area, channel_group, pieces, scale, size)

    @cached_property
    def _running(self) -> tuple[NDArray[np.int64], float]:
        """Running sums of the values as whole numbers of a unit, and the unit; for a sparse matrix alone.

        The sum between any two places is a difference of two, without the rounding that floating sums gather on the
        way: the unit is as small as 64 bits let it be, some 1e-19 of the sum of all values.
        """
        values = self.values.astype(np.float64, copy=False)
        total = float(np.abs(values).sum())
        if not np.isfinite(total):
            raise ValueError("the response holds values that are not numbers")
        unit = 2.0 ** (np.frexp(total)[1] - _BITS)
        running = np.zeros(values.size + 1, dtype=np.int64)
        np.cumsum(np.rint(values / unit).astype(np.int64), out=running[1:])
        return running, float(unit)

    @cached_property
    def _runs(self) -> _Runs:
        return _Runs.find(self.indptr, self.indices)

    def _fold_sparse(
        self, area: Floats, channel_group: Integers, pieces: _Pieces, scale: Floats | None, size: int
    ) -> Folding:
        runs = self._runs.seen_by(channel_group)
        shape = (size, self.indptr.size - 1)
        if runs.row.size == 0:
            return Folding(csr_matrix(shape), 0, 0)
        blocks = np.arange(0, int(runs.stop[-1]) + _BLOCK, _BLOCK)
        parts = [
            self._sums(runs.part(start, stop), channel_group, pieces, scale, area)
            for start, stop in pairwise(np.unique(np.searchsorted(runs.start, blocks)))
        ]
        row, group, value = parts[0] if len(parts) == 1 else (np.concatenate(each) for each in zip(*parts, strict=True))
        if row.size == 0:
            return Folding(csr_matrix(shape), 0, 0)
        begin = np.searchsorted(row, np.arange(shape[1] + 1, dtype=np.int32)).astype(np.int32)
        matrix = csc_matrix((value, group, begin), shape=shape).tocsr()
        matrix.sum_duplicates()  # channels that are left out may part a group
        return Folding(matrix, int(row[0]), int(row[-1]) + 1)

    def _sums(
        self, runs: _Runs, channel_group: Integers, pieces: _Pieces, scale: Floats | None, area: Floats
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
        """Sum adjoining runs over each piece of channels that is in a group: rows, ascending, groups and sums."""
        begin, end = int(runs.start[0]), int(runs.stop[-1])
        low = pieces.number[runs.first]
        count = pieces.number[runs.last] - low + 1
        before = np.cumsum(count) - count
        piece = np.arange(int(count.sum())) + np.repeat(low - before, count)
        # A run begins within its first piece, and at the beginning of all others.
        at = pieces.first.take(piece) + np.repeat(runs.start - runs.first, count)
        at[before] = runs.start
        if scale is None:
            running, unit = self._running
            total = np.diff(running.take(at), append=running[end]) * np.repeat(unit * area[runs.row], count)
        else:
            total = np.add.reduceat(self.values[begin:end] * scale[self.indices[begin:end]], at - begin)
            total *= np.repeat(area[runs.row], count)
        group = channel_group[pieces.first].astype(np.int32).take(piece)
        there = (group >= 0) & (total != 0)
        return np.repeat(runs.row, count)[there], group[there], total[there]


def _fold_dense(
    whole: NDArray[np.float32] | Floats,
    area: Floats,
    channel_group: Integers,
    pieces: _Pieces,
    scale: Floats | None,
    size: int,
) -> Folding:
    used = np.flatnonzero(channel_group >= 0)
    low, high = int(used[0]), int(used[-1]) + 1
    inside = (pieces.first >= low) & (pieces.first < high)
    part = whole[:, low:high] if scale is None else whole[:, low:high] * scale[low:high]
    sums = np.add.reduceat(part, pieces.first[inside] - low, axis=1, dtype=np.float64)
    group = channel_group[pieces.first[inside]]
    # Channels that are left out may part a group, or stand between two.
    order = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
    if not np.array_equal(order, np.arange(group.size)):
        sums = sums[:, order]
    names, begins = np.unique(group[order], return_index=True)
    if names.size < order.size:
        sums = np.add.reduceat(sums, begins, axis=1)
    sums *= area[:, None]
    if names.size < size:
        wide = np.zeros((sums.shape[0], size))
        wide[:, names] = sums
        sums = wide
    seen = np.flatnonzero(sums.any(axis=1))
    return Folding(sums.T, *((int(seen[0]), int(seen[-1]) + 1) if seen.size else (0, 0)))


@dataclass(frozen=True)
class _Pieces:
    """Runs of channels that are in one group, or in none.

    Attributes
    ----------
    number : ndarray, shape (c,)
        The piece that each channel is in.
    first : ndarray, shape (p,)
        The first channel of each piece.
    """

    number: Integers
    first: Integers

    @classmethod
    def find(cls, channel_group: Integers) -> _Pieces:
        begins = np.append(True, np.diff(channel_group) != 0)
        return cls(np.cumsum(begins) - 1, np.flatnonzero(begins))


@dataclass(frozen=True)
class _Runs:
    """Adjoining elements of a row of a matrix, in its order.

    Where a piece of channels ends in a run is known without a look at each element.

    Attributes
    ----------
    row, first, last : ndarray, shape (r,)
        The row, and its first and last column here.
    start, stop : ndarray, shape (r,)
        Positions of the first element, and after the last one.
    """

    row: NDArray[np.int32]
    first: Integers
    last: Integers
    start: Integers
    stop: Integers

    @classmethod
    def find(cls, begin: Integers, columns: NDArray[np.int32]) -> _Runs:
        fresh = np.append(True, columns[1:] != columns[:-1] + 1)[: columns.size]
        fresh[begin[:-1][np.diff(begin) > 0]] = True
        start = np.flatnonzero(fresh)
        stop = np.append(start[1:], columns.size)[: start.size]
        row = np.searchsorted(begin, start, side="right") - 1
        return cls(
            row.astype(np.int32), columns[start].astype(np.int64), columns[stop - 1].astype(np.int64), start, stop
        )

    def part(self, start: int, stop: int) -> _Runs:
        """Give some of them."""
        return _Runs(*(getattr(self, one.name)[start:stop] for one in fields(self)))

    def seen_by(self, channel_group: Integers) -> _Runs:
        """Leave out those at either end that no group sees."""
        used = np.flatnonzero(channel_group >= 0)
        if used.size == 0:
            return self.part(0, 0)
        inside = np.flatnonzero((self.last >= used[0]) & (self.first <= used[-1]))
        return self.part(int(inside[0]), int(inside[-1]) + 1) if inside.size else self.part(0, 0)
