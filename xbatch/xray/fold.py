"""From a response, a grouping and a band to one matrix: counts of a group = F @ (photons / cm2 / s of an energy bin).

The matrix holds everything that does not depend on the model: redistribution, effective area, exposure, AREASCAL,
grouping and the choice of groups. It is made once for a dataset; a fit then costs one product an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.folding import Folding
from xbatch.xray.redistribution import Redistribution

__all__ = ["Groups", "find_groups", "fold", "group_bounds", "group_middle", "group_sum", "notice"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# EBOUNDS are 32-bit numbers: 3 keV may stand there as 2.9999998. An edge is taken to be where the band says if it is
# nearer to it than this fraction of the channel's width.
_EDGE_TOLERANCE = 1e-3


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
    fresh = np.append(True, name[1:] != name[:-1])[: good.size]
    start = np.flatnonzero(fresh)
    index = np.full(begins.size, -1, dtype=np.int64)
    index[good] = np.cumsum(fresh) - 1
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
    """Make the folding matrix of one dataset; see `xbatch.xray.redistribution` for several of one response."""
    rows = Redistribution(indptr, indices, redistribution, channel_group.size)
    return rows.fold(specresp, channel_group, channel_scale, size)


def _starts(values: Integers) -> Integers:
    """Give the positions at which a run of equal values begins."""
    return np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
