"""Light curves from event times: counts in bins of equal length, exposed by what of each bin lies in the GTIs.

Rules, as the extractor of HEASoft has them: bins follow one another from the first without gaps in their count, each
holds ``start <= t < stop``; ``FRACEXP`` is the exposed part of a bin, ``RATE = counts / (FRACEXP x width)`` and
``ERROR = sqrt(counts) / (FRACEXP x width)``. No dead time is corrected here. TIME is always a bin's centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xbatch.xray.gti import normal, overlap

__all__ = ["LightCurve", "bin_counts", "bin_edges", "light_curve"]

#: More bins than these are a mistake in a unit, not a wish.
_MOST_BINS = 50_000_000


@dataclass(frozen=True)
class LightCurve:
    """Counts by time.

    Attributes
    ----------
    edges : ndarray, shape (n + 1,)
        All bins' edges in s, as they were before any were left out (then `number` says which are here).
    width : float
        Length of a bin in s.
    number : ndarray of int64, shape (k,)
        Which bins these are, counted from 0.
    counts : ndarray of int64, shape (k,)
    fracexp : ndarray, shape (k,)
        Exposed part of each bin, 0 to 1.
    """

    edges: NDArray[np.float64]
    width: float
    number: NDArray[np.int64]
    counts: NDArray[np.int64]
    fracexp: NDArray[np.float64]

    @property
    def time(self) -> NDArray[np.float64]:
        """Centres of the bins in s."""
        centres: NDArray[np.float64] = self.edges[self.number] + 0.5 * self.width
        return centres

    @property
    def exposure(self) -> NDArray[np.float64]:
        """Exposed seconds of each bin."""
        seconds: NDArray[np.float64] = self.fracexp * self.width
        return seconds

    @property
    def rate(self) -> NDArray[np.float64]:
        """Counts per exposed second; not a number where nothing is exposed."""
        return self._per_second(self.counts.astype(np.float64))

    @property
    def error(self) -> NDArray[np.float64]:
        """Square root of the counts per exposed second; not a number where nothing is exposed."""
        return self._per_second(np.sqrt(self.counts.astype(np.float64)))

    def _per_second(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        exposure = self.exposure
        rate: NDArray[np.float64] = np.full(len(values), np.nan, np.float64)
        np.divide(values, exposure, out=rate, where=exposure > 0)
        return rate

    def above(self, min_fracexp: float) -> LightCurve:
        """Leave out the bins whose exposed part is not larger than `min_fracexp`; 0 leaves out the unexposed ones."""
        keep = self.fracexp > min_fracexp
        return LightCurve(self.edges, self.width, self.number[keep], self.counts[keep], self.fracexp[keep])


def bin_edges(start: float, stop: float, width: float) -> NDArray[np.float64]:
    """Give the edges ``start + k width`` of the bins that cover `start` to `stop`; the last may reach beyond.

    Raises
    ------
    ValueError
        The width is not positive, `stop` is not after `start`, or there would be more than fifty million bins.
    """
    if not (width > 0 and math.isfinite(width)):
        raise ValueError(f"a bin of {width} s is none")
    if not (stop > start and math.isfinite(stop - start)):
        raise ValueError(f"nothing lies between {start} s and {stop} s")
    # what is left over by rounding alone is no bin of its own; the last bin takes it
    slack = 4 * math.ulp(max(abs(start), abs(stop))) / width
    count = max(math.ceil((stop - start) / width - min(slack, 0.5)), 1)
    if count > _MOST_BINS:
        raise ValueError(f"bins of {width} s over {stop - start:.6g} s would be {count}: choose longer ones")
    edges: NDArray[np.float64] = start + width * np.arange(count + 1, dtype=np.float64)
    edges[-1] = max(edges[-1], stop)
    return edges


def bin_counts(times: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the times in each bin; times outside all bins are left out.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Ascending: only the edges are sought in them.
    edges : ndarray, shape (m + 1,)

    Returns
    -------
    counts : ndarray of int64, shape (m,)
    """
    return np.diff(np.searchsorted(times, edges, side="left")).astype(np.int64)


def light_curve(
    times: NDArray[np.float64],
    gti: ArrayLike,
    width: float,
    start: float | None = None,
    stop: float | None = None,
) -> LightCurve:
    """Bin event times.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Ascending, all of them within the GTIs.
    gti : array_like, shape (m, 2)
    width : float
        Length of a bin in s.
    start, stop : float, optional
        First and last moment in s; else the first GTI's start and the last GTI's stop. Events before `start` are in
        no bin.

    Returns
    -------
    LightCurve
        With all bins, also the unexposed ones: see `LightCurve.above`.

    Raises
    ------
    ValueError
        There is no GTI, or the bins make no sense.
    """
    given = normal(gti)
    if not len(given):
        raise ValueError("a light curve needs GTIs: there are none")
    edges = bin_edges(
        float(given[0, 0]) if start is None else start, float(given[-1, 1]) if stop is None else stop, width
    )
    counts = bin_counts(times, edges)
    fracexp = np.minimum(overlap(edges, given) / np.diff(edges), 1.0)
    return LightCurve(edges, width, np.arange(len(counts)), counts, fracexp)
