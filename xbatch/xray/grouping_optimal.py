"""Optimal binning: bins as wide as the instrument's resolution and the number of counts make sensible.

Kaastra & Bleeker 2016, A&A 587, A151.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.grouping import Closing, Flags, closing_at_counts, closing_at_snr, good_channels, walk

__all__ = ["fwhm_channels", "group_optimal", "group_optimal_min", "group_optimal_snr", "optimal_widths"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shorts = NDArray[np.int16]

# Counts within the full width at half maximum of a Gaussian to the counts of a resolution element.
_GAUSSIAN_SHARE = 1.314
# Where the bin width leaves one FWHM (Kaastra & Bleeker 2016, eq. 19).
_FULL_WIDTH_BELOW = 2.119


def group_optimal(counts: Floats, fwhm: Floats, quality: Shorts, inside: Bools | None = None) -> Flags:
    """Group by optimal widths (type ``opt``).

    A group begins at a good channel and has that channel's width; it ends early where a channel in it would end
    earlier.

    Parameters
    ----------
    counts, fwhm, quality : ndarray, shape (n,)
        Counts of the source; FWHM of the response at each channel, in channels.
    inside : ndarray of bool, shape (n,), optional
    """
    good = good_channels(quality, inside)
    return walk(good, _closing_at_width(good, _widths_of_good(counts, fwhm, quality)), quality)


def group_optimal_min(
    counts: Floats, fwhm: Floats, quality: Shorts, minimum: float, inside: Bools | None = None
) -> Flags:
    """Group by optimal widths, each group widened until it has at least `minimum` counts (type ``optmin``).

    Channels left over at the end make no group, as in `xbatch.xray.grouping.group_min`.

    Raises
    ------
    ValueError
        As `xbatch.xray.grouping.group_min`.
    """
    good = good_channels(quality, inside)
    optimal = _closing_at_width(good, _widths_of_good(counts, fwhm, quality))
    return walk(good, _later(optimal, closing_at_counts(counts[good], minimum)), quality)


def group_optimal_snr(
    counts: Floats,
    fwhm: Floats,
    net_variance: tuple[Floats, Floats],
    quality: Shorts,
    snr: float,
    inside: Bools | None = None,
) -> Flags:
    """Group by optimal widths, each group widened until its signal-to-noise ratio is at least `snr` (``optsnmin``).

    Parameters
    ----------
    counts, fwhm, quality : ndarray, shape (n,)
    net_variance : two ndarrays, shape (n,)
        See `xbatch.xray.grouping.net_and_variance`.
    snr : float
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        As `xbatch.xray.grouping.group_snr`.
    """
    good = good_channels(quality, inside)
    net, variance = net_variance
    optimal = _closing_at_width(good, _widths_of_good(counts, fwhm, quality))
    return walk(good, _later(optimal, closing_at_snr(net[good], variance[good], snr)), quality)


def optimal_widths(counts: Floats, fwhm: Floats) -> NDArray[np.int64]:
    """Give the optimal width of a bin that begins at each channel, in whole channels, at least 1.

    With R = 1 + sum(1 / FWHM) resolution elements in the spectrum and N the counts of one (1.314 times those within
    half a FWHM on both sides), x = ln(N (1 + 0.2 ln R)); the width is the FWHM where x <= 2.119, else
    FWHM (0.08 x + 7 + 1.8 / x) / (x + 5.9) (Kaastra & Bleeker 2016, eqs. 19 and 21).

    Parameters
    ----------
    counts, fwhm : ndarray, shape (n,)
        `fwhm` in channels, above 0.

    Raises
    ------
    ValueError
        A FWHM that is not above 0.
    """
    if fwhm.size and not fwhm.min() > 0:
        raise ValueError("a channel has no FWHM above 0")
    resolution_elements = 1 + np.sum(1 / fwhm)
    position = np.arange(counts.size)
    # Half a channel is rounded away from zero, and both ends are included.
    low = np.maximum(np.floor(position - fwhm / 2 + 0.5), 0).astype(np.int64)
    high = np.minimum(np.floor(position + fwhm / 2 + 0.5), counts.size - 1).astype(np.int64)
    total = np.concatenate([[0.0], np.cumsum(counts)])
    number = _GAUSSIAN_SHARE * (total[high + 1] - total[low]) * (1 + 0.2 * np.log(resolution_elements))
    x = np.log(np.maximum(number, 1.0))
    wide = x > _FULL_WIDTH_BELOW
    x = np.where(wide, x, 1.0)
    width = np.where(wide, fwhm * (0.08 * x + 7 + 1.8 / x) / (x + 5.9), fwhm)
    return np.maximum(width.astype(np.int64), 1)


def fwhm_channels(
    rows: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.floating]],
    energies: tuple[Floats, Floats],
    channels: tuple[Floats, Floats],
) -> Floats:
    """Give the full width at half maximum of a response at each channel, in channels.

    The row for a channel is that whose energy bin holds the channel's middle. From its peak it is stepped to the first
    channel on either side that is not above half of the peak; the width is the distance of the two, with nothing
    interpolated. Where one side runs into the end of the channels, the other side counts twice. Channels without a
    row, or whose row has no width, take that of the nearest lower channel that has one (the first ones: of the
    nearest higher).

    Parameters
    ----------
    rows : (indptr, indices, matrix)
        The redistribution in CSR form: shapes (m + 1,), (z,), (z,); a row for each energy, channel positions from 0,
        ascending in a row.
    energies : (energ_lo, energ_hi)
        Energy bins of the rows, shape (m,), keV, ascending.
    channels : (e_min, e_max)
        Nominal energies of the channels, shape (c,), keV.

    Returns
    -------
    ndarray, shape (c,)

    Raises
    ------
    ValueError
        No channel has a width.
    """
    energ_lo, energ_hi = energies
    e_min, e_max = channels
    widths = _row_widths(*rows, e_min.size)
    middle = (e_min + e_max) / 2
    row = np.searchsorted(energ_hi, middle, side="right")
    held = row < energ_hi.size
    row = np.where(held, row, 0)
    held &= energ_lo[row] <= middle
    width = np.where(held, widths[row], 0.0)
    known = np.flatnonzero(width > 0)
    if known.size == 0:
        raise ValueError("the response has no width at any channel")
    nearest = np.searchsorted(known, np.arange(width.size), side="right") - 1
    return width[known[np.maximum(nearest, 0)]]


def _row_widths(
    indptr: NDArray[np.integer], indices: NDArray[np.integer], matrix: NDArray[np.floating], size: int
) -> Floats:
    """Give the width of each row, 0 where it has none."""
    widths = np.zeros(indptr.size - 1)
    filled = np.flatnonzero(np.diff(indptr) > 0)
    if filled.size == 0:
        return widths
    starts = indptr[:-1][filled]
    lengths = np.diff(indptr)[filled]
    row = np.repeat(np.arange(filled.size), lengths)
    peak = np.maximum.reduceat(matrix, starts)
    above = matrix > peak[row] / 2
    # Runs of neighbouring channels above half maximum: a new one begins at each gap and at each row.
    begins = np.ones(matrix.size, dtype=bool)
    begins[1:] = ~(above[1:] & above[:-1]) | (np.diff(indices) != 1) | (np.diff(row) != 0)
    run = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    last = np.append(first[1:], matrix.size) - 1
    at_peak = np.flatnonzero(matrix == peak[row])
    top = at_peak[np.searchsorted(row[at_peak], np.arange(filled.size))]
    lower = indices[first[run[top]]].astype(np.int64) - 1
    upper = indices[last[run[top]]].astype(np.int64) + 1
    middle = indices[top].astype(np.int64)
    width = np.where(lower < 0, 2 * (upper - middle), np.where(upper >= size, 2 * (middle - lower), upper - lower))
    usable = (peak > 0) & ((lower >= 0) | (upper < size))
    widths[filled] = np.where(usable, width, 0)
    return widths


def _widths_of_good(counts: Floats, fwhm: Floats, quality: Shorts) -> NDArray[np.int64]:
    """Bad channels hold no counts."""
    return optimal_widths(np.where(quality == 0, counts, 0.0), fwhm)


def _closing_at_width(good: NDArray[np.intp], widths: NDArray[np.int64]) -> Closing:
    """Close a group before the channel that its own width, or that of a channel in it, no longer reaches."""
    stops: list[int] = (np.arange(widths.size) + widths).tolist()
    positions: list[int] = good.tolist()

    def close(begin: int) -> int:
        start = positions[begin]
        stop = min(stops[start : stops[start]])
        return bisect_right(positions, stop - 1, begin)

    return close


def _later(one: Closing, other: Closing) -> Closing:
    """Close where both would have closed."""

    def close(begin: int) -> int:
        return max(one(begin), other(begin))

    return close
