"""Seconds of a file as moments in time: what they are counted from (MJDREF), and in which scale (TIMESYS).

TT is not UTC: they differ by 69.184 s since 2017. Seconds of two files in one scale differ by a constant, taken from
whole days and parts of a day apart, because an MJD in one float is good to a microsecond only. Between scales the
leap seconds and the series of TDB - TT are those of ERFA, by `astropy.time`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.fitsheader import Value

__all__ = ["SCALES", "Clock", "clock_of_cards", "convert", "is_barycentred", "seconds_of", "time_zero", "utc_date"]

SCALES = ("utc", "tt", "tdb")
_DAY = 86400.0
_MJD = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+", re.ASCII)
_BARYCENTRED = frozenset({"SOLARSYSTEM", "BARYCENTER", "BARYCENTRE"})
_NAMES = {"TT": "tt", "TDT": "tt", "TT(TAI)": "tt", "TDB": "tdb", "TCB": "", "UTC": "utc", "TAI": "tai"}


@dataclass(frozen=True)
class Clock:
    """What seconds are counted from.

    Attributes
    ----------
    day : int
        Whole days of MJDREF.
    part : float
        The rest of MJDREF, in days.
    scale : str
        ``tt``, ``tdb``, ``utc`` or ``tai``.
    """

    day: int
    part: float
    scale: str

    @classmethod
    def of(cls, mjdref: tuple[int, float], timesys: str) -> Clock:
        """Make a clock of MJDREF and TIMESYS.

        Raises
        ------
        ValueError
            The time system is not known.
        """
        scale = _NAMES.get(timesys.strip().upper())
        if not scale:
            raise ValueError(f"the time system {timesys.strip()!r} is not known; TT, TDB, UTC and TAI are")
        return cls(mjdref[0], mjdref[1], scale)

    @property
    def mjdref(self) -> float:
        """MJDREF in one number, good to a microsecond."""
        return self.day + self.part

    def same_as(self, other: Clock) -> bool:
        """Say whether the seconds of two clocks are the same to a millisecond, however MJDREF was rounded."""
        return self.scale == other.scale and abs(_shift(self, other)) < 1e-3


def clock_of_cards(header: Mapping[str, Value], default: str = "TT") -> Clock | None:
    """Read MJDREFI and MJDREFF, or MJDREF, and TIMESYS; None where nothing says what seconds are counted from.

    Parameters
    ----------
    header : Mapping
    default : str
        The time system where the header has no TIMESYS.

    Raises
    ------
    ValueError
        The time system is not known.
    """
    whole, rest, both = (_real(header, card) for card in ("MJDREFI", "MJDREFF", "MJDREF"))
    text = header.get("TIMESYS")
    timesys = text if isinstance(text, str) and text.strip() else default
    if whole is not None:
        return Clock.of((math.floor(whole), whole - math.floor(whole) + (rest or 0.0)), timesys)
    if both is None:
        return None
    return Clock.of((math.floor(both), both - math.floor(both)), timesys)


def time_zero(header: Mapping[str, Value]) -> float | None:
    """Read TIMEZERI and TIMEZERF, or TIMEZERO: what the column TIME lacks to be counted from MJDREF (OGIP/93-003).

    In the unit of the times; None where the header has none, which means 0. It is of the extension that it stands in:
    good times of a light curve are counted from MJDREF, whatever its RATE begins with.
    """
    whole, rest, both = (_real(header, card) for card in ("TIMEZERI", "TIMEZERF", "TIMEZERO"))
    return both if whole is None else whole + (rest or 0.0)


def is_barycentred(header: Mapping[str, Value]) -> bool:
    """Say whether times are at the Sun's barycentre: TIMEREF says so, or TDB with an ephemeris of the planets."""
    reference = str(header.get("TIMEREF", "") or "").strip().upper()
    if reference:
        return reference in _BARYCENTRED
    return str(header.get("TIMESYS", "")).strip().upper() == "TDB" and "PLEPHEM" in header


def _real(header: Mapping[str, Value], card: str) -> float | None:
    value = header.get(card)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _shift(source: Clock, target: Clock) -> float:
    """Give what is added to seconds of one clock to have those of another in the same scale."""
    return (source.day - target.day) * _DAY + (source.part - target.part) * _DAY


def convert(seconds: NDArray[np.float64], source: Clock, target: Clock) -> NDArray[np.float64]:
    """Turn seconds of one clock into seconds of another."""
    if source.scale == target.scale:
        return np.asarray(seconds + _shift(source, target), dtype=np.float64)
    from astropy.time import Time  # not at the top: most files need no change of scale

    given = np.asarray(seconds, dtype=np.float64)
    days = np.floor(given / _DAY)
    rest = (given - days * _DAY) / _DAY
    moments = Time(source.day + days, source.part + rest, format="mjd", scale=source.scale)
    return np.asarray(_since(moments, target), dtype=np.float64)


def seconds_of(value: str | float, scale: str, clock: Clock) -> float:
    """Give a moment in a clock's seconds.

    Parameters
    ----------
    value : str or float
        ISO 8601 text (``2015-07-08T03:00:00``), or an MJD as a number or as text (where no digit is lost).
    scale : str
        Of the value: ``utc``, ``tt`` or ``tdb``.
    clock : Clock

    Raises
    ------
    ValueError
        The text is no date, or the scale is not known.
    """
    if scale not in SCALES:
        raise ValueError(f"the time scale {scale!r} is not known; {', '.join(SCALES)} are")
    from astropy.time import Time

    if isinstance(value, str):
        text = value.strip().removesuffix("Z")
        try:
            moment = Time(text, format="mjd" if _MJD.fullmatch(text) else "isot", scale=scale)
        except ValueError as error:
            raise ValueError(f"{value!r} is no date: write 2015-07-08T03:00:00, or an MJD") from error
    else:
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is no MJD")
        moment = Time(math.floor(value), value - math.floor(value), format="mjd", scale=scale)
    return float(_since(moment, clock))


def utc_date(seconds: float, clock: Clock) -> str:
    """Give a moment of a clock as a date (UTC, to the second)."""
    from astropy.time import Time

    days = math.floor(seconds / _DAY)
    moment = Time(clock.day + days, clock.part + seconds / _DAY - days, format="mjd", scale=clock.scale)
    return str(Time(moment.utc, format="isot", precision=0).value)


def _since(moment: Any, clock: Clock) -> Any:
    """Count seconds from a clock's zero; the two parts of a Julian date are kept apart to the end."""
    from astropy.time import Time

    zero = Time(clock.day, clock.part, format="mjd", scale=clock.scale)
    there = getattr(moment, clock.scale)
    return ((there.jd1 - zero.jd1) + (there.jd2 - zero.jd2)) * _DAY
