"""Grouping of channels into bins: counts and flags in, OGIP GROUPING and QUALITY out.

What holds for every function here, and in `xbatch.xray.grouping_optimal`:

- GROUPING is 1 where a group begins, -1 where it goes on; QUALITY 0 is good, 2 a leftover at the end that reaches no
  minimum, 5 bad by the user's word (OGIP memo 92-007a; grppha's values).
- Channels whose QUALITY is not 0 never count and keep it. A group runs on across them, as grppha's do; those inside it
  get -1, those before its first good channel stay alone.
- `inside` limits the work to some channels; the others stay alone, with their QUALITY.
- No array that comes in is changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BAD_BY_USER",
    "LEFTOVER",
    "Flags",
    "flag_bad",
    "group_by_labels",
    "group_constant",
    "group_min",
    "group_none",
    "group_ranges",
    "group_snr",
    "net_and_variance",
    "systematic_errors",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shorts = NDArray[np.int16]
Flags = tuple[Shorts, Shorts]
#: From the first channel of a group (a position among the good channels inside) to the first one after it; a number
#: above that of the channels if what is left makes no group.
Closing = Callable[[int], int]

LEFTOVER = 2
BAD_BY_USER = 5


def flag_bad(quality: Shorts, channel: NDArray[np.integer], ranges: Sequence[Sequence[int]]) -> Shorts:
    """Set QUALITY 5 for ranges of channel numbers, both ends included, as grppha's ``bad a-b`` does.

    Parameters
    ----------
    quality : ndarray, shape (n,)
    channel : ndarray, shape (n,)
        Channel numbers, ascending.
    ranges : sequence of (first, last)

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        A range that runs backwards or holds none of the channels.
    """
    flagged = quality.astype(np.int16)
    for first, last in ranges:
        flagged[_slice(channel, first, last)] = BAD_BY_USER
    return flagged


def systematic_errors(
    sys_err: Floats, channel: NDArray[np.integer], ranges: Sequence[tuple[int, int, float]]
) -> Floats:
    """Set the fractional systematic error for ranges of channel numbers; a later range wins.

    Parameters
    ----------
    sys_err : ndarray, shape (n,)
        What is there already.
    channel : ndarray, shape (n,)
    ranges : sequence of (first, last, fraction)

    Raises
    ------
    ValueError
        A range that runs backwards or holds none of the channels, or a fraction below 0.
    """
    errors = sys_err.astype(np.float64)
    for first, last, fraction in ranges:
        if fraction < 0:
            raise ValueError(f"the systematic error of channels {first} to {last} is below 0")
        errors[_slice(channel, first, last)] = fraction
    return errors


def group_none(quality: Shorts) -> Flags:
    """Make every channel its own bin."""
    return np.ones(quality.size, dtype=np.int16), quality.astype(np.int16)


def group_constant(quality: Shorts, width: int, inside: Bools | None = None) -> Flags:
    """Group each `width` channels, from the first one inside; the last group may be short.

    Parameters
    ----------
    quality : ndarray, shape (n,)
    width : int
        Channels, good or bad.
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        `width` is below 1.
    """
    if width < 1:
        raise ValueError(f"a bin of {width} channels cannot be made; the least is 1")
    begin = 0 if inside is None or not inside.any() else int(np.argmax(inside))
    return group_by_labels((np.arange(quality.size) - begin) // width, quality, inside)


def group_ranges(
    quality: Shorts,
    channel: NDArray[np.integer],
    ranges: Sequence[tuple[int, int, int]],
    inside: Bools | None = None,
) -> Flags:
    """Group ranges of channel numbers by widths of their own, as grppha's ``group first last width`` does.

    Whole groups are made from `first`; channels that do not fill one, and those in no range, stay single.

    Parameters
    ----------
    quality, channel : ndarray, shape (n,)
    ranges : sequence of (first, last, width)
        Both ends included.

    Raises
    ------
    ValueError
        A range that runs backwards or holds none of the channels, two that overlap, or a width below 1.
    """
    which = np.full(quality.size, -1)
    firsts, lasts, widths = np.array([*ranges, (0, 0, 1)], dtype=np.int64).T
    starts, stops = np.searchsorted(channel, firsts).tolist(), np.searchsorted(channel, lasts, side="right").tolist()
    for place, (first, last, width) in enumerate(ranges):
        if width < 1:
            raise ValueError(f"a bin of {width} channels cannot be made; the least is 1")
        start, stop = starts[place], stops[place]
        if last < first or start == stop:
            _slice(channel, first, last)
        part = which[start:stop]
        if part.max() >= 0:
            raise ValueError(f"channels {first} to {last} overlap with another range of the binning")
        part[:] = place
    # Channel numbers, not positions: a spectrum may begin inside the range.
    number = channel.astype(np.int64) - firsts[which]
    width_here = widths[which]
    whole = (which >= 0) & (number < (lasts - firsts + 1)[which] // width_here * width_here)
    label = np.where(whole, firsts[which] + number // width_here * width_here, -1 - np.arange(quality.size))
    return group_by_labels(label, quality, inside)


def group_by_labels(label: NDArray[np.integer], quality: Shorts, inside: Bools | None = None) -> Flags:
    """Group neighbouring channels that share a label.

    Parameters
    ----------
    label, quality : ndarray, shape (n,)
    inside : ndarray of bool, shape (n,), optional
    """
    good = _good(quality, inside)
    if good.size == 0:
        return group_none(quality)
    begins = np.flatnonzero(np.diff(label[good], prepend=label[good[0]] - 1))
    return _flags(good, begins, np.append(begins[1:], good.size), quality)


def group_min(counts: Floats, quality: Shorts, minimum: float, inside: Bools | None = None) -> Flags:
    """Group from low to high channels until the sum of counts is at least `minimum`, as grppha's ``group min`` does.

    Channels left over at the end make no group: each gets GROUPING 1 and QUALITY 2. If no group reaches the minimum
    that is so for all channels.

    Parameters
    ----------
    counts, quality : ndarray, shape (n,)
        Counts of the source for type ``min``, of the background for ``bmin``.
    minimum : float
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        `minimum` is not above 0, or a channel has counts below 0.
    """
    good = _good(quality, inside)
    return flags_of_ends(good, ends_at_counts(counts[good], minimum), quality)


def group_snr(net: Floats, variance: Floats, quality: Shorts, snr: float, inside: Bools | None = None) -> Flags:
    """Group from low to high channels until sum(net) / sqrt(sum(variance)) is at least `snr` (type ``snmin``).

    Leftover channels as in `group_min`.

    Parameters
    ----------
    net, variance, quality : ndarray, shape (n,)
        See `net_and_variance`.
    snr : float
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        `snr` is not above 0.
    """
    good = _good(quality, inside)
    return flags_of_ends(good, ends_at_snr(net[good], variance[good], snr), quality)


def net_and_variance(
    counts: Floats,
    variance: Floats,
    background: Floats | None = None,
    background_variance: Floats | None = None,
    scale: Floats | float = 1.0,
) -> tuple[Floats, Floats]:
    """Give net counts and their variance in each channel.

    ``net = S - a B``, ``variance = var(S) + a^2 var(B)`` with
    ``a = (AREASCAL_S BACKSCAL_S EXPOSURE_S) / (AREASCAL_B BACKSCAL_B EXPOSURE_B)``: the definitions that ftgrouppha
    documents. Of Poisson counts the variance is the counts; a systematic error f adds (f S)^2 to it.

    Parameters
    ----------
    counts, variance : ndarray, shape (n,)
        Of the source.
    background, background_variance : ndarray, shape (n,), optional
    scale : float or ndarray, shape (n,)
        a.
    """
    if background is None or background_variance is None:
        return np.asarray(counts, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    return counts - scale * background, variance + scale**2 * background_variance


def walk(good: NDArray[np.intp], close: Closing, quality: Shorts, *, join_rest: bool = False) -> Flags:
    """Make groups one after the other, and flag what is left or join it to the last group.

    Parameters
    ----------
    good : ndarray of int
        Positions of the channels that may be grouped.
    close : callable
        See `Closing`.
    quality : ndarray, shape (n,)
    join_rest : bool
        Channels left over at the end become part of the last group, if there is one.
    """
    ends: list[int] = []
    begin, size = 0, good.size
    while begin < size:
        begin = close(begin)
        if begin > size:
            break
        ends.append(begin)
    return flags_of_ends(good, ends, quality, join_rest=join_rest)


def flags_of_ends(good: NDArray[np.intp], ends: list[int], quality: Shorts, *, join_rest: bool = False) -> Flags:
    """Flag groups that follow one another among the good channels, and what is left after the last one.

    Parameters
    ----------
    good : ndarray of int
        Positions of the channels that may be grouped.
    ends : list of int
        For each group the first good channel after it.
    quality : ndarray, shape (n,)
    join_rest : bool
        Channels left over at the end become part of the last group, if there is one.
    """
    stops = np.array(ends, dtype=np.intp)
    if join_rest and stops.size:
        stops[-1] = good.size
    begins = np.append(0, stops[:-1])[: stops.size]
    grouping, flagged = _flags(good, begins, stops, quality)
    flagged[good[stops[-1] if stops.size else 0 :]] = LEFTOVER
    return grouping, flagged


def ends_at_counts(counts: Floats, minimum: float) -> list[int]:
    """Give the end of each group of channels whose counts reach a minimum."""
    # A view: far fewer channels begin a group than there are, and only those become numbers of Python's.
    following: memoryview[int] = following_at_counts(counts, minimum).data
    ends: list[int] = []
    begin, size = 0, len(following)
    while begin < size and (begin := following[begin]) <= size:
        ends.append(begin)
    return ends


def following_at_counts(counts: Floats, minimum: float) -> NDArray[np.intp]:
    """Give for each channel the end of a group that would begin there; a number above that of channels if none does."""
    _check_counts(counts, minimum)
    total = np.concatenate([[0.0], np.cumsum(counts)])
    # A minimum that is lost in the rounding of a large sum is reached by one channel.
    return np.maximum(np.searchsorted(total, total[:-1] + minimum), np.arange(1, total.size))


def ends_at_snr(net: Floats, variance: Floats, snr: float) -> list[int]:
    """Give the end of each group of channels whose signal-to-noise ratio reaches a minimum."""
    _check_snr(snr)
    ends: list[int] = []
    squared = snr * snr
    signal = noise = 0.0
    for end, net_here, variance_here in zip(range(1, net.size + 1), net.tolist(), variance.tolist(), strict=True):
        signal += net_here
        noise += variance_here
        if signal > 0 and signal * signal >= squared * noise:
            ends.append(end)
            signal = noise = 0.0
    return ends


def closing_at_counts(counts: Floats, minimum: float) -> Closing:
    """Close a group where its counts reach a minimum."""
    _check_counts(counts, minimum)
    # A list: one bisection for each group, with no numpy scalar made.
    total: list[float] = [0.0, *np.cumsum(counts).tolist()]

    def close(begin: int) -> int:
        return bisect_left(total, total[begin] + minimum, begin + 1)

    return close


def _check_counts(counts: Floats, minimum: float) -> None:
    if not minimum > 0:
        raise ValueError(f"a minimum of {minimum:g} counts cannot be asked for; it must be above 0")
    if counts.size and counts.min() < 0:
        raise ValueError("counts below 0 (a background has been subtracted) cannot be grouped by a minimum of counts")


def _check_snr(snr: float) -> None:
    if not snr > 0:
        raise ValueError(f"a signal-to-noise ratio of {snr:g} cannot be asked for; it must be above 0")


def good_channels(quality: Shorts, inside: Bools | None) -> NDArray[np.intp]:
    """Give the positions of the channels that may be grouped."""
    return _good(quality, inside)


def _good(quality: Shorts, inside: Bools | None) -> NDArray[np.intp]:
    return np.flatnonzero((quality == 0) if inside is None else (quality == 0) & inside)


def _flags(good: NDArray[np.intp], begins: NDArray[np.intp], ends: NDArray[np.intp], quality: Shorts) -> Flags:
    """Flag the groups good[begin:end], each with all that lies between its first and its last channel."""
    step = np.zeros(quality.size + 1, dtype=np.int64)
    step[good[begins] + 1] += 1
    step[good[ends - 1] + 1] -= 1
    grouping = np.where(np.cumsum(step[:-1]) > 0, -1, 1).astype(np.int16)
    return grouping, quality.astype(np.int16)


def _slice(channel: NDArray[np.integer], first: int, last: int) -> slice:
    """Find the rows of channels `first` to `last`."""
    if last < first:
        raise ValueError(f"the range of channels {first} to {last} runs backwards")
    start, stop = np.searchsorted(channel, first, side="left"), np.searchsorted(channel, last, side="right")
    if start == stop:
        raise ValueError(
            f"there is no channel from {first} to {last}; the spectrum has channels {channel[0]} to {channel[-1]}"
        )
    return slice(int(start), int(stop))
