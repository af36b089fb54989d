"""What is common to the simulated observations of all telescopes: their times, their place on the sky, their cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xbatch.ogip.fitswriter import Card
from xbatch.simulator.config import Observation, SimulationConfig

__all__ = ["Clock", "Reference", "deprojected", "header_cards", "source_places", "start_of"]

_DAY = 86400.0


@dataclass(frozen=True)
class Reference:
    """What a mission counts its seconds from: MJDREFI and MJDREFF, in TT."""

    day: int
    fraction: float


@dataclass(frozen=True)
class Clock:
    """An observation's first and last second, of the mission's clock."""

    start: float
    stop: float


def start_of(observation: Observation, reference: Reference) -> float:
    """Give the second that an observation begins with: whole, counted from the reference."""
    from astropy.time import Time

    begin = Time(observation.start, format="isot", scale="utc").tt
    seconds = ((begin.jd1 - 2400000.5 - reference.day) + begin.jd2 - reference.fraction) * _DAY
    return float(np.floor(seconds + 0.5))


def deprojected(ra: float, dec: float, east: float, north: float) -> tuple[float, float]:
    """Give right ascension and declination of a place in the tangent plane of (ra, dec); arcsec, degrees."""
    x, y = np.radians(east / 3600.0), np.radians(north / 3600.0)
    sin, cos = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    alpha = np.arctan2(x, cos - y * sin)
    delta = np.arctan2(np.cos(alpha) * (y * cos + sin), cos - y * sin)
    return float((ra + np.degrees(alpha)) % 360.0), float(np.degrees(delta))


def header_cards(
    config: SimulationConfig, observation: Observation, telescope: str, instrument: str, clock: Clock
) -> list[Card]:
    """Give the cards that say what was observed, when and where."""
    from astropy.time import Time, TimeDelta

    begin = Time(observation.start, format="isot", scale="utc")
    end = begin + TimeDelta(clock.stop - clock.start, format="sec")
    end.precision = 0
    sky = config.sky
    ra, dec = deprojected(sky.ra, sky.dec, *sky.offset)
    return [
        Card("TELESCOP", telescope, "Telescope (mission) name"),
        Card("INSTRUME", instrument, "Instrument name"),
        Card("OBS_ID", observation.obsid, "Observation ID"),
        Card("OBJECT", config.target, "Name of observed object"),
        Card("ORIGIN", "xbatch simulate", "Simulated, with a known truth"),
        Card("RA_OBJ", ra, "[deg] R.A. Object"),
        Card("DEC_OBJ", dec, "[deg] Dec Object"),
        Card("RA_NOM", sky.ra, "[deg] R.A. of nominal aspect point"),
        Card("DEC_NOM", sky.dec, "[deg] Dec. of nominal aspect point"),
        Card("RA_PNT", sky.ra, "[deg] RA pointing"),
        Card("DEC_PNT", sky.dec, "[deg] Dec pointing"),
        Card("PA_PNT", sky.roll, "[deg] Position angle (roll)"),
        Card("EQUINOX", 2000.0, "Equinox of celestial coord system"),
        Card("RADECSYS", "FK5", "celestial coord system"),
        Card("TASSIGN", "SATELLITE", "Time assigned by onboard clock"),
        Card("TIMESYS", "TT", "time measured from"),
        Card("TIMEREF", "LOCAL", "reference time"),
        Card("TIMEUNIT", "s", "unit for time keywords"),
        Card("TIMEZERO", 0.0, "Time Zero"),
        Card("TSTART", clock.start, "time start"),
        Card("TSTOP", clock.stop, "time stop"),
        Card("TELAPSE", clock.stop - clock.start, "elapsed time"),
        Card("DATE-OBS", observation.start, "Start date of observations"),
        Card("DATE-END", str(end.isot), "End date of observations"),
    ]


def source_places(config: SimulationConfig, positions: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Say where the sources are, in pixels (X, Y) and in degrees."""
    sky = config.sky
    offsets = [("source", sky.offset)] + ([] if sky.neighbour is None else [("neighbour", sky.neighbour)])
    places = []
    for (name, offset), (x, y) in zip(offsets, positions, strict=True):
        ra, dec = deprojected(sky.ra, sky.dec, *offset)
        places.append({"name": name, "x": x, "y": y, "ra": ra, "dec": dec})
    return places
