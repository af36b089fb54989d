"""Groups as two other programs make them: ``specgroup`` of XMM-Newton's SAS, and the script ``ogrppha.py``.

Both end a group at a minimum, and both keep it from being narrower than a part of the instrument's resolution. What
`xbatch.xray.grouping` says of every grouping holds here too, so bad channels never count although neither program
heeds QUALITY the same way.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from xbatch.xray.grouping import Flags, flags_of_ends, following_at_counts, good_channels, walk

__all__ = ["Minima", "group_ogrppha", "group_specgroup", "half_maximum_width", "limited_background"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shorts = NDArray[np.int16]

# `ogrppha.py` keeps net counts of a channel from falling below this, and widens a group until it has one net count.
_LEAST_NET = -20.0
_NET_WANTED = 1.0
# With so few channels it takes a resolution of one channel.
_FEW_CHANNELS = 100


@dataclass(frozen=True)
class Minima:
    """What a group must reach.

    Attributes
    ----------
    counts : float or None
    snr : float or None
        Signal-to-noise ratio.
    oversample : float or None
        A group is at least the FWHM over this wide.
    """

    counts: float | None = None
    snr: float | None = None
    oversample: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("counts", self.counts), ("snr", self.snr), ("oversample", self.oversample)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} of {value:g} cannot be asked for; it must be above 0")


def group_specgroup(
    counts: Floats,
    quality: Shorts,
    minima: Minima,
    net_variance: tuple[Floats, Floats] | None = None,
    fwhm: Floats | None = None,
    inside: Bools | None = None,
) -> Flags:
    """Group from low to high channels until all minima are reached at once, as SAS ``specgroup`` does.

    Channels left over at the end are added to the last group, as ``lastbin=addtogroup``, the task's default. If no
    group reaches the minima, all are left over (QUALITY 2).

    Parameters
    ----------
    counts, quality : ndarray, shape (n,)
        Counts of source and background together.
    minima : Minima
        `counts` in each group; `snr` of its net counts; `oversample`: a group has at least as many channels as the
        FWHM at its central channel over this.
    net_variance : two ndarrays, shape (n,), optional
        See `xbatch.xray.grouping.net_and_variance`; for `snr`.
    fwhm : ndarray, shape (n,), optional
        Of the response at each channel, in channels; for `oversample`.
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        A minimum is asked for and what it needs is not given.
    """
    if minima.snr is not None and net_variance is None:
        raise ValueError("a signal-to-noise ratio needs net counts and their variance")
    if minima.oversample is not None and fwhm is None:
        raise ValueError("oversampling needs the width of the response")
    good = good_channels(quality, inside)
    # For each channel that a group begins at: the first end that may be, by the counts and by the least width of all.
    first = np.arange(1, good.size + 1)
    if minima.counts is not None:
        first = following_at_counts(counts[good], minima.counts)
    if minima.oversample is not None and fwhm is not None and fwhm.size:
        narrowest = math.ceil(float(fwhm.min()) / minima.oversample * (1 - 1e-12))
        first = np.maximum(first, np.searchsorted(good, good + narrowest - 1) + 1)
    least: list[int] = first.tolist()
    if minima.snr is None or net_variance is None:
        ends = _ends_at_width(least, good.tolist(), minima, fwhm)
    else:
        net, variance = net_variance
        ends = _ends_at_all(least, (net[good], variance[good]), good.tolist(), minima, fwhm)
    return flags_of_ends(good, ends, quality, join_rest=True)


def _ends_at_width(least: Sequence[int], positions: list[int], minima: Minima, fwhm: Floats | None) -> list[int]:
    """Give the end of each group that has the counts and the width."""
    oversample = minima.oversample or 0.0
    widths: list[float] = fwhm.tolist() if fwhm is not None and oversample else []
    ends: list[int] = []
    begin, size = 0, len(positions)
    while begin < size:
        start, end = positions[begin], least[begin]
        while widths and end <= size:
            last = positions[end - 1]
            if (last - start + 1) * oversample >= widths[(start + last) // 2]:
                break
            end += 1
        if end > size:
            break
        ends.append(end)
        begin = end
    return ends


def _ends_at_all(
    least: Sequence[int],
    net_variance: tuple[Floats, Floats],
    positions: list[int],
    minima: Minima,
    fwhm: Floats | None,
) -> list[int]:
    """Give the end of each group that has the counts, the signal-to-noise ratio and the width, all at once."""
    oversample = minima.oversample or 0.0
    widths: list[float] = fwhm.tolist() if fwhm is not None and oversample else []
    squared = (minima.snr or 0.0) ** 2
    ends: list[int] = []
    begin, size = 0, len(positions)
    net, variance = (part.tolist() for part in net_variance)
    rest = zip(range(1, size + 1), net, variance, strict=True)
    while begin < size:
        start, signal, noise = positions[begin], 0.0, 0.0
        # Nothing can end before it has the counts.
        for _, net_here, variance_here in islice(rest, least[begin] - begin - 1):
            signal += net_here
            noise += variance_here
        for end, net_here, variance_here in rest:
            signal += net_here
            noise += variance_here
            if signal <= 0 or signal * signal < squared * noise:
                continue
            last = positions[end - 1]
            if not widths or (last - start + 1) * oversample >= widths[(start + last) // 2]:
                break
        else:
            break
        ends.append(end)
        begin = end
    return ends


def group_ogrppha(
    counts: Floats,
    background: Floats,
    quality: Shorts,
    minima: Minima,
    width: Callable[[int], float],
    inside: Bools | None = None,
) -> Flags:
    """Group from low to high channels as the script ``ogrppha.py`` does.

    A group begins with round(max(1, width / `oversample`)) channels, halves to the even number. It is widened until it
    has one net count, then until net / sqrt(S + B) is at least `snr`, then until its net counts are at least `counts`.
    B is the scaled background, so that its part of the noise is a B, not the a^2 B of other types. Leftover channels
    as in `xbatch.xray.grouping.group_min`; the script leaves them in groups that do not reach the minimum.

    Parameters
    ----------
    counts, background, quality : ndarray, shape (n,)
        `background` scaled to the source, see `limited_background`.
    minima : Minima
    width : callable
        Gives the width of the response at a channel, in channels.
    inside : ndarray of bool, shape (n,), optional
    """
    good = good_channels(quality, inside)
    net: list[float] = (counts - background)[good].tolist()
    both: list[float] = (counts + background)[good].tolist()
    positions: list[int] = good.tolist()
    oversample = minima.oversample or 1.0
    squared = (minima.snr or 0.0) ** 2
    least = minima.counts or 0.0
    size = len(net)

    def close(begin: int) -> int:
        start = positions[begin]
        end = bisect_left(positions, start + round(max(1.0, width(start) / oversample)), begin)
        signal, noise = sum(net[begin:end]), sum(both[begin:end])
        # Each minimum in its turn: one that is reached may be lost again on the way to the next.
        while signal < _NET_WANTED and end < size:
            signal += net[end]
            noise += both[end]
            end += 1
        if signal < _NET_WANTED:
            return size + 1
        while not (signal > 0 and signal * signal >= squared * noise) and end < size:
            signal += net[end]
            noise += both[end]
            end += 1
        if not (signal > 0 and signal * signal >= squared * noise):
            return size + 1
        while signal < least and end < size:
            signal += net[end]
            end += 1
        return end if signal >= least else size + 1

    return walk(good, close, quality)


def limited_background(counts: Floats, background: Floats) -> Floats:
    """Lower the scaled background where net counts would fall below -20, as ``ogrppha.py`` does.

    Parameters
    ----------
    counts, background : ndarray, shape (n,)
    """
    return np.where(counts - background < _LEAST_NET, counts - _LEAST_NET, background)


def half_maximum_width(
    rows: tuple[NDArray[np.integer], NDArray[np.floating]],
    energies: tuple[Floats, Floats],
    channels: tuple[Floats, Floats],
) -> Callable[[int], float]:
    """Give the width of a response at a channel as ``ogrppha.py`` takes it, in channels.

    The row is the one whose middle is nearest to the channel's (the lower of two), smoothed with a Gaussian whose
    standard deviation is the number of rows over that of channels. On either side of its peak the element nearest to
    half of the peak is found; the width is the distance of the two. It is 1 where the row is empty or zero, and for
    spectra of at most 100 channels.

    Parameters
    ----------
    rows : (indptr, matrix)
        The redistribution in CSR form, shapes (m + 1,), (z,). Gaps between the groups of a row are closed up.
    energies : (energ_lo, energ_hi)
        Shape (m,), keV, ascending.
    channels : (e_min, e_max)
        Shape (c,), keV.

    Returns
    -------
    callable
        From a channel's position to its width.
    """
    indptr, matrix = rows
    middle, wanted = (energies[0] + energies[1]) / 2, (channels[0] + channels[1]) / 2
    place = np.searchsorted(middle, wanted)
    lower, upper = np.maximum(place - 1, 0), np.minimum(place, middle.size - 1)
    nearest = np.where(np.abs(wanted - middle[lower]) <= np.abs(middle[upper] - wanted), lower, upper)
    smoothing = middle.size / wanted.size

    @cache
    def of_row(row: int) -> float:
        values = matrix[indptr[row] : indptr[row + 1]]
        if values.size == 0:
            return 1.0
        smooth = gaussian_filter1d(values, smoothing)
        if np.allclose(smooth, 0):
            return 1.0
        top = int(np.argmax(smooth))
        distance = np.abs(smooth - smooth[top] / 2)
        below = int(np.argmin(distance[:top])) if top else 0
        return float(top + int(np.argmin(distance[top:])) - below)

    of_channel: list[int] = nearest.tolist()

    def width(channel: int) -> float:
        return of_row(of_channel[channel]) if wanted.size > _FEW_CHANNELS else 1.0

    return width
