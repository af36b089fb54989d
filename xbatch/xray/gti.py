"""Good time intervals as arrays: union, intersection, complement, and what lies in them.

A list of GTIs is a float64 array of shape (n, 2): start and stop in seconds, sorted, disjoint, none empty. An interval
holds ``start <= t < stop``, so intervals that touch are one, an event on a stop is out and an event on a start is in,
as the extractor of HEASoft has it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["complement", "from_bins", "inside", "intersection", "normal", "overlap", "total", "union"]

Gti = NDArray[np.float64]


def normal(intervals: ArrayLike) -> Gti:
    """Sort intervals, merge those that overlap or touch, and leave out those that hold nothing.

    Parameters
    ----------
    intervals : array_like, shape (n, 2)
        Start and stop in seconds, in any order.

    Raises
    ------
    ValueError
        The shape is another, or a time is not finite.
    """
    given = np.asarray(intervals, dtype=np.float64)
    if given.size == 0:
        return np.empty((0, 2))
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"GTIs need the shape (n, 2), not {given.shape}")
    if not np.all(np.isfinite(given)):
        raise ValueError("a GTI has a start or stop that is not finite")
    given = given[given[:, 1] > given[:, 0]]
    if not given.size:
        return np.empty((0, 2))
    given = given[np.argsort(given[:, 0], kind="stable")]
    furthest = np.maximum.accumulate(given[:, 1])
    first = np.concatenate([[True], given[1:, 0] > furthest[:-1]])
    last = np.concatenate([first[1:], [True]])
    return np.column_stack([given[first, 0], furthest[last]])


def union(*gtis: ArrayLike) -> Gti:
    """Give the times that lie in any of the lists."""
    given = [normal(gti) for gti in gtis]
    return normal(np.concatenate(given)) if given else np.empty((0, 2))


def intersection(a: ArrayLike, b: ArrayLike) -> Gti:
    """Give the times that lie in both lists."""
    first, second = normal(a), normal(b)
    # of each interval of the first list: the run of the second list that overlaps it
    begin = np.searchsorted(second[:, 1], first[:, 0], side="right")
    end = np.searchsorted(second[:, 0], first[:, 1], side="left")
    count = np.maximum(end - begin, 0)
    one = np.repeat(np.arange(len(first)), count)
    other = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    start = np.maximum(first[one, 0], second[other, 0])
    stop = np.minimum(first[one, 1], second[other, 1])
    return np.column_stack([start, stop])


def complement(gti: ArrayLike, lo: float, hi: float) -> Gti:
    """Give the times from `lo` up to `hi` that lie in no interval.

    Raises
    ------
    ValueError
        `lo` or `hi` is not finite.
    """
    within = intersection(gti, [[lo, hi]])
    edges = np.concatenate([[lo], within.ravel(), [hi]])
    return normal(edges.reshape(-1, 2))


def total(gti: ArrayLike) -> float:
    """Give the sum of the intervals' lengths, in s."""
    given = normal(gti)
    return float((given[:, 1] - given[:, 0]).sum())


def inside(times: NDArray[np.float64], gti: ArrayLike, in_order: bool | None = None) -> NDArray[np.bool_]:
    """Say of each time whether it lies in an interval; a time that is not a number does not.

    Parameters
    ----------
    times : ndarray, shape (n,)
    gti : array_like, shape (m, 2)
    in_order : bool, optional
        Whether the times are known to ascend; looked at if not given. Of times in order only the m edges are sought.
    """
    edges = normal(gti).ravel()
    if in_order is None:
        in_order = bool(np.all(times[1:] >= times[:-1]))
    if in_order:
        at = np.concatenate([[0], np.searchsorted(times, edges, side="left"), [len(times)]])
        return np.repeat(np.arange(len(at) - 1) % 2 == 1, np.diff(at))
    # a NaN sorts behind every edge, and the number of edges is even: it is outside
    odd: NDArray[np.bool_] = np.searchsorted(edges, times, side="right") % 2 == 1
    return odd


def overlap(edges: NDArray[np.float64], gti: ArrayLike) -> NDArray[np.float64]:
    """Give the seconds of each bin that lie in the intervals.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Ascending.
    gti : array_like, shape (m, 2)

    Returns
    -------
    seconds : ndarray, shape (n,)
        Exactly a bin's width where the bin lies wholly within one interval.
    """
    edges = np.asarray(edges, dtype=np.float64)
    width = np.diff(edges)
    given = normal(gti)
    if not len(given):
        return np.zeros(len(width))
    length = given[:, 1] - given[:, 0]
    before = np.concatenate([[0.0], np.cumsum(length)])
    at = np.searchsorted(given[:, 0], edges, side="right") - 1
    known = np.maximum(at, 0)
    exposed = np.where(at < 0, 0.0, before[known] + np.minimum(edges - given[known, 0], length[known]))
    whole = (at[:-1] >= 0) & (edges[1:] <= given[known[:-1], 1])
    # differences of sums are exact to rounding only: a bin wholly inside must give its width to the last bit
    seconds: NDArray[np.float64] = np.where(whole, width, np.clip(np.diff(exposed), 0.0, width))
    return seconds


def from_bins(
    time: NDArray[np.float64],
    rate: NDArray[np.float64],
    width: float,
    keep: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
) -> Gti:
    """Make GTIs of a rate curve: the bins whose rate is accepted, joined where one follows another.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Centres of the bins, ascending.
    rate : ndarray, shape (n,)
        A rate that is not a number is never accepted.
    width : float
        Length of a bin in s; bins may be missing.
    keep : callable
        Which rates are accepted, for example ``lambda rate: rate <= 0.5``.

    Raises
    ------
    ValueError
        The bins overlap, or the width is not positive.
    """
    if not width > 0:
        raise ValueError(f"bins of {width} s are none")
    # centres carry the rounding of large times: what is nearer than a millionth of a bin is taken as touching
    slack = 1e-6 * width
    step = np.diff(time)
    if np.any(step < width - slack):
        raise ValueError(f"bins of {width} s overlap: their centres are nearer to one another")
    with np.errstate(invalid="ignore"):
        chosen = np.flatnonzero(keep(rate) & np.isfinite(rate))
    if not chosen.size:
        return np.empty((0, 2))
    joined = (np.diff(chosen) == 1) & (step[chosen[:-1]] <= width + slack)
    first = chosen[np.concatenate([[True], ~joined])]
    last = chosen[np.concatenate([~joined, [True]])]
    return np.column_stack([time[first] - 0.5 * width, time[last] + 0.5 * width])
