"""Phases of a periodic signal, and the times that have them.

``phase = dt / P - Pdot dt^2 / (2 P^2)``, dt in seconds since the epoch of phase 0 and P the period there: the first two
terms of an ephemeris, with ``f = 1 / P`` and ``fdot = -Pdot / P^2``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.gti import intersection, normal

__all__ = ["Ephemeris", "phase_gtis"]

_Floats = NDArray[np.float64]
#: More intervals than these are of a signal too fast to be selected in this way.
_MOST = 20_000_000


@dataclass(frozen=True)
class Ephemeris:
    """A periodic signal.

    Attributes
    ----------
    epoch : float
        Moment of phase 0, s.
    period : float
        At the epoch, s.
    pdot : float
        Change of the period, s/s.
    """

    epoch: float
    period: float
    pdot: float = 0.0

    def __post_init__(self) -> None:
        if not (self.period > 0 and math.isfinite(self.period)):
            raise ValueError(f"a period of {self.period} s is none")
        if not (math.isfinite(self.epoch) and math.isfinite(self.pdot)):
            raise ValueError("the ephemeris holds what is no number")

    def cycles(self, time: _Floats) -> _Floats:
        """Give the cycles since the epoch: whole ones and the phase."""
        since = (time - self.epoch) / self.period
        return np.asarray(since - 0.5 * self.pdot * since**2, dtype=np.float64)

    def times(self, cycles: _Floats) -> _Floats:
        """Give the times of cycles; not a number where the period has run down to nothing."""
        with np.errstate(invalid="ignore"):
            root = np.sqrt(1.0 - 2.0 * self.pdot * cycles)
        return np.asarray(self.epoch + self.period * 2.0 * cycles / (1.0 + root), dtype=np.float64)


def phase_gtis(ephemeris: Ephemeris, low: float, high: float, gti: _Floats) -> _Floats:
    """Give the times of some phases.

    Parameters
    ----------
    ephemeris : Ephemeris
    low, high : float
        Phases ``low <= phase < high``; with `low` above `high` those over phase 0.
    gti : ndarray, shape (n, 2)
        Where to look.

    Raises
    ------
    ValueError
        The phases make no sense, the ephemeris does not hold for these times, or there are too many cycles.
    """
    if not (0 <= low <= 1 and 0 <= high <= 1) or low == high:
        raise ValueError(f"phases from {low:g} to {high:g} are none: they lie between 0 and 1")
    given = normal(gti)
    if not len(given):
        return given
    width = high - low if high > low else high - low + 1.0
    ends = ephemeris.cycles(np.array([given[0, 0], given[-1, 1]]))
    slowing = 1.0 - ephemeris.pdot * (given[[0, -1], [0, 1]] - ephemeris.epoch) / ephemeris.period
    if not np.all(slowing > 0):
        raise ValueError("the ephemeris does not hold for these times: with this pdot the phase runs backwards")
    first, last = math.floor(ends[0] - low) - 1, math.floor(ends[1] - low) + 1
    if last - first > _MOST:
        raise ValueError(f"{last - first} cycles are too many to be selected as intervals")
    starts = np.arange(first, last + 1, dtype=np.float64) + low
    times = np.column_stack([ephemeris.times(starts), ephemeris.times(starts + width)])
    return intersection(times[np.all(np.isfinite(times), axis=1)], given)
