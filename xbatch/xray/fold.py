"""From a response, a grouping and a band to one matrix: counts of a group = F @ (photons / cm2 / s of an energy bin).

The matrix holds everything that does not depend on the model: redistribution, effective area, exposure, AREASCAL,
grouping and the choice of groups. It is made once for a dataset; a fit then costs one product an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from xbatch.xray.folding import Folding

__all__ = ["Groups", "find_groups", "fold", "group_bounds", "group_middle", "group_sum", "notice"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# EBOUNDS are 32-bit numbers: 3 keV may stand there as 2.9999998. An edge is taken to be where the band says if it is
# nearer to it than this fraction of the channel's width.
_EDGE_TOLERANCE = 1e-3
# Elements of the response that are summed at once: what fits in a processor's cache.
_BLOCK = 500_000


@dataclass(frozen=True)
class Groups:
    """The groups of a spectrum.

    Attributes
    ----------
    index : ndarray, shape (n,)
        The number of the group that each channel is in, -1 for a channel that is left out.
    first, last : ndarray, shape (g,)
        Positions (from 0, in the spectrum's rows) of the first and the last channel of each group.
    """

    index: Integers
    first: Integers
    last: Integers

    @property
    def size(self) -> int:
        """The number of groups."""
        return int(self.first.size)

    def keep(self, chosen: NDArray[np.bool_]) -> Groups:
        """Give the chosen groups alone, numbered anew; the channels of the others are left out."""
        # The last number is that of index -1, a channel in no group.
        numbers = np.append(np.where(chosen, np.cumsum(chosen) - 1, -1), -1)
        return Groups(numbers[self.index], self.first[chosen], self.last[chosen])


def find_groups(grouping: NDArray[np.integer], quality: NDArray[np.integer]) -> Groups:
    """Find the groups of a spectrum from its OGIP flags.

    A group begins at a channel whose GROUPING is not -1. A channel whose QUALITY is not 0 is left out by itself: the
    others of its group stay together, and a group of which all channels are bad is no group.

    Parameters
    ----------
    grouping, quality : ndarray, shape (n,)

    Returns
    -------
    Groups
        In the order of the channels.
    """
    begins = np.asarray(grouping) != -1
    good = np.flatnonzero(np.asarray(quality) == 0)
    name = np.cumsum(begins)[good]
    _, start, number = np.unique(name, return_index=True, return_inverse=True)
    index = np.full(begins.size, -1, dtype=np.int64)
    index[good] = number
    stop = np.append(start[1:], good.size)[: start.size] - 1
    return Groups(index, good[start], good[stop])


def group_bounds(groups: Groups, e_min: Floats, e_max: Floats) -> tuple[Floats, Floats]:
    """Give the lowest and the highest energy of each group.

    Parameters
    ----------
    groups : Groups
    e_min, e_max : ndarray, shape (n,)
        Nominal energies of the spectrum's channels (EBOUNDS), keV; they may descend, as those of gratings do.

    Returns
    -------
    tuple of two ndarrays, shape (g,)
    """
    if groups.size == 0:
        return np.empty(0), np.empty(0)
    used = groups.index >= 0
    starts = _starts(groups.index[used])
    return np.minimum.reduceat(e_min[used], starts), np.maximum.reduceat(e_max[used], starts)


def notice(groups: Groups, e_min: Floats, e_max: Floats, lo: float, hi: float, edge: str = "inside") -> Groups:
    """Keep the groups that a band selects.

    Parameters
    ----------
    groups : Groups
    e_min, e_max : ndarray, shape (n,)
        Nominal energies of the spectrum's channels (EBOUNDS), keV.
    lo, hi : float
        The band, keV.
    edge : str
        ``inside``: groups that lie wholly in [lo, hi]; ``overlap``: all that share more than an edge with it, as
        Sherpa's ``notice`` does.

    Raises
    ------
    ValueError
        Another `edge`.
    """
    low, high = group_bounds(groups, e_min, e_max)
    slack = _EDGE_TOLERANCE * np.minimum(*((e_max - e_min)[end] for end in (groups.first, groups.last)))
    if edge == "inside":
        return groups.keep((low >= lo - slack) & (high <= hi + slack))
    if edge == "overlap":
        return groups.keep((high > lo + slack) & (low < hi - slack))
    raise ValueError(f"a band's edge is 'inside' or 'overlap', not {edge!r}")


def group_sum(groups: Groups, values: Floats) -> Floats:
    """Sum values of channels, shape (n,), over each group, shape (g,)."""
    used = groups.index >= 0
    return np.bincount(groups.index[used], weights=values[used], minlength=groups.size).astype(np.float64)


def group_middle(groups: Groups, values: Floats) -> Floats:
    """Give the middle between the smallest and the largest value in each group, as Sherpa does for BACKSCAL."""
    low, high = group_bounds(groups, values, values)
    return np.asarray((low + high) / 2)


def fold(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    redistribution: NDArray[np.float32] | Floats,
    specresp: Floats,
    channel_group: Integers,
    channel_scale: Floats,
    size: int,
) -> Folding:
    """Make the folding matrix of a dataset.

    Parameters
    ----------
    indptr : ndarray, shape (m + 1,)
        Rows of the response (energies) in the compressed form of `indices` and `redistribution`.
    indices, redistribution : ndarray, shape (k,)
        Channel (from 0) and value of each element of the redistribution matrix.
    specresp : ndarray, shape (m,)
        Effective area, cm2.
    channel_group : ndarray, shape (c,)
        The group that each channel of the response counts for, -1 for none.
    channel_scale : ndarray, shape (c,)
        Exposure (s) times AREASCAL of each channel.
    size : int
        The number of groups.

    Returns
    -------
    Folding
    """
    pieces = _Pieces.find(channel_group)
    scales = channel_scale[channel_group >= 0]
    # All groups have one scale, unless AREASCAL changes with the channel.
    one_scale = scales.size > 0 and bool(np.all(scales == scales[0]))
    parts = []
    limits = np.unique(np.searchsorted(indptr, np.arange(0, int(indptr[-1]) + _BLOCK, _BLOCK)).clip(0, indptr.size - 1))
    for start, stop in pairwise(limits):
        part = slice(int(indptr[start]), int(indptr[stop]))
        begin = indptr[start : stop + 1] - part.start
        values = redistribution[part].astype(np.float64)
        if not one_scale:
            values *= channel_scale[indices[part]]
        row, piece, total = _piece_sums(begin, indices[part], values, pieces)
        group, energy = channel_group[pieces.first[piece]], start + row
        used = group >= 0
        weight = total[used] * specresp[energy[used]] * (scales[0] if one_scale else 1.0)
        parts.append((group[used], energy[used], weight))
    shape = (size, indptr.size - 1)
    if not parts:
        return Folding(csr_matrix(shape), 0, 0)
    row, column, value = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    there = value != 0
    row, column = row[there], column[there]
    matrix = csr_matrix((value[there], (row, column)), shape=shape)
    if column.size == 0:
        return Folding(matrix, 0, 0)
    return Folding(matrix, int(column.min()), int(column.max()) + 1)


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


def _starts(values: Integers) -> Integers:
    """Give the positions at which a run of equal values begins."""
    return np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
