"""A redistribution matrix, kept to be folded for one grouping after the other.

What depends on the grouping is one sum of channels over each group. A matrix of which a large part is not zero is kept
dense, where that sum is one pass over it; any other is summed along the runs of channels that its rows consist of.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from xbatch.xray.folding import Folding

__all__ = ["Redistribution"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Above this fraction of non-zero elements a matrix is kept dense, unless it had more elements than that.
_DENSE_FROM = 0.2
_MOST_ELEMENTS = 64_000_000
# Elements of a sparse response that are summed at once: what fits in a processor's cache.
_BLOCK = 500_000


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

    def _fold_sparse(
        self, area: Floats, channel_group: Integers, pieces: _Pieces, scale: Floats | None, size: int
    ) -> Folding:
        parts = []
        blocks = np.arange(0, int(self.indptr[-1]) + _BLOCK, _BLOCK)
        limits = np.unique(np.searchsorted(self.indptr, blocks).clip(0, self.indptr.size - 1))
        for start, stop in pairwise(limits):
            part = slice(int(self.indptr[start]), int(self.indptr[stop]))
            values = self.values[part].astype(np.float64)
            if scale is not None:
                values *= scale[self.indices[part]]
            begin = self.indptr[start : stop + 1] - part.start
            row, piece, total = _piece_sums(begin, self.indices[part], values, pieces)
            group, energy = channel_group[pieces.first[piece]], start + row
            used = group >= 0
            parts.append((group[used], energy[used], total[used] * area[energy[used]]))
        shape = (size, self.indptr.size - 1)
        if not parts:
            return Folding(csr_matrix(shape), 0, 0)
        row, column, value = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        there = value != 0
        row, column = row[there], column[there]
        matrix = csr_matrix((value[there], (row, column)), shape=shape)
        if column.size == 0:
            return Folding(matrix, 0, 0)
        return Folding(matrix, int(column.min()), int(column.max()) + 1)


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


def _piece_sums(
    begin: Integers, columns: NDArray[np.int32], values: Floats, pieces: _Pieces
) -> tuple[Integers, Integers, Floats]:
    """Sum some rows of a matrix over each piece of channels.

    Rows are runs of adjoining columns, so that where a piece ends within a run is known without a look at each element.

    Parameters
    ----------
    begin : ndarray, shape (m + 1,)
        Where each row begins in `columns` and `values`.
    columns, values : ndarray, shape (k,)
    pieces : _Pieces

    Returns
    -------
    row, piece, total : ndarray, shape (s,)
    """
    if columns.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    fresh = np.append(True, columns[1:] != columns[:-1] + 1)
    fresh[begin[:-1][np.diff(begin) > 0]] = True
    run = np.flatnonzero(fresh)
    first, last = columns[run], columns[np.append(run[1:], columns.size) - 1]
    row = np.searchsorted(begin, run, side="right") - 1
    low = pieces.number[first]
    count = pieces.number[last] - low + 1
    which = np.repeat(np.arange(run.size), count)
    piece = np.arange(which.size) - (np.cumsum(count) - count - low)[which]
    at = run[which] + np.maximum(pieces.first[piece] - first[which], 0)
    return row[which], piece, np.add.reduceat(values, at)
