"""Energies as numbers of PI, without NumPy: NuSTAR's channels of 0.04 keV from 1.6 keV, XMM-Newton's of 1 eV."""

from __future__ import annotations

import math

from xbatch.spec.model import Subject
from xbatch.spec.quantity import QuantityError

__all__ = ["pi_of_band", "pi_of_energies"]

_ENERGY_OF_ZERO = {"nustar": 1.6, "xmm": 0.0}
_WIDTH = {"nustar": 0.04, "xmm": 0.001}
_LAST = {"nustar": 4095, "EPN": 20479, "xmm": 11999}
_ROUNDING = 1e-6


def _position(subject: Subject, energy: float) -> float:
    if subject.mission not in _WIDTH:
        message = "energies of this mission's PI are not known here"
        raise QuantityError("XB228", message, "write channels, as 35-1909")
    return (energy - _ENERGY_OF_ZERO[subject.mission]) / _WIDTH[subject.mission]


def pi_of_band(subject: Subject, lo: float, hi: float) -> tuple[int, int]:
    """Give the first and last PI of a band [lo, hi) in keV: from the one that `lo` lies in to the one before that of
    `hi`, as `xbatch.xray.channels.pi_range` does.

    Rounded to 1e-6 of a channel first: 10/0.04 is no whole number in binary.
    """
    first, beyond = (math.floor(_position(subject, energy) + _ROUNDING) for energy in (lo, hi))
    return _there(subject, first, beyond - 1, f"the band {lo:g} to {hi:g} keV")


def pi_of_energies(subject: Subject, lo: float, hi: float) -> tuple[int, int]:
    """Give the first and last PI of a range in keV that has both its ends, as the missions' tools select."""
    first, last = (math.floor(_position(subject, energy) + _ROUNDING) for energy in (lo, hi))
    return _there(subject, first, max(last, first), f"the range {lo:g} to {hi:g} keV")


def _there(subject: Subject, first: int, last: int, what: str) -> tuple[int, int]:
    """Refuse channels that the instrument has not."""
    least, most = max(first, 0), _LAST.get(subject.instrument, _LAST[subject.mission])
    if not (least <= last and first <= most):
        of_instrument = f"{_energy(subject, 0):g} to {_energy(subject, most + 1):g} keV"
        message = f"{what} holds no PI channel of {subject.instrument}, which has {of_instrument}"
        raise QuantityError("XB211", message, "give other energies")
    return least, last


def _energy(subject: Subject, channel: int) -> float:
    return _ENERGY_OF_ZERO[subject.mission] + channel * _WIDTH[subject.mission]
