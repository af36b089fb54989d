"""Edges of bands that share out the counts, or the signal to noise, of a spectrum evenly.

The rules are those behind published lists of bands for spectral timing (form ``faithful``); ``mended`` is the same with
what is wrong in them put right. An edge is the position of a channel: in the mended form the last one of its band, in
the faithful form the first one of the next band, as the lists were used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.grouping import ends_at_snr

__all__ = ["channels_inside", "equal_count_edges", "equal_snr_edges", "nearest_channels", "wide_edges"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Halvings of the interval that the signal-to-noise ratio is looked for in: far below the steps between channels.
_HALVINGS = 60


def channels_inside(e_min: Floats, e_max: Floats, lo: float, hi: float) -> tuple[int, int]:
    """Give the positions of the first and the last channel of a range: those whose edges are nearest to its ends.

    Parameters
    ----------
    e_min, e_max : ndarray, shape (c,)
        keV, ascending.
    lo, hi : float
        keV.

    Raises
    ------
    ValueError
        The range lies outside the channels, or holds none.
    """
    first, last = int(np.argmin(np.abs(e_min - lo))), int(np.argmin(np.abs(e_max - hi)))
    if hi <= e_min[0] or lo >= e_max[-1] or last < first:
        raise ValueError(f"{lo:g} to {hi:g} keV holds no channel of {e_min[0]:g} to {e_max[-1]:g} keV")
    return first, last


def equal_count_edges(net: Floats, bands: int, *, faithful: bool = False) -> Integers:
    """Share out net counts evenly.

    Edge k is where the running sum is nearest to ``k T / n``, T being the sum of all: the first such channel.

    Parameters
    ----------
    net : ndarray, shape (c,)
        Net counts of the channels of the range.
    bands : int
        n, at least 1.
    faithful : bool
        Take edges as they come; by default they rise, those that repeat are one, and the ends of the range stay ends.

    Returns
    -------
    ndarray, shape (n + 1,), or fewer
        Positions, from 0.

    Raises
    ------
    ValueError
        There are no net counts.
    """
    total = np.cumsum(net)
    if not net.size or not total[-1] > 0:
        raise ValueError("there are no net counts to share out")
    wanted = np.arange(bands + 1) * total[-1] / bands
    edges = np.array([np.argmin(np.abs(total - one)) for one in wanted], dtype=np.int64)
    return edges if faithful else _within(edges, net.size)


def equal_snr_edges(net: Floats, variance: Floats, bands: int, *, faithful: bool = False) -> Integers:
    """Share out the signal to noise evenly, from low to high channels.

    Each band grows until it has a signal-to-noise ratio ``sum(net) / sqrt(sum(variance))``. The ratio is the largest
    that leaves `bands` of them; what is left at the end is part of the last one. The faithful form takes
    ``sqrt(T / (n + 1))``, T being the net counts, and the square root of a band's net counts has to exceed it; what is
    left is in no band.

    Parameters
    ----------
    net, variance : ndarray, shape (c,)
        See `xbatch.xray.grouping.net_and_variance`.
    bands : int
        n, at least 1.
    faithful : bool

    Returns
    -------
    ndarray, shape (n + 1,), or fewer
        Positions, from 0.

    Raises
    ------
    ValueError
        There are no net counts.
    """
    if not net.size or not net.sum() > 0:
        raise ValueError("there are no net counts to share out")
    if faithful:
        target = np.sqrt(net.sum() / (bands + 1))
        return np.array([0, *_grown(net, float(target))], dtype=np.int64)
    low, high = 0.0, float(np.sqrt(np.maximum(net, 0).sum() ** 2 / max(variance.sum(), 1e-300)) + np.sqrt(net.size))
    ends = _ends(net, variance, np.nextafter(0, 1))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        found = _ends(net, variance, middle)
        if len(found) >= bands:
            low, ends = middle, found
        else:
            high = middle
    return _within(np.array([0, *ends[: bands - 1], net.size - 1], dtype=np.int64), net.size)


def wide_edges(edges: Integers, least: int, *, faithful: bool = False) -> Integers:
    """Leave out edges: one is kept if it is at least `least` channels above the one kept last.

    The end stays: if what is left before it is too narrow, it is part of the last band. In the faithful form that is in
    no band.
    """
    kept = [int(edges[0])]
    for edge in edges[1:].tolist():
        if edge - kept[-1] >= least:
            kept.append(edge)
    if not faithful:
        kept = [*kept[: max(len(kept) - 1, 1)], int(edges[-1])]
    return np.array(kept, dtype=np.int64)


def nearest_channels(energies: Floats, e_min: Floats, e_max: Floats) -> Integers:
    """Give the positions of the channels whose middles are nearest to energies; of two the first."""
    middles = 0.5 * (e_min + e_max)
    return np.array([np.argmin(np.abs(middles - energy)) for energy in energies], dtype=np.int64)


def _within(edges: Integers, size: int) -> Integers:
    """Let edges rise from the first channel to the last."""
    inner = np.unique(np.maximum.accumulate(edges[1:-1]))
    return np.concatenate([[0], inner[(inner > 0) & (inner < size - 1)], [size - 1]]).astype(np.int64)


def _grown(net: Floats, target: float) -> list[int]:
    ends, total = [], 0.0
    for position, counts in enumerate(net.tolist()):
        total += counts
        if total > 0 and total > target**2:
            ends.append(position)
            total = 0.0
    return ends


def _ends(net: Floats, variance: Floats, snr: float) -> list[int]:
    """Give the last channel of each band that reaches the ratio."""
    return [end - 1 for end in ends_at_snr(net, variance, snr)]
