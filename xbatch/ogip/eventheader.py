"""What an event list says of itself: whose it is, what its times count from, how X and Y lie on the sky.

It stands apart from the reading of lists: a table of events has a header too, and is worked with far more often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EventHeader", "SkyWcs"]


@dataclass(frozen=True)
class SkyWcs:
    """How X and Y of an event list lie on the sky; pixels are counted from 1, as in the file.

    Attributes
    ----------
    crpix, crval, cdelt : tuple of two float
        TCRPX, TCRVL, TCDLT of X and Y; degrees, degrees per pixel.
    ctype : tuple of two str
        TCTYP, for example ``RA---TAN``, ``DEC--TAN``.
    crota : float
        TCROT of Y in degrees.
    radecsys : str
        ``FK5``, ``ICRS`` ...
    equinox : float
        Years.
    size : tuple of two (int, int), or None
        TLMIN and TLMAX of X and of Y.
    """

    crpix: tuple[float, float]
    crval: tuple[float, float]
    cdelt: tuple[float, float]
    ctype: tuple[str, str] = ("RA---TAN", "DEC--TAN")
    crota: float = 0.0
    radecsys: str = "FK5"
    equinox: float = 2000.0
    size: tuple[tuple[int, int], tuple[int, int]] | None = None


@dataclass(frozen=True)
class EventHeader:
    """What an event list says of itself.

    Attributes
    ----------
    mission : str
        ``nustar``, ``xmm``, or TELESCOP in small letters.
    instrument, obsid, object : str
        INSTRUME, OBS_ID, OBJECT; empty where there is none.
    mjdref : tuple of (int, float)
        Day and fraction of a day that TIME is counted from.
    timesys : str
        ``TT``, ``TDB``, ``UTC``.
    tstart, tstop, telapse : float
        s.
    exposure, ontime, livetime : float
        s. ONTIME is the sum of the GTIs where the header has none, the others are then `ontime` x `deadc`.
    deadc : float
        Live part of the time: DEADC, else LIVETIME or EXPOSURE over ONTIME, else 1.
    wcs : SkyWcs or None
    columns : Mapping of str to (format, unit, tlmin, tlmax)
    cards : Mapping
        Cards worth keeping, as they stand.
    detector_ontime, detector_livetime : Mapping of int to float
        ONTIMEnn and LIVETInn of XMM-Newton.
    """

    mission: str
    instrument: str
    obsid: str
    object: str
    mjdref: tuple[int, float]
    timesys: str
    tstart: float
    tstop: float
    telapse: float
    exposure: float
    ontime: float
    livetime: float
    deadc: float
    wcs: SkyWcs | None
    columns: Mapping[str, tuple[str, str, float | None, float | None]]
    cards: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    detector_ontime: Mapping[int, float] = field(default_factory=dict)
    detector_livetime: Mapping[int, float] = field(default_factory=dict)

    def live_part(self, detector: int | None = None) -> float:
        """Give the live part of the time, of one detector where the list says it by detector."""
        number = -1 if detector is None else detector
        ontime, live = self.detector_ontime.get(number, 0.0), self.detector_livetime.get(number, 0.0)
        return live / ontime if ontime > 0 and live > 0 else self.deadc
