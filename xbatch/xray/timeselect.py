"""Times selected by what was measured: bins of a light curve, rows of housekeeping."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.gti import normal

__all__ = ["by_quantile", "row_gtis"]

_Floats = NDArray[np.float64]
#: A row that comes later than this many steps after the one before leaves a gap.
_LATE = 1.5


def by_quantile(rate: _Floats, low: float, high: float) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Choose bins by their place in the order of rates.

    Of n bins in order of rate, numbered from 0, the limits are the rates of number ``ceil(low n)`` and number
    ``ceil(high n)``; bins with ``limit(low) <= rate < limit(high)`` are chosen. With `high` 1 there is no upper limit.
    Bins of equal rate stay together, in the upper of two selections that meet there, so 0 to 0.5 and 0.5 to 1 share no
    bin and leave none out.

    Parameters
    ----------
    rate : ndarray, shape (n,)
        What is not a number is in no selection.
    low, high : float
        0 to 1.

    Returns
    -------
    chosen : ndarray of bool, shape (n,)
    limits : tuple of two float
        Minus or plus infinity where there is none.

    Raises
    ------
    ValueError
        The quantiles make no sense, or there is no rate.
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"quantiles from {low:g} to {high:g} are none: they go from 0 up to 1")
    known = np.sort(rate[np.isfinite(rate)])
    if not known.size:
        raise ValueError("no bin has a rate")

    def limit(part: float) -> float:
        # 0.07 x 100 is a little more than 7 in binary
        number = math.ceil(part * known.size - 1e-9)
        return float(known[number]) if number < known.size else math.inf

    ends = (limit(low) if low > 0 else -math.inf, limit(high) if high < 1 else math.inf)
    chosen: NDArray[np.bool_] = np.isfinite(rate) & (rate >= ends[0]) & (rate < ends[1])
    return chosen, ends


def row_gtis(time: _Floats, chosen: NDArray[np.bool_], step: float | None = None) -> _Floats:
    """Give the times that rows stand for: each from its own time to that of the next.

    A row stands for one step at most where the next comes later than 1.5 steps after it, and so does the last.

    Parameters
    ----------
    time : ndarray, shape (n,)
        s, in any order.
    chosen : ndarray of bool, shape (n,)
    step : float, optional
        s; the median distance of rows unless given.

    Raises
    ------
    ValueError
        There are fewer than two rows and no step.
    """
    order = np.argsort(time, kind="stable")
    ordered, wanted = time[order], chosen[order]
    apart = np.diff(ordered)
    length = step
    if length is None:
        if not np.any(apart > 0):
            raise ValueError("one row alone does not say how long it holds")
        length = float(np.median(apart[apart > 0]))
    until = np.append(np.where(apart > _LATE * length, ordered[:-1] + length, ordered[1:]), ordered[-1:] + length)
    return normal(np.column_stack([ordered[wanted], until[wanted]]))
