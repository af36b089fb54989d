"""Optimal binning: bins as wide as the instrument's resolution and the number of counts make sensible.

Kaastra & Bleeker 2016, A&A 587, A151.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.grouping import Closing, Flags, closing_at_counts, flags_of_ends, good_channels, walk

__all__ = [
    "fwhm_channels",
    "group_optimal",
    "group_optimal_min",
    "group_optimal_snr",
    "optimal_factor",
    "optimal_widths",
]

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
    if not snr > 0:
        raise ValueError(f"a signal-to-noise ratio of {snr:g} cannot be asked for; it must be above 0")
    good = good_channels(quality, inside)
    net, variance = (part[good].tolist() for part in net_variance)
    optimal = _closing_at_width(good, _widths_of_good(counts, fwhm, quality))
    ends: list[int] = []
    begin, size, squared = 0, good.size, snr * snr
    rest = zip(range(1, size + 1), net, variance, strict=True)
    while begin < size:
        signal = noise = 0.0
        for end, net_here, variance_here in rest:  # noqa: B007  (it is where the loop ended)
            signal += net_here
            noise += variance_here
            if signal > 0 and signal * signal >= squared * noise:
                break
        else:
            break
        # Once reached, the ratio is not looked at again: it may fall on the way to the width.
        begin = max(end, optimal(begin))
        ends.append(begin)
        for _ in islice(rest, begin - end):
            pass
    return flags_of_ends(good, ends, quality)


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
    width = fwhm * optimal_factor(np.log(np.maximum(number, 1.0)))
    return np.maximum(width.astype(np.int64), 1)


def optimal_factor(x: Floats) -> Floats:
    """Give the optimal width of a bin in units of the FWHM: 1 where x <= 2.119 (Kaastra & Bleeker 2016, eq. 19).

    Parameters
    ----------
    x : ndarray
        ln(N (1 + 0.2 ln R)), as of `optimal_widths`.
    """
    narrow = x > _FULL_WIDTH_BELOW
    safe = np.where(narrow, x, 1.0)
    return np.where(narrow, (0.08 * safe + 7 + 1.8 / safe) / (safe + 5.9), 1.0)


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
    indptr, indices, matrix = rows
    energ_lo, energ_hi = energies
    e_min, e_max = channels
    middle = (e_min + e_max) / 2
    row = np.searchsorted(energ_hi, middle, side="right")
    held = row < energ_hi.size
    row = np.where(held, row, 0)
    held &= energ_lo[row] <= middle
    width = np.zeros(middle.size)
    used, place = np.unique(row[held], return_inverse=True)
    bounds = zip(indptr[used].tolist(), indptr[used + 1].tolist(), strict=True)
    widths = [_row_width(indices[start:stop], matrix[start:stop], middle.size) for start, stop in bounds]
    width[held] = np.array(widths)[place]
    known = np.flatnonzero(width > 0)
    if known.size == 0:
        raise ValueError("the response has no width at any channel")
    nearest = np.searchsorted(known, np.arange(width.size), side="right") - 1
    return width[known[np.maximum(nearest, 0)]]


def _row_width(indices: NDArray[np.integer], values: NDArray[np.floating], size: int) -> float:
    """Give the width of one row of a response with `size` channels; 0 where it has none."""
    if indices.size == 0:
        return 0.0
    first, last = int(indices[0]), int(indices[-1])
    if last - first + 1 != indices.size:  # channels between the row's groups hold nothing
        dense = np.zeros(last - first + 1, dtype=values.dtype)
        dense[indices - first] = values
        values = dense
    top = int(np.argmax(values))
    peak = float(values[top])
    if not peak > 0:
        return 0.0
    low = values <= peak / 2
    before, after = low[:top][::-1], low[top + 1 :]
    below = 1 + (int(np.argmax(before)) if before.any() else before.size)
    above = 1 + (int(np.argmax(after)) if after.any() else after.size)
    has_below, has_above = first + top - below >= 0, first + top + above < size
    if has_below and has_above:
        return float(below + above)
    return 2.0 * (below if has_below else above) if has_below or has_above else 0.0


def _widths_of_good(counts: Floats, fwhm: Floats, quality: Shorts) -> NDArray[np.int64]:
    """Bad channels hold no counts."""
    return optimal_widths(np.where(quality == 0, counts, 0.0), fwhm)


def _closing_at_width(good: NDArray[np.intp], widths: NDArray[np.int64]) -> Closing:
    """Close a group before the channel that its own width, or that of a channel in it, no longer reaches."""
    # No channel beyond the first one's own width ends before it: the least of all that follow is that of its width.
    stops = np.minimum.accumulate((np.arange(widths.size) + widths)[::-1])[::-1]
    following: list[int] = np.searchsorted(good, stops[good]).tolist()
    return following.__getitem__


def _later(one: Closing, other: Closing) -> Closing:
    """Close where both would have closed."""

    def close(begin: int) -> int:
        return max(one(begin), other(begin))

    return close
