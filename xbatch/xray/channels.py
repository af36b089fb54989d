"""From energies to channels of PI, and the channels that spectra are made with.

NuSTAR: channel c holds 1.6 + 0.04 c to 1.64 + 0.04 c keV. EPIC of XMM-Newton: PI counts eV, and spectra have channels
of 5 eV, as evselect makes them for the responses of rmfgen (``spectralbinsize=5``, 0 to 20479 for the pn, 0 to 11999
for the MOS).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["SpectrumAxis", "pi_range", "spectrum_axis"]

#: A band's edge that is nearer to a channel's edge than this part of a channel is on it: 10/0.04 is no whole number.
_SLACK = 1e-6


@dataclass(frozen=True)
class SpectrumAxis:
    """Channels of a spectrum: channel ``first_channel + k`` holds PI from ``first + k width`` on.

    Attributes
    ----------
    first, last : int
        Lowest and highest PI, both included.
    width : int
        PI values to a channel.
    first_channel : int
        The number of the first channel (TLMIN of CHANNEL).
    detchans : int
    zero, step : float
        PI p begins at ``zero + step p`` keV.
    """

    first: int
    last: int
    width: int
    first_channel: int
    detchans: int
    zero: float
    step: float


_FPM = SpectrumAxis(0, 4095, 1, 0, 4096, 1.6, 0.04)
_PN = SpectrumAxis(0, 20479, 5, 0, 4096, 0.0, 0.001)
_MOS = SpectrumAxis(0, 11999, 5, 0, 2400, 0.0, 0.001)
_AXES = {
    ("nustar", "FPMA"): _FPM,
    ("nustar", "FPMB"): _FPM,
    ("xmm", "EPN"): _PN,
    ("xmm", "EMOS1"): _MOS,
    ("xmm", "EMOS2"): _MOS,
}


def spectrum_axis(mission: str, instrument: str) -> SpectrumAxis:
    """Give the channels that an instrument's spectra are made with.

    Parameters
    ----------
    mission : str
        ``nustar`` or ``xmm``.
    instrument : str
        ``FPMA``, ``FPMB``; ``EPN``, ``EMOS1``, ``EMOS2``.

    Raises
    ------
    ValueError
        The channels of this instrument are not known.
    """
    axis = _AXES.get((mission.lower(), instrument.upper()))
    if axis is None:
        known = ", ".join(f"{mission} {instrument}" for mission, instrument in _AXES)
        raise ValueError(f"the PI channels of {mission} {instrument} are not known; those of {known} are")
    return axis


def pi_range(mission: str, instrument: str, lo: float, hi: float) -> tuple[int, int]:
    """Give the PI of a band of energies.

    The first is the one that `lo` lies in, the last the one before that of `hi`: bands that follow one another share no
    PI and leave none out.

    Parameters
    ----------
    mission, instrument : str
        As in `spectrum_axis`.
    lo, hi : float
        keV; `hi` is not in the band.

    Returns
    -------
    first, last : int
        Both included.

    Raises
    ------
    ValueError
        The instrument is not known, or the band holds none of its PI.
    """
    axis = spectrum_axis(mission, instrument)
    first = max(_holding(lo, axis), axis.first)
    last = min(_holding(hi, axis) - 1, axis.last)
    if not first <= last:
        raise ValueError(f"the band {lo:g} to {hi:g} keV holds no PI channel of {instrument}")
    return first, last


def _holding(energy: float, axis: SpectrumAxis) -> int:
    place = (min(energy, 1e6) - axis.zero) / axis.step
    return math.floor(place + _SLACK)
