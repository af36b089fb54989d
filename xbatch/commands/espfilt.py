"""The call of SAS's `espfilt`, which finds times without flares; its parameters and files differ between versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbatch.base.sasrelease import release_of
from xbatch.commands.call import SAS, Call

__all__ = ["ESPFILT_GTI", "espfilt", "own_band", "takes_out_of_time"]

ESPFILT_GTI = "*gti*.[Ff][Ii][Tt]*"
"""The GTIs that `espfilt` leaves, in any version of SAS: ``P0123456789PNS003-gti.FIT`` before 20, ``pnS003-gti.fits``
since (with a band in it where long names are asked for). The list of the same in text is no FITS file."""


def espfilt(events: str, flare: Mapping[str, Any], version: str, out_of_time: str = "") -> Call:
    """Find times without flares in the light curve of a list; the GTIs are the one file that fits `ESPFILT_GTI`.

    Parameters
    ----------
    events : str
    flare : Mapping
        ``estimator`` (``histogram`` | ``ratio``), ``band`` (eV), ``bin`` (s), ``sigma``, ``range_scale``, ``smooth``
        (bins), ``ratio``.
    version : str
        Of SAS: before 20 the list is called ``eventset``, and neither band nor limits of the histogram are given. The
        manuals of 15 and 18 describe both estimators, and a reduction of 2015 has run the histogram.
    out_of_time : str
        The list of out-of-time events, empty where there is none; not heeded before 20.
    """
    binning: list[tuple[str, str]] = [
        ("withsmoothing", "yes"),
        ("smooth", str(flare["smooth"])),
        ("withbinning", "yes"),
        ("binsize", str(round(flare["bin"]))),
        ("ratio", _real(flare["ratio"])),
    ]
    if own_band(version):
        args: list[tuple[str, str]] = [("eventset", events), ("method", str(flare["estimator"])), *binning]
        # of 17 it is not known whether it has the same names for bins
        if release_of(version) < (18, 0):
            args = [*args[:2], *binning[-1:]]
        return Call(SAS, "espfilt", tuple(args), (ESPFILT_GTI,))
    args = [("eventfile", events), ("withoot", "yes" if out_of_time else "no")]
    args += [("ootfile", out_of_time)] if out_of_time else []
    args += [
        ("method", str(flare["estimator"])),
        *binning,
        ("elow", str(flare["band"][0])),
        ("ehigh", str(flare["band"][1])),
        ("rangescale", _real(flare["range_scale"])),
        ("allowsigma", _real(flare["sigma"])),
        ("keepinterfiles", "yes"),
        ("limits", "0.1 6.5"),
    ]
    return Call(SAS, "espfilt", tuple(args), (ESPFILT_GTI,))


def own_band(version: str) -> bool:
    """Say whether the `espfilt` of a version of SAS is left its own band, and its own limits of the histogram."""
    return release_of(version) < (20, 0)


def takes_out_of_time(version: str) -> bool:
    """Say whether the `espfilt` of a version of SAS is known to take a list of out-of-time events."""
    return release_of(version) >= (20, 0)


def _real(value: float) -> str:
    """Write a number so that it is seen to be a real one."""
    text = f"{value:.10g}"
    return text if "." in text or "e" in text else f"{text}.0"
