"""Groups of at least so many net counts: as they should be, and as the two GDL scripts of ``nutools`` make them.

The scripts (``groupingPHA_BACK.pro`` for one observation, ``groupingPHA_EXPO.pro`` after ``addspec``) write lines of
first channel, last channel and width, which grppha's ``group FILE`` reads. They have faults that move groups; their
form is here so that published fits can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.grouping import Flags, flags_of_ends, good_channels, group_ranges

__all__ = ["Line", "group_as_scripts", "group_net_counts", "merged_lines", "script_lines"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shorts = NDArray[np.int16]
#: First channel, last channel, width of the groups between them.
Line = tuple[int, int, int]


def group_net_counts(net: Floats, quality: Shorts, minimum: float, inside: Bools | None = None) -> Flags:
    """Group from low to high channels until the net counts are at least `minimum` (form ``mended``).

    Leftover channels as in `xbatch.xray.grouping.group_min`.

    Parameters
    ----------
    net, quality : ndarray, shape (n,)
        Net counts, where the background takes them below 0 too.
    minimum : float
    inside : ndarray of bool, shape (n,), optional

    Raises
    ------
    ValueError
        `minimum` is not above 0.
    """
    _check(minimum)
    good = good_channels(quality, inside)
    ends: list[int] = []
    total = 0.0
    for end, value in enumerate(net[good].tolist(), 1):
        total += value
        if total >= minimum:
            ends.append(end)
            total = 0.0
    return flags_of_ends(good, ends, quality)


def group_as_scripts(net: Floats, channel: NDArray[np.integer], quality: Shorts, minimum: float) -> Flags:
    """Group as the scripts and then grppha do (form ``faithful``).

    Channels of all qualities count, and QUALITY stays. A group may have fewer than `minimum` net counts, and channels
    on no line are alone.

    Parameters
    ----------
    net : ndarray, shape (n,)
        S - r B, where r is BACKSCAL_S / BACKSCAL_B for one observation and EXPOSURE_S / EXPOSURE_B for a sum: neither
        script takes both.
    channel, quality : ndarray, shape (n,)
    minimum : float

    Raises
    ------
    ValueError
        As `script_lines`.
    """
    return group_ranges(quality, channel, merged_lines(script_lines(net, channel, minimum)))


def script_lines(net: Floats, channel: NDArray[np.integer], minimum: float) -> list[Line]:
    """Give the lines of the scripts before neighbours of one width are merged.

    The sum starts anew after each group and never has the last channel. The first group is written as if it began at
    channel 1. One is left out if it begins at the channel whose number is the position where it ends, which is meant
    to leave out groups of one channel; those that remain are taken out afterwards.

    Parameters
    ----------
    net, channel : ndarray, shape (n,)
    minimum : float

    Raises
    ------
    ValueError
        `minimum` is not above 0; or the scripts fail: they write a line that runs backwards, or none.
    """
    _check(minimum)
    lines: list[Line] = []
    numbers: list[int] = channel.tolist()
    stop = len(numbers) - 2
    total, begin, is_first = 0.0, 0, True
    for position, value in enumerate(net[:-1].tolist()):
        total += value
        if total < minimum and position != stop:
            continue
        if is_first:
            lines.append(_line(1, numbers[position]))
            is_first = False
        elif position == stop:
            lines.append(_line(begin, numbers[-1]))
        elif begin != position:
            lines.append(_line(begin, numbers[position]))
        total, begin = 0.0, numbers[position + 1]
    if any(last < first for first, last, _ in lines):
        raise ValueError("the scripts end the first group at channel 0 and begin it at channel 1; use form: mended")
    lines = [line for line in lines if line[2] != 1]
    if not lines:
        raise ValueError("the scripts make no group of more than one channel; use form: mended")
    return lines


def merged_lines(lines: Sequence[Line]) -> list[Line]:
    """Merge each run of lines of one width into a line, as grppha repeats a width inside a range.

    Where channels lie between two of them, which happens if a group of one channel was taken out, all groups after
    that are moved.
    """
    merged: list[Line] = []
    for first, last, width in lines:
        if merged and merged[-1][2] == width:
            merged[-1] = (merged[-1][0], last, width)
        else:
            merged.append((first, last, width))
    return merged


def _line(first: int, last: int) -> Line:
    return first, last, last - first + 1


def _check(minimum: float) -> None:
    if not minimum > 0:
        raise ValueError(f"a minimum of {minimum:g} net counts cannot be asked for; it must be above 0")
