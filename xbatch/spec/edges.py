"""Edges of many bands: even in energy or its logarithm, rounded, on channels. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xbatch.spec.missions import Channels

__all__ = ["joined_edges", "linear_edges", "log_edges", "rounded_edges", "snapped_edges"]

# A channel's edge is met if an energy is nearer to it than this part of a channel: 10 / 0.04 is no whole number here.
_DECIMALS = 6


def linear_edges(lo: float, hi: float, count: int) -> list[float]:
    """Cut a range into `count` bands of equal width."""
    return [lo, *(lo + (hi - lo) * step / count for step in range(1, count)), hi]


def log_edges(lo: float, hi: float, count: int) -> list[float]:
    """Cut a range, which begins above 0, into `count` bands of equal width in the logarithm."""
    return [lo, *(lo * (hi / lo) ** (step / count) for step in range(1, count)), hi]


def rounded_edges(edges: Sequence[float], digits: int) -> list[float]:
    """Round to significant digits."""
    return [float(f"{edge:.{digits}g}") for edge in edges]


def snapped_edges(edges: Sequence[float], channels: Channels) -> list[int]:
    """Give for each energy the number of channels below its edge, where channels are numbered from 0.

    The edge is the upper one of the channel whose middle is nearest to the energy, of two the lower channel:
    ceil(round(200 E, 6)) for channels of 5 eV from 0 keV.

    Parameters
    ----------
    edges : sequence of float
        keV.
    channels : Channels

    Returns
    -------
    list of int
        Below 0 for energies below the first channel.
    """
    return [math.ceil(round(edge * channels.per_keV - channels.offset, _DECIMALS)) for edge in edges]


def joined_edges(edges: Sequence[int], least: int) -> list[int]:
    """Leave out edges so that every band has at least `least` channels.

    From the first edge on, one is kept if it is at least so far from the one kept last. The end stays: if what is left
    before it is too narrow, it is part of the last band.

    Parameters
    ----------
    edges : sequence of int
        In order; some may be equal.
    least : int

    Returns
    -------
    list of int
        The first edge alone if all of the range has too few channels.
    """
    kept = [edges[0]]
    for edge in edges[1:]:
        if edge - kept[-1] >= least:
            kept.append(edge)
    return kept if len(kept) == 1 else [*kept[:-1], edges[-1]]
