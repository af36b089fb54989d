"""Live time from rows of housekeeping that say which part of each second a detector was ready.

The dead time of NuSTAR follows the rate, so the live part of a time slice is that of its own rows and not the mean of
the observation: ``sum over rows of (seconds of the row in the GTIs) x (live part of the row)``. Seconds of the GTIs
that no row tells of have the mean live part of the others.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xbatch.xray.gti import normal, overlap

__all__ = ["covered_seconds", "live_seconds", "live_seconds_bins"]

_Floats = NDArray[np.float64]


def live_seconds(gti: ArrayLike, time: _Floats, live: _Floats, step: float = 1.0) -> float:
    """Give the live seconds in GTIs.

    Parameters
    ----------
    gti : array_like, shape (n, 2)
        s.
    time : ndarray, shape (m,)
        Start of each row, ascending.
    live : ndarray, shape (m,)
        Live part of each row, 0 to 1.
    step : float
        Length of a row, s.

    Raises
    ------
    ValueError
        No row lies in the GTIs, though they hold time.
    """
    given = normal(gti)
    if not len(given):
        return 0.0
    ends = np.array([given[0, 0], given[-1, 1]])
    return float(live_seconds_bins(ends, given, time, live, step)[0])


def live_seconds_bins(
    edges: _Floats, gti: ArrayLike, time: _Floats, live: _Floats, step: float = 1.0
) -> NDArray[np.float64]:
    """Give the live seconds of each bin that lie in the GTIs.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Ascending, s.
    gti, time, live, step
        As in `live_seconds`.

    Returns
    -------
    seconds : ndarray, shape (n,)
        Where no row tells of a part of a bin, that part has the mean live part of the GTIs.

    Raises
    ------
    ValueError
        No row lies in the GTIs, though they hold time.
    """
    given = normal(gti)
    edges = np.asarray(edges, dtype=np.float64)
    if not len(given):
        return np.zeros(len(edges) - 1)
    everywhere = np.ones_like(live)
    ends = np.array([given[0, 0], given[-1, 1]])
    told = float(_integral(ends, given, time, everywhere, step)[0])
    if not told > 0:
        raise ValueError(
            f"there is no live time for the GTIs ({given[0, 0]:.10g} s to {given[-1, 1]:.10g} s): its rows are of "
            + (f"{time[0]:.10g} s to {time[-1] + step:.10g} s" if len(time) else "no time at all")
        )
    seconds = _integral(edges, given, time, live, step)
    untold = overlap(edges, given) - _integral(edges, given, time, everywhere, step)
    # what is left after rounding is no gap
    untold[untold < 1e-6 * step] = 0.0
    if untold.any():
        seconds = seconds + untold * (float(_integral(ends, given, time, live, step)[0]) / told)
    return seconds


def covered_seconds(gti: ArrayLike, time: _Floats, step: float = 1.0) -> float:
    """Give the seconds of the GTIs that rows tell of."""
    given = normal(gti)
    if not len(given):
        return 0.0
    ends = np.array([given[0, 0], given[-1, 1]])
    return float(_integral(ends, given, time, np.ones(len(time)), step)[0])


def _integral(edges: _Floats, gti: _Floats, time: _Floats, value: _Floats, step: float) -> _Floats:
    """Integrate a value that is `value` in each row and 0 elsewhere over each bin, inside the GTIs."""
    if not len(time):
        return np.zeros(len(edges) - 1)
    # barycentred rows are a little less than a row apart: none counts into the next
    width = np.minimum(np.diff(time, append=time[-1] + step), step)
    sums = np.concatenate([[0.0], np.cumsum(value * width)])

    def upto(moments: _Floats) -> _Floats:
        row = np.searchsorted(time, moments, side="right") - 1
        known = np.maximum(row, 0)
        part = value[known] * np.minimum(moments - time[known], width[known])
        return cast("_Floats", np.where(row < 0, 0.0, sums[known] + part))

    begin = upto(gti[:, 0])
    before = np.concatenate([[0.0], np.cumsum(upto(gti[:, 1]) - begin)])
    interval = np.searchsorted(gti[:, 0], edges, side="right") - 1
    known = np.maximum(interval, 0)
    inside = upto(np.minimum(edges, gti[known, 1])) - begin[known]
    return cast("_Floats", np.maximum(np.diff(np.where(interval < 0, 0.0, before[known] + inside)), 0.0))
